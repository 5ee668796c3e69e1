"""A study as a page and its component take it: plain JSON, read from its files and the folders of its runs."""

from __future__ import annotations

import math
from typing import Any

from vae_core.errors import VaeCoreError
from vae_core.evaluation.metrics import all_values
from vae_core.runs.record import FAILED as RUN_FAILED
from vae_core.runs.record import FINISHED, INTERRUPTED, LIVE, QUEUED, Status
from vae_core.runs.run import Run
from vae_core.study.fields import Field, kind_of, searchable
from vae_core.study.goals import GOALS, MAX, Goal, nats_differ
from vae_core.study.learning import Learned, learned
from vae_core.study.ranking import best_trial, front
from vae_core.study.record import Study
from vae_core.study.summary import sentences
from vae_core.study.trials import COMPLETE, FAILED, PRUNED, STOPPED, Trial

MOST_POINTS = 200  # of a curve

_STATES = {COMPLETE: "finished", PRUNED: "pruned", STOPPED: "stopped", FAILED: "failed"}


def payload(study: Study) -> dict[str, Any]:
    """Everything of a study that is shown, as JSON. Raises RunNotFound or BadRun where it is gone or cannot be read.

    fields, goals and numbers (goals first, then whatever else is known of every finished trial) say what a trial's `values`
    and `numbers` are; `best` is a trial's number, or null before one is complete and with two goals; a trial's `front` says
    that no other is better in both. `curve` is the first goal that epochs tell, or the loss, on validation images.
    `trials` are by number.
    """
    record, ledger = study.record(), study.ledger()
    fields, goals = study.fields, study.goals
    best, on_front = best_trial(ledger.trials, goals), front(ledger.trials, goals)
    curve = next((goal for goal in goals if goal.epoch is not None), None)
    return {
        "name": study.name,
        "going": record.going,
        "note": ledger.note,
        "sampler": record.settings.sampler,
        "pruner": record.settings.pruner,
        "total": study.total,
        "jobs": record.settings.jobs,
        "fields": [_field(field) for field in fields],
        "goals": [_goal(goal) for goal in goals],
        "numbers": _numbers(ledger.trials, goals, nats=not nats_differ(fields)),
        "importance": {goal: dict(shares) for goal, shares in ledger.importance.items()},
        "trials": [_trial(study, trial, curve, trial.number in on_front) for trial in ledger.trials],
        "best": None if best is None else best.number,
        "sentences": sentences(study),
    }


def _field(field: Field) -> dict[str, Any]:
    leaf = searchable()[field.name][0]
    return {
        "name": field.name, "title": leaf.spec.title or leaf.name.replace("_", " "), "unit": leaf.spec.unit, "help": leaf.spec.help,
        "log": field.log, "kind": "number" if field.numeric else "choice", "whole": kind_of(leaf) is int,
        "values": list(field.values) or None, "low": field.low, "high": field.high, "text": str(field),
    }  # fmt: skip


def _goal(goal: Goal) -> dict[str, Any]:
    return {
        "name": goal.name, "title": goal.title, "unit": goal.unit, "direction": goal.direction, "help": goal.help, "target": goal.target,
    }  # fmt: skip


def _numbers(trials: tuple[Trial, ...], goals: tuple[Goal, ...], *, nats: bool) -> list[dict[str, Any]]:
    """The goals, then what else is known of every trial that is complete; `nats`: also what is in nats of a likelihood."""
    complete = [trial for trial in trials if trial.complete]
    known = set.intersection(*(set(trial.numbers) for trial in complete)) if complete else set()
    wanted = [goal.name for goal in goals]
    found = [_goal(goal) for goal in goals]
    found += [
        _goal(goal)
        for name, goal in GOALS.items()
        if name in known and name not in wanted and (nats or not goal.nats)
    ]
    for name, value in all_values().items():
        if name in known and name not in GOALS and (nats or "nats" not in value.unit):
            way = "min" if value.higher_is_better is False else MAX
            found.append(
                {
                    "name": name,
                    "title": value.title,
                    "unit": value.unit,
                    "direction": way,
                    "help": value.definition,
                    "target": None,
                }
            )
    return found


def _trial(study: Study, trial: Trial, goal: Goal | None, on_front: bool) -> dict[str, Any]:
    run = Run(study.places.runs / trial.run, study.places) if trial.run else None
    status, title, why, how = None, "", trial.why, Learned()
    if run is not None:
        try:
            title, status, how = run.name, run.status(), learned(run)
        except VaeCoreError:
            why = why or "its run was deleted"
    state = state_of(trial, status)
    if status is not None and trial.complete and run is not None and _went_on(trial, run, status):
        why = "its run went on after it was measured: its numbers are of before"
    return {
        "number": trial.number, "run": trial.run if status is not None else "", "title": title or f"{study.name}-t{trial.number:03d}",
        "seed": trial.values.get("seed", trial.seed), "values": dict(trial.values), "numbers": dict(trial.numbers),
        "state": state, "why": why or (status.note if status is not None and state == "waiting" else ""),
        "progress": 1.0 if state in ("finished", "measuring") else (status.progress if status is not None else 0.0),
        "curve": _curve(how, goal), "front": on_front,
    }  # fmt: skip


def state_of(trial: Trial, status: Status | None) -> str:
    """waiting, training, measuring, finished, pruned, stopped or failed; of a run that a person resumed, what it does now."""
    state = "" if status is None else status.state
    if state in LIVE and not trial.complete:
        return "training"
    if trial.end:
        return "waiting" if state == QUEUED and not trial.complete else _STATES[trial.end]
    if state == FINISHED:
        return "measuring"
    if state in (RUN_FAILED, INTERRUPTED):
        return "failed" if state == RUN_FAILED else "stopped"
    return "stopped" if state not in ("", QUEUED) else "waiting"


def _went_on(trial: Trial, run: Run, status: Status) -> bool:
    if status.state in LIVE or status.state == QUEUED:
        return True
    try:
        return bool(trial.stamp) and run.stamp() != trial.stamp
    except VaeCoreError:
        return False


def _curve(how: Learned, goal: Goal | None) -> dict[str, Any]:
    name = goal.name if goal is not None else "loss"
    points = []
    for event in how.epochs:
        value = (
            goal.epoch(event) if goal is not None and goal.epoch is not None else event.validation.objective
        )
        points.append((event.epoch, value if value is not None and math.isfinite(value) else None))
    if len(points) > MOST_POINTS:
        step = len(points) / MOST_POINTS
        points = [points[min(len(points) - 1, math.ceil((i + 1) * step) - 1)] for i in range(MOST_POINTS)]
    return {"name": name, "epoch": [epoch for epoch, _ in points], "value": [value for _, value in points]}
