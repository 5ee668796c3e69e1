"""Anomalies: can a VAE tell images that are unlike those it learned from?

A label or a factor's value is left out: a small network of the run's own settings learns from the other images alone, in
memory, and is asked about both. Images from elsewhere are put to the run's own network. Usual images are those of the test
split. Every score is higher where an image is odder, and none is fitted to odd images.

`Found.pictures`: `images` uint8 (n, C, H, W) of the case that is shown, `heat` uint8 (n, H, W) their absolute errors, and
`shown` (n,) their numbers among all judged ones; `odd` uint8 (N,) and `scores` float32 (S, N) of these, usual ones first.
`Found.more`: `scores` names in that order; `default`; `case` the one shown; `curves` by score (see `anomaly_curves.curves`);
`simple` the name of the case of simple images, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.data.imageset import Progress, silent
from vae_core.errors import BadImages
from vae_core.evaluation.small_network import spaced
from vae_core.options import option
from vae_core.uses import anomaly_curves as curves
from vae_core.uses.anomaly_case import BASELINES, DEFAULT, Case, Network, judge, network_without
from vae_core.uses.anomaly_odd import EMPTY, NothingOdd, Odd, elsewhere, find
from vae_core.uses.anomaly_words import AUROC, PRECISION, sentences
from vae_core.uses.found import Found, Row
from vae_core.uses.intervals import Interval
from vae_core.uses.registry import UseSettings
from vae_core.uses.subject import Subject

VERSION = 1
NONE = "none"
SHOWN_VALUES = 200_000  # pixel values of the pictures kept with a result
MEAN = "mean of all labels"


@dataclass(frozen=True)
class AnomalySettings(UseSettings):
    left_out: str = option(
        "",
        help="what is odd: a label (its name or number), each for every label in turn, a factor's value (shape=heart, "
        "smile>0.8), another data set by name, or a folder of odd images by path; empty takes the commonest label",
        title="odd images",
    )
    simple: str = option(
        EMPTY,
        help="simpler images, which a likelihood may prefer: empty leaves of every test image its ground, the commonest colour; or "
        "another data set by name; none leaves it out",
        title="simple images",
    )
    most: int = option(
        500, help="usual images, and odd ones, that are judged", unit="images", minimum=10, maximum=5_000, advanced=True
    )  # fmt: skip
    learn: int = option(
        15_000,
        help="images that a network without the odd ones learns from, and that images are compared with",
        unit="images", minimum=2, maximum=1_000_000, advanced=True, title="images to learn from",
    )  # fmt: skip
    epochs: int = option(
        0, help="of that network; 0 takes as many as 60,000 images allow", unit="epochs", minimum=0, maximum=1_000, advanced=True
    )  # fmt: skip
    k: int = option(
        5, help="which nearest code, or image, the distance goes to", minimum=1, maximum=1_000, advanced=True
    )
    samples: int = option(
        8, help="posterior samples of −ELBO and the importance-weighted bound", minimum=1, maximum=128, advanced=True
    )  # fmt: skip
    steps: int = option(
        20, help="of fitting a posterior to one image, for likelihood regret", minimum=1, maximum=1_000, advanced=True
    )  # fmt: skip


SETTINGS = AnomalySettings


def measure(subject: Subject, settings: AnomalySettings, progress: Progress = silent) -> Found:
    """AUROC and average precision of every score, for what is left out and for simple images.

    Raises NoLabels, NothingOdd, BadImages, or what training raises.
    """
    odd = find(subject, settings.left_out, settings.most, lambda share, words: progress(0.0, words))
    simple = None if settings.simple == NONE else elsewhere(subject, settings.simple, settings.most)
    if simple is not None and any(one.name == simple.name for one in odd):
        simple = None
    own = Network(subject.model, subject.train, subject.splits.validation)
    whole = len(odd) + (0.5 if simple is not None else 0)
    cases = []
    for i, one in enumerate(odd):
        cases.append(_case(subject, one, own, settings, _part(progress, i / whole, 1 / whole), i))
    shown = _hardest(cases)
    last = None
    if simple is not None:
        last = _case(subject, simple, own, settings, _part(progress, len(odd) / whole, 0.5 / whole), len(odd))
    rows = [row for case in cases for row in _rows(case)]
    if len(cases) > 1:
        rows = [*_mean_rows(cases), *rows]
    if last is not None:
        rows += _rows(last)
    more: dict[str, Any] = {
        "scores": list(shown.judged.scores),
        "default": DEFAULT,
        "case": shown.name,
        "curves": {name: curves.curves(ranked) for name, ranked in shown.ranked.items()},
        "simple": None if last is None else last.name,
    }
    return Found(rows, sentences(cases, last, subject.model.stochastic), more, _pictures(shown))


def _case(
    subject: Subject, odd: Odd, own: Network, settings: AnomalySettings, progress: Progress, number: int
) -> Case:
    """Train where the odd images are of the run's own set, and judge."""
    usual_rows = subject.test if len(subject.test) else subject.splits.validation
    network, told = own, progress
    if odd.rows is not None:
        usual_rows = usual_rows[~np.isin(usual_rows, odd.rows)]
        if not len(usual_rows) or np.isin(subject.train, odd.rows).all():
            raise NothingOdd(
                f"without {odd.name} no images of {subject.data.name} are left to learn from and to be usual"
            )
        network = network_without(
            subject, odd.rows, settings.learn, settings.epochs, settings.seed, _part(progress, 0, 0.6), f"without {odd.name}"
        )  # fmt: skip
        told = _part(progress, 0.6, 0.4)
    else:
        chosen = spaced(own.train, settings.learn)
        network = Network(own.model, chosen, own.beside)
    usual = np.asarray(subject.data.images[spaced(usual_rows, settings.most)])
    strange = odd.chosen(subject.data, subject.test, settings.most)
    if not len(strange) or not len(usual):
        raise BadImages(
            f"{odd.name}: there are {len(strange)} odd and {len(usual)} usual images; one of each is needed"
        )
    images = np.concatenate((usual, strange))
    judged = judge(
        subject, network, images, k=settings.k, samples=settings.samples, steps=settings.steps, seed=settings.seed,
        progress=told,
    )  # fmt: skip
    draws = curves.draw(len(usual), len(strange), np.random.default_rng((settings.seed, number)))
    n = len(usual)
    ranked = {name: curves.rank(s[:n], s[n:], draws) for name, s in judged.scores.items()}
    areas = {name: curves.aurocs(one) for name, one in ranked.items()}
    precisions = {name: curves.average_precisions(one) for name, one in ranked.items()}
    return Case(odd.name, images, n, judged, ranked, areas, precisions)


