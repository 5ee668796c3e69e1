"""What each model measures and took, with what its seeds differ by, in a table and as bars."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from app import layout, words
from app.boundary import plain
from app.plots.comparison import intervals
from app.plots.figure import PLAIN
from app.services import datasets, measuring
from app.services.cache import LruCache
from app.state import address, session
from app.views.compare.choice import title_of
from app.views.compare.training import LINE
from app.widgets.prepare_dataset import offer_images
from app.widgets.work import follow
from vae_core import glossary
from vae_core.comparison import Cost, cost_of, kind_of
from vae_core.evaluation.claims import Measured, claims
from vae_core.evaluation.metrics import METRICS
from vae_core.evaluation.metrics.sharpness import SHARPNESS
from vae_core.evaluation.run_metrics import RunMetrics, stored
from vae_core.evaluation.samples import (
    COMPARED,
    COOL,
    DRAWN,
    MIXTURE,
    PRIOR,
    TEMPERATURE,
    Sampled,
    stored_samples,
)
from vae_core.objectives.terms import NO_NATS
from vae_core.runs.record import ENDED
from vae_core.runs.run import Run
from vae_core.runs.timing import about
from vae_core.words import counted

UNDER = 4.6  # rem of what stands over the panel
CHARTS = 3  # side by side
REAL = "Real images"  # heads a column

_costs: LruCache[Cost] = LruCache(256)


@dataclass(frozen=True)
class Known:
    """What is known of a run, read once for all of its numbers."""

    cost: Cost
    metrics: RunMetrics | None
    samples: Sampled | None


def known_of(run: Run) -> Known:
    """Of a shipped run no time is told: it was trained on another machine, beside other work."""
    took = cost(run)
    if run.read_only:
        took = replace(took, seconds=None, images_per_second=None)
    return Known(took, stored(run), stored_samples(run))


@dataclass(frozen=True)
class Measure:
    """A number of a run: what it is called, its unit, what it means, and how it is read; None where a run has none.

    real: the same of test images, from what was measured of a run's samples; drawn: whether it has a chart.
    """

    title: str
    unit: str
    means: str
    read: Callable[[Known], float | None]
    real: Callable[[Sampled], float | None] = lambda samples: None
    drawn: bool = True


def cost(run: Run) -> Cost:
    log = run.path / "events.jsonl"
    size = log.stat().st_size if log.exists() else 0
    return _costs.get_or_make((run.path, size), lambda: cost_of(run))


def _measured(read: Callable[[RunMetrics], float | None]) -> Callable[[Known], float | None]:
    return lambda run: None if run.metrics is None else read(run.metrics)


def measures() -> list[Measure]:
    """What is told of every run: what it took, its bound where it has one, and the metrics that are known of it."""
    found = [
        Measure("Training", "minutes", "Wall time of the whole run; not told of shipped runs, which were trained on another machine.", lambda run: _minutes(run.cost)),
        Measure("Speed", "images a second", "Median over the run's steps, evaluation left out; not told of shipped runs.", lambda run: run.cost.images_per_second),
        Measure("Distortion", "nats per image", words.WORDS["distortion"], _measured(lambda m: None if m.evaluation.no_elbo else m.evaluation.distortion)),
        Measure("Distance of pictures", NO_NATS, "What stands in a likelihood's place where a run has none: it is in no nats, there is no ELBO, and two of them are not compared.", _measured(lambda m: m.evaluation.distortion if m.evaluation.no_elbo else None)),
        Measure("Rate", "nats per image", words.WORDS["rate"], _measured(lambda m: m.evaluation.rate)),
        Measure("Active", "dimensions", words.WORDS["active"], _measured(lambda m: float(m.active.sum()))),
    ]  # fmt: skip
    for name, title, unit, means in SAMPLED:
        for way in (PRIOR, COOL, MIXTURE):
            apart = {PRIOR: "", COOL: f", temperature {TEMPERATURE:g}"}.get(way, f", {way}")
            meaning = f"{means} Codes come from the {way}."
            of, real = _of_samples(name, way), _of_real(name)
            found.append(Measure(f"{title}{apart}", unit, meaning, of, real, drawn=way != COOL))
    for metric in METRICS.values():
        if (
            metric.group == SHARPNESS.group
        ):  # of samples: told above, of every model and each way of drawing codes
            continue
        for value in metric.values:
            found.append(Measure(value.title, value.unit, value.definition, _measured(_value(value.name))))
    return found


# of samples: name, title, unit, meaning
SAMPLED = (
    ("frechet", "Fréchet distance of samples", "squared features", words.WORDS["Fréchet distance"]),
    ("precision", "Precision of samples", "share of samples", words.WORDS["precision"]),
    ("recall", "Recall of samples", "share of images", words.WORDS["recall"]),
    ("least_share", "Coverage of the rarest class", "over its share in the data", words.WORDS["coverage"]),
    ("sharpness", "Sharpness of samples", "of training images' = 1", words.WORDS["sharpness"]),
    ("divergence", "Class histogram", "nats", "KL divergence of the samples' classes from the data's: 0 is the same shares."),
)  # fmt: skip


def _of_samples(name: str, way: str) -> Callable[[Known], float | None]:
    def of(run: Known) -> float | None:
        kept = run.samples
        return getattr(kept.numbers[way], name) if kept is not None and way in kept.numbers else None

    return of


def _of_real(name: str) -> Callable[[Sampled], float | None]:
    return lambda samples: getattr(samples.real, name)


def _value(name: str) -> Callable[[RunMetrics], float | None]:
    return lambda found: found.values.get(name)


def _minutes(found: Cost) -> float | None:
    return None if found.seconds is None else found.seconds / 60


CONFIDENCE = 0.95
FEWEST = 3  # seeds that an interval is told from: of two it is wider than anything they could show


@dataclass(frozen=True)
class Spread:
    """A number over the seeds of a model: how many told it, their mean, and `low` to `high`: of FEWEST or more the interval of
    the mean, of two the values themselves."""

    count: int
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if not self.count:
            return "–"
        if self.count == 1:
            return words.number(self.mean)
        if self.count < FEWEST:
            return f"{words.number(self.mean)} ({words.number(self.low)} and {words.number(self.high)})"
        return f"{words.number(self.mean)} ± {words.number(self.high - self.mean, 2)} (n = {self.count})"


def spread(values: Sequence[float | None]) -> Spread:
    """Of what the seeds tell. The interval is Student's (1908): mean ± t · s / √n at 95 %, t of n − 1 degrees of freedom."""
    known = [float(v) for v in values if v is not None and np.isfinite(v)]
    if not known:
        return Spread(0, float("nan"), float("nan"), float("nan"))
    mean = float(np.mean(known))
    if len(known) < FEWEST:
        return Spread(len(known), mean, min(known), max(known))
    from scipy.special import stdtrit

    t = float(stdtrit(len(known) - 1, (1 + CONFIDENCE) / 2))
    half = t * float(np.std(known, ddof=1)) / len(known) ** 0.5
    return Spread(len(known), mean, mean - half, mean + half)


