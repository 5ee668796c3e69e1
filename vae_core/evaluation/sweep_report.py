"""A sweep as a whole: its runs measured, its curve, its dimensions matched, and what all that says in words.

`measure_all` computes and keeps, which takes seconds a run; `gather` only reads, so that a page may call it at every
turn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadRun, VaeCoreError
from vae_core.evaluation.curve_sentences import Reading, read
from vae_core.evaluation.dimension_matching import Alignment, align
from vae_core.evaluation.last_epoch import provisional
from vae_core.evaluation.metrics import METRICS, all_values
from vae_core.evaluation.rate_distortion import Curve, Numbers, Tangent, curve_of, kl_over_beta, tangent
from vae_core.evaluation.run_metrics import SPLIT, RunMetrics, measure, stored
from vae_core.runs.record import FAILED, INTERRUPTED, STOPPED
from vae_core.runs.run import Run
from vae_core.sweep import Member


@dataclass(frozen=True)
class Row:
    """A member with its numbers, on the report's split; None while there are none."""

    member: Member
    numbers: Numbers | None
    measured: RunMetrics | None


@dataclass(frozen=True)
class Report:
    """A sweep as it stands.

    split: whose images all numbers are of, test, or validation as long as any finished run is yet to be measured
    (`missing`). A run that only lacks a newer metric counts as measured. Only finished runs that kept their β are in the curve, see `counts`; rows hold them all. `waiting` runs
    are yet to finish, and `apart` are sentences on those that are in no curve. kl: (βs (B,), (B, D) nats, see
    `kl_over_beta`). alignment matches the dimensions of `aligned`, one run per β, and is None below two of them.
    """

    rows: tuple[Row, ...]
    split: str
    missing: tuple[Member, ...]
    curve: Curve
    tangent: Tangent | None
    kl: tuple[np.ndarray, np.ndarray]
    aligned: tuple[Member, ...]
    alignment: Alignment | None
    reading: Reading
    waiting: int
    apart: tuple[str, ...]

    def read(self, score: str = "") -> Reading:
        """The sentence, with another score than it was gathered for."""
        return _read(self.curve, self.kl[1].shape[1], score, self.waiting, self.apart)


def counts(member: Member) -> bool:
    """Whether a run is a point of its sweep's curve once it is evaluated: it came to its end, at its own β."""
    return member.finished and not member.turned


def _apart(found: Sequence[Member]) -> tuple[str, ...]:
    """Sentences on the runs that are in no curve and do not wait for it either."""
    sentences = []
    stopped, failed = (sum(m.state in states for m in found) for states in ({STOPPED}, {FAILED, INTERRUPTED}))
    if stopped:
        some = "1 run was stopped and is" if stopped == 1 else f"{stopped} runs were stopped and are"
        sentences.append(f"{some} not in the curve.")
    if failed:
        some = "1 run broke off and is" if failed == 1 else f"{failed} runs broke off and are"
        sentences.append(f"{some} not in the curve.")
    for m in found:
        if m.finished and m.turned:
            way = " to ".join(f"{beta:g}" for beta in (m.beta, *m.turned))
            sentences.append(f"{m.run.name} is not in the curve: its β was changed while it learnt, {way}.")
    return tuple(sentences)


def unmeasured(found: Sequence[Member]) -> list[Member]:
    """Finished runs whose numbers are not there yet for the weights they have."""
    return [m for m in found if m.finished and m.run.has_weights() and stored(m.run) is None]


def incomplete(found: Sequence[Member], also: Collection[str] = ()) -> list[Member]:
    """Finished runs that are unmeasured, or lack a metric of the registry in its present version; of those on request
    what `also` names.
    """
    asked = [METRICS[name] for name in also]
    return [
        m
        for m in found
        if m.finished
        and m.run.has_weights()
        and ((kept := stored(m.run)) is None or kept.lacking or any(kept.lacks(metric) for metric in asked))
    ]


def measure_all(
    found: Sequence[Member],
    images_of: Callable[[Run], ImageSet | None],
    *,
    also: Collection[str] = (),
    progress: Progress = silent,
) -> list[str]:
    """Measure what is incomplete, run by run; gives a sentence for each that could not be. `also` names metrics that are
    computed on request alone.

    `images_of` gives a run's images, or None where they are not on this machine. What `progress` raises ends it, and
    the runs measured so far are kept.
    """
    problems: list[str] = []
    left = incomplete(found, also)
    for i, member in enumerate(left):
        try:
            data = images_of(member.run)
            if data is None:
                problems.append(f"{member.run.name}: its images are not on this machine")
                continue
            name = member.run.name
            progress(i / len(left), name)

            def inner(share: float, what: str, i: int = i, name: str = name) -> None:
                progress((i + share) / len(left), f"{name}: {what}")

            measure(member.run, data, also=also, progress=inner)
        except VaeCoreError as error:
            problems.append(str(error))
    return problems


