"""Augment: with few labelled images, does adding images that a VAE made help a classifier?

The same small classifier takes the same number of steps on the same labelled images: alone, with flips and crops of them, and
with images that the run's decoder draws of codes made from theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from vae_core.data.imageset import Progress
from vae_core.errors import BadConfig, VaeCoreError
from vae_core.evaluation.classifier import Classifier, classifier_of, network_of
from vae_core.evaluation.small_network import floats, outputs
from vae_core.inference import Codes
from vae_core.options import option
from vae_core.uses import making, readouts
from vae_core.uses.found import Found, Row
from vae_core.uses.intervals import of_share, over_seeds, share_over_seeds
from vae_core.uses.labelled import Pool, pool_of
from vae_core.uses.making import CLASSIC, METHODS, NOTHING, OURS
from vae_core.uses.registry import UseSettings
from vae_core.uses.side_by_side import side_by_side
from vae_core.uses.subject import Subject
from vae_core.words import counted, listed

VERSION = 2
ALL_IMAGES = 60_000
BATCH = 32  # half of it made images, where there are some
LEARNING_RATE, RISING = 4e-3, 20  # at its highest, and the steps until then; after that it falls to nothing
MOST_PICTURES = 700_000  # values of all pictures


@dataclass(frozen=True)
class Augment(UseSettings):
    """What is asked of Augment."""

    per_class: tuple[int, ...] = option(
        (1, 3, 10, 30, 100), help="labelled real images of each class", unit="images", minimum=1, maximum=100, title="real images a class"
    )  # fmt: skip
    made: int = option(
        100,
        help="images that each method makes of each class",
        unit="images",
        minimum=1,
        maximum=1_000,
        advanced=True,
    )
    repeats: int = option(
        4, help="choices of the labelled images and first weights, over which intervals are", minimum=2, maximum=30, advanced=True
    )  # fmt: skip
    steps: int = option(
        200,
        help="steps of every classifier, of 32 images each",
        unit="steps",
        minimum=10,
        maximum=10_000,
        advanced=True,
    )
    test: int = option(
        2_000, help="test images to name, at most", unit="images", minimum=20, maximum=20_000, advanced=True
    )


SETTINGS = Augment


def measure(subject: Subject, settings: Augment, progress: Progress) -> Found:
    """Accuracy over the number of real images for each method, and how many made images keep their class.

    pictures: "real" uint8 (S, P, C, H, W) labelled images at each number; "some" and "worst" (S, M, P, C, H, W) of the made
    ones, black where more["methods"][m] made none. Worst are those whose own class the judge, a classifier of all training
    labels, finds least likely.
    """
    pool = pool_of(subject, settings.seed, ALL_IMAGES, settings.test)
    stops, notes = stops_of(settings, pool, subject)
    judge, why = _judge(subject, lambda s, w: progress(0.1 * s, w))
    shown = Shown(subject, len(stops), judge)
    test = subject.images(pool.test)
    accuracy: dict[tuple[int, str], list[float]] = {}
    kept: dict[tuple[int, str], list[int]] = {}
    out: dict[str, list[int]] = {}
    whole, done = sum(1 for _ in stops for _ in METHODS) * settings.repeats, 0
    rounds = [(stop, n, seed) for stop, n in enumerate(stops) for seed in range(settings.repeats)]
    with side_by_side() as beside:
        for stop, n, seed in rounds:
            labelled = Labelled.drawn(subject, pool, n, np.random.default_rng((settings.seed, n, seed)))
            if seed == 0:
                shown.real(stop, labelled)
            named: dict[str, Future[np.ndarray]] = {}
            for method in METHODS:
                rng = np.random.default_rng((settings.seed, n, seed, 1))
                made = made_images(subject, labelled, method, settings.made, rng)
                if made is None:
                    if seed == 0:
                        out.setdefault(method, []).append(n)
                    continue
                network = started(labelled, seed)
                named[method] = beside.submit(_named, network, labelled, made, settings.steps, seed, test)
                if method != NOTHING and judge is not None:
                    kept.setdefault((n, method), []).extend(shown.made(stop, method, *made, show=seed == 0))
            for method, answer in named.items():
                progress(0.1 + 0.9 * done / whole, f"{counted(n, 'real image')} a class, {method}")
                accuracy.setdefault((n, method), []).append(
                    float((answer.result() == pool.test_labels).mean())
                )
                done += 1
    rows = rows_of(accuracy, kept)
    notes += [
        f"{method} is left out at {listed(map(str, ns))} a class: {_why(method, subject)}."
        for method, ns in out.items()
    ]
    said = [*sentences(rows), *notes, *([why] if why else []), *pool.notes, *_about(subject, settings)]
    more = {"per_class": stops, "methods": list(METHODS[1:]), "labels": shown.labels, "worst": shown.words}
    return Found(rows, said, more, shown.pictures)


def _why(method: str, subject: Subject) -> str:
    return making.why_not(method, 1, stochastic=subject.model.stochastic)


def _about(subject: Subject, settings: Augment) -> list[str]:
    return [
        f"The network that makes images learned from {counted(len(subject.train))} without their labels, which the classifiers alone "
        "never see.",
        f"Every classifier takes {counted(settings.steps, 'step')} of {BATCH} images, half of them made where there are some; each "
        f"method makes {settings.made} of a class. Intervals are over {settings.repeats} choices of the labelled images, by "
        "Student's t.",
    ]


def stops_of(settings: Augment, pool: Pool, subject: Subject) -> tuple[list[int], list[str]]:
    """Numbers of real images of each class, and what is to be said of them.

    Raises BadConfig where every number asked for is more than any class has.
    """
    sizes = np.unique(pool.train_labels, return_counts=True)[1]
    asked = sorted(set(settings.per_class))
    fits = [n for n in asked if n <= sizes.max()]
    if not fits:
        raise BadConfig(
            f"per_class: no class of {subject.data.name} has {asked[0]} labelled training images; the largest has "
            f"{sizes.max()}, so ask for that many or fewer"
        )
    notes = []
    if len(fits) < len(asked):
        notes.append(
            f"{listed(map(str, asked[len(fits) :]))} a class are left out: the largest class has {counted(int(sizes.max()))}."
        )
    small = [n for n in fits if n > sizes.min()]
    if small:
        notes.append(
            f"The smallest class has {counted(int(sizes.min()))}: at {listed(map(str, small))} a class, smaller ones give all they have."
        )
    return fits, notes


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled real images: uint8 (N, C, H, W), labels (N,), their posteriors; least: of the smallest class."""

    images: np.ndarray
    labels: np.ndarray
    codes: Codes
    classes: int
    least: int

    @classmethod
    def drawn(cls, subject: Subject, pool: Pool, most: int, rng: np.random.Generator) -> Labelled:
        """Of every class at most so many, at random."""
        some = readouts.some_of_each(pool.train_labels, most, rng)
        images, labels = subject.images(pool.train[some]), pool.train_labels[some]
        classes = int(max(pool.train_labels.max(), pool.test_labels.max())) + 1
        least = int(np.unique(labels, return_counts=True)[1].min())
        return cls(images, labels, subject.model.encode(images), classes, least)


