"""Ray clusters: how one is joined, or started for a while."""

import logging
import os
import signal
import socket
from contextlib import suppress
from typing import Any

from hybridfuse.command import CommandError
from hybridfuse.sweep.portable import needed

_ANSWER = 10.0
"""Seconds that a cluster has to answer."""
_STORE = 80 << 20
"""Bytes of a local cluster's object store, the least that Ray takes: jobs and events do not go through it."""


def imported(address: str) -> Any:
    """Ray, told before it starts what it reads from the environment."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == "local":  # otherwise all of its ports are open to the network
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    return needed("ray", "ray")


def _check_answers(address: str) -> None:
    """Whether anybody is at `host:port`; Ray itself would try for minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise CommandError(f"no Ray cluster at {address}: {getattr(error, 'strerror', None) or error}.") from error


def connect(ray: Any, address: str, cores: int) -> None:
    """Joins a cluster, or starts one that nobody else can reach.

    Raises:
        CommandError: if that cannot be done.
    """
    _check_answers(address)
    local = {"num_cpus": cores, "include_dashboard": False, "object_store_memory": _STORE}
    ours = {name: value for name, value in os.environ.items() if name.startswith("HYBRIDFUSE")}
    options = local if address == "local" else {"runtime_env": {"env_vars": ours}}
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
        ray._private.worker._worker_logs_enabled = False  # what is left: a paragraph of Ray about each lost worker
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise CommandError(f"no Ray cluster at {address}: {str(error).strip().splitlines()[0]}") from error
    finally:
        with suppress(ValueError, TypeError):  # Ray puts its own in the place of ours
            signal.signal(signal.SIGTERM, before)


def gpus_of_a_job(ray: Any) -> int:
    """GPUs that a job has if nobody says: one, where there are any."""
    return 1 if ray.cluster_resources().get("GPU", 0) > 0 else 0
