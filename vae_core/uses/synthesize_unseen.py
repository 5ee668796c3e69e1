"""Can a network draw what it never saw? A combination of two factor values is left out of training and then asked for.

Two small networks learn from as many images: one never sees the combination, though each value alone, the other does. Both are
asked twice: to move one value in the codes of images that have the other, and to draw real images of the combination again.
Principal components of as many dimensions, fitted to what the first network saw, are asked the same; a small classifier that
has seen all judges whether both values are there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vae_core.config import AUTO, RunConfig
from vae_core.data.factor_words import FactorWords
from vae_core.data.imageset import Progress
from vae_core.data.registry import factor_words
from vae_core.errors import BadFactors
from vae_core.evaluation.small_network import convolutions, evenly, fitted, outputs
from vae_core.latent.nearest import nearest_images
from vae_core.models.networks import MlpParams
from vae_core.objectives.attributes import attributes_of, spelt
from vae_core.options import Choice, NoParams
from vae_core.uses.found import LOSES, WINS, Row, verdict
from vae_core.uses.intervals import of_mean, of_share
from vae_core.uses.subject import Subject, learned, with_images
from vae_core.uses.synthesize_ways import as_bytes, pca_codes

SIDE = 32  # pixels at most: two networks are trained while a person waits
LEARNED, EPOCHS, HIDDEN, RATE = 12_000, 10, 400, 2e-3
DIMS = 10
JUDGED, JUDGE_STEPS = 6_000, 500  # images and steps that the judge learns from
ASKED = 200  # images of a question at most
LEAST_TRAIN, LEAST_TEST = 50, 20
FEW = 8  # different values up to which each counts for itself; of more, thirds of the range
SHOWN = 8
NEVER, SAW, PCA = "network that never saw it", "network that saw it", "PCA"
NEAREST, REAL = "nearest seen image", "real images"
COMBINATION, ERROR = "combination", "error"


@dataclass(frozen=True, eq=False)
class Value:
    """A value of a factor: its words, the group (N,) of every image by that factor, and which group has the value."""

    words: str
    groups: np.ndarray
    group: int

    @property
    def holds(self) -> np.ndarray:
        """(N,) whether an image has it."""
        found: np.ndarray = self.groups == self.group
        return found


def groups_of(values: np.ndarray, words: FactorWords | None) -> tuple[tuple[str, ...], np.ndarray]:
    """(names, group (N,) of each image): one for each of a few values, else low, middle and high thirds of the range; -1 where
    a value is not known."""
    known = np.isfinite(values)
    each = np.unique(values[known])
    found = np.full(len(values), -1)
    if len(each) <= FEW:
        found[known] = np.searchsorted(each, values[known])
        return tuple((words.of(float(v)) if words else "") or f"{v:g}" for v in each), found
    low, high = each[0], each[-1]
    share = (values[known] - low) / (high - low)
    found[known] = np.where(share <= 1 / 3, 0, np.where(share < 2 / 3, 1, 2))
    ends = (words.of(float(low)), words.of(float(high))) if words else ("", "")
    return (ends[0] or "low", "middle", ends[1] or "high"), found


def pair_of(text: str, factors: Mapping[str, tuple[tuple[str, ...], np.ndarray]]) -> tuple[Value, Value]:
    """The two values that a text such as "shape=heart, x=left" names. Raises BadFactors with what there is."""
    parts = [part.partition("=") for part in text.split(",")]
    if len(parts) != 2 or spelt(parts[0][0]) == spelt(parts[1][0]):
        raise BadFactors(
            f'two values of two factors are left out together, as "{_example(factors)}"; got "{text}"'
        )
    found = []
    for name, _, value in parts:
        if spelt(name) not in factors:
            raise BadFactors(f"there is no factor {name.strip()!r}; these images have {', '.join(factors)}")
        names, groups = factors[spelt(name)]
        spelled = [spelt(one) for one in names]
        if len(names) == 3 and spelt(value) in ("low", "middle", "high"):
            place = ("low", "middle", "high").index(spelt(value))
        elif spelt(value) in spelled:
            place = spelled.index(spelt(value))
        else:
            raise BadFactors(f"{spelt(name)} has no {value.strip()!r}; it has {', '.join(names)}")
        found.append(Value(f"{spelt(name).replace('_', ' ')} {names[place]}", groups, place))
    return found[0], found[1]


def _example(factors: Mapping[str, tuple[tuple[str, ...], np.ndarray]]) -> str:
    return ", ".join(f"{name}={names[0]}" for name, (names, _) in list(factors.items())[:2])


def usual_pair(
    factors: Mapping[str, tuple[tuple[str, ...], np.ndarray]], images: np.ndarray, rows: np.ndarray
) -> str:
    """A sensible pair: of the two factors whose ends look least alike in `images` (n, C, H, W), numbered `rows`, the first values.
    What hardly shows would tell little: a small network does not learn to draw it at all."""

    def apart(name: str) -> float:
        found, groups = factors[name]
        low, high = (images[groups[rows] == g] for g in (0, len(found) - 1))
        if not len(low) or not len(high):
            return 0.0
        return float(np.square(low.mean(0) - high.mean(0)).sum())

    first, second = sorted(factors, key=apart, reverse=True)[:2]
    return f"{first}={factors[first][0][0]}, {second}={factors[second][0][0]}"


def moved(
    codes: np.ndarray, groups: np.ndarray, seen: np.ndarray, seen_groups: np.ndarray, target: int
) -> np.ndarray:
    """Codes (N, D) of images in `groups` (N,), moved to the group `target`: each by the difference of the mean codes of the two
    groups among `seen` (M, D) in `seen_groups` (M,), which have the other value not.

    Arithmetic on codes as in Larsen et al. 2016, "Autoencoding beyond pixels", sec. 4.1.1. Codes of a group that is not among
    the seen stay.
    """
    means = {g: seen[seen_groups == g].mean(0) for g in np.unique(seen_groups)}
    if target not in means:
        return codes
    steps = np.stack([means[target] - means[g] if g in means else np.zeros(codes.shape[1]) for g in groups])
    found: np.ndarray = (codes + steps).astype(np.float32)
    return found


# ---------------------------------------------------------------- judge


@dataclass(frozen=True, eq=False)
class Judge:
    """A small classifier of two factors' groups; sizes of the two."""

    network: nn.Module
    sizes: tuple[int, int]

    def says(self, images: np.ndarray, first: int, second: int) -> np.ndarray:
        """(N,) whether images uint8 (N, C, H, W) show group `first` of the one factor and `second` of the other."""
        found = outputs(self.network, images, sum(self.sizes)).numpy()
        a, b = found[:, : self.sizes[0]].argmax(1), found[:, self.sizes[0] :].argmax(1)
        both: np.ndarray = (a == first) & (b == second)
        return both