Made = tuple[np.ndarray, np.ndarray]  # uint8 (M, C, H, W), labels (M,)


def made_images(
    subject: Subject, real: Labelled, method: str, each: int, rng: np.random.Generator
) -> Made | None:
    """`each` images of every class; none at all for NOTHING; None where the method cannot: see `making.why_not`."""
    if method == NOTHING:
        return real.images[:0], real.labels[:0]
    if making.why_not(method, real.least, stochastic=subject.model.stochastic):
        return None
    if method in CLASSIC:
        return making.transformed(real.images, real.labels, each, rng, flips=method == making.FLIPS)
    mean, log_var = real.codes.mean, real.codes.log_var
    makers: Mapping[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        making.NOISE: lambda: making.noisy(mean, log_var, real.labels, each, rng),
        making.BETWEEN: lambda: making.between(mean, real.labels, each, rng),
        making.GAUSSIAN: lambda: making.gaussian(mean, log_var, real.labels, each, rng),
    }
    codes, labels = makers[method]()
    return subject.model.decode_uint8(codes), labels


def started(real: Labelled, seed: int) -> nn.Module:
    """A small classifier before its first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network_of(real.images.shape[1], real.images.shape[2], real.classes)


def trained(network: nn.Module, real: Labelled, made: Made, steps: int, seed: int) -> nn.Module:
    """A classifier after so many steps of Adam; half of each batch are made images, where there are some."""
    # convolutions of small batches take a fifth less time so
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    rng = np.random.default_rng(seed)
    x, y = floats(real.images), torch.from_numpy(real.labels.astype(np.int64))
    more, more_y = floats(made[0]), torch.from_numpy(made[1].astype(np.int64))
    half = BATCH // 2 if len(more) else 0
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * min((step + 1) / RISING, 1 - step / steps)
        rows = torch.from_numpy(rng.integers(len(x), size=BATCH - half))
        batch, target = x[rows], y[rows]
        if half:
            rows = torch.from_numpy(rng.integers(len(more), size=half))
            batch, target = torch.cat((batch, more[rows])), torch.cat((target, more_y[rows]))
        loss = nn.functional.cross_entropy(network(batch), target)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return network.eval().requires_grad_(False)


def _named(
    network: nn.Module, real: Labelled, made: Made, steps: int, seed: int, test: np.ndarray
) -> np.ndarray:
    """Classes (T,) of test images (T, C, H, W) by a classifier that is trained for them."""
    found: np.ndarray = (
        outputs(trained(network, real, made, steps, seed), test, real.classes).argmax(1).numpy()
    )
    return found


def _judge(subject: Subject, progress: Progress) -> tuple[Classifier | None, str]:
    """The kept classifier of all training labels, and what is to be said where there is none."""
    try:
        return classifier_of(
            subject.run.places, subject.run.record().effective, subject.data, progress=progress
        ), ""
    except VaeCoreError as error:
        return None, f"The made images are not judged: {error}."


class Shown:
    """A few images of each method at each number, the worst of them, and how many keep their class."""

    def __init__(self, subject: Subject, stops: int, judge: Classifier | None) -> None:
        shape = subject.data.shape
        fits = MOST_PICTURES // (stops * (2 * len(METHODS) - 1) * int(np.prod(shape)))
        self.count, self.judge, self.data = max(3, min(10, fits)), judge, subject.data
        empty = np.zeros((stops, len(METHODS) - 1, self.count, *shape), np.uint8)
        self.pictures = {
            "real": np.zeros((stops, self.count, *shape), np.uint8),
            "some": empty,
            "worst": empty.copy(),
        }
        self.labels: list[list[str]] = [[] for _ in range(stops)]
        self.words: list[list[list[str]]] = [[[] for _ in METHODS[1:]] for _ in range(stops)]

    def _name(self, label: int) -> str:
        names = self.data.label_names
        return names[label] if 0 <= label < len(names) else str(label)

    def _spread(self, labels: np.ndarray) -> np.ndarray:
        """Rows of so many images as are shown, of as many classes as there are."""
        classes = np.unique(labels)
        wanted = [classes[i % len(classes)] for i in range(self.count)]
        rows = [np.flatnonzero(labels == k) for k in wanted]
        return np.array([row[(i // len(classes)) % len(row)] for i, row in enumerate(rows)])

    def real(self, stop: int, labelled: Labelled) -> None:
        """Labelled images at a number."""
        rows = self._spread(labelled.labels)
        self.pictures["real"][stop] = labelled.images[rows]
        self.labels[stop] = [self._name(int(k)) for k in labelled.labels[rows]]

    def made(
        self, stop: int, method: str, images: np.ndarray, labels: np.ndarray, *, show: bool
    ) -> list[int]:
        """(how many keep their class, how many there are), as two counts; and what is shown of them."""
        assert self.judge is not None
        chances = self.judge.probabilities(images)
        named = chances.argmax(1)
        if show:
            place = METHODS.index(method) - 1
            self.pictures["some"][stop, place] = images[self._spread(labels)]
            worst = chances[np.arange(len(labels)), labels].argsort(kind="stable")[: self.count]
            self.pictures["worst"][stop, place, : len(worst)] = images[worst]
            self.words[stop][place] = [
                f"{self._name(int(labels[row]))} read as {self._name(int(named[row]))}" if named[row] != labels[row]
                else f"{self._name(int(labels[row]))} kept"
                for row in worst
            ]  # fmt: skip
        return [int((named == labels).sum()), len(labels)]


def rows_of(accuracy: Mapping[tuple[int, str], Sequence[float]], kept: Mapping[tuple[int, str], Sequence[int]]) -> list[Row]:  # fmt: skip
    """Accuracy; its gain over no made images and, for a VAE, over the better of flips and crops, seed by seed; kept labels."""
    rows = []
    for (n, method), values in accuracy.items():
        at: dict[str, float | str] = {"per class": float(n)}
        ours = method in OURS
        rows.append(Row.of(method, ours, "accuracy", "", share_over_seeds(list(values)), at))
        if method == NOTHING:
            continue
        plain = np.subtract(values, accuracy[n, NOTHING])
        rows.append(Row.of(method, ours, "gain", "", over_seeds(plain), at))
        if ours:
            rival = max((accuracy[n, one] for one in CLASSIC), key=lambda one: float(np.mean(one)))
            rows.append(
                Row.of(method, ours, "gain over crops", "", over_seeds(np.subtract(values, rival)), at)
            )
        if (n, method) in kept:
            pairs = np.array(kept[n, method]).reshape(-1, 2).sum(0)
            rows.append(Row.of(method, ours, "kept class", "", of_share(int(pairs[0]), int(pairs[1])), at))
    return rows


def sentences(rows: Sequence[Row]) -> list[str]:
    """Whether made images help, and whether flips and crops do as well: at 10 images a class or the number nearest, and at the most."""
    numbers = sorted({float(row.at["per class"]) for row in rows})
    told = dict.fromkeys((min(numbers, key=lambda n: abs(np.log(n / 10))), numbers[-1]))
    return [_sentence(n, [row for row in rows if row.at["per class"] == n]) for n in told]


def _sentence(n: float, rows: Sequence[Row]) -> str:
    value = {row.method: row for row in rows if row.metric == "accuracy"}
    gain = {row.method: row for row in rows if row.metric == "gain"}
    start = (
        f"With {counted(int(n), 'real image')} a class a classifier names {_value(value[NOTHING])} rightly"
    )
    parts = [start]
    ours = max((row for m, row in gain.items() if m in OURS), key=_mean, default=None)
    classic = max((row for m, row in gain.items() if m in CLASSIC), key=_mean)
    parts.append(f"{_value(value[classic.method])} with {classic.method} ({_outcome(classic)})")
    if ours is None:
        return f"{', '.join(parts)}. The network makes no images here."
    parts.append(f"{_value(value[ours.method])} with images made by {ours.method} ({_outcome(ours)})")
    rival = next(row for row in rows if row.metric == "gain over crops" and row.method == ours.method)
    verdict = {"helps": "the network wins", "hurts": f"the network loses to {classic.method}"}
    end = verdict.get(_outcome(rival), f"no clear difference from {classic.method}")
    return f"{', '.join(parts)}: {end}."


def _mean(row: Row) -> float:
    return float(row.value or 0.0)


def _value(row: Row) -> str:
    return f"{row.value:.3f}"


def _outcome(row: Row) -> str:
    """Whether a gain's interval lies above or below nothing."""
    if row.low is None or row.high is None:
        return "no interval"
    return "helps" if row.low > 0 else "hurts" if row.high < 0 else "no clear help"


def folder_of(subject: Subject, settings: Augment, method: str, n: int) -> bytes:
    """The images that a method makes of the first choice of n real images a class, as a .zip ImageFolder.

    Raises BadConfig for a method that makes none there.
    """
    from vae_core.uses.image_folder import image_folder

    pool = pool_of(subject, settings.seed, ALL_IMAGES, settings.test)
    real = Labelled.drawn(subject, pool, n, np.random.default_rng((settings.seed, n, 0)))
    made = made_images(subject, real, method, settings.made, np.random.default_rng((settings.seed, n, 0, 1)))
    if made is None or not len(made[0]):
        why: Any = making.why_not(method, real.least, stochastic=subject.model.stochastic)
        raise BadConfig(
            f"no images to take away: {why or 'nothing was made'}; choose another method or more images"
        )
    data = subject.data
    names = [data.label_names[k] if k < len(data.label_names) else str(k) for k in range(real.classes)]
    return image_folder(*made, names)
