"""`vae-core uses`: what a run is good for, measured against baselines."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from vae_core.cli.bar import Bar
from vae_core.cli.switches import add_config_switches, config_from
from vae_core.cli.usage import Commands
from vae_core.places import Places
from vae_core.runs.store import Store
from vae_core.uses.found import Found, Row
from vae_core.uses.registry import USES, Use


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command and one below it for every use."""
    parser = commands.add_parser("uses", help="denoise, anomalies and more: measured against baselines")
    below = parser.add_subparsers(dest="use", required=True, metavar="USE")
    for use in USES.values():
        one = below.add_parser(
            use.name, parents=[common], help=use.question, description=f"{use.question} {use.changes}"
        )
        one.add_argument("run", metavar="RUN")
        one.add_argument("--json", action="store_true", help="one JSON object")
        one.add_argument("--pictures", metavar="FILE.npz", help="also write the pictures, arrays by name")
        add_config_switches(one, use.settings)
        one.set_defaults(do=partial(do_use, use))


def do_use(use: Use, args: argparse.Namespace, places: Places) -> int:
    """Measure, keep and print; what was kept for these weights and settings is printed at once."""
    from vae_core.uses import kept
    from vae_core.uses.measuring import measure

    settings = config_from(args, use.settings())
    run = Store(places).find(args.run)
    found = kept.find(run, use, settings)
    if found is None:
        bar = Bar()
        try:
            stamp, found = measure(run, use, settings, lambda share, words: bar.show(f"{share:4.0%} {words}"))
        finally:
            bar.clear()
        kept.keep(run, stamp, use, settings, found)
    if args.pictures:
        import numpy as np

        np.savez_compressed(Path(args.pictures), **dict(found.pictures))  # type: ignore[arg-type]
    if args.json:
        print(json.dumps({"use": use.name, "run": run.name, "id": run.id} | found.to_json()))
        return 0
    print(f"{run.name}: {use.question}")
    for line in lines(found):
        print(f"  {line}")
    for sentence in found.sentences:
        print(sentence)
    if found.seconds:
        print(f"{found.seconds:.0f} s", file=sys.stderr)
    return 0


def lines(found: Found) -> list[str]:
    """The rows as a table of text, VAEs marked."""
    cells = [_cells(row) for row in found.rows]
    wide = [max((len(row[i]) for row in cells), default=0) for i in range(4)]
    return [
        " ".join(
            (where.ljust(wide[0]), name.ljust(wide[1]), metric.ljust(wide[2]), value.rjust(wide[3]), rest)
        ).rstrip()
        for where, name, metric, value, rest in cells
    ]


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    where = ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.at.items())
    value = "–" if row.value is None else f"{row.value:.4g}"
    apart = "" if row.low is None or row.high is None else f"[{row.low:.4g}, {row.high:.4g}]"
    return (
        where,
        ("VAE  " if row.ours else "     ") + row.method,
        row.metric,
        value,
        f"{row.unit} {apart}".strip(),
    )