def judge_of(
    images: np.ndarray, first: np.ndarray, second: np.ndarray, report: Callable[[float], object]
) -> Judge:
    """A judge that learned from images (N, C, H, W) whose groups are known."""
    sizes = int(first.max()) + 1, int(second.max()) + 1
    a, b = torch.from_numpy(first), torch.from_numpy(second)

    def make() -> nn.Module:
        layers, features = convolutions(images.shape[1], images.shape[2], normalised=True)
        return nn.Sequential(*layers, nn.Linear(features, sum(sizes)))

    def loss(found: Tensor, rows: Tensor) -> Tensor:
        of = nn.functional.cross_entropy
        return of(found[:, : sizes[0]], a[rows]) + of(found[:, sizes[0] :], b[rows])

    rate = partial(_falling, steps=JUDGE_STEPS)
    return Judge(fitted(make, images, loss, JUDGE_STEPS, rate, report), sizes)


def _falling(step: int, steps: int) -> float:
    return 4e-3 * 0.5 * (1 + math.cos(math.pi * step / steps))


# ---------------------------------------------------------------- the question


@dataclass(frozen=True, eq=False)
class Asked:
    """What came of the question, as `found.Found` has it."""

    rows: list[Row]
    sentences: list[str]
    more: dict[str, Any]
    pictures: dict[str, np.ndarray]


def nothing(sentence: str) -> Asked:
    return Asked([], [sentence], {}, {})  # no answer, and why


