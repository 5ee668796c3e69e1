"""`vae-core export`: write a run as .zip, .onnx or .gif, or a small copy to ship with the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vae_core.cli.usage import Commands, UsageError
from vae_core.data import open_images
from vae_core.errors import VaeCoreError
from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    parser = commands.add_parser("export", parents=[common], help="write a run as .zip, .onnx or .gif")
    parser.add_argument("run", metavar="RUN")
    parser.add_argument(
        "--to", required=True, metavar="FILE", help="file.zip, file.onnx, file.gif, or zip, onnx, gif"
    )
    parser.add_argument(
        "--shipped",
        action="store_true",
        help="FILE is a folder: a small read-only copy to ship with the package",
    )
    parser.set_defaults(do=do_export)


def do_export(args: argparse.Namespace, places: Places) -> int:
    """Write a run to a file and print the file's name."""
    from vae_core.export.archive import archive
    from vae_core.export.gif import export_gif
    from vae_core.export.onnx import export_onnx
    from vae_core.inference import load_run

    run = Store(places).find(args.run)
    if args.shipped:
        return _ship(run, Path(args.to), places)
    kind = args.to if args.to in ("zip", "onnx", "gif") else Path(args.to).suffix.lstrip(".").lower()
    target = Path(f"{run.name}.{args.to}") if args.to in ("zip", "onnx", "gif") else Path(args.to)
    if kind not in ("zip", "onnx", "gif"):
        raise UsageError(f"--to {args.to}: give a file ending in .zip, .onnx or .gif, or just that ending")
    if not target.absolute().parent.is_dir():
        raise VaeCoreError(f"the folder {target.absolute().parent} is not there; create it first")
    written = [target]
    if kind == "zip":
        for sentence in archive(run, target):
            print(sentence, file=sys.stderr)
    elif kind == "gif":
        export_gif(load_run(run), target)
    else:
        model = load_run(run)
        written = export_onnx(model, target)
        if not model.has_encoder:
            print(f"note: {run.name} has no encoder, so the decoder's file is all there is", file=sys.stderr)
    for path in written:
        print(path)
    return 0


def _ship(run: Run, target: Path, places: Places) -> int:
    from vae_core.export.shipping import ship, ship_numbers

    record = run.record()
    if record.shape is None:
        raise VaeCoreError(f"{run.name} never started, so there is nothing to ship")
    data = open_images(record.effective.data.dataset, record.shape[1], places)
    kept = target / "recipe.sh"
    shipped = ship(run, target, data, recipe=kept.read_text() if kept.exists() else "")
    ship_numbers(shipped, data)
    print(f"{target}  {sum(p.stat().st_size for p in target.rglob('*') if p.is_file()) / 1e6:.2f} MB")
    return 0
