"""How good a model's samples are, of any model that decodes: distance, precision, recall, coverage, sharpness.

    <home>/derived/<weights stamp>/samples.json
    <run folder>/samples.json, of a pretrained run

All but sharpness are taken in the features of a small network trained on that dataset's labels (see `classifier`), or, where
there are no labels, in its principal components. The Fréchet distance is the formula of Heusel et al. 2017, who take it in
features of Inception: ours is no FID, and compares only with others on the same images.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadImages, BadRun, RunNotFound, TooFewPoints
from vae_core.evaluation.classifier import Classifier, classifier_of
from vae_core.evaluation.metrics.sharpness import sharpness
from vae_core.evaluation.small_network import evenly, outputs
from vae_core.inference import LoadedModel, load_run
from vae_core.latent.nearest import squares
from vae_core.latent.sampling import mixture_if_enough
from vae_core.places import write_atomically
from vae_core.reading import read_json
from vae_core.runs.run import Run

VERSION = 2  # raise it whenever the same weights would give other numbers, or more of them
FILE = "samples.json"
DRAWN = 10_000  # samples whose classes are counted
COMPARED = 2_000  # of them, and of real images, whose features are compared
NEIGHBOURS = 3  # k of precision and recall, as in the paper
BALLED = 1_000  # images behind precision and recall
LEAST, LEAST_TEST = 50, 5  # training and test images that a distance can be told from
CLUSTERS = 10  # where there are no labels
COMPONENTS = 32  # principal, where there are no labels
SHARPENED = 256  # images whose sharpness is measured
AT_ONCE = 256
TEMPERATURE = 0.7  # of codes nearer to the middle of the prior: safer pictures, less variety
PRIOR, COOL, MIXTURE = "prior", f"prior at temperature {TEMPERATURE:g}", "mixture"


@dataclass(frozen=True)
class SampleNumbers:
    """Of one model and one way to draw codes.

    frechet: distance to training images; precision, recall: shares; least_share: share of samples in the class (or
    cluster) that has fewest, over its share in the data; hit: classes that some sample falls into; divergence: KL of the
    samples' class histogram from the data's, nats; sharpness: over that of real images, None where those are flat.
    """

    frechet: float
    precision: float
    recall: float
    least_share: float
    hit: int
    divergence: float
    sharpness: float | None


@dataclass(frozen=True)
class Sampled:
    """What was measured of a run: by how codes were drawn, PRIOR, COOL and, where it has an encoder, MIXTURE.

    real: the same of `tested` test images, which no model has learned from, against the same training images: the yardstick;
    classes: their number; features: in words, where all this was measured; labelled: whether classes are labels, not clusters.
    """

    numbers: Mapping[str, SampleNumbers]
    real: SampleNumbers
    tested: int
    classes: int
    features: str
    labelled: bool


# ---------------------------------------------------------------- formulas


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """|mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of features (N, F) and (M, F): Dowson & Landau 1982, eq. 6."""
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    c, d = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    values, vectors = np.linalg.eigh(c)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ d @ root), 0)).sum()
    return float(max(0.0, mean + np.trace(c) + np.trace(d) - 2 * shared))


def inside(points: np.ndarray, others: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Share of `points` (N, F) that lie within the distance of some of `others` (M, F) to its k-th neighbour among these.

    Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric", eq. 1 and 2: with samples and real images it is the
    precision, the other way round the recall. Raises TooFewPoints where `others` has no k-th neighbours.
    """
    if len(others) <= k:
        raise TooFewPoints(f"precision and recall need more than {k} images; there are {len(others)}")
    radius = np.partition(_squares(others, others), k, axis=1)[:, k]  # the nearest to itself is itself
    return float((_squares(points, others) <= radius).any(1).mean())


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances (N, M), none below 0 by rounding."""
    found: np.ndarray = np.maximum(0, squares(a, b))
    return found


def coverage(made: np.ndarray, real: np.ndarray, classes: int) -> tuple[float, int, float]:
    """Of class numbers (N,) and (M,): the least share of a class over its share in the data, classes hit, and the KL
    divergence of the first histogram from the second, nats. Classes without a real image do not count."""
    p, q = np.bincount(made, minlength=classes) / len(made), np.bincount(real, minlength=classes) / len(real)
    there = q > 0
    p, q = p[there], q[there]
    used = p > 0
    divergence = float((p[used] * np.log(p[used] / q[used])).sum())
    return float((p / q).min()), int(used.sum()), max(0.0, divergence)


# ---------------------------------------------------------------- where it is measured


@dataclass(frozen=True)
class Eye:
    """What looks at images: features (N, C, H, W) -> (N, F), and classes (N, C, H, W) -> (N,) below `count`."""

    words: str
    features: Callable[[np.ndarray], np.ndarray]
    classes: Callable[[np.ndarray], np.ndarray]
    count: int
    labelled: bool


def eye_of(run: Run, data: ImageSet, progress: Progress = silent) -> Eye:
    """A classifier of the labels where there are two or more; else principal components and clusters of training images."""
    config = run.record().effective
    try:
        return _of_labels(classifier_of(run.places, config, data, progress=progress))
    except (BadImages, TooFewPoints):
        train = config.data.split(data).train
        return _of_pixels(np.asarray(data.images[train[evenly(len(train), COMPARED)]]))


def _of_labels(found: Classifier) -> Eye:
    layers = found.network[:-2]  # type: ignore[index] # without the flattening and the linear layer
    from torch import nn

    pooled = nn.Sequential(layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    words = f"mean features of a small classifier of these labels ({found.accuracy:.1%} right on validation images)"
    return Eye(
        words, lambda x: outputs(pooled, x, 64).double().numpy(), lambda x: found.probabilities(x).argmax(1),
        len(found.label_names), True,
    )  # fmt: skip


def _of_pixels(train: np.ndarray) -> Eye:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    def flat(x: np.ndarray) -> np.ndarray:
        floats = x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x
        return floats.reshape(len(x), -1)

    rows = flat(train)
    parts = min(COMPONENTS, len(rows) - 1, rows.shape[1])
    axes = PCA(parts, random_state=0).fit(rows)
    groups = min(CLUSTERS, max(2, len(rows) // 20))
    heaps = KMeans(groups, n_init=3, random_state=0).fit(axes.transform(rows))
    words = f"the first {parts} principal components of the pixels, and {groups} clusters there, as these images have no labels to tell apart"
    return Eye(
        words, lambda x: axes.transform(flat(x)).astype(np.float64),
        lambda x: heaps.predict(axes.transform(flat(x)).astype(np.float32)), groups, False,
    )  # fmt: skip


# ---------------------------------------------------------------- measure and keep


def measure_samples(run: Run, data: ImageSet, progress: Progress = silent, *, drawn: int = DRAWN) -> Sampled:
    """Measure a run's samples and keep the result for these weights. What `progress` raises ends it.

    Raises BadRun without weights, TooFewPoints for a dataset with too few images to compare with.
    """
    model = load_run(run)
    found = sample_numbers(run, model, data, progress, drawn=drawn)
    path = run.places.derived_file(model.stamp, FILE, write=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = to_json(found, run.id, model.stamp, data.fingerprint)
    write_atomically(path, json.dumps(kept).encode(), durable=False)
    progress(1.0, "measured")
    return found


def sample_numbers(
    run: Run, model: LoadedModel, data: ImageSet, progress: Progress = silent, *, drawn: int = DRAWN, seed: int = 0
) -> Sampled:  # fmt: skip
    """Measure the samples of a run's network, `drawn` for each way of drawing codes; nothing of it is kept.

    Raises TooFewPoints for a dataset with too few images to compare with, or for too few samples.
    """
    train = model.config.data.split(data).train
    if len(train) < LEAST or len(data.test) < LEAST_TEST:
        raise TooFewPoints(
            f"samples are compared with {LEAST} training and {LEAST_TEST} test images or more; {data.name} has {len(train)} and "
            f"{len(data.test)}"
        )
    if drawn < LEAST:
        raise TooFewPoints(f"{drawn} samples tell nothing of a model; draw {LEAST} or more")
    eye = eye_of(run, data, lambda share, what: progress(0.2 * share, what))
    images = np.asarray(data.images[train[evenly(len(train), COMPARED)]])
    real = _Seen(eye, eye.features(images), eye.classes(images), images / np.float32(255))
    test = np.asarray(data.images[data.test[evenly(len(data.test), COMPARED)]])
    unseen = real.against(eye.features(test), eye.classes(test), test / np.float32(255))
    ways = {PRIOR: _prior(model), COOL: _prior(model, TEMPERATURE)}
    if model.has_encoder and (mixture := _mixture(model, images)) is not None:
        ways[MIXTURE] = mixture
    numbers = {}
    for place, (name, draw) in enumerate(ways.items()):
        start, width = 0.2 + 0.8 * place / len(ways), 0.8 / len(ways)

        def part(share: float, start: float = start, width: float = width, name: str = name) -> None:
            progress(start + width * share, f"samples from the {name}")

        numbers[name] = _numbers(model, draw, real, drawn, np.random.default_rng(seed), part)
    return Sampled(numbers, unseen, len(test), eye.count, eye.words, eye.labelled)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Training images, and what an eye makes of them: features (N, F), classes (N,), images (N, C, H, W) in [0, 1]."""

    eye: Eye
    features: np.ndarray
    classes: np.ndarray
    images: np.ndarray

    def against(self, features: np.ndarray, classes: np.ndarray, images: np.ndarray) -> SampleNumbers:
        """The numbers of others against these: features (M, F), classes (K,) and images (L, C, H, W), each of some of them."""
        least, hit, divergence = coverage(classes, self.classes, self.eye.count)
        mine = self.images[evenly(len(self.images), SHARPENED)]
        sharp = sharpness(images[evenly(len(images), SHARPENED)], mine)
        a, b = (part[evenly(len(part), BALLED)] for part in (features, self.features))
        return SampleNumbers(
            frechet_distance(features, self.features), inside(a, b), inside(b, a), least, hit, divergence, sharp
        )  # fmt: skip