def ask(subject: Subject, left_out: str, seed: int, progress: Progress) -> Asked:
    """Leave a combination out, train, and ask for it. Raises BadFactors for one that `left_out` names and that is not there or
    in too few images."""
    data = subject.data
    attributes = attributes_of(data) if data.factors is not None else None
    if attributes is None or len(attributes.names) < 2:
        return nothing(
            "These images have no factors, so no combination of two can be left out: what a network draws that it never saw is asked on a set such as shapes or faces."
        )
    factors = {
        name: groups_of(attributes.values[:, k], factor_words(data.name, original))
        for k, (name, original) in enumerate(zip(attributes.names, _originals(subject, attributes.names), strict=True))
    }  # fmt: skip
    factors = {name: found for name, found in factors.items() if len(found[0]) > 1}
    if len(factors) < 2:
        return nothing("Only one factor of these images varies, so no combination of two can be left out.")
    some = subject.train[evenly(len(subject.train), 1_000)]
    first, second = pair_of(
        left_out or usual_pair(factors, shrunk(subject.images(some)) / 255, some), factors
    )
    both = first.holds & second.holds
    known = (first.groups >= 0) & (second.groups >= 0)
    here = subject.train[known[subject.train]]
    train, test = here[~both[here]], subject.test[both[subject.test]]
    left = int(both[here].sum())
    words = f"{first.words}, {second.words}"
    sources = subject.test[(first.holds & ~second.holds & known)[subject.test]]
    if left < LEAST_TRAIN or len(test) < LEAST_TEST or len(sources) < LEAST_TEST:
        why = f"{words} is in {left} training and {len(test)} test images; to ask for it takes {LEAST_TRAIN} and {LEAST_TEST}"
        if left_out:
            raise BadFactors(why)
        return nothing(f"What it never saw is not asked: {why}.")
    test, sources = test[evenly(len(test), ASKED)], sources[evenly(len(sources), ASKED)]
    count = min(LEARNED, len(train))
    without, whole = train[evenly(len(train), count)], here[evenly(len(here), count)]
    judged = here[evenly(len(here), JUDGED)]
    judge = judge_of(
        shrunk(subject.images(judged)), first.groups[judged], second.groups[judged],
        lambda share: progress(0.15 * share, "a judge of both factors"),
    )  # fmt: skip
    question = _Question(subject, first, second, judge, test, sources, words)
    config = config_for(subject)
    models = {}
    for n, (name, rows) in enumerate(((NEVER, without), (SAW, whole))):
        part = with_images(data, shrunk(subject.images(np.concatenate((rows, test)))), rows, test)

        def told(share: float, what: str, n: int = n) -> None:
            progress(0.15 + 0.4 * (n + share), what)

        models[name] = learned(config, part, told, name=f"a {name}")
    progress(0.95, "asking both")
    return question.answer(models, without, left, seed)


def shrunk(images: np.ndarray) -> np.ndarray:
    """uint8 (N, C, H, W) at most SIDE wide, by means of whole squares of pixels; as it is where it has no such squares."""
    n, c, h, w = images.shape
    by = h // SIDE
    if by < 2 or h % SIDE or h != w:
        return images
    means = images.reshape(n, c, SIDE, by, SIDE, by).astype(np.float32).mean((3, 5))
    found: np.ndarray = np.rint(means).astype(np.uint8)
    return found


def config_for(subject: Subject) -> RunConfig:
    """Of both networks: the run's objective and likelihood where they are plain ones, else a VAE; two dense layers, a minute."""
    config = subject.model.config
    plain = config.objective.objective.name in ("vae", "beta_vae", "autoencoder")
    objective = config.objective if plain else replace(config.objective, objective=Choice("vae", _vae()))
    if objective.no_elbo and not objective.entry.no_elbo:
        objective = replace(objective, likelihood=Choice(AUTO, NoParams()))
    side = min(SIDE, subject.data.shape[1]) if subject.data.shape[1] % SIDE == 0 else subject.data.shape[1]
    return replace(
        config,
        data=replace(config.data, side=side, limit=0, augment="none"),
        model=replace(config.model, architecture=Choice("mlp", MlpParams((HIDDEN,))), latent_dim=DIMS),
        objective=replace(objective, free_bits=0.0),
        training=replace(
            config.training, epochs=EPOCHS, batch_size=64, learning_rate=RATE, precision="float32", device="cpu",
            threads=1, gpus=1, checkpoint_every=0, log_every=0, continued=(), continued_rates=(), init_from="",
        ),
    )  # fmt: skip


def _vae() -> Any:
    from vae_core.objectives import OBJECTIVES

    return OBJECTIVES["vae"].params()


def _originals(subject: Subject, names: tuple[str, ...]) -> list[str]:
    known = list(subject.data.factor_names)
    return [known[k] if k < len(known) else name for k, name in enumerate(names)]


