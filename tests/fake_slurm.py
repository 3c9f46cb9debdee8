"""SLURM's commands as far as they are used here, with processes of this machine for nodes.

`install` puts them into a folder for the PATH; each calls back into this file. In that folder, `1_0` holds the process
of task 0 of array 1 as long as it waits or runs, `submitted` a line for each call of sbatch.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

HOME = Path(os.environ.get("FAKE_SLURM", "."))


def install(folder: Path) -> None:
    for command in (sbatch, srun, squeue, scancel, scontrol):
        path = folder / command.__name__
        call = shlex.join(["env", f"FAKE_SLURM={folder}", sys.executable, __file__, command.__name__])
        path.write_text(f'#!/bin/bash\nexec {call} "$@"\n')
        path.chmod(0o755)


def sbatch(script: str) -> None:
    with (HOME / "submitted").open("a") as file:
        file.write(f"{script}\n")
    number = str(len((HOME / "submitted").read_text().splitlines()))
    array = re.search(r"#SBATCH --array=0-(\d+)", Path(script).read_text())
    for task in range(int(array[1]) + 1) if array else [None]:
        name = number if task is None else f"{number}_{task}"
        own = {"SLURM_JOB_ID": number, "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
        own |= {} if task is None else {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": str(task)}
        process = subprocess.Popen(
            [sys.executable, __file__, "node", name, script],
            env=os.environ | own,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        (HOME / name).write_text(str(process.pid))
    print(f"Submitted batch job {number}")


def node(name: str, script: str) -> None:
    """Runs a task, once more if it has asked for that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is for the job, which takes it
    again = HOME / f"{name}.requeue"
    subprocess.run(["bash", script], check=False)
    while again.exists():
        again.unlink()
        subprocess.run(["bash", script], env=os.environ | {"SLURM_RESTART_COUNT": "1"}, check=False)
    (HOME / name).unlink()


def srun(*words: str) -> None:
    """Becomes the command, with its output where it is to go."""
    number, task = os.environ["SLURM_JOB_ID"], os.environ.get("SLURM_ARRAY_TASK_ID", "")
    rest = list(words)
    while rest[0].startswith("--"):
        option = rest.pop(0)
        if option in ("--output", "--error"):
            path = rest.pop(0).replace("%A", number).replace("%j", number).replace("%t", "0").replace("%a", task)
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1 if option == "--output" else 2)
    os.execvp(rest[0], rest)


def squeue(*words: str) -> None:
    print("\n".join(path.name for path in HOME.iterdir() if re.fullmatch(r"\d+(_\d+)?", path.name)))


def scancel(name: str) -> None:
    os.killpg(int((HOME / name).read_text()), signal.SIGTERM)


def scontrol(word: str, name: str) -> None:
    (HOME / f"{name}.requeue").touch()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
