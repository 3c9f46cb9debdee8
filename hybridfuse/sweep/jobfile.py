"""Jobs that are listed in a file. Free of torch."""

import shlex
from pathlib import Path
from typing import Any

import yaml

from hybridfuse.command import CommandError
from hybridfuse.sweep.words import Words


def read(file: Path) -> list[Words]:
    """The words of each job of a file.

    A YAML or JSON file holds a list of jobs, each a list of words or a text of words between spaces; any other file
    such a text in each line, empty lines and those after a # left out.

    Raises:
        CommandError: if the file cannot be read or lists no jobs.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        jobs: Any = yaml.safe_load(text) if file.suffix in (".yaml", ".yml", ".json") else _lines(text)
        if not isinstance(jobs, list) or not jobs:
            raise ValueError("a list of jobs is needed, each a list of words")
        return [_words(job, number) for number, job in enumerate(jobs, start=1)]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CommandError(f"sweep.jobs: {file} cannot be read: {' '.join(str(error).split())}.") from error


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def _words(job: Any, number: int) -> Words:
    words = shlex.split(job) if isinstance(job, str) else job
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError(f"job {number} must be words such as 'fusion=max seed=1', got {job!r}")
    return tuple(words)