def _rows(case: Case) -> list[Row]:
    count = len(case.images)
    return [
        Row.of(
            name, name not in BASELINES, metric, "", curves.interval(values[name], count), {"odd": case.name}
        )
        for name in case.areas
        for metric, values in ((AUROC, case.areas), (PRECISION, case.precisions))
    ]


def _mean_rows(cases: Sequence[Case]) -> list[Row]:
    count = sum(len(case.images) for case in cases)

    def mean(of: Sequence[np.ndarray]) -> Interval:
        return curves.interval(curves.mean_of(of), count)

    return [
        Row.of(
            name,
            name not in BASELINES,
            metric,
            "",
            mean([getattr(case, where)[name] for case in cases]),
            {"odd": MEAN},
        )
        for name in cases[0].areas
        for metric, where in ((AUROC, "areas"), (PRECISION, "precisions"))
        if all(name in case.areas for case in cases)
    ]


def _hardest(cases: Sequence[Case]) -> Case:
    """The case that the default score tells worst: the one worth looking at."""
    return min(cases, key=lambda case: float(case.areas[DEFAULT][0]))


def _pictures(case: Case) -> dict[str, np.ndarray]:
    """Usual and odd images alike in number, evenly spaced by the default score, as many as SHOWN_VALUES allows."""
    most = max(4, SHOWN_VALUES // int(np.prod(case.images.shape[1:])))
    order = np.argsort(case.judged.scores[DEFAULT], kind="stable")
    shown = np.sort(
        np.concatenate([spaced(order[part], most // 2) for part in (order < case.usual, order >= case.usual)])
    )
    return {
        "images": case.images[shown],
        "heat": case.judged.heat[shown],
        "shown": shown.astype(np.int32),
        "odd": (np.arange(len(case.images)) >= case.usual).astype(np.uint8),
        "scores": np.stack([case.judged.scores[name] for name in case.judged.scores]).astype(np.float32),
    }


def _part(progress: Progress, start: float, share: float) -> Progress:
    return lambda at, words: progress(start + share * at, words)
