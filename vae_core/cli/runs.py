"""`vae-core runs`: list, show, rename, delete or resume runs."""

from __future__ import annotations

import argparse
import json
from typing import Any

from vae_core.cli.bar import Bar
from vae_core.cli.tables import print_table
from vae_core.cli.train import train_and_report
from vae_core.cli.usage import Commands, confirm
from vae_core.errors import VaeCoreError
from vae_core.options import to_json
from vae_core.places import Places
from vae_core.runs.launchers.switches import Launching, add_launcher_switches, launching
from vae_core.runs.record import FINISHED, QUEUED
from vae_core.runs.run import Run
from vae_core.runs.store import Store


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    parser = commands.add_parser("runs", parents=[common], help="list, show, rename, delete or resume runs")
    parser.add_argument("--json", action="store_true", help="list as JSON")
    parser.set_defaults(do=do_runs, action=None)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for name, help in (("show", "all that is known of a run, as JSON"), ("rename", "give a run another name"),
                       ("delete", "delete a run"), ("resume", "go on with an interrupted or stopped run")):  # fmt: skip
        action = actions.add_parser(name, parents=[common], help=help)
        action.add_argument("run", metavar="RUN")
        if name == "rename":
            action.add_argument("to", metavar="NAME")
        elif name == "delete":
            action.add_argument("--yes", action="store_true", help="do not ask")
        elif name == "resume":
            action.add_argument(
                "--epochs", type=int, default=0, metavar="N", help="go on for N more epochs once finished"
            )
            action.add_argument(
                "--gpus", type=int, default=0, metavar="N", help="processes from now on; 0 keeps what it has"
            )
            add_launcher_switches(action)


def do_runs(args: argparse.Namespace, places: Places) -> int:
    """List runs, or do the action that was asked to one."""
    store = Store(places)
    if args.action is None:
        rows = [_row(run) for run in store.all()]
        if getattr(args, "json", False):
            print(json.dumps(rows))
            return 0
        print_table(["name", "id", "dataset", "model", "D", "objective", "β", "status", "created"], rows)
        return 0
    run = store.find(args.run)
    if args.action == "show":
        record, status = run.record(), run.status()
        shown = _row(run) | {
            "epochs": status.epochs, "epoch": status.epoch, "step": status.step, "error": status.error,
            "path": str(run.path), "config": to_json(record.effective), "machine": record.machine,
            "data": record.data,
        }  # fmt: skip
        print(json.dumps(shown, indent=1))
    elif args.action == "rename":
        store.rename(run, args.to)
    elif args.action == "delete":
        if not args.yes and not confirm(f"Delete {run.name} ({run.id}) and all it learned?"):
            print("kept")
            return 0
        store.delete(run)
    elif args.action == "resume":
        return _resume(run, places, args.epochs, args.gpus, launching(args, foreground=True))
    return 0


def _resume(run: Run, places: Places, epochs: int, gpus: int, launch: Launching) -> int:
    from vae_core.runs.gone import mark_if_gone

    status = run.status()
    if status.state == FINISHED and not epochs:
        print(f"{run.name} has finished; `--epochs N` goes on for N more")
        return 0
    mark_if_gone(run)
    if run.status().state != QUEUED:
        run.go_on(epochs, gpus)
    return train_and_report(run, places, launch, Bar())


def _row(run: Run) -> dict[str, Any]:
    try:
        record, status = run.record(), run.status()
    except VaeCoreError as error:
        return {"name": "?", "id": run.id, "status": f"unreadable: {error}"}
    config = record.effective
    objective, dial, beta = config.objective.objective, config.objective.dial, config.objective.beta
    return {
        "name": record.name, "id": run.id, "dataset": config.data.dataset,
        "model": config.model.architecture.name, "D": config.model.latent_dim, "objective": objective.name,
        "β": ("" if beta is None else beta) if dial is None else f"{dial.lowest:g}–{dial.highest:g}",
        "status": "pretrained" if run.read_only else status.state, "created": record.created.isoformat() if record.created else "",
    }  # fmt: skip