Draw = Callable[[int, np.random.Generator], np.ndarray]


def _prior(model: LoadedModel, temperature: float = 1.0) -> Draw:
    return lambda count, rng: (temperature * rng.standard_normal((count, model.latent_dim))).astype(
        np.float32
    )


def _mixture(model: LoadedModel, real: np.ndarray) -> Draw | None:
    fitted = mixture_if_enough(model.encode(real).sample(np.random.default_rng(0)))
    if fitted is None:
        return None
    return lambda count, rng: fitted.draw(rng.standard_normal((count, model.latent_dim)), rng)


def _numbers(
    model: LoadedModel, draw: Draw, real: _Seen, drawn: int, rng: np.random.Generator, progress: Callable[[float], object]
) -> SampleNumbers:  # fmt: skip
    named, features, first = [], [], []
    for start in range(0, drawn, AT_ONCE):
        progress(start / drawn)
        images = model.decode(draw(min(AT_ONCE, drawn - start), rng))
        named.append(real.eye.classes(images))
        if start < len(real.features):
            features.append(real.eye.features(images))
        if start == 0:
            first.append(images)
    return real.against(np.concatenate(features)[: len(real.features)], np.concatenate(named), first[0])


def stored_samples(run: Run) -> Sampled | None:
    """What was measured of these very weights, or shipped with them; None when it was not, in another version, or the run
    has none."""
    try:
        stamp, fingerprint = run.stamp(), run.record().data.get("fingerprint")
    except (BadRun, RunNotFound, OSError):
        return None
    for path in (run.places.derived_file(stamp, FILE), run.path / FILE):
        if (found := _read(path, run.id, stamp, fingerprint)) is not None:
            return found
    return None


def to_json(found: Sampled, run_id: str, stamp: str, fingerprint: str) -> dict[str, Any]:
    """The object that the file holds: what was measured of a run's weights of that `stamp`, on images of that fingerprint."""
    said = {"version": VERSION, "fingerprint": fingerprint, "run": run_id, "stamp": stamp}
    return asdict(found) | said


def _read(path: Path, run_id: str, stamp: str, fingerprint: object) -> Sampled | None:
    """What a file says; None where it is missing, damaged, of other weights or images, or of another version."""
    try:
        raw: Any = read_json(path)
        said = (raw["version"], raw["run"], raw.get("stamp", stamp), raw["fingerprint"])
        if said != (VERSION, run_id, stamp, fingerprint):
            return None
        numbers = {str(name): SampleNumbers(**one) for name, one in raw["numbers"].items()}
        real = SampleNumbers(**raw["real"])
        words, labelled = str(raw["features"]), bool(raw["labelled"])
        return Sampled(numbers, real, int(raw["tested"]), int(raw["classes"]), words, labelled)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
