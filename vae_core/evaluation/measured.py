"""What the runs of a sweep measure, worked out once for their weights and kept, and the sweep seen as a whole.

    <home>/derived/<weights stamp>/measured.npz

`measure` computes and keeps, which takes seconds a run; `gather` only reads, so that a page may call it at every turn.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadRun, RunNotFound, TooFewPoints, VaeCoreError
from vae_core.evaluation.disentanglement import scores as all_scores
from vae_core.evaluation.likelihood import Evaluation, check_sizes, evaluate
from vae_core.evaluation.sweeps import (
    Alignment,
    Curve,
    Numbers,
    Reading,
    Tangent,
    align,
    curve_of,
    kl_over_beta,
    read,
    sharpness,
    tangent,
)
from vae_core.events import EpochDone, Resumed, from_line
from vae_core.inference import load_run
from vae_core.latent.statistics import active_units, order_by_kl
from vae_core.options import to_json
from vae_core.places import write_atomically
from vae_core.runs.store import FAILED, INTERRUPTED, STOPPED, Record, Run
from vae_core.sweep import Member
from vae_core.training import splits_of

FORMAT = 1
SPLIT = "test"
MATCHED = 1_000  # images whose codes tell which dimension is which
SCORED = 5_000  # images with known factors behind a score
SCORED_ON = f"of posterior means, not samples, in the active dimensions, of up to {SCORED:,} {SPLIT} images"
SAMPLES = 256  # from the prior, and as many real images, for sharpness
TAIL = 1 << 18  # bytes read of events.jsonl at a time, from its end


@dataclass(frozen=True)
class Measured:
    """One run on its test split, weights of the last checkpoint.

    active (D,) bool; images (M,) numbers in the dataset; codes (M, D) float32 their posterior means; sharpness: see
    `sweeps.SHARPNESS`, None for flat images; scores by name, none where the factors are unknown or no whole numbers.
    """

    evaluation: Evaluation
    active: np.ndarray
    images: np.ndarray
    codes: np.ndarray
    sharpness: float | None
    scores: dict[str, float]
    fingerprint: (
        str  # of the images; a set built on another machine may differ from that trained on by rounding
    )

    def numbers(self, member: Member) -> Numbers | None:
        """As a point of the curve; None for a plain autoencoder, which has no rate."""
        e = self.evaluation
        if e.rate is None or e.kl_per_dim is None:
            return None
        kl = np.array(e.kl_per_dim)
        return Numbers(
            member.beta, member.seed, e.distortion, e.rate, kl, self.active, self.sharpness, self.scores
        )


# ---------------------------------------------------------------- one run


def measure(run: Run, data: ImageSet, *, progress: Progress = silent) -> Measured:
    """Evaluate a run on the test images of `data`, and keep the result for these weights.

    The posterior is sampled once with seed 0, as `vae-core evaluate` does, so that the numbers are the same. What
    `progress` raises ends it; nothing is kept then. Raises BadRun without weights, BadImages when `data` has other
    sizes than what the run was trained on, or no test images.
    """
    model = load_run(run)
    check_sizes(model.record, data)
    found = evaluate(model, data, split=SPLIT, progress=_part(progress, 0, 0.5))
    index = splits_of(model.config, data).named(SPLIT)
    means = _encoded(model, data, index, _part(progress, 0.5, 0.75))
    noise = np.random.default_rng(0).standard_normal((SAMPLES, model.latent_dim)).astype(np.float32)
    real = data.images[index[_evenly(len(index), SAMPLES)]] / np.float32(255)
    progress(0.75, "samples")
    sharp = sharpness(model.decode(noise), real)
    scores: dict[str, float] = {}
    if data.factors is not None and model.stochastic and _countable(data.factors, index):
        rows = _evenly(len(index), SCORED)
        factors = np.asarray(data.factors[index[rows]]).astype(np.int64)
        scores = _scores(means[rows], factors, _part(progress, 0.75, 1))
    kept = _evenly(len(index), MATCHED)
    measured = Measured(
        found, active_units(means), index[kept].astype(np.int64), means[kept], sharp, scores, data.fingerprint
    )
    path = run.places.derived / model.stamp / "measured.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _bytes(measured, _key(model.record)), durable=False)
    progress(1.0, "measured")
    return measured


def stored(run: Run) -> Measured | None:
    """What was measured of these very weights; None when it was not, or the run has none."""
    try:
        path = run.places.derived / run.stamp() / "measured.npz"
        key = _key(run.record())
        stat = path.stat()
    except (BadRun, RunNotFound, OSError):
        return None
    return _read(path, key, stat.st_mtime_ns, stat.st_size)


def _encoded(model: Any, data: ImageSet, index: np.ndarray, progress: Progress) -> np.ndarray:
    """Posterior means (N, D) of the images at index (N,), which may be more than memory holds."""
    parts = []
    for start in range(0, len(index), 1_024):
        progress(start / len(index), f"{start:,} codes")
        parts.append(model.encode(data.images[index[start : start + 1_024]]).mean)
    return np.concatenate(parts)


def _scores(means: np.ndarray, factors: np.ndarray, progress: Progress) -> dict[str, float]:
    try:
        return all_scores(means, factors, np.random.default_rng(0), progress=progress)
    except TooFewPoints:  # a handful of test images, or factors that do not vary: a sweep without scores
        return {}


def _countable(factors: np.ndarray, index: np.ndarray) -> bool:
    """Whether the factors (N, K) are whole numbers: places and angles of one's own may be anything."""
    some = np.asarray(factors[index[:SCORED]])
    return bool(some.size and np.isfinite(some).all() and (some == np.rint(some)).all())


