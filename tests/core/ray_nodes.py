"""A real Ray cluster on this machine, for tests and benches."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TRIES = 3  # Ray gives a node 30 seconds to start, which a busy machine may take longer for


@dataclass(frozen=True)
class Nodes:
    """A cluster, the nodes beside its head, and the address of its dashboard."""

    cluster: Any
    others: tuple[Any, ...]
    address: str


@contextlib.contextmanager
def nodes_of(count: int, **settings: Any) -> Iterator[Nodes]:
    """A cluster of `count` nodes with a processor each, which know this package and reach no other machine.

    settings: Ray's own, by its names.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        patched.setenv("PYTHONPATH", os.pathsep.join(paths))
        patched.setenv("https_proxy", "http://127.0.0.1:9")  # no node can fetch anything
        patched.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        nodes = _started(count, settings)
        try:
            yield nodes
        finally:
            with contextlib.suppress(Exception):  # a test may have ended it
                nodes.cluster.shutdown()


def _started(count: int, settings: dict[str, Any]) -> Nodes:
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 80_000_000}
    for left in reversed(range(TRIES)):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        # no port of a head's own that another cluster on this machine may have
        head = {
            "include_dashboard": True,
            "dashboard_host": "127.0.0.1",
            "dashboard_port": port,
            "dashboard_agent_listen_port": None,
        }
        cluster = Cluster()
        try:
            cluster.add_node(**small, **head, _system_config=settings)
            others = tuple(cluster.add_node(**small) for _ in range(count - 1))
            return Nodes(cluster, others, f"http://127.0.0.1:{port}")
        except Exception:
            with contextlib.suppress(Exception):
                cluster.shutdown()
            if not left:
                raise
    raise AssertionError("unreachable")
