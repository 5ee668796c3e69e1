"""Each run a job of a Ray cluster whose nodes see this home. What runs there is `vae_core.runs.cluster_worker`.

Jobs are submitted to the cluster's head, so that neither a server nor the command line is a part of the cluster, and a run
outlives them.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import threading
import time

from vae_core.errors import BadConfig, MissingPackage
from vae_core.places import Places
from vae_core.runs.launchers.base import Ending, Handle
from vae_core.runs.launchers.ray_cluster import (
    NOT_INSTALLED,
    Job,
    Needs,
    RayCluster,
    check_address,
    has_ray,
)

RAY = "ray"
ADDRESS_VARIABLE = "LATENT_EXPLORER_RAY_ADDRESS"  # of the head's dashboard, such as http://head:8265
PYTHON = "python"  # on the nodes: that of the environment in which Ray was started there
REFUSED = 78  # exit code of a worker that says why it cannot begin (EX_CONFIG of sysexits.h)
SAYS = "latent-explorer: "  # begins the line in which it does
NEW_SECONDS = 10.0  # for which a job that a look did not see may have come after it, clocks apart included
NO_ADDRESS = (
    f"the launcher ray needs the address of a cluster: --ray-address http://HEAD:8265, or {ADDRESS_VARIABLE}"
)
ON_TO = "resume it to go on elsewhere from the last checkpoint"


class RayLauncher:
    """Each run is one job of the cluster that ADDRESS_VARIABLE names; a handle names its own cluster."""

    name = RAY

    def __init__(self) -> None:
        self.clusters: dict[str, RayCluster] = {}
        self.lock = threading.Lock()

    def start(self, places: Places, run_id: str) -> Handle:
        cluster, threads, gpus = self._wanted(places, run_id)
        needs = cluster.fitted(threads, gpus)
        job = f"latent-explorer-{run_id}-{secrets.token_hex(4)}"
        cluster.submit(job, entrypoint_of(places, run_id, job, needs), needs, run_id)
        return Handle(RAY, {"address": cluster.address, "job": job, "submitted": round(time.time(), 3)})

    def alive(self, handle: Handle) -> bool:
        job = self._job(handle)
        return job is not None and not job.ended

    def stop(self, handle: Handle) -> None:
        cluster, name = self._of(handle)
        with contextlib.suppress(OSError):  # whoever cannot be reached is asked through the run's folder
            if self.alive(handle):
                cluster.ask(lambda client: client.stop_job(name))

    def log(self, places: Places, run_id: str) -> str:
        """What the worker left in the run's folder, and what its job printed before it came to that."""
        from vae_core.runs.run import Run

        run, found = Run(places.runs / run_id, places), ""
        with contextlib.suppress(FileNotFoundError):
            found = (run.path / "log.txt").read_text(errors="replace")
        handle = run.status().handle
        if handle is not None and handle.launcher == RAY:
            cluster, job = self._of(handle)
            with contextlib.suppress(OSError):
                found = cluster.ask(lambda client: client.get_job_logs(job)) + found
        return found

    # ------------------------------------------------ what a launcher of many machines tells besides

    def has_room(self, places: Places, run_id: str) -> bool:
        cluster, threads, gpus = self._wanted(places, run_id)
        return cluster.has_room(cluster.fitted(threads, gpus))

    def at_once(self, threads: int = 0, *, ask: bool = True) -> int:
        try:
            cluster = self._at(own_address())
            return cluster.at_once(cluster.fitted(threads, 1, ask=ask), ask=ask)
        except BadConfig:
            return 1

    def how_it_ended(self, handle: Handle) -> Ending:
        cluster, _ = self._of(handle)
        job = self._job(handle)
        if job is None:
            return Ending(
                f"the Ray cluster at {cluster.address} does not know its job any more, as after a restart of its head; {ON_TO}"
            )
        return ending_of(job)

    # ------------------------------------------------ clusters and jobs

    def _at(self, address: str) -> RayCluster:
        with self.lock:
            return self.clusters.setdefault(address, RayCluster(address))

    def _of(self, handle: Handle) -> tuple[RayCluster, str]:
        """Raises LookupError or ValueError for a handle that names no job."""
        address, job = handle.job["address"], handle.job["job"]
        if not isinstance(address, str) or not isinstance(job, str):
            raise ValueError("a handle of Ray has an address and a job")
        try:
            return self._at(check_address(address)), job
        except BadConfig as error:
            raise ValueError(str(error)) from None

    def _job(self, handle: Handle) -> Job | None:
        cluster, name = self._of(handle)
        job = cluster.jobs().get(name)
        submitted = handle.job.get("submitted")
        since = float(submitted) if isinstance(submitted, (int, float)) else 0.0
        if job is None and cluster.looked < since + NEW_SECONDS:
            job = cluster.jobs(anew=True).get(
                name
            )  # another process may have submitted it after the last look
        return job

    def _wanted(self, places: Places, run_id: str) -> tuple[RayCluster, int, int]:
        """The cluster for new runs, and the threads of a run and the GPUs it may have. Raises VaeCoreError."""
        from vae_core.runs.record import read_record

        if not has_ray():
            raise MissingPackage(NOT_INSTALLED)
        training = read_record(places.runs / run_id / "config.json").effective.training
        gpus = training.gpus if training.device in ("auto", "cuda") else 0
        return self._at(own_address()), max(training.threads, training.gpus), gpus


def own_address() -> str:
    """The cluster that this process was told to use. Raises BadConfig."""
    address = os.environ.get(ADDRESS_VARIABLE, "")
    if not address:
        raise BadConfig(NO_ADDRESS)
    return check_address(address)


def entrypoint_of(places: Places, run_id: str, job: str, needs: Needs) -> str:
    """The command line that trains a run on a node."""
    from vae_core import __version__

    words = [
        "-m", "vae_core.runs.cluster_worker", "--version", __version__, "--home", str(places.home),
        "--data-dir", str(places.data_dir), "--job", job, "--threads", f"{needs.cpus:g}", run_id,
    ]  # fmt: skip
    # exec: what the job is told to end is Python, and not a shell around it
    return f"exec {PYTHON} {shlex.join(words)}"


def ending_of(job: Job) -> Ending:
    """What a job that has ended says of why."""
    said = [line.split(SAYS, 1)[1] for line in job.message.splitlines() if line.startswith(SAYS)]
    if job.code == REFUSED and said:
        return Ending(said[-1], waits=True)
    if re.search(r"No module named '?vae_core", job.message) or job.code == 127:
        return Ending(
            "the nodes of the cluster have no Latent Explorer, or one without clusters; install the version of this server in the "
            "environment in which Ray is started there",
            waits=True,
        )
    if job.error in ("JOB_SUPERVISOR_ACTOR_START_TIMEOUT", "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE"):
        return Ending(
            "the cluster had no room for it; add a node, or give the run fewer --threads", waits=True
        )
    if job.error == "JOB_SUPERVISOR_ACTOR_DIED":
        return Ending(f"the node that trained it was lost; {ON_TO}")
    if job.status == "STOPPED":
        return Ending(f"its job was stopped on the cluster; {ON_TO}")
    if job.code in (-9, 137):
        return Ending(f"its worker was killed, as where a node's memory runs out; {ON_TO}")
    return Ending()