def about_spreads(most: int) -> str:
    """What stands behind the means, where some model has so many seeds."""
    if most < 2:
        return "One seed of each: how much is chance is not known. **Train one of each** takes several. "
    said = "After ± stands the half of the mean's 95 % interval over n seeds (Student's t, which takes them for normally spread). "
    return (
        "" if most < FEWEST else said
    ) + "Of two seeds both values stand in brackets: they are too few for an interval. "


def numbers(found: Sequence[Run], seeds: Mapping[str, list[Run]], more: float) -> None:
    """The table, its bars, and how far the measuring is. `more` rem stand over them."""
    with layout.said("compare-measured"):
        busy = measure_all([one for run in found for one in seeds[run.id]])
    names = [title_of(run) for run in found]
    names = [name if names.count(name) == 1 else run.name for name, run in zip(names, found, strict=True)]
    known = {run.id: [known_of(one) for one in seeds[run.id] if one.has_weights()] for run in found}
    table = [(m, [spread([m.read(one) for one in known[run.id]]) for run in found]) for m in measures()]
    table = [(m, row) for m, row in table if any(one.count for one in row)]
    with layout.panel("compare-numbers", under=UNDER + more + (LINE if busy else 0)):
        _claims(found, known)
        every = [one.samples for run in found for one in known[run.id]]
        kept = next((samples for samples in every if samples is not None), None)
        real = {m.title: None if kept is None else m.real(kept) for m, _ in table}
        st.dataframe(
            pd.DataFrame(
                [
                    {"": m.title, "unit": m.unit, REAL: _told(real[m.title])} | dict(zip(names, map(str, row), strict=True))
                    for m, row in table
                ]
            ),
            hide_index=True, key="compare table", height="content", column_config={"": st.column_config.TextColumn(width=300)},
        )  # fmt: skip
        asked = dict.fromkeys(entry.name for m, _ in table if (entry := glossary.find(m.title)) is not None)
        layout.meanings(*asked, label="What the numbers mean", key="compare number words")
        most = max((one.count for _, row in table for one in row), default=0)
        st.caption(
            f"{about_spreads(most)}Measured on the test images. A dash: there is no such number, or it is not measured yet."
        )
        if kept is not None:
            few = (
                ""
                if kept.tested >= COMPARED
                else ", but for the distance: of fewer images than samples it comes out too large"
            )
            of = (
                f"{kept.classes} classes"
                if kept.labelled
                else f"{kept.classes} clusters, which stand for classes"
            )
            st.caption(
                f"Samples: {DRAWN:,} of each model and way to draw codes, compared with training images in {plain(kept.features)}; {of}. "
                f"*{REAL}*: what {counted(kept.tested, 'test image')}, which no model has learned from, score in the same way{few}. "
                "The distance is no FID: it compares only models of these images."
            )
        charts = [(m, row) for m, row in table if m.drawn]
        for start in range(0, len(charts), CHARTS):
            for column, (m, row) in zip(st.columns(CHARTS), charts[start : start + CHARTS], strict=False):
                level = real[m.title]
                low, mean, high = (
                    np.array([getattr(one, part) for one in row]) for part in ("low", "mean", "high")
                )
                layout.chart(
                    intervals(m.title, m.unit, names, mean, low, high, reference=None if level is None else ("real images", level)), place=column, key=f"compare {m.title}", config=PLAIN,
                )  # fmt: skip
                column.caption(m.means)


