"""The text of --help: every option of every group, a line each. Free of torch."""

from pathlib import Path

from hybridfuse import __version__

_TOP = """hybridfuse {version}: trains networks with interdependence functions and their fusions.

  python train.py                                            the default run
  python train.py fusion=max data=wine seed=1                one option of a group, one value
  python train.py 'interdependence=[chain,gaussian_rbf]'     several functions, fused
  python train.py interdependence.chain.self_scaling=0.5 ... a setting of an option that is in use
  python train.py -m fusion=mean,max sweep.seeds=3           a sweep: every combination, each with seeds 0, 1, 2
  python train.py --cfg job                                  what would run, whole
  python train.py force=true                                 once more, although done before
  tensorboard --logdir runs                                  the results, drawn
  python -m hybridfuse.summary runs/default                  what came out: means over seeds, compared
  python -m hybridfuse.predict --help                        predictions of a finished run for new rows
  python -m hybridfuse.export --help                         its network as a file that torch alone loads
  python -m hybridfuse.catalogue                             every function, its formula and range, as Markdown

Quote what has brackets, spaces or a plus. Groups and their options (`group=option`):
"""
_END = """
A setting of an option is `group.setting=value`, or `interdependence.<function>.<setting>=value`.
Without a group: seed=0, label_smoothing=0.1, runs=<folder of the results>, force=false, export=model.pt2,
controls=true, and of a sweep sweep.seeds=5, sweep.dry_run=true, sweep.timeout=600, … (conf/train.yaml lists all).
Classes of your own: --config-dir=<folder with your yaml files> and HYBRIDFUSE_ALLOW=<your package>.
Exit codes: 0 done, 1 a run failed, 2 a wrong command, 130 interrupted.
Hydra's own flags: --hydra-help; shell completion: eval "$(python train.py -sc install=bash)"."""


def text(conf: Path) -> str:
    """What `--help` prints."""
    parts = [_TOP.format(version=__version__)]
    for group in sorted(folder for folder in conf.rglob("*") if folder.is_dir() and folder.name != "hydra"):
        files = sorted(group.glob("*.yaml"))
        width = max((len(file.stem) for file in files), default=0)
        lines = [f"    {file.stem:<{width}}  {description(file)}" for file in files]
        parts.append("\n".join([f"  {group.relative_to(conf).as_posix()}", *lines]) if lines else "")
    return "\n".join([*filter(None, parts), _END])


def description(file: Path) -> str:
    """The first comment of an option's file that is not its package header."""
    comments = (line[1:].strip() for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
    return next((comment for comment in comments if not comment.startswith("@package")), "")