def _evenly(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _part(progress: Progress, start: float, end: float) -> Progress:
    return lambda share, what: progress(start + share * (end - start), what)


def _named(progress: Progress, name: str) -> Progress:
    return lambda share, what: progress(share, f"{name}: {what}")


def _key(record: Record) -> str:
    """What, besides the weights, decides the numbers: before the first step all runs of a seed share a stamp."""
    objective = record.effective.objective
    return json.dumps(
        [
            FORMAT,
            record.data.get("fingerprint"),
            to_json(objective.likelihood),
            objective.objective.name == "autoencoder",
        ]
    )


def _bytes(measured: Measured, key: str) -> bytes:
    told = {
        "evaluation": measured.evaluation.to_json(),
        "sharpness": measured.sharpness,
        "scores": measured.scores,
        "fingerprint": measured.fingerprint,
    }
    buffer = io.BytesIO()
    np.savez(
        buffer, key=np.array(key), told=np.array(json.dumps(told)), active=measured.active,
        images=measured.images.astype(np.int32), codes=measured.codes.astype(np.float32),
    )  # fmt: skip
    return buffer.getvalue()


@lru_cache(maxsize=256)
def _read(path: Path, key: str, mtime: int, size: int) -> Measured | None:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            if str(npz["key"]) != key:
                return None
            told = json.loads(str(npz["told"]))
            codes, active = npz["codes"].astype(np.float32), npz["active"].astype(bool)
            images = npz["images"].astype(np.int64)
        if codes.shape != (len(images), len(active)) or not np.isfinite(codes).all():
            return None
        scores = {str(k): float(v) for k, v in told["scores"].items()}
        sharp = None if told["sharpness"] is None else float(told["sharpness"])
        return Measured(
            Evaluation(**told["evaluation"]), active, images, codes, sharp, scores, str(told["fingerprint"])
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        return None  # missing or damaged: it can be measured again


# ---------------------------------------------------------------- before it is measured


def last_epoch(run: Run) -> EpochDone | None:
    """The newest epoch that counts, read from the end of a log that may be long."""
    path = run.path / "events.jsonl"
    try:
        return _last_epoch(path, path.stat().st_mtime_ns, path.stat().st_size)
    except OSError:
        return None


@lru_cache(maxsize=256)
def _last_epoch(path: Path, mtime: int, size: int) -> EpochDone | None:
    resumed_at = None  # a resume from a step supersedes the epochs after it
    for line in _lines_backwards(path):
        if b'"event":"epoch"' not in line and b'"event":"resumed"' not in line:
            continue
        try:
            event = from_line(json.loads(line))
        except (ValueError, BadRun):
            continue
        if isinstance(event, Resumed):
            resumed_at = event.step if resumed_at is None else min(resumed_at, event.step)
        elif isinstance(event, EpochDone) and (resumed_at is None or event.step <= resumed_at):
            return event
    return None


def _lines_backwards(path: Path):
    with open(path, "rb") as file:
        end, rest = file.seek(0, 2), b""
        while end > 0:
            start = max(0, end - TAIL)
            file.seek(start)
            lines = (file.read(end - start) + rest).split(b"\n")
            end, rest = start, lines[0]
            yield from reversed(lines[1:])
        yield rest


def provisional(member: Member) -> Numbers | None:
    """A point of the curve from the validation images after the last epoch; None before the first one ended.

    Which dimensions are active is told by their number alone: those of most KL are taken.
    """
    event = last_epoch(member.run)
    if event is None or event.validation.rate is None or not event.validation.kl_per_dim:
        return None
    distortion, rate, kl = (
        event.validation.distortion,
        event.validation.rate,
        np.array(event.validation.kl_per_dim),
    )
    if not np.isfinite([distortion, rate, *kl]).all():
        return None
    active = np.zeros(len(kl), bool)
    active[order_by_kl(kl)[: event.active_units]] = True
    return Numbers(member.beta, member.seed, distortion, rate, kl, active)


# ---------------------------------------------------------------- the sweep as a whole


@dataclass(frozen=True)
class Row:
    """A member with its numbers, on the report's split; None while there are none."""

    member: Member
    numbers: Numbers | None
    measured: Measured | None


@dataclass(frozen=True)
class Report:
    """A sweep as it stands.

    split: whose images all numbers are of, test, or validation as long as any finished run is yet to be measured
    (`missing`). Only finished runs that kept their β are in the curve, see `counts`; rows hold them all. `waiting` runs
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

    def read(self, score: str = "", title: str = "") -> Reading:
        """The sentence, with another score than it was gathered for."""
        return read(
            self.curve, latent_dim=self.kl[1].shape[1], score=score, title=title, waiting=self.waiting,
            apart=self.apart,
        )  # fmt: skip


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


def measure_all(
    found: Sequence[Member], images_of: Callable[[Run], ImageSet | None], *, progress: Progress = silent
) -> list[str]:
    """Measure what is unmeasured, run by run; gives a sentence for each that could not be.

    `images_of` gives a run's images, or None where they are not on this machine. What `progress` raises ends it, and
    the runs measured so far are kept.
    """
    left, problems = unmeasured(found), []
    for i, member in enumerate(left):
        try:
            data = images_of(member.run)
            if data is None:
                problems.append(f"{member.run.name}: its images are not on this machine")
                continue
            name = member.run.name
            progress(i / len(left), name)
            inner = _named(_part(progress, i / len(left), (i + 1) / len(left)), name)
            measure(member.run, data, progress=inner)
        except VaeCoreError as error:
            problems.append(str(error))
    return problems


def gather(
    found: Sequence[Member],
    *,
    score: str = "",
    title: str = "",
    reference: float | None = None,
    seed: int | None = None,
) -> Report:
    """Everything a page shows of a sweep, from what is stored; computes no network.

    `score` (called `title`) is the one the sentence names. Dimensions are aligned outward from the β nearest
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
        reading=read(
            curve, latent_dim=max(dims, default=0), score=score, title=title, waiting=waiting, apart=apart
        ),
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
    stamps = tuple(r.member.run.stamp() for r in ready)
    measured = tuple(r.measured for r in ready if r.measured)
    key = (stamps, measured[0].fingerprint, index)
    with _lock:  # the threads of a server read the same sweep
        if key not in _alignments:
            while len(_alignments) >= 64:
                del _alignments[next(iter(_alignments))]
            _alignments[key] = align(
                [m.codes for m in measured], [m.active for m in measured], reference=index
            )
        alignment = _alignments[key]
    return tuple(r.member for r in ready), alignment


_alignments: dict[tuple, Alignment] = {}
_lock = threading.Lock()


def _comparable(a: Measured, b: Measured) -> bool:
    same = (a.codes.shape, a.fingerprint) == (b.codes.shape, b.fingerprint)
    return same and bool(np.array_equal(a.images, b.images))
