"""What a use is measured on: a run, its network and its images; and small networks trained for one measurement."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.data.splits import Splits
from vae_core.errors import BadConfig, BadRun, DataUnavailable, NoEncoder, VaeCoreError
from vae_core.events import Checkpoint, EpochDone, Failed, Started, StepDone
from vae_core.inference import LoadedModel, load_run
from vae_core.runs.record import LIVE, Record
from vae_core.runs.run import Run


@dataclass(frozen=True, eq=False)
class Subject:
    """A run with its network and images, and which of those it trained on; note: a sentence on how the images differ from
    those it was trained on, empty where they do not."""

    run: Run
    model: LoadedModel
    data: ImageSet
    splits: Splits
    note: str = ""

    @property
    def train(self) -> np.ndarray:
        """Numbers (N,) of the images the run learned from."""
        return self.splits.train

    @property
    def test(self) -> np.ndarray:
        """Numbers (M,) of the images it never saw."""
        return self.splits.test

    def images(self, index: np.ndarray) -> np.ndarray:
        """uint8 (n, C, H, W) by number, in memory."""
        return np.asarray(self.data.images[index])

    def labels(self) -> np.ndarray:
        """int64 (N,) of all images. Raises VaeCoreError where there are none, or of one class alone."""
        if self.data.labels is None:
            raise NoLabels(
                f"the images of {self.data.name} have no labels, which this needs; choose a run on labelled images, or import "
                "these with labels"
            )
        labels = np.asarray(self.data.labels)
        if len(np.unique(labels[labels >= 0])) < 2:
            raise NoLabels(f"all images of {self.data.name} have one label: there is nothing to tell apart")
        return labels


class NoLabels(VaeCoreError):  # noqa: N818
    """Images without labels were asked for something that takes labels."""


class NoWeights(BadRun):
    """A run was to be used that has learned nothing yet."""


class NoBeta(BadConfig):
    """A β dial was to be used at no β."""


def usable(run: Run, beta: float = 0.0) -> Record:
    """The record of a run that can be used at a β, 0 where none is chosen; nothing is loaded.

    Raises NoWeights for a run that has learned nothing yet, NoEncoder for a GAN, BadConfig for a dial without a β, or a β of
    a run without one.
    """
    record = run.record()
    if not run.has_weights():
        if run.status().state in LIVE:
            raise NoWeights(
                f"the run {record.name} is learning and has no weights yet; wait for its first checkpoint, or choose another run"
            )
        begun = "never started" if record.shape is None else "ended before its first checkpoint"
        raise NoWeights(
            f"the run {record.name} {begun}, so there is nothing to use; train it first, or choose another run"
        )
    objective = record.effective.objective
    if not objective.entry.has_encoder:
        raise NoEncoder(
            f"the run {record.name} is a GAN: it draws images and has no encoder, which every use here needs; choose a VAE or an "
            "autoencoder"
        )
    dial = objective.dial
    if dial is not None and not beta:
        raise NoBeta(
            f"the run {record.name} holds a whole dial of βs: say at which one it is to be used (in Settings, or by --beta, "
            f"{dial.lowest:g} to {dial.highest:g})"
        )
    if dial is None and beta:
        raise BadConfig(f"the run {record.name} has no β dial; leave β at 0")
    return record


def open_subject(run: Run, *, beta: float = 0.0, device: str = "auto") -> Subject:
    """Load a run and its images. `beta` is the point of a β dial, 0 where none is chosen.

    Raises what `usable` does; DataUnavailable with the remedy where the images are absent; BadRun where they are others by
    now.
    """
    record = usable(run, beta)
    model = load_run(run, device=device)
    if beta:
        model = model.at_beta(beta)
    data, note = _images_of(run, record)
    return Subject(run, model, data, model.config.data.split(data), note)


def _images_of(run: Run, record: Record) -> tuple[ImageSet, str]:
    """The images, and a sentence where they are not quite those it was trained on."""
    assert record.shape is not None
    name = record.effective.data.dataset
    try:
        data = open_images(name, record.shape[1], run.places)
    except VaeCoreError as error:
        raise DataUnavailable(f"the images of {record.name} ({name}) are not here: {error}") from None
    trained_on = record.data.get("fingerprint")
    if not trained_on or data.fingerprint == trained_on:
        return data, ""
    if data.own or data.shape != record.shape:
        raise BadRun(
            f"the images named {name} are not those that {record.name} was trained on; train a run on these, or import the "
            "earlier ones again"
        )
    # a built-in set is drawn or read anew on each machine, whose libraries may round otherwise
    return (
        data,
        f"The images of {name} on this machine differ in a few pixels' rounding from those {record.name} was trained on.",
    )


def with_images(data: ImageSet, images: np.ndarray, train: np.ndarray, test: np.ndarray) -> ImageSet:
    """A set of some of a set's images, in memory: those numbered `train` and `test` in `data`, of which `images` uint8
    (len(train) + len(test), C, H, W) are the pixels in that order. Labels and factors come along."""
    rows = np.concatenate((train, test))
    return replace(
        data,
        images=images,
        labels=None if data.labels is None else np.asarray(data.labels)[rows],
        factors=None if data.factors is None else np.asarray(data.factors)[rows],
        test=np.arange(len(train), len(rows)),
        names=None, copies=None, validation=None, own_test=True,
        fingerprint=f"{data.fingerprint}-part",
    )  # fmt: skip


def part_of(data: ImageSet, train: np.ndarray, test: np.ndarray) -> ImageSet:
    """A set of some of a set's images, to train on `train` and never see `test` (numbers in `data`)."""
    return with_images(data, np.asarray(data.images[np.concatenate((train, test))]), train, test)


def learned(
    config: RunConfig, data: ImageSet, progress: Progress = silent, *, name: str = "a small network", initial: LoadedModel | None = None
) -> LoadedModel:  # fmt: skip
    """Train a network for one measurement, in memory: no run folder is left. What `progress` raises ends it.

    initial: whose weights it starts from. Raises BadConfig or BadImages before it begins, BadRun where training failed.
    """
    from vae_core.training import machine_of, resolve, settle, train

    # a run's own precision may be bfloat16, which a processor without it computes ten times as slowly
    config = replace(
        settle(config, data), training=replace(settle(config, data).training, precision="float32", gpus=1)
    )
    resolved = resolve(config, data)
    last: Checkpoint | None = None
    steps = 1
    start = None if initial is None else dict(initial.model.state_dict())
    for event in train(config, data, initial=start):
        if isinstance(event, Started):
            steps = max(1, event.steps_total)
        elif isinstance(event, (StepDone, EpochDone)):
            progress(min(1.0, event.step / steps), f"training {name}")
        elif isinstance(event, Checkpoint):
            last = event
        elif isinstance(event, Failed):
            raise BadRun(f"{name} could not be trained: {event.reason}")
    if last is None:
        raise BadRun(f"{name} could not be trained: it left no weights")
    record = Record(
        "uses",
        name,
        None,
        config,
        resolved,
        machine_of(resolved),
        {"shape": list(data.shape), "fingerprint": data.fingerprint},
    )
    return LoadedModel(record, dict(last.last), "uses", "cpu")
