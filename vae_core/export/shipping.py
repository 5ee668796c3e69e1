"""A finished run made small enough to ship with the package, in the store's own format."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import safetensors.torch

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadRun, TooFewPoints
from vae_core.evaluation.run_metrics import FILE as METRICS
from vae_core.evaluation.run_metrics import measure, shipped_bytes
from vae_core.evaluation.samples import DRAWN, measure_samples
from vae_core.evaluation.samples import FILE as SAMPLES
from vae_core.evaluation.samples import to_json as samples_json
from vae_core.evaluation.sliders import FILE as SLIDERS
from vae_core.evaluation.sliders import measure_sliders
from vae_core.evaluation.sliders import to_json as sliders_json
from vae_core.inference import codes_bytes, encode_images, load_run
from vae_core.pictures import fewer_colours
from vae_core.places import check_plain_name, write_atomically, write_json
from vae_core.runs.record import ENDED, status_to_json
from vae_core.runs.run import Run

CODES, STEPS, PICTURES = 5_000, 150, 4  # most that is kept: codes, points of the curves, epochs with pictures
PICTURE_BYTES = 500_000  # fewer epochs are kept where their pictures take more

PICTURE_KEYS = ("originals", "reconstructions", "samples", "traversal")


def ship(run: Run, target: Path, data: ImageSet, *, recipe: str = "", progress: Progress = silent) -> Run:
    """Write `run` into the folder `target`, ready to be listed as a pretrained run of that name.

    What `target` holds is replaced when it is such a run or no more than a recipe.

    Weights are float16 (read back as float32), the last ones only; curves and pictures are thinned; the codes
    of up to 5,000 images come along where it has an encoder, computed from those very weights, so that its map opens
    without the dataset. Raises BadRun when the run has not ended, another dataset is given or `target` holds anything else,
    BadName when `target` cannot name a run.
    """
    check_plain_name(target.name, "run")
    present = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if present - {"recipe.sh"} and "config.json" not in present:
        raise BadRun(f"{target} holds something that is no run and would be lost; name another folder")
    if run.status().state not in ENDED:
        raise BadRun(f"{run.name} is still {run.status().state}; only a run that has ended can be shipped")
    if run.record().data.get("fingerprint") != data.fingerprint:
        raise BadRun(f"{run.name} was trained on other images than {data.name} holds now")
    shutil.rmtree(target, ignore_errors=True)
    (target / "snapshots").mkdir(parents=True)
    shipped = Run(target, run.places)
    shipped.write_record(dataclasses.replace(run.record(), name=target.name))
    weights = {f"last/{k}": v.half() for k, v in run.weights().items()}
    write_atomically(target / "model.safetensors", safetensors.torch.save(weights))
    _thin(run, target)
    if (run.path / "thumbnail.png").exists():
        shutil.copyfile(run.path / "thumbnail.png", target / "thumbnail.png")
    ended = dataclasses.replace(run.status(), handle=None, heartbeat=0.0, queued=0.0, born=0.0)
    write_json(target / "status.json", status_to_json(ended))
    model = load_run(shipped)
    if model.has_encoder:
        codes = encode_images(model, data, _images_to_keep(run, data), "all", progress=progress)
        write_atomically(target / "codes.npz", codes_bytes(codes, model.stamp, np.float16))
    if (
        model.has_encoder and data.factors is not None
    ):  # so that its sliders say what they change without the dataset
        with contextlib.suppress(TooFewPoints):
            found = measure_sliders(shipped, data, progress=progress)
            write_json(target / SLIDERS, sliders_json(found, model.stamp))
    if recipe:
        write_atomically(target / "recipe.sh", recipe.encode())
    return shipped


def ship_numbers(shipped: Run, data: ImageSet, *, progress: Progress = silent, drawn: int = DRAWN) -> None:
    """Measure a shipped run as pages do and write the numbers into its folder, so that they are there without the dataset.

    Of a run with an encoder its test images are scored, of any `drawn` samples; where there are too few images to compare
    those with, they go without. Raises BadRun without weights.
    """
    record, stamp = shipped.record(), shipped.stamp()
    if record.effective.objective.entry.has_encoder:
        measured = measure(shipped, data, progress=progress)
        write_atomically(shipped.path / METRICS, shipped_bytes(measured, record, stamp))
    with contextlib.suppress(TooFewPoints):
        found = measure_samples(shipped, data, progress, drawn=drawn)
        write_json(shipped.path / SAMPLES, samples_json(found, shipped.id, stamp, data.fingerprint))


def _images_to_keep(run: Run, data: ImageSet) -> np.ndarray:
    """Up to CODES images: of the test split when that is large enough, else test first, then the others."""
    splits = run.record().effective.data.split(data)
    test, rest = splits.test, np.union1d(splits.train, splits.validation)
    pool, wanted = (test, CODES) if len(test) >= CODES else (rest, CODES - len(test))
    some = pool[np.linspace(0, len(pool) - 1, min(wanted, len(pool))).astype(int)]
    return some if pool is test else np.sort(np.concatenate((test, some)))


def _thin(run: Run, target: Path) -> None:
    """Keep every epoch's line, some steps and some pictures; checkpoints are no more."""
    lines, after = run.lines()
    while True:
        more, following = run.lines(after)
        if following == after:
            break
        lines, after = lines + more, following
    steps = [i for i, line in enumerate(lines) if line["event"] == "step"]
    shots = [i for i, line in enumerate(lines) if line["event"] == "snapshot"]
    kept = {steps[j] for j in np.linspace(0, len(steps) - 1, min(STEPS, len(steps))).astype(int)}
    for most in range(PICTURES, 1, -1):
        some = {shots[j] for j in np.linspace(0, len(shots) - 1, min(most, len(shots))).astype(int)}
        files = {run.path / lines[i][key] for i in some for key in PICTURE_KEYS if lines[i][key]}
        if sum(len(fewer_colours(file.read_bytes())) for file in files) <= PICTURE_BYTES:
            break
    kept |= some if shots else set()
    kept |= {i for i, line in enumerate(lines) if line["event"] not in ("step", "snapshot", "checkpoint")}
    chosen = [lines[i] for i in sorted(kept)]
    for line in chosen:
        if line["event"] == "snapshot":
            for key in filter(line.get, PICTURE_KEYS):
                write_atomically(target / line[key], fewer_colours((run.path / line[key]).read_bytes()))
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in chosen)
    write_atomically(target / "events.jsonl", text.encode())
