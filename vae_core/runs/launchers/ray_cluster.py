"""A Ray cluster as its head tells of it through the REST API: jobs, nodes, and for what there is room.

The only module that speaks with Ray, which takes a second to import: only who asks a cluster does.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from vae_core.errors import BadConfig

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

T = TypeVar("T")

POLL_SECONDS = 1.0  # between two looks at a cluster's jobs, at least
POLL_SHARE = 5.0  # and so many times as long as a look takes: a cluster remembers every job it ever had
LONGEST_WAIT = 30.0  # seconds between two looks at one that does not answer
ANSWER_SECONDS = 10.0  # after which it counts as not answering
NODES_SECONDS = 3.0  # between two looks at its nodes
STUCK_SECONDS = 15.0  # after which a job that has not begun says that others have the room
NOT_INSTALLED = "Ray is not installed here; pip install 'latent-explorer[ray]'"


def has_ray() -> bool:
    """Whether Ray is installed, without importing it."""
    from importlib.util import find_spec

    return find_spec("ray") is not None


def check_address(address: str) -> str:
    """An address as it is kept: http or https, a host, and a port. Raises BadConfig."""
    address = address.strip().rstrip("/")
    if not re.fullmatch(r"https?://[^\s?#@]+", address):
        raise BadConfig(
            f"{address[:100]!r} is no address of a Ray cluster; name its head and the dashboard's port, such as http://head:8265"
        )
    return address


@dataclass(frozen=True)
class Needs:
    """What a run takes of one node."""

    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True)
class Job:
    """What a cluster says of a job. `began`: this process's clock when it was first seen; `node` is empty before it begins."""

    status: str
    needs: Needs = Needs()
    node: str = ""
    message: str = ""
    error: str = ""
    code: int | None = None
    began: float = 0.0

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")


