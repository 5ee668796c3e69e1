"""Run folders of every version open: those that are shipped, and one as the first version wrote it."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from helpers import of

from vae_core.events import Checkpoint, Controlled, EpochDone, Finished, Resumed, Snapshot, Started, StepDone
from vae_core.inference import load_run, stored_codes
from vae_core.places import assets
from vae_core.runs.record import FINISHED, INTERRUPTED
from vae_core.runs.run import Run

SHIPPED = sorted(p for p in (assets() / "pretrained").iterdir() if (p / "config.json").exists())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_a_shipped_run_opens(places, path):
    run = Run(path, places, read_only=True)
    record, status = run.record(), run.status()
    assert (record.name, status.state, record.warnings) == (path.name, FINISHED, ())
    assert record.created.year == 2026
    assert record.data["images"] > 0
    assert record.shape == tuple(record.data["shape"])
    lines = (path / "events.jsonl").read_bytes().count(b"\n")
    assert len(run.history()) == lines, "every line is an event of its type"
    assert isinstance(run.history()[-1], Finished)
    assert run.picture().startswith(b"\x89PNG")
    if record.effective.objective.entry.has_encoder:
        assert stored_codes(run).mean.shape[1] == record.effective.model.latent_dim
    assert load_run(run).latent_dim == record.effective.model.latent_dim


CONFIG = {
    "data": {"dataset": "tiny", "side": 16, "limit": 0, "validation": 0.05, "split_seed": 0},
    "model": {"architecture": {"name": "mlp", "hidden": [12]}, "latent_dim": 2},
    "objective": {
        "objective": {"name": "capacity", "gamma": 30.0, "capacity": 5.0}, "likelihood": {"name": "bernoulli"},
        "schedule": {"name": "constant"}, "free_bits": 0.0,
    },
    "training": {
        "epochs": 2, "batch_size": 16, "learning_rate": 0.004, "rate_schedule": "one_cycle", "precision": "float32",
        "device": "cpu", "threads": 1, "seed": 0, "checkpoint_every": 4, "log_every": 2, "continued": [], "init_from": "",
    },
}  # fmt: skip
STATUS = {
    "state": "interrupted", "pid": 0, "process_started": 0.0, "heartbeat": 0.0, "step": 4, "steps_total": 8, "epoch": 1,
    "epochs": 2, "images_per_second": 1248.0, "eta": None, "control": 1, "error": "", "note": "", "queued": 0.0, "born": 0.0,
}  # fmt: skip
TERMS = {"loss": 712.3, "distortion": 700.0, "rate": None, "objective": 712.3, "kl_per_dim": [0.5, None]}
LINES = [
    {"event": "started", "step": 0, "steps_total": 8, "steps_per_epoch": 4, "epochs": 2, "parameters": 9, "train_images": 64,
     "validation_images": 8, "batch_size": 16, "log_every": 2, "checkpoint_every": 4},
    {"event": "step", "step": 2, "epoch": 1, "terms": TERMS, "beta": 30.0, "learning_rate": 0.1, "capacity": 0.5,
     "seconds": 0.2, "images_per_second": 927.7},
    {"event": "controlled", "step": 3, "number": 1, "command": "beta", "value": 2},
    {"event": "epoch", "step": 4, "epoch": 1, "train": TERMS, "validation": TERMS, "active_units": None, "best": True,
     "seconds": 0.3},
    {"event": "snapshot", "step": 4, "epoch": 1, "originals": "snapshots/originals-00000004.png", "reconstructions": None,
     "samples": "snapshots/00000004-samples.png", "traversal": "snapshots/00000004-traversal.png", "dims": [1, 0]},
    {"event": "checkpoint", "step": 4, "epoch": 1, "last": "model.safetensors", "best": "model.safetensors",
     "resume": "resume.safetensors", "best_epoch": 1},
    {"event": "step", "step": 6, "epoch": 2, "terms": TERMS, "beta": 30.0, "learning_rate": 0.1, "capacity": None},
    {"event": "resumed", "step": 4, "steps_total": 8, "epochs": 2},
]  # fmt: skip


def test_a_folder_of_the_first_version_is_read_as_it_was_meant(places):
    folder = places.runs / "tiny-0a1b2c"
    folder.mkdir(parents=True)
    data = {
        "title": "Tiny",
        "fingerprint": "0" * 16,
        "images": 90,
        "shape": [1, 16, 16],
        "label_names": [],
        "factor_names": [],
    }
    (folder / "config.json").write_text(json.dumps({
        "format": 1, "name": "old", "created": "2026-11-23T07:40:14+00:00", "config": CONFIG, "resolved": CONFIG,
        "machine": {"torch": "2.13.0", "threads": 2}, "data": data,
    }))  # fmt: skip
    (folder / "status.json").write_text(json.dumps(STATUS))
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    run = Run(folder, places)
    record = run.record()
    assert (record.name, record.group, record.warnings) == ("old", "", ())
    assert record.created == datetime(2026, 11, 23, 7, 40, 14, tzinfo=UTC)
    assert (record.data, record.machine) == (data, {"torch": "2.13.0", "threads": 2})
    assert record.effective.objective.objective.params.gamma == 30.0
    status = run.status()
    assert (status.state, status.handle, status.step, status.control) == (INTERRUPTED, None, 4, 1)
    assert [type(event) for event in run.history()] == [
        Started, StepDone, Controlled, EpochDone, Snapshot, Checkpoint, Resumed,
    ]  # fmt: skip
    (step,) = of(StepDone, run.history())
    assert step.coefficients == {"gamma": 30.0, "capacity": 0.5}
    assert (step.terms.distortion, step.terms.rate) == (700.0, None)
    np.testing.assert_array_equal(step.terms.kl_per_dim, [0.5, np.nan])
    assert of(Controlled, run.history())[0].value == 2.0
    assert run.request("pause") == 2
