import numpy as np

from hybridfuse import check
from hybridfuse.data import baseline, images, split
from hybridfuse.data.base import Data, Splits
from hybridfuse.data.batches import SplitDataset
from hybridfuse.data.fetch import PublicFile, checksum, fetch
from hybridfuse.data.images import Images
from hybridfuse.data.preparation import Preparation

_HOME = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FILES = tuple(
    PublicFile("mnist", name, f"{_HOME}{name}", size, sha256)
    for name, size, sha256 in (
        ("train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        ("train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        ("t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        ("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    )
)
_DIGITS = 10


class MnistData(Data):
    """Handwritten digits: 60000 images of 28 x 28 pixels to train and validate, 10000 to test, 10 classes.

    Attributes are the pixels, row by row, in [0, 1] or standardised by the mean and the standard deviation of all
    pixels of the images that train.

    Args:
        validation: images of the 60000 that validate, drawn at random: as a share of them below 1, or their number.
        standardize: whether pixels are standardised.
        seed: of the random choice. At least 0.

    Raises:
        ValueError: if validation or seed is out of its bounds, or as the base does.
        TypeError: if one of them is no number, standardize no truth value, or as the base does.

    References: LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document recognition.
    """

    def __init__(
        self,
        validation: float = 5000,
        standardize: bool = True,
        batch_size: int = 128,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__("mnist", batch_size, drop_last)
        self.validation = check.positive("validation", validation)
        self.standardize = check.truth("standardize", standardize)
        self.seed = check.whole("seed", seed, least=0)

    def read(self) -> tuple[Images, Images]:
        """The images to train and validate, and those to test."""
        contents = [fetch(file).read_bytes() for file in _FILES]
        names = [file.name for file in _FILES]
        known = images.read(contents[0], contents[1], (names[0], names[1]), _DIGITS)
        return known, images.read(contents[2], contents[3], (names[2], names[3]), _DIGITS)

    def load(self) -> dict[str, float]:
        known, tested = self.read()
        height, width = known.pixels.shape[1:]
        train, validation = self._drawn(len(known.labels))
        self.task, self.classes, self.outputs = "classification", [str(digit) for digit in range(_DIGITS)], _DIGITS
        self.feature_names = [f"row {row} column {column}" for row in range(height) for column in range(width)]
        self.m, self.rows, self.checksum = height * width, len(known.labels) + len(tested.labels), checksum(_FILES)
        scaling = images.statistics(known.pixels[train]) if self.standardize else (0.0, 1.0)
        self.target_name, self.preparation = "digit", _preparation(self.feature_names, *scaling)
        self.splits = Splits(
            SplitDataset(images.rows(known.pixels[train], *scaling), known.labels[train], train),
            SplitDataset(images.rows(known.pixels[validation], *scaling), known.labels[validation], validation),
            SplitDataset(images.rows(tested.pixels, *scaling), tested.labels, np.arange(len(known.labels), self.rows)),
        )
        return baseline.majority(known.labels[train], tested.labels, _DIGITS)

    def _drawn(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The images that train and those that validate, in increasing order."""
        validated = split.number("validation", self.validation, count)
        if validated < 1:
            raise ValueError(f"validation must be at least one of the {count} images in size, got {self.validation:g}.")
        if validated >= count:
            raise ValueError(f"validation must leave some of the {count} images to train, got {self.validation:g}.")
        order = np.random.RandomState(self.seed).permutation(count)
        return np.sort(order[validated:]), np.sort(order[:validated])


def _preparation(names: list[str], mean: float, scale: float) -> Preparation:
    """Of pixels from 0 to 255, of which a missing one is black."""
    of_each = ([value] * len(names) for value in (0.0, 255 * mean, 255 * scale))
    return Preparation(names, *of_each, categories={}, usual={})
