"""Represent: do codes need fewer labels than pixels to tell classes apart?

Codes of images, their principal components (as many as the code has dimensions) and their raw pixels are read by the same
linear probe and the same nearest neighbours, over the number of labelled images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_core.data.imageset import Progress
from vae_core.latent.nearest import squares
from vae_core.uses import data_need, readouts
from vae_core.uses.components import components, flat
from vae_core.uses.found import LOSES, WINS, Found, Row, verdict
from vae_core.uses.intervals import Interval, of_share, share_over_seeds
from vae_core.uses.labelled import Pool, pool_of
from vae_core.uses.represent_settings import Represent
from vae_core.uses.subject import NoLabels, Subject
from vae_core.words import counted, listed

VERSION = 1
MOST_PICTURES = 400_000  # values of all pictures of neighbours
PROBE, NEIGHBOURS = "probe", "neighbours"
CODES, PCA, PIXELS = "codes", "PCA", "pixels"
ALL = "all"


SETTINGS = Represent


def measure(subject: Subject, settings: Represent, progress: Progress) -> Found:
    """Accuracy over labels of each reading of each kind of features; and, where asked for, the data need.

    pictures: "test" uint8 (T, C, H, W) some test images, "near" (L, C, H, W) the labelled images that are nearest to them,
    of which more["near"]["rows"][features][stop] names T each.
    """
    try:
        subject.labels()
    except NoLabels:
        if not settings.transfer:
            raise
        return data_need.measure(subject, settings, progress, None)
    pool = pool_of(subject, settings.seed, settings.images, settings.test)
    if settings.transfer and settings.start_from:  # a start that cannot be is said before minutes are spent
        data_need.source_of(subject, settings, data_need.small_config(subject, settings.steps), progress)
    share = 0.15 if settings.transfer else 1.0
    found = labels_needed(subject, settings, pool, lambda part, words: progress(share * part, words))
    if settings.transfer:
        more = data_need.measure(
            subject, settings, lambda part, words: progress(share + (1 - share) * part, words), pool
        )
        found = Found(
            [*found.rows, *more.rows],
            [*found.sentences, *more.sentences],
            {**found.more, **more.more},
            found.pictures,
        )
    return found


def labels_needed(subject: Subject, settings: Represent, pool: Pool, progress: Progress) -> Found:
    """Accuracy over the number of labelled images."""
    features, notes = features_of(subject, settings, pool, progress)
    sizes = np.unique(pool.train_labels, return_counts=True)[1]
    stops: list[int | None] = [n for n in readouts.counts_per_class(sizes) if n < sizes.max()]
    stops.append(None)
    rows: list[Row] = []
    labelled: list[int] = []
    shown = Shown(subject, settings, pool, len(stops))
    strengths = dict.fromkeys(features, readouts.USUAL_STRENGTH)
    for i, most in enumerate(stops):
        shares: dict[tuple[str, str], list[float]] = {}
        count = 0
        # when all labels are told there is nothing to choose: one reading, its interval over the test images
        for seed in range(settings.repeats if most else 1):
            progress(
                0.2 + 0.8 * _cost(i, seed, stops, settings.repeats),
                "all labels" if most is None else f"{counted(most, 'label')} a class",
            )
            rng = np.random.default_rng((settings.seed, seed))
            some = readouts.some_of_each(pool.train_labels, most or len(pool.train), rng)
            y, count = pool.train_labels[some], len(some)
            if seed == 0:
                labelled.append(count)
                shown.add(features, some)
            for name, (train, test, far) in features.items():
                if seed == 0 and count <= MOST_TO_CHOOSE:
                    strengths[name] = readouts.chosen_strength(train[some], y, rng)
                named = readouts.probe(train[some], y, test, strengths[name])
                shares.setdefault((PROBE, name), []).append(_right(named, pool))
                k = min(settings.neighbours, most or settings.neighbours)
                shares.setdefault((NEIGHBOURS, name), []).append(
                    _right(readouts.vote(far[:, some], y, k), pool)
                )
        at: dict[str, float | str] = {
            "per class": ALL if most is None else float(most),
            "labels": float(count),
        }
        for (reading, name), values in shares.items():
            interval = share_over_seeds(values) if most else _wilson(values[0], len(pool.test))
            rows.append(Row.of(method(reading, name), name == CODES, "accuracy", "", interval, at))
    more = {
        "labels": labelled,
        "per_class": [ALL if most is None else most for most in stops],
        "near": shown.more,
    }
    return Found(
        rows, [*sentences(rows, subject.model.latent_dim), *pool.notes, *notes], more, shown.pictures()
    )


MOST_TO_CHOOSE = 1_000  # labels up to which the probe's penalty is chosen anew; beyond, the last choice holds


def method(reading: str, features: str) -> str:
    """The name of a method: how what is read."""
    return f"{reading} on {features}"


Features = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


def features_of(
    subject: Subject, settings: Represent, pool: Pool, progress: Progress
) -> tuple[Features, list[str]]:
    """By name: of the images that may be labelled (N, F), of those to name (M, F), squared distances (M, N); and notes."""
    train, test = subject.images(pool.train), subject.images(pool.test)
    progress(0.02, "codes")
    model, notes = subject.model, []
    kinds = {CODES: (model.encode(train).mean, model.encode(test).mean)}
    progress(0.1, "principal components")
    pixels = flat(train), flat(test)
    axes = components(pixels[0], model.latent_dim, settings.seed)
    if len(axes.axes) < model.latent_dim:
        notes.append(
            f"PCA has {counted(len(axes.axes), 'component')} and not {model.latent_dim}: there are but "
            f"{counted(len(train), 'image')}."
        )
    kinds[PCA] = axes.of(pixels[0]), axes.of(pixels[1])
    kinds[PIXELS] = pixels
    progress(0.15, "distances")
    return {name: (a, b, squares(b, a)) for name, (a, b) in kinds.items()}, notes


class Shown:
    """A few test images and, at each number of labels, the labelled image nearest to each by each kind of features."""

    def __init__(self, subject: Subject, settings: Represent, pool: Pool, stops: int) -> None:
        fits = MOST_PICTURES // max(1, 3 * stops * int(np.prod(subject.data.shape)))
        rng = np.random.default_rng((settings.seed, 99))
        self.subject, self.pool = subject, pool
        self.test = np.sort(rng.permutation(len(pool.test))[: max(3, min(10, fits))])
        self.kept: dict[int, int] = {}
        self.rows: dict[str, list[list[int]]] = {}

    def add(self, features: Features, some: np.ndarray) -> None:
        """Of the labelled rows `some`."""
        for name, (_, _, far) in features.items():
            near = some[far[np.ix_(self.test, some)].argmin(1)]
            places = [self.kept.setdefault(int(row), len(self.kept)) for row in near]
            self.rows.setdefault(name, []).append(places)

    @property
    def more(self) -> dict[str, Any]:
        data, pool = self.subject.data, self.pool
        return {
            "rows": self.rows,
            "test_labels": [data.label_of(int(i)) for i in pool.test[self.test]],
            "near_labels": [data.label_of(int(pool.train[row])) for row in self.kept],
        }

    def pictures(self) -> dict[str, np.ndarray]:
        rows = np.array(list(self.kept), np.int64)
        return {
            "test": self.subject.images(self.pool.test[self.test]),
            "near": self.subject.images(self.pool.train[rows]),
        }


def sentences(rows: Sequence[Row], dims: int) -> list[str]:
    """What the rows say: where codes need fewer labels, and where they lose."""
    found = []
    for reading, words in ((PROBE, "A linear probe"), (NEIGHBOURS, "A vote of nearest neighbours")):
        for at in _told(rows):
            here = {row.method: row for row in rows if row.at == at}
            ours = here.get(method(reading, CODES))
            others = {
                name: here[method(reading, name)] for name in (PCA, PIXELS) if method(reading, name) in here
            }
            if ours is None or ours.value is None or not others:
                continue
            name, other = max(others.items(), key=lambda item: item[1].value or 0.0)
            parts = listed(f"{row.value:.3f} on {_features(n, dims)}" for n, row in others.items())
            found.append(
                f"{words} with {_labels(at)} names {ours.value:.3f} of the test images rightly on codes, {parts}: "
                f"{_outcome(verdict(ours, other), name)}."
            )
    return found


def _outcome(said: str, other: str) -> str:
    if said == WINS:
        return "codes win"
    return f"codes lose to {other}" if said == LOSES else f"no clear difference from {other}"


def _features(name: str, dims: int) -> str:
    return f"{dims} principal components" if name == PCA else name


def _labels(at: Any) -> str:
    total = f"{at['labels']:,.0f}"
    return (
        f"all {total} labels"
        if at["per class"] == ALL
        else (f"{counted(int(at['per class']), 'label')} a class ({total} in all)")
    )


def _told(rows: Sequence[Row]) -> list[Any]:
    """The conditions that sentences tell of: 10 and 100 labels a class, else the most below all; and all."""
    known: list[Any] = []
    for row in rows:
        if row.metric == "accuracy" and "per class" in row.at and row.at not in known:
            known.append(row.at)
    some = [at for at in known if at["per class"] in (10.0, 100.0)] or known[-2:-1]
    return [*some, *(at for at in known if at["per class"] == ALL)]


def _cost(stop: int, seed: int, stops: Sequence[int | None], repeats: int) -> float:
    """Share of the work done: each number of labels takes about twice what the one before it took."""
    each = [2.0**i for i in range(len(stops))]
    return (sum(each[:stop]) + each[stop] * seed / repeats) / sum(each)


def _right(named: np.ndarray, pool: Pool) -> float:
    return float((named == pool.test_labels).mean())


def _wilson(share: float, count: int) -> Interval:
    return of_share(round(share * count), count)