def _told(value: float | None) -> str:
    return "–" if value is None else words.number(value)


def _claims(found: Sequence[Run], known: Mapping[str, list[Known]]) -> None:
    """What theory says, held against these numbers; of two models of a kind, the first."""
    measured: dict[str, Measured] = {}
    for run in found:
        mine = known[run.id]
        told = [one.samples.numbers[PRIOR] for one in mine if one.samples is not None]
        metrics = [one.metrics.values for one in mine if one.metrics is not None]
        scores = [values["mig"] for values in metrics if "mig" in values]
        columns = {
            name: [value for one in told if (value := getattr(one, name)) is not None]
            for name in ("frechet", "sharpness", "recall", "least_share")
        }
        kind = kind_of(run.record().effective.objective).name
        measured.setdefault(kind, Measured(title_of(run), score=scores, **columns))
    marks = {True: ":material/check_circle:", False: ":material/cancel:", None: ":material/help:"}
    for claim in claims(measured):
        st.markdown(f"{marks[claim.holds]} **{claim.name}.** {plain(claim.sentence)}")


# ---------------------------------------------------------------- measuring


def measure_all(found: Sequence[Run]) -> bool:
    """Measure what is not measured yet in the lane, with progress and a button that stops it; whether anything is said."""
    ended = [run for run in found if run.has_weights() and run.status().state in ENDED]
    able = [run for run in ended if run.record().effective.objective.entry.has_encoder]
    left = [run for run in able if (kept := stored(run)) is None or kept.lacking]
    unseen = [run for run in ended if stored_samples(run) is None]
    if not left and not unseen:
        return False
    data = datasets.images_of((left or unseen)[0])
    if data is None:
        st.caption("Numbers are measured once the test images are on this machine.")
        offer_images((left or unseen)[0])
        return True
    key = tuple(sorted(run.stamp() for run in (*left, *unseen)))
    if session.get(address.MEASURING_STOPPED) == key:
        if session.button(
            "Measure",
            "measure now",
            writes=True,
            icon=":material/straighten:",
            help="It was stopped; what was measured is kept.",
        ):
            session.forget(address.MEASURING_STOPPED)
            st.rerun()
        return True
    works = [measuring.measure_samples_of(run, data) for run in unseen]
    works += [measuring.measure_run(run, data) for run in left]
    return follow(
        works, stop="stop measuring", stopped=lambda: session.put(address.MEASURING_STOPPED, key),
        left=lambda share: _left(share, key),
    )  # fmt: skip


def _left(share: float, key: tuple[str, ...]) -> str:
    """About how long it still takes, by how fast it went since it was first seen; empty where that tells nothing yet."""
    now = time.monotonic()
    since = session.get(address.MEASURING_SINCE)
    if since is None or since[0] != key or share < since[2]:
        session.put(address.MEASURING_SINCE, (key, now, share))
        return ""
    _, began, first = since
    if now - began < 1 or share - first < 0.01:
        return ""
    return f" · {about((now - began) * (1 - share) / (share - first))} left"
