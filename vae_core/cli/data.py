"""`vae-core data`: list datasets, import images of your own, or remove such a dataset."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from vae_core.cli.bar import Bar
from vae_core.cli.tables import print_table
from vae_core.cli.usage import Commands
from vae_core.data import list_specs, open_images
from vae_core.data.user import ImportPlan
from vae_core.data.user.choices import ImportChoices
from vae_core.options import Leaf, leaves
from vae_core.places import Places


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    parser = commands.add_parser("data", help="list datasets or add images of your own")
    acts = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = acts.add_parser("list", parents=[common], help="datasets known here")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(do=do_data)
    adding = acts.add_parser("add", parents=[common], help="import images of your own")
    adding.add_argument("path", metavar="PATH", help="a folder or .zip of images, a .npy or an .npz")
    adding.add_argument("--name", help="plain and not taken; default from the path")
    for leaf in leaves(ImportChoices):
        adding.add_argument(f"--{leaf.switch}", **_as_switch(leaf))
    adding.set_defaults(do=do_data)
    removing = acts.add_parser("remove", parents=[common], help="delete an imported dataset; runs stay")
    removing.add_argument("name", metavar="NAME")
    removing.set_defaults(do=do_data)


def _as_switch(leaf: Leaf) -> dict[str, Any]:
    """A choice of an import as argparse takes it."""
    known: dict[str, Any] = {"dest": leaf.name, "default": leaf.default}
    if isinstance(leaf.default, bool):
        known["action"] = "store_true"
    elif leaf.spec.values is not None:
        known |= {"type": type(leaf.default), "choices": [value for value in leaf.spec.values if value != 0]}
    elif isinstance(leaf.default, tuple):
        known |= {"action": "extend", "nargs": "+", "metavar": "NAME", "default": []}
    else:
        known |= {"type": type(leaf.default), "metavar": "N" if isinstance(leaf.default, int) else "VALUE"}
    default = "" if known.get("action") else f"; default {leaf.default}" if leaf.default else ""
    known["help"] = f"{leaf.spec.help}{default}".replace("%", "%%")
    return known


def _take_table(plan: ImportPlan, labels: str) -> str:
    """Join the table that --labels names, FILE or FILE:COLUMN; gives the column, or auto. Other words are a column's name."""
    file, _, column = labels.rpartition(":")
    for path, chosen in ((labels, "auto"), (file, column)):
        if path and Path(path).is_file():
            plan.images.add_table(Path(path).name, Path(path).read_bytes())
            return chosen
    return labels


def do_data(args: argparse.Namespace, places: Places) -> int:
    """List datasets, or import or remove one."""
    if args.action == "list":
        rows = [
            {
                "name": s.name, "kind": s.kind, "sides": " ".join(map(str, s.sides)), "channels": s.channels,
                "here": "yes" if s.build is None or s.present(places) else "to download", "what": s.blurb,
            }
            for s in list_specs(places)
        ]  # fmt: skip
        if args.json:
            print(json.dumps(rows))
        else:
            print_table(["name", "kind", "sides", "channels", "here", "what"], rows)
        return 0
    from vae_core.data.user import accept, inspect, remove

    if args.action == "remove":
        remove(args.name, places)
        return 0
    bar = Bar()
    plan = inspect(args.path, progress=lambda share, what: bar.show(f"{share:4.0%} {what}"))
    if args.labels not in ("auto", "none", "folders"):
        args.labels = _take_table(plan, args.labels)
    name = args.name or re.sub(r"[^A-Za-z0-9_-]+", "-", Path(plan.title).stem).strip("-") or "images"
    spec = accept(
        plan,
        name,
        places,
        title=plan.title,
        progress=lambda share, what: bar.show(f"{share:4.0%} {what}"),
        **{leaf.name: getattr(args, leaf.name) for leaf in leaves(ImportChoices)},
    )
    data = open_images(spec.name, spec.sides[0], places)
    for note in data.notes:
        bar.line(note)
    channels, side, _ = data.shape
    print(f"{spec.name}: {len(data):,} images, {side}×{side}, {'colour' if channels == 3 else 'grey'}")
    return 0
