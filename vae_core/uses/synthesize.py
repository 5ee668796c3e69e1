"""Draw images and see whether they are new: temperature, ways to draw, the nearest training image of each, classes.

Baselines: principal components of as many dimensions with a Gaussian, and of a Gaussian a class; yardstick: real test images,
which no model has learned from. What a network draws that it never saw is asked by `synthesize_unseen`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.data.imageset import Progress
from vae_core.errors import TooFewPoints
from vae_core.evaluation.samples import COMPARED, LEAST, Eye, eye_of, frechet_distance
from vae_core.evaluation.small_network import evenly
from vae_core.latent.nearest import nearest_images
from vae_core.latent.sampling import mixture_if_enough
from vae_core.options import option
from vae_core.uses.found import Found, Row
from vae_core.uses.intervals import Interval, of_mean, of_share
from vae_core.uses.registry import UseSettings
from vae_core.uses.subject import NoLabels, Subject
from vae_core.uses.synthesize_unseen import ask
from vae_core.uses.synthesize_ways import (
    ClassGaussians,
    Way,
    class_gaussians,
    jackknife,
    neighbours,
    pca_codes,
    prior,
    rivals_line,
)
from vae_core.uses.synthesize_words import sentences

VERSION = 1
PRIOR, MIXTURE, BESIDE, BY_CLASS = "prior", "mixture", "posterior neighbours", "class Gaussians"
PCA, PCA_CLASS = "PCA, Gaussian", "PCA, class Gaussians"
TESTS, AGAIN = "real test images", "test images, reconstructed"
REAL = "–"  # temperature of what is not drawn at one
DISTANCE, COPIES, BLUR, FRECHET, RIGHT = (
    "distance", "copies", "copies, blur allowed", "Fréchet distance", "right class",
)  # fmt: skip
FITTED = 5_000  # training images that densities are fitted to
FIT_PCA = 3_000
TESTED = 500
WORK = 4e11  # multiplications of pixels for nearest images: about half a minute
DECODED = 40_000_000  # values of pixels that are drawn, if FEWEST of each way and temperature are
FEWEST = 100
AT_ONCE = 2_500
BINS = 24
CLASSES = 10  # in the grid
SMALL_IMAGE, SMALL, LARGE = (
    4_500,
    8,
    5,
)  # values of an image up to which SMALL are shown beside each other, else LARGE


@dataclass(frozen=True)
class SynthesizeSettings(UseSettings):
    temperatures: tuple[float, ...] = option(
        (0.4, 0.7, 0.85, 1.0, 1.3),
        help="factors on how far codes lie from the middle of where they are drawn: below 1 safer pictures, above 1 stranger ones",
        minimum=0.0, maximum=3.0,
    )  # fmt: skip
    drawn: int = option(
        500, help="images drawn for the numbers of each way and temperature; of large images and sets fewer", unit="images",
        minimum=60, maximum=10_000, title="images drawn",
    )  # fmt: skip
    unseen: bool = option(
        True, help="of images with factors: train without a combination of two and ask for it, which takes a minute",
        title="ask for what it never saw",
    )  # fmt: skip
    left_out: str = option(
        "", help="the combination, such as shape=heart, x=left; of factors with many values low, middle or high; empty takes a sensible "
        "one", advanced=True, title="left out",
    )  # fmt: skip


SETTINGS = SynthesizeSettings


def measure(subject: Subject, settings: SynthesizeSettings, progress: Progress) -> Found:
    """See the module. Raises TooFewPoints for a run without training images."""
    temperatures = tuple(dict.fromkeys(settings.temperatures))
    drawing = 0.45 if settings.unseen and subject.data.factors is not None else 0.95  # share of the work
    ways, classes = ways_of(subject, settings.seed, lambda share, what: progress(0.1 * drawing * share, what))
    shown = SMALL if int(np.prod(subject.data.shape)) <= SMALL_IMAGE else LARGE
    eye, why_no_eye = _eye(subject, lambda share, what: progress(drawing * (0.1 + 0.15 * share), what))
    rng = np.random.default_rng(settings.seed)
    rows: list[Row] = []
    pictures: dict[str, np.ndarray] = {}
    more: dict[str, Any] = {}
    count = _count(subject, settings.drawn, len(ways) * len(temperatures))
    yard = _yardstick(
        subject, eye, count, rng, lambda share, what: progress(drawing * (0.25 + 0.1 * share), what)
    )
    rows += yard.rows
    drawn, more_rows = _drawn(
        subject, ways, temperatures, count, settings.seed, eye, yard,
        lambda share, what: progress(drawing * (0.35 + 0.65 * share), what),
    )  # fmt: skip
    rows += more_rows
    nearest = {}
    top = (
        max([float(d.distances.max()) for d in drawn.values()] + [float(yard.distances.max(initial=0))])
        or 1.0
    )
    edges = np.linspace(0, top * 1.001, BINS + 1)
    for way in ways:
        mine = [drawn[way.name, t] for t in temperatures]
        pictures[f"drawn {way.name}"] = np.stack([d.images[:shown] for d in mine])
        pictures[f"nearest {way.name}"] = np.stack([subject.images(d.nearest[:shown]) for d in mine])
        nearest[way.name] = {
            "numbers": [d.nearest[:shown].tolist() for d in mine],
            "distances": [np.round(d.distances[:shown], 4).tolist() for d in mine],
            "counts": [np.histogram(d.distances, edges)[0].tolist() for d in mine],
        }
    if classes is not None:
        pictures["classes"] = _class_grid(subject, classes, shown, settings.seed)
        more["class names"] = [subject.data.label_names[k] if k < len(subject.data.label_names) else str(k)
                               for k in classes.labels[:CLASSES]]  # fmt: skip
    more |= {
        "temperatures": list(temperatures), "ways": [{"name": w.name, "ours": w.ours} for w in ways], "drawn": nearest,
        "edges": np.round(edges, 5).tolist(), "line": yard.line, "blurred line": yard.blurred,
        "tests": {"distances": np.histogram(yard.distances, edges)[0].tolist(),
                  "reconstructed": np.histogram(yard.again, edges)[0].tolist()},
        "features": None if eye is None else eye.words, "without features": why_no_eye,
        "prior": subject.model.has_prior, "labels": classes is not None,
    }  # fmt: skip
    words = sentences(rows, more)
    if settings.unseen:
        asked = ask(
            subject,
            settings.left_out,
            settings.seed,
            lambda share, what: progress(drawing + (0.98 - drawing) * share, what),
        )
        rows += asked.rows
        words += asked.sentences
        more["unseen"] = asked.more
        pictures |= {f"unseen {name}": images for name, images in asked.pictures.items()}
    progress(0.99, "putting it into words")
    return Found(rows, words, more, pictures)


# ---------------------------------------------------------------- ways


def ways_of(subject: Subject, seed: int, progress: Progress) -> tuple[list[Way], ClassGaussians | None]:
    """The ways to draw that this run allows, and the Gaussians of its classes in latent space where there are labels.

    A plain autoencoder has neither a prior nor posteriors; few images allow no mixture, no classes or no components.
    """
    model = subject.model
    if not len(subject.train):
        raise TooFewPoints("the run has no training images to compare what it draws with")
    progress(0.0, "codes of the training images")
    index = subject.train[evenly(len(subject.train), FITTED)]
    images = subject.images(index)
    codes = model.encode(images, lambda share, what: progress(0.7 * share, f"codes of {what}"))
    sampled = codes.sample(np.random.default_rng(seed)) if model.stochastic else codes.mean
    ways = []
    if model.has_prior:
        ways.append(Way(PRIOR, True, prior, model.decode))
    progress(0.75, "a mixture of Gaussians")
    if (mixture := mixture_if_enough(sampled)) is not None:
        ways.append(
            Way(MIXTURE, True, lambda noise, rng, t: (mixture.draw(noise, rng, t), None), model.decode)
        )
    if model.stochastic:
        ways.append(Way(BESIDE, True, neighbours(codes.mean, codes.std), model.decode))
    labels = _labels(subject, index)
    classes = _classes(sampled, labels)
    if classes is not None:
        ways.append(Way(BY_CLASS, True, classes.codes, model.decode))
    progress(0.85, "principal components")
    some = evenly(len(images), FIT_PCA)
    try:
        axes = pca_codes(images[some], model.latent_dim, seed)
    except TooFewPoints:
        return ways, classes
    dims = len(axes.std)
    ways.append(Way(PCA, False, lambda noise, rng, t: prior(noise[:, :dims], rng, t), axes.decode))
    pca_classes = _classes(axes.encode(images[some]), None if labels is None else labels[some])
    if pca_classes is not None:
        ways.append(
            Way(
                PCA_CLASS,
                False,
                lambda noise, rng, t: pca_classes.codes(noise[:, :dims], rng, t),
                axes.decode,
            )
        )
    return ways, classes


def _labels(subject: Subject, index: np.ndarray) -> np.ndarray | None:
    try:
        found: np.ndarray = subject.labels()[index]
        return found
    except NoLabels:
        return None


def _classes(codes: np.ndarray, labels: np.ndarray | None) -> ClassGaussians | None:
    if labels is None:
        return None
    try:
        return class_gaussians(codes, labels)
    except TooFewPoints:
        return None


def _count(subject: Subject, wanted: int, parts: int) -> int:
    """Images drawn for each way and temperature: of large ones fewer."""
    return min(wanted, max(FEWEST, DECODED // int(np.prod(subject.data.shape)) // parts))


def _affordable(subject: Subject, wanted: int, parts: int) -> int:
    """Images of each way and temperature, so that all nearest training images are found in about half a minute."""
    values = len(subject.train) * int(np.prod(subject.data.shape))
    return int(np.clip(WORK / values / parts, min(60, wanted), wanted))


# ---------------------------------------------------------------- numbers


@dataclass(frozen=True, eq=False)
class _Drawn:
    """images uint8 (N, C, H, W), their nearest training images by number (N,), and distances (N,)."""

    images: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray


def _drawn(
    subject: Subject, ways: list[Way], temperatures: tuple[float, ...], count: int, seed: int, eye: Eye | None,
    yard: _Yardstick, progress: Progress,
) -> tuple[dict[tuple[str, float], _Drawn], list[Row]]:  # fmt: skip
    """What every way draws at every temperature, and the numbers of it. Features are of all, the nearest training images of
    as many as can be looked up in time, all together, so that the training images are read once."""
    pairs = [(way, temperature) for way in ways for temperature in temperatures]
    each = min(count, _affordable(subject, count, len(pairs)))
    images, seen = [], {}
    for n, (way, temperature) in enumerate(pairs):
        progress(0.5 * n / len(pairs), f"{way.name} at temperature {temperature:g}")
        made, asked = way.draw(count, subject.model.latent_dim, temperature, seed)
        images.append(made[:each])
        seen[way.name, temperature] = _seen(way, temperature, made, asked, yard, eye)
    together = np.concatenate(images)
    which, far = _nearest(
        subject,
        together,
        lambda share: progress(0.5 + 0.5 * share, "the nearest training images of all that was drawn"),
    )
    found, rows, rng = {}, [], np.random.default_rng(seed)
    for n, (way, temperature) in enumerate(pairs):
        part = slice(n * each, (n + 1) * each)
        found[way.name, temperature] = _Drawn(together[part], which[part], far[part])
        rows += _near(way, temperature, far[part], yard, rng)
        rows += seen[way.name, temperature]
    return found, rows


def _nearest(subject: Subject, images: np.ndarray, report: Any) -> tuple[np.ndarray, np.ndarray]:
    numbers, distances = [], []
    for start in range(0, len(images), AT_ONCE):
        report(start / len(images))
        which, far = nearest_images(images[start : start + AT_ONCE], subject.data.images, subject.train)
        numbers.append(which)
        distances.append(far)
    return np.concatenate(numbers), np.concatenate(distances)


def _eye(subject: Subject, progress: Progress) -> tuple[Eye | None, str]:
    """What looks at images, and a sentence where nothing can."""
    if len(subject.train) < LEAST or len(subject.test) < 2 * LEAST:
        return None, (
            f"A Fréchet distance needs {LEAST} training and {2 * LEAST} test images; there are {len(subject.train)} and "
            f"{len(subject.test)}."
        )
    return eye_of(subject.run, subject.data, progress), ""


@dataclass(frozen=True, eq=False)
class _Yardstick:
    """Of test images: distances to their nearest training images (N,), of their reconstructions `again` (N,), lines below which
    a drawn image counts as a copy, rows, features of training images (M, F), and how many images they are compared with."""

    distances: np.ndarray
    again: np.ndarray
    line: float | None
    blurred: float | None
    rows: list[Row]
    features: np.ndarray | None
    compared: int


def _yardstick(
    subject: Subject, eye: Eye | None, count: int, rng: np.random.Generator, progress: Progress
) -> _Yardstick:
    """`count`: images drawn of each way; a Fréchet distance grows as images get fewer, so as many are compared everywhere."""
    progress(0.0, "the nearest training images of test images")
    index = subject.test[evenly(len(subject.test), _affordable(subject, TESTED, 12))]
    test = subject.images(index)
    nothing = np.zeros(0, np.float32)
    features = None
    if eye is not None:
        features = eye.features(subject.images(subject.train[evenly(len(subject.train), COMPARED)]))
    if not len(test):
        return _Yardstick(nothing, nothing, None, None, [], features, 0)
    _, far = _nearest(
        subject, test, lambda share: progress(0.5 * share, "the nearest training images of test images")
    )
    made = np.rint(subject.model.reconstruct(test) * 255).astype(np.uint8)
    _, again = _nearest(
        subject, made, lambda share: progress(0.5 + 0.5 * share, "the nearest to their reconstructions")
    )
    at: dict[str, float | str] = {"temperature": REAL}
    rows = [
        Row.of(TESTS, False, DISTANCE, "", of_mean(far, rng), at),
        Row.of(AGAIN, True, DISTANCE, "", of_mean(again, rng), at),
    ]
    compared = min(count, len(test))
    line, blurred = rivals_line(far), rivals_line(again)
    if line is not None and blurred is not None:
        for name, ours, found in ((TESTS, False, far), (AGAIN, True, again)):
            rows.append(
                Row.of(name, ours, COPIES, "", of_share(int((found < line).sum()), len(found)), at, up=False)
            )
            rows.append(
                Row.of(name, ours, BLUR, "", of_share(int((found < blurred).sum()), len(found)), at, up=False)
            )
    if eye is not None and features is not None:
        some = evenly(len(test), compared)
        rows.append(_frechet(TESTS, False, eye.features(test[some]), features, at))
        rows.append(_frechet(AGAIN, True, eye.features(made[some]), features, at))
        if eye.labelled and subject.data.labels is not None:
            labels = np.asarray(subject.data.labels)[index]
            hits = (eye.classes(test) == labels)[labels >= 0]
            rows.append(Row.of(TESTS, False, RIGHT, "", of_share(int(hits.sum()), len(hits)), at))
    return _Yardstick(far, again, line, blurred, rows, features, compared)


def _frechet(name: str, ours: bool, made: np.ndarray, real: np.ndarray, at: dict[str, float | str]) -> Row:
    value, low, high = jackknife(lambda rows: frechet_distance(made[rows], real), len(made))
    return Row.of(name, ours, FRECHET, "", Interval(value, max(0.0, low), high, len(made)), at, up=False)


def _near(
    way: Way, temperature: float, far: np.ndarray, yard: _Yardstick, rng: np.random.Generator
) -> list[Row]:
    """How near training images come. The lines of copies count as known: their own spread is in no interval."""
    at: dict[str, float | str] = {"temperature": float(temperature)}
    rows = [Row.of(way.name, way.ours, DISTANCE, "", of_mean(far, rng), at)]
    for metric, line in ((COPIES, yard.line), (BLUR, yard.blurred)):
        if line is not None and (way.ours or metric == COPIES):
            found = of_share(int((far < line).sum()), len(far))
            rows.append(Row.of(way.name, way.ours, metric, "", found, at, up=False))
    return rows


def _seen(
    way: Way,
    temperature: float,
    made: np.ndarray,
    asked: np.ndarray | None,
    yard: _Yardstick,
    eye: Eye | None,
) -> list[Row]:
    """What features and classes say of uint8 images that were drawn, for the labels `asked` where it was by class."""
    if eye is None or yard.features is None:
        return []
    at: dict[str, float | str] = {"temperature": float(temperature)}
    rows = [_frechet(way.name, way.ours, eye.features(made[: yard.compared]), yard.features, at)]
    if asked is not None and eye.labelled:
        hits = eye.classes(made) == asked
        rows.append(Row.of(way.name, way.ours, RIGHT, "", of_share(int(hits.sum()), len(hits)), at))
    return rows


def _class_grid(subject: Subject, classes: ClassGaussians, across: int, seed: int) -> np.ndarray:
    """(K, across, C, H, W): images of each class at temperature 0.7, at most CLASSES of them, by the same noise in every row."""
    noise = np.random.default_rng(seed + 1).standard_normal((across, subject.model.latent_dim))
    places = range(min(CLASSES, len(classes.labels)))
    return np.stack([subject.model.decode_uint8(classes.of(np.full(across, k), noise, 0.7)) for k in places])
