"""`vae-core train`: train a new run in the foreground."""

from __future__ import annotations

import argparse
import sys

from vae_core.cli.bar import Bar, report_end
from vae_core.cli.follow import follow
from vae_core.cli.switches import add_config_switches, config_from
from vae_core.cli.usage import Commands
from vae_core.config import RunConfig
from vae_core.places import Places
from vae_core.runs.launchers import LOCAL
from vae_core.runs.launchers.switches import Launching, add_launcher_switches, launching
from vae_core.runs.run import Run
from vae_core.runs.sharpen import sharp_name, sharpened
from vae_core.runs.store import Store


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    parser = commands.add_parser("train", parents=[common], help="train a new run in the foreground")
    parser.add_argument("--name", help="plain and not taken; default names dataset, model and objective")
    parser.add_argument("--group", default="", metavar="NAME", help="runs of one sweep share it")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--from-run", metavar="RUN", help="fine-tune: start from this run's weights")
    start.add_argument(
        "--sharpen", metavar="RUN", help="a new run named RUN-sharp, in which this VAE's decoder goes on learning against a "
        "discriminator (objective vae_gan); what other switches leave out is as in RUN, or chosen",
    )  # fmt: skip
    add_launcher_switches(parser)
    add_config_switches(parser)
    parser.set_defaults(do=do_train)


def do_train(args: argparse.Namespace, places: Places) -> int:
    """Train a new run to its end or to Ctrl-C."""
    launch = launching(args, foreground=True)
    store = Store(places)
    start_from = store.find(ref) if (ref := args.from_run or args.sharpen) else None
    name, base = args.name or "", RunConfig()
    if args.sharpen and start_from is not None:
        base, name = sharpened(start_from), name or store.free_name(sharp_name(start_from))
    run = store.create(config_from(args, base), name, group=args.group, start_from=start_from)
    bar = Bar()
    sys.stderr.write(f"training {run.name} ({run.id}); Ctrl-C stops it and keeps what it learned\n")
    return train_and_report(run, places, launch, bar)


def train_and_report(run: Run, places: Places, launch: Launching, bar: Bar) -> int:
    """Train a run that waits here, or have it trained on a cluster; returns the exit code. Raises VaeCoreError when it failed."""
    if launch.launcher == LOCAL:
        from vae_core.runs.worker import train_run

        return report_end(run, train_run(run, places, bar.watch(run)), bar)
    launch.to_environment()
    follow([run], places, launch.launcher, launch.retry, bar)
    return report_end(run, run.status(), bar)