@dataclass
class RayCluster:
    """What is known of the cluster at an address, asked at most once a second whoever wants to know. Thread safe.

    Every method raises OSError, with a sentence, where the cluster cannot be asked now.
    """

    address: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    client: JobSubmissionClient | None = None
    found: dict[str, Job] = field(default_factory=dict)
    looked: float = 0.0  # time.time() when the last look began that was answered
    due: float = 0.0  # time.monotonic() of the next look
    wait: float = POLL_SECONDS
    fault: OSError | None = None
    nodes: dict[str, Needs] = field(default_factory=dict)  # what each node has in all
    nodes_due: float = 0.0

    # ------------------------------------------------ what is asked

    def jobs(self, *, anew: bool = False) -> dict[str, Job]:
        """All jobs by id, as of the last look, or of one made now."""
        with self.lock:
            if time.monotonic() >= self.due or (anew and self.fault is None):
                self._look()
            if self.fault is not None:
                raise OSError(str(self.fault))
            return self.found

    def _look(self) -> None:
        began, asked = time.monotonic(), time.time()
        try:
            told = self.ask(lambda client: client.list_jobs())
        except OSError as fault:
            self.wait = min(LONGEST_WAIT, 2 * self.wait)
            self.fault, self.due = fault, time.monotonic() + self.wait
            return
        self.fault, self.wait, self.looked = None, POLL_SECONDS, asked
        now = time.monotonic()
        self.due = now + max(POLL_SECONDS, POLL_SHARE * (now - began))
        before = self.found
        self.found = {
            str(one.submission_id): _job_of(one, before.get(str(one.submission_id)), now)
            for one in told
            if one.submission_id
        }

    def all_nodes(self, *, ask: bool = True) -> dict[str, Needs]:
        """What each node has in all, used or not, by its id; as of the last look where it is not to be asked."""
        if not ask:
            return self.nodes
        with self.lock:
            if time.monotonic() >= self.nodes_due:
                self.jobs()  # raises at once where the cluster did not answer just now
                self.nodes = self.ask(lambda client: _nodes_at(self.address))
                self.nodes_due = time.monotonic() + NODES_SECONDS
            return self.nodes

    def ask(self, what: Callable[[JobSubmissionClient], T], seconds: float = ANSWER_SECONDS) -> T:
        """Ask from a thread of its own: Ray's client waits without end for a host that says nothing."""
        box: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def asking() -> None:
            try:
                box.put((what(self._client()), None))
            except BaseException as fault:
                box.put((None, fault))

        threading.Thread(target=asking, name=f"ask {self.address}", daemon=True).start()
        try:
            value, fault = box.get(timeout=seconds)
        except queue.Empty:
            value, fault = None, TimeoutError()
        if fault is None:
            return value  # type: ignore[no-any-return]
        if isinstance(fault, ImportError):
            raise OSError(NOT_INSTALLED) from None
        if isinstance(fault, OSError):  # those of requests are, too
            raise OSError(
                f"the Ray cluster at {self.address} does not answer; see that its head runs and that this is the address of its dashboard"
            ) from None
        if isinstance(fault, Exception):
            raise OSError(f"the Ray cluster at {self.address} refuses: {_first_line(fault)}") from None
        raise fault

    def _client(self) -> JobSubmissionClient:
        if self.client is None:
            from ray.job_submission import JobSubmissionClient

            self.client = JobSubmissionClient(self.address)
        return self.client

    # ------------------------------------------------ room

    def fitted(self, threads: int, gpus: int, *, ask: bool = True) -> Needs:
        """What a run of so many threads asks of a node, no more than the largest has: so many GPUs where there are any."""
        nodes = self.all_nodes(ask=ask).values()
        wanted = min(float(gpus), max((node.gpus for node in nodes), default=0.0))
        most = max((node.cpus for node in nodes if node.gpus >= wanted), default=1.0)
        return Needs(max(1.0, min(float(threads), most)), float(int(wanted)))

    def has_room(self, needs: Needs) -> bool:
        """Whether a job of such needs would begin now, beside those that run and wait there."""
        jobs = [job for job in self.jobs().values() if not job.ended]
        free = {name: [node.cpus, node.gpus] for name, node in self.all_nodes().items()}
        waiting = [job for job in jobs if not job.node]
        if any(time.monotonic() - job.began > STUCK_SECONDS for job in waiting):
            return False  # what is free by our own jobs is not: others have it
        for job in jobs:
            if job.node in free:
                _take(free[job.node], job.needs)
        for job in waiting:
            if place := _place_for(job.needs, list(free.values())):
                _take(place, job.needs)
        if _place_for(needs, list(free.values())) is not None:
            return True
        # where nothing of ours runs or waits, one that waits there tells a cluster that grows to grow
        return not any(job.needs.cpus for job in jobs)

    def at_once(self, needs: Needs, *, ask: bool) -> int:
        """How many jobs of such needs the nodes have room for."""
        found = 0
        for node in self.all_nodes(ask=ask).values():
            by_gpu = int(node.gpus // needs.gpus) if needs.gpus else 1 << 30
            found += min(int(node.cpus // needs.cpus), by_gpu)
        return max(1, found)

    def submit(self, job: str, entrypoint: str, needs: Needs, note: str) -> None:
        """Submit a job, which `jobs` knows from then on."""
        self.jobs()  # raises at once where the cluster did not answer just now
        told = {"latent-explorer": note, "cpus": f"{needs.cpus:g}", "gpus": f"{needs.gpus:g}"}
        self.ask(
            lambda client: client.submit_job(
                entrypoint=entrypoint, submission_id=job, metadata=told,
                entrypoint_num_cpus=needs.cpus, entrypoint_num_gpus=needs.gpus or None,
            ),
            seconds=3 * ANSWER_SECONDS,
        )  # fmt: skip
        with self.lock:
            self.found = {**self.found, job: Job("PENDING", needs, began=time.monotonic())}


def _job_of(told: JobDetails, before: Job | None, now: float) -> Job:
    kept = told.metadata or {}
    needs = Needs(_number(kept.get("cpus")), _number(kept.get("gpus")))
    return Job(
        str(told.status.value), needs, told.driver_node_id or "", told.message or "", str(told.error_type or ""),
        told.driver_exit_code, now if before is None else before.began,
    )  # fmt: skip


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _nodes_at(address: str) -> dict[str, Needs]:
    from ray.util.state import list_nodes

    # Ray's own filter takes nodes that are gone for an answer that was cut off, and fails
    found = list_nodes(address, limit=10_000, timeout=int(ANSWER_SECONDS), raise_on_missing_output=False)
    totals = {str(node.node_id): node.resources_total or {} for node in found if node.state == "ALIVE"}
    return {
        name: Needs(float(has.get("CPU", 0.0)), float(has.get("GPU", 0.0))) for name, has in totals.items()
    }


def _place_for(needs: Needs, places: Sequence[list[float]]) -> list[float] | None:
    return next((p for p in places if p[0] >= needs.cpus and p[1] >= needs.gpus), None)


def _take(place: list[float], needs: Needs) -> None:
    place[0] -= needs.cpus
    place[1] -= needs.gpus


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]
