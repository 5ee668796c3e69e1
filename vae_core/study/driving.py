"""Driving a study: one step at a time that asks, creates, prunes, measures and tells, and can be killed anywhere.

What was decided is written down before it is done, and every step begins by comparing what is written with the runs there
are: so the next driver goes on where the last one was killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from filelock import Timeout

from vae_core.errors import (
    BadConfig,
    BadName,
    MissingPackage,
    RunBusy,
    RunNotFound,
    StorageBusy,
    VaeCoreError,
)
from vae_core.runs.gone import mark_if_gone
from vae_core.runs.launchers import chosen, cluster_of
from vae_core.runs.record import ENDED, FAILED, FINISHED, INTERRUPTED, LIVE, QUEUED, STOPPED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.study.choosing import next_settings, store_liking
from vae_core.study.fields import Field
from vae_core.study.goals import Goal, on_request
from vae_core.study.learning import learned, points_of
from vae_core.study.locks import FolderLock
from vae_core.study.measuring import Measuring
from vae_core.study.record import Study
from vae_core.study.record_file import StudyRecord
from vae_core.study.search import Asked, Search, enough_for_importance, importance
from vae_core.study.settings import GRID, HALVING, NONE, PREFERENCE, StudySettings
from vae_core.study.space import grid
from vae_core.study.trials import COMPLETE, PRUNED, Ledger, Trial, key_of, write_ledger
from vae_core.study.trials import FAILED as LOST
from vae_core.study.trials import STOPPED as HALTED
from vae_core.words import one_decimal

MOST_TRIES = 3  # of a run whose process is gone before it is done
MOST_AHEAD = 64  # runs of a grid that are queued at once
AGAIN_SECONDS = 2.0  # until a storage that could not be used is tried again
ASKED_SECONDS = 0.5  # that the lock is waited for: who only asks whether it is held lets go at once
REDRAWN = 30  # times that a setting which was tried already is drawn anew


@dataclass(frozen=True)
class Look:
    """How a study stands after a step. done: nothing is left to do. waiting: its runs that wait to be trained. missing: what
    has to be installed before it goes on."""

    done: bool
    note: str
    waiting: tuple[Run, ...]
    missing: MissingPackage | None = None


class Driving:
    """A study in the hands of this process. Raises RunBusy where another drives it."""

    def __init__(self, study: Study, measuring: Measuring, wait: float = ASKED_SECONDS) -> None:
        self.study, self.measuring, self.store = study, measuring, Store(study.places)
        self.lock: FolderLock = study.driver_lock()
        try:
            self.lock.acquire(timeout=wait)
        except Timeout:
            raise RunBusy(f"another process drives the study {study.name}") from None
        self.search: Search | None = None
        self.opened: tuple[Any, ...] = ()
        self.missing: MissingPackage | None = None
        self.again = 0.0  # when a storage that could not be used is tried again
        self.seen: dict[int, int] = {}  # epochs of each trial that were reported
        try:
            self.ledger: Ledger = study.ledger()
        except BaseException:
            self.lock.release()
            raise

    def __enter__(self) -> Driving:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the study to another driver; runs that train go on."""
        self.measuring.close()
        self.lock.release()

    # ------------------------------------------------ one step

    def advance(self) -> Look:
        """Look once and do what is due. Raises RunNotFound where the study is gone, BadRun where it cannot be read."""
        record = self.study.record()
        fields, goals = self.study.fields, self.study.goals
        if time.monotonic() < self.again:
            return Look(not record.going, self.ledger.note, tuple(self._waiting()), self.missing)
        note, self.missing = "", None
        try:
            search = self._opened(record, fields, goals)
            self._take_up_again()
            for trial in self.ledger.under_way():
                self._look_at(trial, record, search, goals)
            if record.going:
                if record.settings.sampler == PREFERENCE:
                    self._propose()
                self._try_more(record, search, fields)
            self._weigh(fields, goals)
        except MissingPackage as error:
            note, self.again, self.missing = f"waits: {error}", time.monotonic() + AGAIN_SECONDS, error
        except StorageBusy as error:
            self.search, note, self.again = None, f"waits: {error}", time.monotonic() + AGAIN_SECONDS
        self.say(note)
        done = not self.study.wants() and not (note and self.study.record().going)
        return Look(done, note, tuple(self._waiting()), self.missing)

    def say(self, note: str) -> None:
        """Keep what the study waits for, empty for nothing, where a page finds it."""
        if note != self.ledger.note:
            self._write(note=note)

    def _opened(self, record: StudyRecord, fields: tuple[Field, ...], goals: tuple[Goal, ...]) -> Search:
        wanted = (record.space, record.settings)
        if self.search is not None and self.opened == wanted:
            return self.search
        name = f"{self.study.name}-{record.token}" + (f"-{record.space}" if record.space else "")
        search = Search(self.study.path, record.settings, fields, goals, name)
        known = search.known()
        anew = record.space != self.ledger.space
        for trial in self.ledger.trials:
            if not anew and trial.asked in known:
                if trial.end:
                    search.tell(trial.asked, trial.end, trial.numbers)
                continue
            asked = -1
            if trial.end:
                search.add(trial)
            elif all(f.name in trial.values and f.holds(trial.values[f.name]) for f in fields):
                asked = search.ask(trial.number, trial.values).number
            self._put(replace(trial, asked=asked))
        mine = {trial.asked for trial in self.ledger.trials}
        for number, state in known.items():
            if state == "running" and number not in mine:  # a kill came before it was written down
                search.tell(number, LOST, {})
        if anew:
            self._write(space=record.space, importance={}, importance_of=0)
        self.seen.clear()
        self.search, self.opened = search, wanted
        return search

    # ------------------------------------------------ a trial under way

    def _look_at(self, trial: Trial, record: StudyRecord, search: Search, goals: tuple[Goal, ...]) -> None:
        if not trial.run:
            with self.study.unchanged() as now:
                if now.going:
                    self._create(trial, search)
            return
        run = Run(self.study.places.runs / trial.run, self.study.places)
        try:
            with contextlib.suppress(VaeCoreError, OSError):  # whether it lives cannot be asked just now
                mark_if_gone(run)
            status = run.status()
        except RunNotFound:
            self._end(trial, search, LOST, "its run was deleted")
            return
        if status.state in LIVE:
            self._follow(trial, run, search, record, goals)
        elif status.state == FINISHED:
            self._measure(trial, run, search, goals)
        elif status.state == FAILED:
            self._end(trial, search, LOST, status.error or "training failed")
        elif status.state == STOPPED and trial.pruning:
            self._follow(trial, run, search, record, goals)
            self._end(trial, search, PRUNED, trial.pruning)
        elif status.state in ENDED and record.going:
            if status.state == INTERRUPTED and trial.tries + 1 >= MOST_TRIES:
                why = f"its process ended {MOST_TRIES} times before it was done; memory may have run out"
                self._end(trial, search, LOST, why)
            elif status.state == INTERRUPTED or run.id in record.held:
                trial = replace(trial, tries=trial.tries + (status.state == INTERRUPTED))
                self._put(trial)
                try:
                    self.study.take_on(run)
                except BadConfig as error:
                    self._end(trial, search, LOST, str(error))
            else:
                self._end(trial, search, HALTED, "it was stopped by hand")

    def _create(self, trial: Trial, search: Search) -> None:
        """Its run: the one that a killed driver created and could not write down, or a new one."""
        self.study.take_proposed(trial.values)  # now that the trial is written down
        name = f"{self.study.name[:70]}-t{trial.number:03d}"
        taken = {one.run for one in self.ledger.trials}
        try:
            run = None
            with contextlib.suppress(RunNotFound):
                run = self.store.find(name)
                kept, wanted = run.record(), self.study.config_of(trial)
                if run.id in taken or kept.group != self.study.name or kept.config != wanted:
                    run, name = None, self.store.free_name(name)
            if run is None:
                run = self.store.create(self.study.config_of(trial), name, group=self.study.name)
            self._put(replace(trial, run=run.id))
        except BadName:  # somebody took it in between: the next step finds another
            return
        except BadConfig as error:
            self._end(trial, search, LOST, str(error))

    def _follow(
        self, trial: Trial, run: Run, search: Search, record: StudyRecord, goals: tuple[Goal, ...]
    ) -> None:
        """Report what its epochs say, and ask a hopeless run to stop."""
        if trial.pruning:
            if not any(command.name == "stop" for command in run.requests(run.status().control)):
                run.request("stop")
            return
        if record.settings.pruner == NONE or trial.asked < 0:
            return
        points, length = points_of(run, goals[0], by_share="epochs" in trial.values)
        if len(points) == self.seen.get(trial.number, 0):
            return
        self.seen[trial.number] = len(points)
        search.report(trial.asked, points)
        if not points or max(points) >= length or not search.hopeless(trial.asked, length):
            return
        said = learned(run).epochs[-1]
        value = goals[0].epoch(said) if goals[0].epoch else None
        worse = (
            "not among the better half at its length"
            if record.settings.pruner == HALVING
            else "worse than half of the others then"
        )
        shown = "" if value is None else f", {goals[0].title} {one_decimal(value)}"
        why = f"stopped by the search after epoch {said.epoch}{shown} on validation images: {worse}"
        trial = replace(trial, pruning=why)
        self._put(trial)
        run.request("stop")

    def _measure(self, trial: Trial, run: Run, search: Search, goals: tuple[Goal, ...]) -> None:
        def lost(why: str, **numbers: Any) -> None:
            stamp = FINISHED  # it says that these weights were judged, so that they are not again
            with contextlib.suppress(VaeCoreError):
                stamp = run.stamp()
            self._end(replace(trial, stamp=stamp, **numbers), search, LOST, why)

        if what := learned(run).changed:
            lost(f"{what} was changed by hand while it learned, so it answers for no one setting")
            return
        found = self.measuring.measured(run, on_request(goals))
        if found is None:
            return
        if found.error:
            lost(found.error)
            return
        lacking = next((goal for goal in goals if goal.name not in found.numbers), None)
        if lacking is not None:
            why = found.why_not.get(lacking.name, "the run does not give it")
            lost(f"no {lacking.title}: {why}", numbers=found.numbers)
            return
        self._end(replace(trial, numbers=found.numbers, stamp=found.stamp), search, COMPLETE, "")

    def _end(self, trial: Trial, search: Search, end: str, why: str) -> None:
        """Write down how a trial ended, then tell the search."""
        trial = replace(trial, end=end, why=why, pruning="")
        self._put(trial)
        self.seen.pop(trial.number, None)
        if trial.asked >= 0:
            search.tell(trial.asked, end, trial.numbers)
        else:
            search.add(trial)

    def _take_up_again(self) -> None:
        """A run that a person resumed after its trial had ended, and that has finished since, counts after all."""
        for trial in self.ledger.trials:
            if trial.end in (PRUNED, HALTED, LOST) and trial.run and not trial.stamp:
                run = Run(self.study.places.runs / trial.run, self.study.places)
                with contextlib.suppress(VaeCoreError):
                    if run.status().state == FINISHED and not run.record().effective.training.continued:
                        self._put(replace(trial, end="", why="", asked=-1))

    # ------------------------------------------------ new trials

    def _try_more(self, record: StudyRecord, search: Search, fields: tuple[Field, ...]) -> None:
        settings = record.settings
        ahead = settings.sampler == GRID and settings.pruner == NONE and "seconds" not in settings.goals
        most = self._at_once(settings)
        most = max(MOST_AHEAD, most) if ahead else most
        while len(self.ledger.under_way()) < most:
            found = self._next(record, search, fields)
            if found is None:
                return
            asked, seed = found
            with self.study.unchanged() as now:  # it may have been stopped since this step began
                if now.going and now.space == record.space:
                    trial = Trial(len(self.ledger.trials), asked.values, seed, asked=asked.number)
                    self._write(trials=(*self.ledger.trials, trial))
                    self._create(trial, search)
                    continue
            search.tell(asked.number, LOST, {})
            return

    def _at_once(self, settings: StudySettings) -> int:
        """Trials under way at a time: as many as the study says or, where this process was told to use a cluster, as that has
        room for."""
        cluster = cluster_of(chosen())
        if cluster is None or "seconds" in settings.goals:
            return settings.jobs
        try:
            return cluster.at_once(settings.base.training.threads)
        except OSError:  # it does not answer: the runs that wait say so
            return settings.jobs

    def _propose(self) -> None:
        """What the choices so far favour, and what they make worth trying, where all that was shown is judged."""
        store_liking(self.study)
        if due := next_settings(self.study, np.random.default_rng(len(self.ledger.trials))):
            self.study.propose(due)

    def _next(
        self, record: StudyRecord, search: Search, fields: tuple[Field, ...]
    ) -> tuple[Asked, int] | None:
        """What to try next and with which seed; None where nothing is left."""
        settings, trials = record.settings, self.ledger.trials
        count, first = len(trials), settings.base.training.seed
        if trials and settings.seeds > 1:
            last = trials[-1]
            alike = itertools.takewhile(lambda t: key_of(t.values) == key_of(last.values), reversed(trials))
            if len(list(alike)) % settings.seeds:
                return search.ask(count, last.values), last.seed + 1
        for values in self.study.proposed():
            if all(field.holds(values[field.name]) for field in fields):
                return search.ask(count, values), first
            self.study.take_proposed(values)  # of ranges that were narrowed since
        tried = {key_of(trial.values) for trial in trials}
        if settings.sampler == GRID:
            left = next((v for v in grid(fields) if key_of(v) not in tried), None)
            return None if left is None else (search.ask(count, left), first)
        if count >= self.study.total or settings.sampler == PREFERENCE:
            return None
        for again in range(REDRAWN):
            asked = search.ask(count + again * 100_003)
            if key_of(asked.values) not in tried:
                return asked, first
            self._tell_again(search, asked)
        left = next((v for v in grid(fields, whole=True) if key_of(v) not in tried), None)
        return None if left is None else (search.ask(count, left), first)

    def _tell_again(self, search: Search, asked: Asked) -> None:
        """The search asks for what was tried: it is told the same numbers."""
        same = [t for t in self.ledger.trials if key_of(t.values) == key_of(asked.values) and t.complete]
        search.tell(asked.number, COMPLETE if same else LOST, same[0].numbers if same else {})

    # ------------------------------------------------ what is written

    def _weigh(self, fields: tuple[Field, ...], goals: tuple[Goal, ...]) -> None:
        """Work out importance where it can be told, a few trials apart, and at the end."""
        complete = sum(trial.complete for trial in self.ledger.trials)
        since = complete - self.ledger.importance_of
        if not since or not enough_for_importance(self.ledger.trials, fields):
            return
        if since >= max(3, complete // 8) or not self.study.wants():
            found = importance(self.ledger.trials, fields, goals)
            self._write(importance=found, importance_of=complete)

    def _put(self, trial: Trial) -> None:
        before = self.ledger.trials
        self._write(trials=(*before[: trial.number], trial, *before[trial.number + 1 :]))

    def _write(self, **changes: Any) -> None:
        self.ledger = dataclasses.replace(self.ledger, **changes)
        write_ledger(self.study.path, self.ledger)

    def _waiting(self) -> list[Run]:
        found = []
        for trial in self.ledger.under_way():
            run = Run(self.study.places.runs / trial.run, self.study.places)
            with contextlib.suppress(VaeCoreError):
                if trial.run and run.status().state == QUEUED:
                    found.append(run)
        return found
