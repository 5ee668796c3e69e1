"""What a run's log says of its last epoch: the numbers of a sweep before its runs are measured."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from vae_core.errors import BadRun
from vae_core.evaluation.rate_distortion import Numbers
from vae_core.events import EpochDone, Resumed, from_line
from vae_core.latent.statistics import order_by_kl
from vae_core.reading import parse_json
from vae_core.runs.run import Run
from vae_core.sweep import Member

TAIL = 1 << 18  # bytes read of events.jsonl at a time, from its end


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
            event = from_line(parse_json(line))
        except (ValueError, BadRun):
            continue
        if isinstance(event, Resumed):
            resumed_at = event.step if resumed_at is None else min(resumed_at, event.step)
        elif isinstance(event, EpochDone) and (resumed_at is None or event.step <= resumed_at):
            return event
    return None


def _lines_backwards(path: Path) -> Iterator[bytes]:
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

    An epoch keeps only the number of active dimensions; those of most KL are taken to be active.
    """
    event = last_epoch(member.run)
    if event is None or not event.validation.kl_per_dim:
        return None
    distortion, rate = event.validation.distortion, event.validation.rate
    if distortion is None or rate is None:
        return None
    kl = np.array(event.validation.kl_per_dim)
    if not np.isfinite([distortion, rate, *kl]).all():
        return None
    active = np.zeros(len(kl), bool)
    active[order_by_kl(kl)[: event.active_units]] = True
    return Numbers(member.beta, member.seed, distortion, rate, kl, active)
