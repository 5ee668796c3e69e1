"""A study by preference: which trials a person is to choose among, what is tried next, and what the choices favour.

It begins with settings spread evenly. Each round shows the trials that were not shown yet beside the one liked best so far;
once they were judged, the model of taste (see `preference`) proposes the next. No number of a run takes part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vae_core.places import write_json
from vae_core.reading import number, read_json, texts
from vae_core.study.fields import Field, short_text
from vae_core.study.preference import (
    CANDIDATES,
    SURE,
    Judgement,
    Taste,
    as_json,
    favourite,
    judgements_of,
    pairs_of,
    propose,
    spread_points,
)
from vae_core.study.settings import StudySettings
from vae_core.study.space import grid, size
from vae_core.study.trials import Ledger, Trial, key_of
from vae_core.words import listed

FILE = "liked.json"  # in a study's folder
REDRAWN = 8
FIRST, NEXT = 4, 2  # settings that a study begins with, and that each round adds
MOST_SHOWN = 4
PARTS = 8  # of a range, over which taste is averaged


class Searched(Protocol):
    """What a study is here: record.Study is one."""

    path: Path

    @property
    def settings(self) -> StudySettings: ...
    @property
    def fields(self) -> tuple[Field, ...]: ...
    @property
    def total(self) -> int: ...
    def ledger(self) -> Ledger: ...
    def proposed(self) -> list[dict[str, Any]]: ...


def vector(fields: Sequence[Field], values: dict[str, Any]) -> list[float]:
    """Values by field as a point that distances make sense of: a number by its share of the range, a name as one of
    several corners that are equally far apart."""
    found: list[float] = []
    for field in fields:
        if field.numeric:
            found.append(field.share(values[field.name]))
        else:
            found += [float(value == values[field.name]) / np.sqrt(2) for value in field.values]
    return found


def vectors(fields: Sequence[Field], trials: Sequence[Trial]) -> np.ndarray:
    """(N, d), a row per trial."""
    return np.array([vector(fields, dict(trial.values)) for trial in trials]).reshape(len(trials), -1)


def spread_values(fields: Sequence[Field], count: int, seed: int) -> list[dict[str, Any]]:
    """At most `count` different settings, spread over the ranges."""
    points = spread_points(len(fields), count, seed)
    found = [
        {field.name: field.at(share) for field, share in zip(fields, row, strict=True)} for row in points
    ]
    return list({key_of(values): values for values in found}.values())


# ---------------------------------------------------------------- a round


def leader(said: Sequence[Judgement]) -> int | None:
    """The trial that was marked best last; None before any was."""
    return next((one.best for one in reversed(said) if one.best is not None), None)


def to_show(trials: Sequence[Trial], said: Sequence[Judgement]) -> list[int]:
    """Numbers of the trials to choose among now: those not shown yet, beside the leader; empty while there are fewer than
    two, or some are still under way."""
    if any(not trial.end for trial in trials):
        return []
    shown = {number for one in said for number in one.shown}
    new = [trial.number for trial in trials if trial.complete and trial.number not in shown]
    first = leader(said)
    # nothing was marked yet: what could not be told apart stands beside the new ones
    before = [first] if first is not None else [number for one in said[-1:] for number in one.shown]
    found = [*before[: MOST_SHOWN - 1], *new] if new else []
    return found[:MOST_SHOWN] if len(found) >= 2 else []


def shown_now(study: Searched) -> list[int]:
    """The trials that a person is to choose among now; empty while one is waited for, or where all was judged."""
    return [] if study.proposed() else to_show(study.ledger().trials, judgements_of(study.path))


def is_due(study: Searched) -> bool:
    """Whether a driver has something to do: to say what new choices favour, or to propose what to try next, where no run is
    under way, none waits, all were judged and more are wanted."""
    trials, said = study.ledger().trials, judgements_of(study.path)
    if any(not trial.end for trial in trials) or study.proposed():
        return False
    if pairs_of(said) and stored_liking(study.path, said) is None:
        return True
    return len(trials) < study.total and not to_show(trials, said)


def next_settings(study: Searched, rng: np.random.Generator) -> list[dict[str, Any]]:
    """What to try next, by field name: first some that are spread, then what the taste proposes; empty where nothing
    is due, or where all was tried. Raises MissingPackage without the extra.
    """
    trials, fields = study.ledger().trials, study.fields
    left = study.total - len(trials)
    if left <= 0 or not is_due(study) or to_show(trials, judgements_of(study.path)):
        return []
    pool = _untried(fields, trials, study.settings.search_seed)
    pairs = pairs_of(judgements_of(study.path))
    complete = [trial for trial in trials if trial.complete]
    if not pairs:
        wanted = min(left, max(NEXT, FIRST - len(complete)), len(pool))
        return [pool[row] for row in np.linspace(0, len(pool) - 1, wanted).round().astype(int)]
    if not pool:
        return []
    taste = _taste(fields, complete, pairs)
    candidates = np.array([vector(fields, one) for one in pool])
    return [pool[row] for row in propose(taste, candidates, min(left, NEXT), rng)]


def _untried(fields: Sequence[Field], trials: Sequence[Trial], seed: int) -> list[dict[str, Any]]:
    """Settings that were not tried: every one of a small space, else some that are spread; drawn anew where all were."""
    tried = {key_of(trial.values) for trial in trials}
    if size(fields) <= CANDIDATES:
        return [one for one in grid(fields, whole=True) if key_of(one) not in tried]
    for again in range(REDRAWN):
        found = [one for one in spread_values(fields, CANDIDATES, seed + again) if key_of(one) not in tried]
        if found:
            return found
    return []


def _taste(fields: Sequence[Field], complete: Sequence[Trial], pairs: Sequence[tuple[int, int]]) -> Taste:
    row = {trial.number: place for place, trial in enumerate(complete)}
    known = [(row[a], row[b]) for a, b in pairs if a in row and b in row]
    return Taste(vectors(fields, complete), known)


# ---------------------------------------------------------------- what the choices say


@dataclass(frozen=True)
class Liked:
    """What the choices favour: the probability that each complete trial is liked best of them, by number, and sentences."""

    chances: Mapping[int, float]
    sentences: tuple[str, ...]


def stored_liking(folder: Path, said: Sequence[Judgement]) -> Liked | None:
    """What these very choices of a study favour, as it was kept; None where nothing was, or of others, or it cannot be read."""
    try:
        raw = read_json(folder / FILE)
        if raw["choices"] != as_json(said):
            return None
        chances = {int(name): number(chance) for name, chance in raw["chances"].items()}
        return Liked(chances, tuple(texts(raw["sentences"])))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def store_liking(study: Searched) -> None:
    """Work out what the choices favour and keep it, where there are new ones that tell an order. Raises MissingPackage."""
    said = judgements_of(study.path)
    if pairs_of(said) and stored_liking(study.path, said) is None:
        write_json(study.path / FILE, {**asdict(liked(study, said)), "choices": as_json(said)})


def liked(study: Searched, said: Sequence[Judgement]) -> Liked:
    """What these choices favour, and how sure that is.

    Raises BadConfig before a choice tells an order, MissingPackage without the extra.
    """
    trials, fields = study.ledger().trials, study.fields
    complete = [trial for trial in trials if trial.complete]
    taste = _taste(fields, complete, pairs_of(said))
    rng = np.random.default_rng(0)
    found = favourite(taste, vectors(fields, complete), rng)
    best = int(found.argmax())
    pool = spread_values(fields, CANDIDATES, study.settings.search_seed)
    drawn = taste.samples(np.array([vector(fields, one) for one in pool]), rng)
    told = [region(field, [one[field.name] for one in pool], drawn) for field in fields]
    first = complete[best]
    values = listed([f"{name} {short_text(value)}" for name, value in first.values.items()])
    certain = [words for words in told if words]
    sentences = [
        f"Of {len(complete)} trained runs, trial {first.number} ({values}) is liked best with {found[best]:.0%} probability."
    ]
    if certain:
        sentences.append(
            f"The choices favour {listed(certain)} (with two thirds probability, over all values of the others)."
        )
    if len(certain) < len(fields):
        open_ = [field.name for field, words in zip(fields, told, strict=True) if not words]
        sentences.append(f"They say little of {listed(open_)} yet.")
    chances = {trial.number: float(chance) for trial, chance in zip(complete, found, strict=True)}
    return Liked(chances, tuple(sentences))


def region(field: Field, values: Sequence[Any], drawn: np.ndarray) -> str:
    """The values of a field that are liked best on the mean over all others with probability SURE, in words.

    values: of that field, of C settings; drawn (S, C) samples of the taste there. Empty where half of the range is no
    more than likely: then the choices say little of it.
    """
    if field.numeric:
        ordered = sorted(set(values), key=field.share)
        place = {value: min(PARTS - 1, int(PARTS * field.share(value))) for value in ordered}
    else:
        ordered = list(field.values)
        place = {value: at for at, value in enumerate(ordered)}
    parts = np.array([place[value] for value in values])
    there = [part for part in range(max(place.values()) + 1) if (parts == part).any()]
    means = np.stack([drawn[:, parts == part].mean(1) for part in there], 1)
    chances = np.bincount(means.argmax(1), minlength=len(there)) / len(drawn)
    if not field.numeric:
        top = int(chances.argmax())
        return f"{field.name} {ordered[there[top]]}" if chances[top] >= SURE else ""
    # the shortest row of neighbouring parts that is sure enough
    sure = [(last - first, first, last) for first in range(len(there)) for last in range(first, len(there)) if chances[first : last + 1].sum() >= SURE]  # fmt: skip
    _, first, last = min(sure, key=lambda row: (row[0], -chances[row[1] : row[2] + 1].sum()))
    if 2 * (last - first + 1) > len(there):
        return ""
    inside = [value for value in ordered if there[first] <= place[value] <= there[last]]
    low, high = inside[0], inside[-1]
    return (
        f"{field.name} {short_text(low)}"
        if low == high
        else f"{field.name} from {short_text(low)} to {short_text(high)}"
    )
