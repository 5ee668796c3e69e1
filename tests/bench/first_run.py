"""Whether a first run comes alive: press Start, change nothing, on sets of images as people have them.

    python tests/bench/first_run.py [--only digits sprites] [--home DIR] [--json]

Each set is imported as `vae-core data add` does, the form's settings are left as they are, and the run is trained as the
queue's worker trains it, within its minutes. Printed are what was chosen, steps and seconds, active dimensions, and
squared errors per pixel value, on images that were never learned from: of the reconstruction, of the nearest training
image, of the mean image, and of PCA with half of the code's dimensions, fitted to the training images. Alarms are what
the Train page would have warned of after any epoch. A set passes with 3 active dimensions or more, a reconstruction
better than nearest image and PCA, and no alarm.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import sets_of_people

from vae_core.cli import main as vae_core
from vae_core.config import DataConfig, RunConfig, TrainingConfig
from vae_core.data import find_spec, open_images
from vae_core.data.imageset import ImageSet
from vae_core.diagnosis import diagnose
from vae_core.events import EpochDone
from vae_core.inference import load_run
from vae_core.models.build import choose_side
from vae_core.places import DATA_VARIABLE, Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.training import settle, time_step
from vae_core.training.defaults import chosen_words

Make = Callable[[Path], Path]
OWN: dict[str, Make] = {
    "drawings": sets_of_people.drawings,
    "photo-tiles": sets_of_people.photo_tiles,
    "sprites": sets_of_people.sprites,
    "scans": sets_of_people.scans,
}
BUILT_IN = ("digits", "faces", "shapes", "mnist")
MOST = 2_000  # images that errors are taken over, and that PCA and the nearest image may use
ENOUGH_ACTIVE = 3
LOOKS = 60  # epochs after which the alarms are read


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=(*BUILT_IN, *OWN), default=(*BUILT_IN, *OWN))
    parser.add_argument("--home", type=Path, help="kept; default a folder that is thrown away")
    parser.add_argument(
        "--threads", type=int, default=0, help="1 where others compute beside it; default all cores"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON for each set")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = args.home or Path(folder)
        places = Places.find(home)
        rows = [row for name in args.only if (row := first_run(name, places, args.threads)) is not None]
    for row in rows:
        print(json.dumps(row) if args.json else in_words(row), flush=True)
    return 0 if all(row["passes"] for row in rows) else 1


def first_run(name: str, places: Places, threads: int = 0) -> dict[str, Any] | None:
    """Import, start, train, measure; None for a download that is not here."""
    if name in OWN and not (places.datasets / name).exists():
        source = places.home / "sources" / name
        shutil.rmtree(source, ignore_errors=True)
        OWN[name](source)
        vae_core(["data", "add", str(source), "--name", name, "--home", str(places.home)])
    spec = find_spec(name, places)
    if not spec.present(places):
        print(f"{name} is not on this machine ({DATA_VARIABLE} names where it lies)", file=sys.stderr)
        return None
    asked = RunConfig(data=DataConfig(dataset=name), training=TrainingConfig(threads=threads))
    data = open_images(name, choose_side(asked, spec.sides), places)
    began = time.perf_counter()
    config = settle(asked, data, lambda settings: time_step(settings, data))
    run = Store(places).create(config)
    status = train_run(run, places)
    seconds = time.perf_counter() - began
    train = len(config.data.split(data).train)
    found = {"set": name, "images": train, "shape": data.shape, "chosen": chosen_words(asked, config, train)}
    found |= {"state": status.state, "steps": status.step, "seconds": round(seconds, 1)}
    return found | measured(run, data)


def measured(run: Run, data: ImageSet) -> dict[str, Any]:
    """Errors on the test images, alarms, and whether all is as it should be."""
    events, record = run.history(), run.record()
    model = load_run(run)
    split = record.effective.data.split(data)
    seen, unseen = _some(data, split.train), _some(data, split.test)
    errors = {
        "error": float(np.square(_flat(model.reconstruct(unseen)) - _flat(unseen)).mean()),
        "nearest": nearest_error(_flat(unseen), _flat(seen)),
        "pca": pca_error(_flat(unseen), _flat(seen), max(1, model.latent_dim // 2)),
        "mean": float(np.square(_flat(unseen) - _flat(seen).mean(0)).mean()),
    }
    ends = [i for i, event in enumerate(events) if isinstance(event, EpochDone)]
    looked = [*ends[:: max(1, len(ends) // LOOKS)], len(events) - 1]
    alarms = sorted(
        {a.kind for i in looked for a in diagnose(events[: i + 1], record.effective, record.data)}
    )
    last = next(event for event in reversed(events) if isinstance(event, EpochDone))
    alive = (last.active_units or 0) >= ENOUGH_ACTIVE
    better = errors["error"] < min(errors["nearest"], errors["pca"])
    return {
        "active": last.active_units, "dims": model.latent_dim, "rate": round(last.validation.rate or 0.0, 1),
        **{name: round(value, 5) for name, value in errors.items()},
        "alarms": alarms, "passes": alive and better and not alarms,
    }  # fmt: skip


def _some(data: ImageSet, index: np.ndarray) -> np.ndarray:
    """Up to MOST of these images, evenly chosen."""
    return np.asarray(
        data.images[index[np.unique(np.linspace(0, len(index) - 1, min(MOST, len(index))).astype(int))]]
    )


def _flat(images: np.ndarray) -> np.ndarray:
    scale = 255 if images.dtype == np.uint8 else 1
    flat: np.ndarray = images.reshape(len(images), -1).astype(np.float32) / scale
    return flat


def nearest_error(unseen: np.ndarray, seen: np.ndarray) -> float:
    """Mean squared error of taking the nearest of `seen` (M, P) for each of `unseen` (N, P)."""
    squares = np.square(unseen).sum(1)[:, None] - 2 * unseen @ seen.T + np.square(seen).sum(1)[None]
    return float(np.maximum(0, squares).min(1).mean() / unseen.shape[1])


def pca_error(unseen: np.ndarray, seen: np.ndarray, components: int) -> float:
    """Mean squared error of `unseen` projected on that many principal components of `seen`."""
    mean = seen.mean(0)
    centred = seen - mean
    _, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    axes, _ = np.linalg.qr(centred.T @ vectors[:, -components:].astype(np.float32))
    rest = unseen - mean
    return float(np.square(rest - rest @ axes @ axes.T).mean())


def in_words(row: dict[str, Any]) -> str:
    names = [
        "set",
        "images",
        "chosen",
        "steps",
        "seconds",
        "active",
        "dims",
        "rate",
        "error",
        "nearest",
        "pca",
        "mean",
        "alarms",
    ]
    return " · ".join(f"{n} {row[n]}" for n in names) + (" · passes" if row["passes"] else " · FAILS")


if __name__ == "__main__":
    sys.exit(main())
