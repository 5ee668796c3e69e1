"""Where runs are to be trained, as switches of a command."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass

from vae_core.errors import BadConfig, MissingPackage
from vae_core.runs.launchers import LAUNCHER_VARIABLE, LAUNCHERS, LOCAL
from vae_core.runs.launchers.ray_cluster import NOT_INSTALLED, check_address, has_ray
from vae_core.runs.launchers.ray_jobs import ADDRESS_VARIABLE, NO_ADDRESS, RAY

MOST_RETRIES = 100


@dataclass(frozen=True)
class Launching:
    """What was asked for: a launcher by name, the address of its cluster, and how often a lost run is started again."""

    launcher: str = LOCAL
    address: str = ""
    retry: int = 0

    def to_environment(self) -> None:
        """Tell this process and its children, which read it where they start or follow runs."""
        os.environ[LAUNCHER_VARIABLE] = self.launcher
        if self.address:
            os.environ[ADDRESS_VARIABLE] = self.address


def add_launcher_switches(parser: argparse.ArgumentParser, usual: str = LOCAL) -> None:
    """Add --launcher, `usual` where it is left out, --ray-address and --retry."""
    parser.add_argument(
        "--launcher", choices=list(LAUNCHERS), default=usual,
        help="where runs are trained: local, processes of this machine (default), or ray, jobs of a Ray cluster that sees the home",
    )  # fmt: skip
    parser.add_argument(
        "--ray-address", metavar="URL",
        help="dashboard of the cluster's head, such as http://head:8265, for --launcher ray",
    )  # fmt: skip
    parser.add_argument(
        "--retry", type=int, default=0, metavar="N",
        help="times that a run is started again, from its checkpoint, when what trained it was lost; default 0",
    )  # fmt: skip


def launching(args: argparse.Namespace, *, foreground: bool = False) -> Launching:
    """What the switches say; `foreground`: local runs are trained by this very process, which nothing starts again.

    Raises BadConfig, MissingPackage where Ray is asked for and is not installed.
    """
    address = args.ray_address or (os.environ.get(ADDRESS_VARIABLE, "") if args.launcher == RAY else "")
    if not 0 <= args.retry <= MOST_RETRIES:
        raise BadConfig(f"--retry {args.retry}: expected 0 to {MOST_RETRIES}")
    if args.launcher != RAY:
        if address:
            raise BadConfig("--ray-address belongs to --launcher ray; add that, or leave it out")
        if args.retry and foreground:
            raise BadConfig("--retry belongs to --launcher ray; add that, or leave it out")
        return Launching(args.launcher, retry=args.retry)
    if not address:
        raise BadConfig(NO_ADDRESS)
    if not has_ray():
        raise MissingPackage(NOT_INSTALLED)
    return Launching(RAY, check_address(address), args.retry)
