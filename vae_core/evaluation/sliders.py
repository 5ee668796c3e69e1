"""What each slider of a run changes, kept for its weights; a pretrained run brings it along.

<home>/derived/<weights stamp>/sliders.json
<run folder>/sliders.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadRun, RunNotFound
from vae_core.evaluation.metrics.slider_share import SLIDER_SHARE, SliderEffects, slider_effects
from vae_core.evaluation.regressor import regressor_of
from vae_core.evaluation.run_metrics import scored_images
from vae_core.inference import load_run
from vae_core.objectives.attributes import shown_name
from vae_core.places import write_json
from vae_core.reading import number, read_json, text
from vae_core.runs.run import Run

FILE = "sliders.json"
ENCODED = 1_024  # images at a time


@dataclass(frozen=True)
class Slider:
    """What one dimension's slider changes: the attribute it changes most, as pages show it, and that attribute's share of
    all it changes, 0 to 1. `top` is empty and `share` 0 where it has no effect."""

    dim: int
    top: str
    share: float


def sliders(effects: SliderEffects) -> tuple[Slider, ...]:
    """One a dimension, in their order."""
    found = zip(effects.top, effects.share, strict=True)
    return tuple(Slider(d, shown_name(name), float(share)) for d, (name, share) in enumerate(found))


def measure_sliders(run: Run, data: ImageSet, *, progress: Progress = silent) -> SliderEffects:
    """What each slider of a run changes, of its test images; computed once for the weights and kept.

    The first call for a set trains a small regressor (a minute or so). Raises BadRun without weights, BadImages for a set
    without factors, TooFewPoints where too few images have them. What `progress` raises ends it.
    """
    if (kept := stored_sliders(run)) is not None:
        return kept
    model = load_run(run)
    index = scored_images(model.config.data, data, SLIDER_SHARE)
    regressor = regressor_of(run.places, model.config, data, progress=lambda s, w: progress(0.7 * s, w))
    parts = [model.encode(data.images[index[i : i + ENCODED]]).mean for i in range(0, len(index), ENCODED)]
    progress(0.8, "what each slider changes")
    found = slider_effects(np.concatenate(parts), model, regressor)
    path = run.places.derived_file(model.stamp, FILE, write=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, to_json(found, model.stamp), durable=False)
    progress(1.0, "measured")
    return found


def stored_sliders(run: Run) -> SliderEffects | None:
    """What was measured of these very weights, or shipped with them; None when it was not, or the run has none."""
    try:
        stamp, dims = run.stamp(), run.record().effective.model.latent_dim
    except (BadRun, RunNotFound, OSError):
        return None
    for path in (run.places.derived_file(stamp, FILE), run.path / FILE):
        if (found := _read(path, stamp, dims)) is not None:
            return found
    return None


def to_json(found: SliderEffects, stamp: str) -> dict[str, Any]:
    """The object that the file holds."""
    return {
        "version": SLIDER_SHARE.version,
        "stamp": stamp,
        "names": list(found.names),
        "effects": np.round(found.effects, 4).tolist(),
        "active": found.active.tolist(),
    }


def _read(path: Path, stamp: str, dims: int) -> SliderEffects | None:
    """What a file says; None where it is missing, damaged, of other weights or another version."""
    try:
        raw = read_json(path)
        if raw["version"] != SLIDER_SHARE.version or raw["stamp"] != stamp:
            return None
        names = tuple(text(name) for name in raw["names"])
        effects = np.array([[number(v) for v in row] for row in raw["effects"]], np.float64)
        active = np.array([one is True for one in raw["active"]], bool)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    fits = effects.shape == (dims, len(names)) and active.shape == (dims,) and bool((effects >= 0).all())
    return SliderEffects(names, effects, active) if fits and np.isfinite(effects).all() else None
