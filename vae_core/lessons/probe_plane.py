"""A plane of codes as a classifier sees it: the class of each cell, where it changes its mind, and what lies far from all codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.evaluation.classifier import KIND, classifier_of
from vae_core.evaluation.small_network import file_name
from vae_core.latent.probes import fit_probe
from vae_core.latent.statistics import nearest
from vae_core.lessons.material import Material
from vae_core.places import assets
from vae_core.uses.components import components
from vae_core.words import counted

FINE, COARSE, FEW = 28, 14, 1024  # cells a side: of pictures of up to FEW values, and of larger ones
STOPS = 41  # places along a path
POOLED, AXES = 16, 32  # pixels a side that a probe of pixels sees, and principal components of them
USUAL = 95  # percentile of the distances of codes to their nearest


@dataclass(frozen=True, eq=False)
class Plane:
    """Cells of a square of the two dimensions `dims`, all others at 0, from the lower left, row by row.

    span: left, right, bottom, top. classes (side, side) numbers in `names`; sure (side, side): the probability of that class;
    far (side, side): whether a cell's code lies farther from any image's than nearly all of these from their nearest.
    seen_by: the classifier, in words; truths (N,): each image's own class, −1 for one without.
    """

    dims: tuple[int, int]
    span: tuple[float, float, float, float]
    classes: np.ndarray
    sure: np.ndarray
    far: np.ndarray
    names: tuple[str, ...]
    seen_by: str
    truths: np.ndarray

    def cell(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of points (N, 2)."""
        side = len(self.classes)
        left, right, low, high = self.span
        across = (xy[:, 0] - left) / (right - left) * side
        up = (xy[:, 1] - low) / (high - low) * side
        row, column = (np.clip(np.floor(v), 0, side - 1).astype(int) for v in (up, across))
        return row, column

    def along(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The classes (STOPS,) of the cells that the straight path from `start` (2,) to `end` (2,) crosses."""
        t = np.linspace(0, 1, STOPS)[:, None]
        found: np.ndarray = self.classes[self.cell((1 - t) * start + t * end)]
        return found


def changes(classes: np.ndarray) -> int:
    """How often one class gives way to another."""
    return int((np.diff(classes) != 0).sum())


def plane_of(material: Material) -> Plane:
    """The plane of a run's two dimensions that tell most. Raises TooFewPoints where its images have too few labels."""
    see, names, words = classifier(material)
    a, b = material.dims
    codes = material.codes.mean
    xy = codes[:, [a, b]]
    reach = 1.1 * max(1.0, float(np.abs(xy).max()))
    side = FINE if int(np.prod(material.images.shape[1:])) <= FEW else COARSE
    middles = (np.arange(side) + 0.5) / side * 2 * reach - reach
    grid = np.zeros((side, side, codes.shape[1]), np.float32)
    if a != b:
        grid[..., b] = middles[:, None]
    grid[..., a] = middles[None]
    flat = grid.reshape(side * side, -1)
    seen = see(material.model.decode(flat))
    usual = nearest(codes, codes, 2)[1][:, -1] if len(codes) > 1 else np.array([reach])
    far = nearest(flat, codes, 1)[1][:, 0] > np.percentile(usual, USUAL)
    shape = (side, side)
    return Plane(
        (a, b), (-reach, reach, -reach, reach), seen.argmax(1).reshape(shape), seen.max(1).reshape(shape),
        far.reshape(shape), names, words, _truths(material, names),
    )  # fmt: skip


See = Callable[[np.ndarray], np.ndarray]  # images (N, C, H, W) in [0, 1] -> probabilities (N, K)


def classifier(material: Material) -> tuple[See, tuple[str, ...], str]:
    """What tells classes of pictures, its classes, and what it is. A small network where one is kept for these images; else a
    logistic regression on the pixels’ principal components. Raises TooFewPoints where there are no labels, or too few of them."""
    labels, subject = material.labels, material.subject
    if labels is None or len(np.unique(labels[labels >= 0])) < 2:
        raise TooFewPoints("a classifier needs images of two labels")
    config, places = subject.model.config, material.run.places
    name = file_name(config, subject.data)
    if (assets() / f"{KIND}s" / name).exists() or places.derived_file(f"{KIND}s", name).exists():
        found = classifier_of(places, config, subject.data)
        words = f"a small network that names {found.accuracy:.0%} of validation images rightly"
        return found.probabilities, found.label_names, words
    known = subject.data.label_names
    words_of = [known[k] if k < len(known) else str(k) for k in range(int(labels.max()) + 1)]
    seen = pooled(material.floats.reshape(material.images.shape))
    parts = components(seen, AXES, exact=True)
    probe = fit_probe(parts.of(seen), labels, words_of)
    words = f"a logistic regression on {counted(len(parts.axes), 'principal component')} of the pixels that names {probe.accuracy:.0%} of held-out images rightly"
    return lambda images: probe.probabilities(parts.of(pooled(images))), probe.names, words


def pooled(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) -> (N, F): blocks of pixels averaged, at most POOLED a side."""
    n, c, h, w = images.shape
    k = -(-max(h, w) // POOLED)
    cut = images[:, :, : h // k * k, : w // k * k]
    found: np.ndarray = cut.reshape(n, c, h // k, k, w // k, k).mean((3, 5), dtype=np.float32).reshape(n, -1)
    return found


def _truths(material: Material, names: tuple[str, ...]) -> np.ndarray:
    at = {name: k for k, name in enumerate(names)}
    assert material.labels is not None
    return np.array(
        [at.get(material.word(i), -1) if label >= 0 else -1 for i, label in enumerate(material.labels)],
        np.int32,
    )
