"""What a study shows, in sentences: what mattered, what did not, where the best lies, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vae_core.options import capitalised
from vae_core.study.fields import Field, searchable, short_text
from vae_core.study.goals import Goal
from vae_core.study.ranking import best_trial, front, mean_cost
from vae_core.study.record import Study
from vae_core.study.search import needed_for_importance, settings_done
from vae_core.study.trials import FAILED, PRUNED, STOPPED, Ledger, Trial, same_settings
from vae_core.words import counted, listed, percent

MATTERS = 0.1  # of the goal's variance over the ranges, from which a field mattered
AT_END = 0.05  # of a range, within which a value lies at its end


def sentences(study: Study) -> list[str]:
    """What there is to say now, most important first."""
    ledger, fields, goals = study.ledger(), study.fields, study.goals
    complete = [trial for trial in ledger.trials if trial.complete]
    if not goals:
        return []
    if not complete:
        return ["No run has finished yet.", *_ended(ledger)]
    found = []
    if len(goals) == 1:
        found += _about_best(ledger, fields, goals[0])
    else:
        found += _about_front(ledger, goals)
    for goal in goals:
        found += _what_mattered(ledger, fields, goal, several=len(goals) > 1)
    return [*found, *_ended(ledger)]


# ---------------------------------------------------------------- the best


def titled(field: Field) -> str:
    """What a field is called in a sentence."""
    leaf = searchable()[field.name][0]
    return leaf.spec.title or leaf.name.replace("_", " ")


def setting_text(fields: Sequence[Field], values: Mapping[str, Any]) -> str:
    """latent dimensions D 12, β 0.5."""
    return ", ".join(f"{titled(f)} {short_text(values[f.name])}" for f in fields if f.name in values)


def number_text(goal: Goal, value: float) -> str:
    """A goal's number with as many digits as it means, and its unit where that is short."""
    if goal.nats:
        return f"{value:,.1f} nats".replace("-", "−")
    if goal.unit == "s":
        return f"{value:,.1f} s"
    return f"{value:.3g}".replace("-", "−")


def _about_best(ledger: Ledger, fields: Sequence[Field], goal: Goal) -> list[str]:
    best = best_trial(ledger.trials, [goal])
    if best is None:
        return []
    groups = same_settings([trial for trial in ledger.trials if trial.complete])
    mine = next(group for group in groups.values() if best in group)
    mean = sum(trial.numbers[goal.name] for trial in mine) / len(mine)
    over = f", the mean of {counted(len(mine), 'seed')}" if len(mine) > 1 else ""
    found = [
        f"Best {goal.title}: {number_text(goal, mean)}{over}, at {setting_text(fields, best.values)} (trial {best.number})."
    ]
    found += _rivals(groups.values(), mine, goal, fields)
    shares = ledger.importance.get(goal.name, {})
    ends = [
        text
        for f in fields
        if (not shares or shares.get(f.name, 0.0) >= MATTERS) and (text := _at_end(f, best.values))
    ]
    if ends and len(groups) > 1:
        found.append(f"The best lies at an end of its range: {'; '.join(ends)}.")
    return found


def _at_end(field: Field, values: Mapping[str, Any]) -> str:
    """What to do where a value lies at an end of its range that could be moved; else nothing."""
    value = values.get(field.name)
    if value is None or not field.numeric:
        return ""
    share = field.share(value)
    if AT_END < share < 1 - AT_END and value not in field.ends:
        return ""
    low, upper = field.ends
    at_low = share <= 0.5
    leaf = searchable()[field.name][0]
    bound = leaf.spec.minimum if at_low else leaf.spec.maximum
    end = low if at_low else upper
    if bound is not None and (end == bound or (bound == 0 and field.whole and end == 1)):
        return ""
    side = "below" if at_low else "above"
    return (
        f"{titled(field)} {short_text(value)} of {short_text(low)} to {short_text(upper)}, so widen it {side}"
    )