@dataclass(frozen=True, eq=False)
class _Question:
    """What is asked: test images of the combination, and sources, test images with the first value alone."""

    subject: Subject
    first: Value
    second: Value
    judge: Judge
    test: np.ndarray
    sources: np.ndarray
    words: str

    def answer(self, models: Mapping[str, Any], without: np.ndarray, left: int, seed: int) -> Asked:
        rng = np.random.default_rng(seed)
        asked, beside = (shrunk(self.subject.images(rows)) for rows in (self.test, self.sources))
        seen = shrunk(self.subject.images(without[evenly(len(without), 3_000)]))
        others = without[~self.first.holds[without]]
        others = others[evenly(len(others), 3_000)]
        without_first = shrunk(self.subject.images(others))
        axes = pca_codes(seen, DIMS, seed)
        rows: list[Row] = []
        pictures = {"asked": asked[:SHOWN], "sources": beside[:SHOWN]}
        kinds: list[tuple[str, bool, Any, Any]] = [
            (name, True, lambda x, m=model: m.encode(x).mean, lambda z, m=model: as_bytes(m.decode(z)))
            for name, model in models.items()
        ]
        kinds.append((PCA, False, axes.encode, lambda z: as_bytes(axes.decode(z))))
        for name, ours, encode, decode in kinds:
            codes = moved(
                encode(beside), self.second.groups[self.sources], encode(without_first), self.second.groups[others], self.second.group
            )  # fmt: skip
            shifted, again = decode(codes), decode(encode(asked))
            rows.append(self._judged(f"{name}: moved", ours, shifted))
            rows.append(self._judged(f"{name}: drawn again", ours, again))
            rows.append(self._error(f"{name}: drawn again", ours, again, asked, rng))
            pictures[f"moved {name}"], pictures[f"again {name}"] = shifted[:SHOWN], again[:SHOWN]
        pool = shrunk(self.subject.images(without))
        which = nearest_images(asked, pool, np.arange(len(pool)))[0]
        rows.append(self._judged(NEAREST, False, pool[which]))
        rows.append(self._error(NEAREST, False, pool[which], asked, rng))
        rows.append(self._judged(REAL, False, asked))
        pictures["nearest seen"] = pool[which[:SHOWN]]
        more = {
            "words": self.words,
            "left": left,
            "learned": len(without),
            "kinds": [k[0] for k in kinds],
            "side": asked.shape[-1],
        }
        return Asked(rows, said(rows, self.first.words, self.second.words, left), more, pictures)

    def _judged(self, name: str, ours: bool, images: np.ndarray) -> Row:
        hits = self.judge.says(images, self.first.group, self.second.group)
        return Row.of(
            name, ours, COMBINATION, "", of_share(int(hits.sum()), len(hits)), {"asked": self.words}
        )

    def _error(
        self, name: str, ours: bool, images: np.ndarray, asked: np.ndarray, rng: np.random.Generator
    ) -> Row:
        far = np.sqrt(np.square((images.astype(np.float32) - asked) / 255).mean((1, 2, 3)))
        return Row.of(name, ours, ERROR, "", of_mean(far, rng), {"asked": self.words}, up=False)


def said(rows: list[Row], first: str, second: str, left: int) -> list[str]:
    """What the answers say."""

    def of(name: str, metric: str) -> Row:
        return next(row for row in rows if row.method == name and row.metric == metric)

    never, saw, pca = (of(f"{name}: moved", COMBINATION) for name in (NEVER, SAW, PCA))
    found = [
        f"Left out of training: all {left:,} images with {first} and {second}. Asked for them by moving images of {first} in code "
        f"to {second}, a network that never saw one has both in {_percent(never)}, one that saw them in {_percent(saw)}, "
        f"principal components in {_percent(pca)}; a judge finds both in {_percent(of(REAL, COMBINATION))} of real ones, and wrongly in {_percent(of(NEAREST, COMBINATION))} of the nearest images that were seen."
    ]  # fmt: skip
    found.append(
        {
            WINS: "So it combines what it has seen apart, more than a straight mixture of pixels does.",
            LOSES: "So the network loses to principal components, by a judge who looks for both values and not for a sharp picture: compare them.",
        }.get(
            verdict(never, pca),
            "Between the network and principal components these images show no clear difference.",
        )
    )
    again = [of(f"{name}: drawn again", ERROR) for name in (NEVER, SAW, PCA)]
    near = of(NEAREST, ERROR)
    found.append(
        f"Shown real ones to draw again, it has both in {_percent(of(f'{NEVER}: drawn again', COMBINATION))}, principal components in "
        f"{_percent(of(f'{PCA}: drawn again', COMBINATION))}. Real ones that are drawn again are wrong by {_span(again[0])} of a pixel's range where none was seen, {_span(again[1])} where "
        f"they were, {_span(again[2])} in principal components; the nearest image that was seen is {_span(near)} away"
        + (
            ", nearer than the network's: it loses to looking up."
            if verdict(again[0], near) == LOSES
            else "."
        )
    )
    return found


def _percent(row: Row) -> str:
    return f"{row.value or 0:.0%} ({row.low or 0:.0%} to {row.high or 0:.0%})"


def _span(row: Row) -> str:
    return f"{row.value or 0:.3f} ({row.low or 0:.3f} to {row.high or 0:.3f})"
