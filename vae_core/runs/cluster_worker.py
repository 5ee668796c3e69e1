"""What a launcher of many machines starts on one of them: it sees whether the run can be trained there, then trains it.

    python -m vae_core.runs.cluster_worker --version 0.1.0 --home HOME --data-dir DIR --job ID --threads N RUN_ID

Where the run cannot begin here it prints one line with the reason and the remedy and ends with REFUSED, so that the run waits
in its queue instead of failing. It knows no cluster but its words; what trains is `vae_core.runs.worker`.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import NoReturn

from vae_core import __version__
from vae_core.places import Places
from vae_core.processes import CORES_VARIABLE
from vae_core.runs.launchers.ray_jobs import REFUSED, SAYS

SEEN_SECONDS = 30.0  # until what another machine has written into a shared folder is seen here


def main(argv: list[str] | None = None) -> int:
    """Check, then train the run to its end; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vae_core.runs.cluster_worker", description=__doc__)
    for name in ("version", "home", "data-dir", "job"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("run")
    args = parser.parse_args(argv)
    here = platform.node()
    if args.version != __version__:
        refuse(
            f"the node {here} has Latent Explorer {__version__}, and what started the run {args.version}; install one version on "
            "all machines"
        )
    places = Places(Path(args.home), Path(args.data_dir))
    check_home(places, args.run, here)
    # before torch is there: as many threads as the cluster has lent, where the run leaves that open
    os.environ[CORES_VARIABLE] = os.environ["OMP_NUM_THREADS"] = str(args.threads)
    log = os.open(places.runs / args.run / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        from vae_core.runs import worker
    except ImportError as fault:
        refuse(f"the node {here} lacks a package: {fault}; install latent-explorer there with all it needs")
    check_images(places, args.run, here)
    sys.stdout.flush()
    for stream in (1, 2):  # a traceback is found in the run's folder, also when the cluster is gone
        os.dup2(log, stream)
    words = ["--queued", "--apart", "--job", args.job, "--home", args.home, "--data-dir", args.data_dir]
    return worker.main([*words, args.run])


def refuse(why: str) -> NoReturn:
    """Say why the run cannot begin here, for `vae_core.runs.launchers.ray_jobs.ending_of`, and end."""
    print(SAYS + " ".join(why.split()), flush=True)  # noqa: T201 - the job's log is how a cluster hears of it
    raise SystemExit(REFUSED)


def check_home(places: Places, run_id: str, here: str) -> None:
    """See that the run's folder is to be seen here; what was just written may need a moment."""
    end = time.monotonic() + SEEN_SECONDS
    while not (places.runs / run_id / "status.json").exists():
        if not places.home.is_dir() or time.monotonic() > end:
            refuse(
                f"the home {places.home} is not to be seen from the node {here}; mount the same folder there under the same path, "
                "or choose another --home that all machines share"
            )
        time.sleep(0.5)


def check_images(places: Places, run_id: str, here: str) -> None:
    """See that the run's images can be had here: the home has them ready, or they are made ready now."""
    from vae_core.data.registry import is_built, open_images
    from vae_core.errors import DataUnavailable, VaeCoreError
    from vae_core.runs.run import Run
    from vae_core.training import side_of

    try:
        config = Run(places.runs / run_id, places).record().effective
        name, side = config.data.dataset, side_of(config, places)
        if not is_built(name, side, places):
            open_images(name, side, places)
    except DataUnavailable as fault:
        refuse(
            f"the node {here} cannot have the images: {fault}. Or let all machines share the folder {places.data_dir} "
            "(--data-dir)"
        )
    except VaeCoreError:  # the worker meets it too, and says so in the run's status
        pass


if __name__ == "__main__":
    sys.exit(main())
