"""`vae-core import`: bring a .zip of a run back as a run of this home."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_core.cli.usage import Commands
from vae_core.errors import VaeCoreError
from vae_core.places import Places
from vae_core.runs.store import Store


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    parser = commands.add_parser("import", parents=[common], help="bring a .zip of a run back")
    parser.add_argument("file", metavar="FILE.zip")
    parser.add_argument("--name", help="default: its own, or a free one like it")
    parser.set_defaults(do=do_import)


def do_import(args: argparse.Namespace, places: Places) -> int:
    """Bring an archive back and print its name and id."""
    from vae_core.export.archive import unarchive

    path = Path(args.file)
    if not path.is_file():
        raise VaeCoreError(f"there is no file {path}")
    run = unarchive(path, Store(places), args.name or "")
    print(f"{run.name} ({run.id})")
    return 0
