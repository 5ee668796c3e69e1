"""What lessons are built from: a run with images and codes, and the shipped runs that stand beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vae_core.errors import RunNotFound, VaeCoreError
from vae_core.inference import Codes, LoadedModel
from vae_core.latent.statistics import order_by_kl
from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.uses.subject import Subject, open_subject, usable

FALLBACK, PLAIN = "digits-vae-2d", "digits-ae-2d"  # equal but for the objective
FEW = 12  # with fewer images that it never saw, `widened` takes those a run was trained on as well
MOST, SHOWN = 600, 12  # images of the map, and those that may be chosen


@dataclass(frozen=True, eq=False)
class Material:
    """A run, up to MOST of the images it never saw, and what it says of them.

    images: uint8 (N, C, H, W). labels: int64 (N,), or None. rows: numbers (N,) of the images in the run's set.
    """

    subject: Subject
    images: np.ndarray
    codes: Codes
    labels: np.ndarray | None
    remark: str = ""
    rows: np.ndarray | None = None

    @property
    def model(self) -> LoadedModel:
        return self.subject.model

    @property
    def run(self) -> Run:
        return self.subject.run

    @cached_property
    def order(self) -> np.ndarray:
        """The dimensions (D,) from the one that tells most to the one that tells least, by KL (for an autoencoder by variance)."""
        kl = self.codes.kl_per_dim
        return order_by_kl(kl if np.isfinite(kl).all() else self.codes.mean.var(0))

    @cached_property
    def dims(self) -> tuple[int, int]:
        """The two dimensions that tell most; the same twice where D is 1."""
        return int(self.order[0]), int(self.order[1 % len(self.order)])

    @cached_property
    def floats(self) -> np.ndarray:
        """(N, C·H·W) float32 in [0, 1]."""
        return self.images.reshape(len(self.images), -1).astype(np.float32) / 255

    @cached_property
    def spread(self) -> float:
        """How much images differ: mean squared difference of a pixel between two of them."""
        return max(float(2 * self.floats.var(0).mean()), 1e-12)

    @cached_property
    def average(self) -> np.ndarray:
        """The mean of up to MOST training images, (C·H·W,) float32 in [0, 1]."""
        rows = np.sort(np.random.default_rng(0).permutation(self.subject.train)[:MOST])
        images = self.subject.images(rows) if len(rows) else self.images
        mean: np.ndarray = images.reshape(len(images), -1).mean(0, dtype=np.float32) / 255
        return mean

    @cached_property
    def chosen(self) -> np.ndarray:
        """Numbers of up to SHOWN images to choose from, one of each class first; the same each time."""
        if self.labels is None:
            return np.arange(min(SHOWN, len(self.images)))
        first = [int(np.argmax(self.labels == c)) for c in np.unique(self.labels) if c >= 0][:SHOWN]
        rest = [i for i in range(len(self.images)) if i not in first]
        return np.array((first + rest)[:SHOWN])

    def word(self, i: int) -> str:
        """What image i shows, or its number."""
        names = self.subject.data.label_names
        if self.labels is None or self.labels[i] < 0:
            return f"image {i}"
        label = int(self.labels[i])
        return names[label] if label < len(names) else str(label)


NO_RUN = "No run is chosen, so this lesson shows the shipped one on digits."


def gather(run: Run | None, places: Places, why: str = NO_RUN) -> Material:
    """The material of a run; that of the shipped FALLBACK where there is none (with the remark `why`) or it cannot be used.

    Raises VaeCoreError where the shipped run cannot be used either.
    """
    if run is not None:
        try:
            return widened(_material(run))
        except VaeCoreError as error:
            why = f"This lesson shows the shipped run on digits, since {error}."
    return widened(_material(Store(places).find(FALLBACK), why))


def widened(material: Material) -> Material:
    """The material; where it has fewer than FEW images, with those the run was trained on, and the remark says so."""
    subject = material.subject
    rows = np.unique(np.concatenate((subject.test, subject.train)))
    if len(material.images) >= min(FEW, len(rows)):
        return material
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST])
    images = subject.images(rows)
    labels = None if subject.data.labels is None else np.asarray(subject.data.labels)[rows]
    remark = (
        f"{material.remark} Few images are left over, so those it was trained on are shown as well.".strip()
    )
    return replace(
        material, images=images, codes=material.model.encode(images), labels=labels, remark=remark, rows=rows
    )


def pair(places: Places) -> tuple[Material, Material]:
    """A plain autoencoder and a VAE that differ in the objective alone. Raises RunNotFound where they are not shipped."""
    store = Store(places)
    return _material(store.find(PLAIN), plain=True), _material(store.find(FALLBACK))


def _material(run: Run, remark: str = "", *, plain: bool = False) -> Material:
    record = run.record()
    dial = record.effective.objective.dial
    beta = 0.0 if dial is None else min(max(1.0, dial.lowest), dial.highest)
    usable(run, beta)
    subject = open_subject(run, beta=beta)
    if not subject.model.stochastic and not plain:
        raise VaeCoreError(f"{record.name} is a plain autoencoder and has no posterior")
    rows = subject.test if len(subject.test) else subject.train
    if not len(rows):
        raise RunNotFound(f"{record.name} has no images")
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST])
    images = subject.images(rows)
    labels = None if subject.data.labels is None else np.asarray(subject.data.labels)[rows]
    return Material(subject, images, subject.model.encode(images), labels, remark, rows)
