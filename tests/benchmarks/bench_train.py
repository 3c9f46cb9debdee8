"""What the default run costs and reaches: imports, a step, wall time, accuracy over seeds 0-4. Nothing is asserted."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from hybridfuse.instantiate import instantiate
from hybridfuse.main import conf_directory

PROGRAM = Path(__file__).parents[2] / "train.py"


def wall(*command, cwd=None):
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, cwd=cwd)
    return time.perf_counter() - start


def imports():
    """Median of five: our imports beside those of what we build on."""
    base = "import torch, pytorch_lightning, hydra"
    ours = (
        "import hybridfuse.training, hybridfuse.data.sklearn_data, hybridfuse.model.rpn, hybridfuse.callbacks.heatmaps"
    )
    pairs = [(wall("-c", base), wall("-c", ours)) for _ in range(5)]
    base_s, ours_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"imports: torch + pytorch_lightning + hydra {base_s:.2f} s, ours {ours_s:.2f} s, x {ours_s / base_s:.2f}")


def default_run():
    with tempfile.TemporaryDirectory() as folder:
        seconds = [wall(str(PROGRAM), "force=true", cwd=folder) for _ in range(3)]
        path = next(Path(folder).glob("runs/default/*/record.json"))
        record = json.loads(path.read_text())
    print(
        f"python train.py: {statistics.median(seconds):.1f} s in all (median of 3), "
        f"of it {record['duration_s']:.1f} s data, training, test and pictures, {record['epochs']} epochs"
    )


def accuracy(*words):
    """Test accuracy over seeds 0-4 as the program reports it."""
    with tempfile.TemporaryDirectory() as folder:
        wall(str(PROGRAM), "-m", "seed=0,1,2,3,4", "callbacks=minimal", "logger=none", *words, cwd=folder)
        metrics = [json.loads(path.read_text())["metrics"] for path in Path(folder).glob("runs/default/*/record.json")]
    for split in ("val", "test"):
        values = [100 * metric[f"{split}/accuracy"] for metric in metrics]
        mean, spread = statistics.mean(values), statistics.stdev(values)
        print(f"digits, {' '.join(words) or 'default'}: {split} accuracy {mean:.2f} ± {spread:.2f} % over 5 seeds")


def step(*words):
    """Seconds of one training step (forward, backward, update) of the composed network."""
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = compose("train", list(words))
    torch.manual_seed(0)
    network = instantiate(config.model, {"b": 64, "m": 64, "outputs": 10})
    optimizer = instantiate(config.optimizer)(network.parameters())
    x, y = torch.randn(64, 64), torch.randint(10, (64,))
    seconds = []
    for _ in range(300):
        start = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[50:])


def steps():
    torch.set_num_threads(1)
    default, identity, mlp = step(), step("interdependence=[identity]"), step("model=mlp")
    print(
        f"training step, one thread: default {1e3 * default:.2f} ms, identity alone {1e3 * identity:.2f} ms "
        f"(x {default / identity:.2f}), mlp {1e3 * mlp:.2f} ms (x {default / mlp:.2f})"
    )


if __name__ == "__main__":
    imports()
    steps()
    default_run()
    accuracy()
    accuracy("model=mlp")