def gather(
    found: Sequence[Member],
    *,
    score: str = "",
    reference: float | None = None,
    seed: int | None = None,
) -> Report:
    """Everything a page shows of a sweep, from what is stored; computes no network.

    `score` is the value of a metric that the sentence names. Dimensions are aligned outward from the β nearest
    `reference` (the run of most active dimensions unless given), among the runs of `seed` (the first).
    """
    missing = unmeasured(found)
    kept = {m.run.id: stored(m.run) for m in found if m.finished}
    split = "validation" if missing or not any(kept.values()) else SPLIT
    rows = []
    for m in found:
        measured = kept.get(m.run.id)
        on_test = split == SPLIT and measured is not None
        numbers = (
            measured.numbers(m) if on_test and measured else (None if split == SPLIT else provisional(m))
        )
        rows.append(Row(m, numbers, measured))
    on_curve = [row for row in rows if counts(row.member) and row.numbers is not None]
    points = [row.numbers for row in on_curve if row.numbers is not None]
    if len({row.member.run.record().effective.objective.likelihood for row in on_curve}) > 1:
        raise BadRun(
            "the runs of this group have different likelihoods, whose nats share no axis, so they are no sweep"
        )
    if why := next((w for row in on_curve if (w := row.member.run.record().effective.objective.no_elbo)), ""):
        raise BadRun(f"{why} The runs of this group are no sweep, for that compares them in nats")
    dims = {len(n.kl) for n in points}
    if len(dims) > 1:
        raise BadRun(
            "the runs of this group have different numbers of latent dimensions, so they are no sweep"
        )
    curve = curve_of(points)
    members, alignment = _aligned(rows, reference, seed)
    waiting, apart = sum(not m.ended for m in found), _apart(found)
    return Report(
        rows=tuple(rows),
        split=split,
        missing=tuple(missing),
        curve=curve,
        tangent=tangent(curve) if len(curve) else None,
        kl=kl_over_beta(points),
        aligned=members,
        alignment=alignment,
        reading=_read(curve, max(dims, default=0), score, waiting, apart),
        waiting=waiting,
        apart=apart,
    )


def _read(curve: Curve, latent_dim: int, score: str, waiting: int, apart: Sequence[str]) -> Reading:
    value = all_values().get(score)
    return read(
        curve,
        latent_dim=latent_dim,
        score=score,
        title=value.title if value else score,
        higher_is_better=value is None or value.higher_is_better is not False,
        waiting=waiting,
        apart=apart,
    )


def _aligned(
    rows: Sequence[Row], reference: float | None, seed: int | None
) -> tuple[tuple[Member, ...], Alignment | None]:
    ready = [
        row
        for row in rows
        if counts(row.member) and row.measured is not None and row.measured.evaluation.rate is not None
    ]
    if seed is None and ready:
        seed = min(row.member.seed for row in ready)
    ready = [row for row in ready if row.member.seed == seed]
    ready = [r for i, r in enumerate(ready) if i == 0 or r.member.beta != ready[i - 1].member.beta]
    ready = [
        r for r in ready if r.measured and ready[0].measured and _comparable(r.measured, ready[0].measured)
    ]
    if len(ready) < 2:
        return (), None
    index = None
    if reference is not None:
        index = int(np.argmin([abs(r.member.beta - reference) for r in ready]))
    alignment = _alignment(tuple(r.measured for r in ready if r.measured), index)
    return tuple(r.member for r in ready), alignment


@lru_cache(maxsize=64)
def _alignment(measured: tuple[RunMetrics, ...], reference: int | None) -> Alignment:
    """What was measured is read once per file, so that the same objects stand for the same numbers."""
    return align([m.codes for m in measured], [m.active for m in measured], reference=reference)


def _comparable(a: RunMetrics, b: RunMetrics) -> bool:
    """Whether the codes of both are of the same images."""
    same = (a.codes.shape, a.fingerprint) == (b.codes.shape, b.fingerprint)
    return same and bool(np.array_equal(a.images, b.images))
