"""The arrays of a run folder, each kind in files of its own: pictures, codes of epochs, weights.

Weights are safetensors and codes npz without pickled objects; every file is written beside and renamed.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors

from vae_core.errors import BadRun
from vae_core.events import Checkpoint, Encoded, Snapshot
from vae_core.pictures import sheet
from vae_core.places import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, RESUME, INITIAL = "model.safetensors", "resume.safetensors", "initial.safetensors"
CODES_FILE = re.compile(r"codes/\d{8,20}\.npz")
CODES_BYTES = 16 << 20  # no epoch's codes unpack to more
PICTURE_FILE = re.compile(r"(snapshots/[\w.-]{1,100}|thumbnail)\.png", re.ASCII)
PICTURE_BYTES, PICTURE_PIXELS = 32 << 20, 50_000_000  # of one


@dataclass(frozen=True)
class EpochCodes:
    """Posterior means after an epoch: images (M,) int64, numbers in the dataset; mean (M, D) float32."""

    epoch: int
    step: int
    images: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True)
class WeightsAt:
    """When weights were saved: after so many steps, whole epochs among them."""

    step: int
    epoch: int


def read_weights_at(path: Path) -> WeightsAt | None:
    """When the weights at `path` were saved; None where there are none, or where they do not say."""
    try:
        with safetensors.safe_open(path, "np") as file:
            raw = json.loads((file.metadata() or {})["at"])
            return WeightsAt(max(0, int(raw["step"])), max(0, int(raw["epoch"])))
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
        safetensors.SafetensorError,
    ):
        return None


def write_pictures(folder: Path, event: Snapshot) -> dict[str, Any]:
    """Write the pictures of an epoch, and the thumbnail, into a run folder; returns their names by field."""
    snapshots = folder / "snapshots"
    snapshots.mkdir(exist_ok=True)
    originals = np.asarray(event.originals)
    pictures = {
        "originals": (f"originals-{event.step:08d}.png", originals[None]),
        "reconstructions": (
            f"{event.step:08d}-reconstructions.png",
            np.asarray(event.reconstructions)[None],
        ),
        "samples": (
            f"{event.step:08d}-samples.png",
            np.asarray(event.samples).reshape(2, 8, *originals.shape[1:]),
        ),
        "traversal": (f"{event.step:08d}-traversal.png", np.asarray(event.traversal)),
    }
    replaced: dict[str, str | None] = {}
    existing = next(snapshots.glob("originals-*.png"), None)
    for key, (name, rows) in pictures.items():
        if not rows.size:  # a model without an encoder reconstructs nothing
            replaced[key] = None
            continue
        if key == "originals" and existing is not None:
            replaced[key] = f"snapshots/{existing.name}"
            continue
        write_atomically(snapshots / name, sheet(rows), durable=False)
        replaced[key] = f"snapshots/{name}"
    thumbnail = np.asarray(event.samples)[:4].reshape(2, 2, *originals.shape[1:])
    write_atomically(folder / "thumbnail.png", sheet(thumbnail), durable=False)
    return replaced


def write_codes(folder: Path, event: Encoded) -> dict[str, Any]:
    """Write the codes of an epoch into a run folder; returns their names by field."""
    (folder / "codes").mkdir(exist_ok=True)
    name = f"codes/{event.step:08d}.npz"
    buffer = io.BytesIO()
    np.savez(buffer, codes=event.codes, images=event.images)
    write_atomically(folder / name, buffer.getvalue(), durable=False)
    return {"codes": name, "images": name}


def write_weights(folder: Path, event: Checkpoint) -> dict[str, Any]:
    """Write the weights and what training goes on from into a run folder; returns their names by field."""
    weights = {f"last/{k}": v for k, v in event.last.items()}
    weights |= {f"best/{k}": v for k, v in event.best.items()}
    # one entry: safetensors writes several in any order, and equal weights should have equal stamps
    meta = {"at": json.dumps({"step": event.step, "epoch": event.epoch, "best_epoch": event.best_epoch})}
    # resume first: it alone decides where a killed run goes on
    write_atomically(folder / RESUME, tensors_to_bytes(event.resume))
    write_atomically(folder / WEIGHTS, tensors_to_bytes(weights, meta))
    return {"last": WEIGHTS, "best": WEIGHTS, "resume": RESUME}


def read_picture(folder: Path, name: str) -> bytes | None:
    """The PNG of that name in a run folder, or None where it is missing, damaged or too large."""
    from PIL import Image

    # an imported run's lines may name anything
    if not PICTURE_FILE.fullmatch(name):
        return None
    try:
        with open(folder / name, "rb") as file:
            png = file.read(PICTURE_BYTES + 1)
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            if len(png) > PICTURE_BYTES or image.width * image.height > PICTURE_PIXELS:
                return None
            image.load()
    except Exception:  # a decoder fails in many ways
        return None
    return png


def read_codes(folder: Path, event: Encoded) -> EpochCodes | None:
    """The codes of an epoch, or None where the file is missing, damaged or too large."""
    try:
        # an imported run's lines may say anything
        if not CODES_FILE.fullmatch(event.codes):
            return None
        with open(folder / event.codes, "rb") as file, np.load(file, allow_pickle=False) as npz:
            if sum(info.file_size for info in npz.zip.infolist()) > CODES_BYTES:
                return None
            mean, images = npz["codes"].astype(np.float32), npz["images"].astype(np.int64)
        whole = mean.ndim == 2 and mean.size and images.shape == mean.shape[:1] and np.isfinite(mean).all()
        return EpochCodes(int(event.epoch), int(event.step), images, mean) if whole else None
    except Exception:  # an array's header is a Python literal, and a parser fails in many ways
        return None


def check_resume(folder: Path) -> None:
    """Raises BadRun when what training would go on from is damaged; reads no tensor."""

    def look(path: Path) -> dict[str, Any]:
        with safetensors.safe_open(path, "np") as file:
            return dict.fromkeys(file.keys())

    load_tensors(folder / RESUME, look)


def load_tensors(path: Path, load: Callable[[Path], dict[str, Any]]) -> dict[str, Any] | None:
    """What `load` reads at `path`, or None where there is no file. Raises BadRun when it is damaged."""
    try:
        return load(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise BadRun(f"the run {path.parent.name}: {path.name} is damaged ({error})") from None


def tensors_to_bytes(tensors: Mapping[str, Tensor], meta: dict[str, str] | None = None) -> bytes:
    """Tensors as the bytes of a safetensors file."""
    from safetensors.torch import save

    return save(dict(tensors), meta)


def named_weights(everything: Mapping[str, np.ndarray], which: str) -> dict[str, np.ndarray]:
    """The tensors under `which`, last or best, without that prefix; empty where there are none."""
    prefix = f"{which}/"
    return {k[len(prefix) :]: v for k, v in everything.items() if k.startswith(prefix)}


def stamp_of(path: Path) -> str:
    """Sixteen hex digits of the file's SHA-256. Raises FileNotFoundError."""
    stat = path.stat()
    return _digest(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)


@lru_cache(maxsize=512)
def _digest(path: Path, mtime: int, size: int, inode: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