def _rivals(groups: Any, mine: Sequence[Trial], goal: Goal, fields: Sequence[Field]) -> list[str]:
    """With seeds: which settings are no worse than their spread explains."""
    noise, several = spread_of_seeds(groups, goal)
    if not several:
        return []
    best = mean_cost(mine, goal)
    near = []
    for group in groups:
        mean = mean_cost(group, goal)
        if group is not mine and best is not None and mean is not None:
            error = noise * math.sqrt(1 / len(mine) + 1 / len(group))
            if mean - best <= 2 * error:
                near.append(group)
    if not near:
        return [
            f"No other setting comes within the spread of seeds ({number_text(goal, noise)} from seed to seed)."
        ]
    named = listed(setting_text(fields, group[0].values) for group in near[:3])
    more = f" and {len(near) - 3} more" if len(near) > 3 else ""
    return [
        f"{counted(len(near), 'other setting')} differ{'s' if len(near) == 1 else ''} from it by no more than seeds do "
        f"({number_text(goal, noise)} from seed to seed): {named}{more}."
    ]


def spread_of_seeds(groups: Any, goal: Goal) -> tuple[float, int]:
    """Standard deviation of a goal among the seeds of one setting, pooled over all; and how many settings have several."""
    squares, freedom, several = 0.0, 0, 0
    for group in groups:
        values = [trial.numbers[goal.name] for trial in group if goal.name in trial.numbers]
        if len(values) > 1:
            mean = sum(values) / len(values)
            squares += sum((v - mean) ** 2 for v in values)
            freedom += len(values) - 1
            several += 1
    return (math.sqrt(squares / freedom) if freedom else 0.0), several


def _about_front(ledger: Ledger, goals: Sequence[Goal]) -> list[str]:
    """By the means over the seeds of each setting, as the front is."""
    on = front(ledger.trials, goals)
    groups = list(same_settings([trial for trial in ledger.trials if trial.complete]).values())
    best = [[_mean(group, goal) for goal in goals] for group in groups if any(t.number in on for t in group)]
    if not best:
        return []
    seeds = max(map(len, groups))
    what, over = ("setting", f", means over up to {seeds} seeds") if seeds > 1 else ("run", "")
    ends = sorted(best, key=lambda means: goals[0].cost(means[0]))
    if all(means == ends[0] for means in ends):
        both = " and ".join(f"{g.title} {number_text(g, v)}" for g, v in zip(goals, ends[0], strict=True))
        number = min(on)
        named = f"Trial {number} is" if len(best) == 1 else f"{capitalised(counted(len(best), what))} are"
        return [f"{named} best in both goals: {both}{over}."]
    first, last = (
        " with ".join(f"{g.title} {number_text(g, v)}" for g, v in zip(goals, means, strict=True))
        for means in (ends[0], ends[-1])
    )
    return [f"{len(best)} of {counted(len(groups), what)} are on the front, from {first} to {last}{over}."]


def _mean(group: Sequence[Trial], goal: Goal) -> float:
    """Over the trials of one setting that have the number."""
    values = [trial.numbers[goal.name] for trial in group if goal.name in trial.numbers]
    return sum(values) / len(values)


# ---------------------------------------------------------------- what mattered


def _what_mattered(ledger: Ledger, fields: Sequence[Field], goal: Goal, *, several: bool) -> list[str]:
    needed, complete = needed_for_importance(fields), settings_done(ledger.trials)
    if complete < needed:
        return (
            []
            if several
            else [f"Too few settings to say what mattered: {complete} of the {needed} it takes."]
        )
    shares = ledger.importance.get(goal.name)
    if len(fields) < 2 or not shares:
        return []
    of = f" for {goal.title}" if several else ""
    order = sorted(fields, key=lambda f: -shares.get(f.name, 0.0))
    did = [f for f in order if shares.get(f.name, 0.0) >= MATTERS]
    not_did = [f for f in order if f not in did]
    if not did:
        return [f"No field by itself explains a tenth of what the runs differ by{of}."]
    said = listed(f"{titled(f)} ({percent(shares[f.name])} of the differences)" for f in did)
    text = f"What mattered{of}: {said}"
    text += f"; what did not: {listed(titled(f) for f in not_did)}." if not_did else "."
    return [text]


def _ended(ledger: Ledger) -> list[str]:
    """How many runs ended otherwise."""
    found = []
    for end, words in (
        (PRUNED, "stopped early as hopeless"),
        (STOPPED, "stopped by hand"),
        (FAILED, "failed"),
    ):
        count = sum(trial.end == end for trial in ledger.trials)
        if count:
            verb = "" if end == FAILED else ("was " if count == 1 else "were ")
            found.append(f"{capitalised(counted(count, 'run'))} {verb}{words}.")
    return found
