"""A study on disk: what is searched, wanted and still to be tried. Any process may read it; each change is a whole file.

    <home>/studies/<name>/
      study.json      its settings, whether it goes on, and which runs were stopped with it
      trials.json     what was tried and what came of it, see `trials`
      proposed.json   settings that a person or a preference wants tried next
      journal.log     Optuna's own storage, unless the study has another
      .driver.lock    held by whoever drives it

Its runs are ordinary runs whose group is the study's name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.errors import BadConfig, BadName, BadRun, RunBusy, RunNotFound, VaeCoreError
from vae_core.places import Places, check_not_look_only, check_plain_name, write_json
from vae_core.reading import read_json, text
from vae_core.runs.record import ENDED, FAILED, FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store, first_free
from vae_core.study.choosing import is_due
from vae_core.study.field_checks import read_fields
from vae_core.study.fields import Field, value_text, with_values
from vae_core.study.goals import Goal, check_goals, parse_goal, read_goals
from vae_core.study.locks import FolderLock
from vae_core.study.ranking import best_trial
from vae_core.study.record_file import FILE, StudyRecord, read_record, write_record
from vae_core.study.settings import GRID, PREFERENCE, StudySettings, check_settings, without_password
from vae_core.study.space import check_left, check_same, wanted
from vae_core.study.trials import FILE as TRIALS
from vae_core.study.trials import Ledger, Trial, key_of, read_ledger
from vae_core.sweep import groups, with_beta

PROPOSED = "proposed.json"
FOLDER = "studies"  # of a home


class Study:
    """A study's folder. Cheap to make; every method sees the disk as it is."""

    def __init__(self, path: Path, places: Places) -> None:
        self.path, self.places = path, places
        self._edits = FolderLock(path / ".edit.lock")  # may be taken again by the thread that holds it

    def __repr__(self) -> str:
        return f"Study({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.name

    # ------------------------------------------------ what it is

    def record(self) -> StudyRecord:
        """Raises RunNotFound where it is gone, BadRun where it cannot be read."""
        path = self.path / FILE
        try:
            stat = path.stat()
            return read_record(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except FileNotFoundError:
            raise RunNotFound(f"the study {self.name} is not there any more") from None
        except (OSError, ValueError, BadConfig) as error:
            raise BadRun(f"the study {self.name} cannot be read: {text(str(error), most=500)}") from None

    @property
    def settings(self) -> StudySettings:
        return self.record().settings

    @property
    def fields(self) -> tuple[Field, ...]:
        """What is searched. Raises BadConfig for settings of a version whose fields are not known here."""
        settings = self.settings
        return _fields(settings.search, settings.base)

    @property
    def goals(self) -> tuple[Goal, ...]:
        return tuple(parse_goal(one) for one in self.settings.goals)

    def ledger(self) -> Ledger:
        """What was tried. Raises BadRun where it cannot be read."""
        try:
            found, space = read_ledger(self.path), self.record().space
            # what mattered in other ranges says nothing of these
            return (
                found if found.space == space else dataclasses.replace(found, importance={}, importance_of=0)
            )
        except (OSError, ValueError) as error:
            raise BadRun(
                f"the trials of the study {self.name} cannot be read: {text(str(error), most=500)}. Put a copy of "
                f"{FOLDER}/{self.name}/{TRIALS} back into the home folder, or delete that file: the runs stay, and the study tries "
                "its settings anew, with those of its runs that fit"
            ) from None

    def runs(self) -> list[Run | None]:
        """The run of each trial, by number; None where it was not created yet or was deleted."""
        found = []
        for trial in self.ledger().trials:
            path = self.places.runs / trial.run
            found.append(Run(path, self.places) if trial.run and path.is_dir() else None)
        return found

    @property
    def total(self) -> int:
        """How many runs it wants, those that have ended among them."""
        return wanted(self.settings, self.fields, self.ledger().trials)

    def wants(self) -> bool:
        """Whether there is something to do for a driver."""
        if not self.record().going:
            return False
        ledger = self.ledger()
        if ledger.under_way() or self.proposed():
            return True
        if self.settings.sampler == PREFERENCE:
            return is_due(self)
        return len(ledger.trials) < self.total

    def config_of(self, trial: Trial) -> RunConfig:
        """The settings of a trial's run. Raises BadConfig."""
        config = with_values(self.settings.base, trial.values)
        if "seed" in trial.values:
            return config
        return dataclasses.replace(config, training=dataclasses.replace(config.training, seed=trial.seed))

    def best(self) -> Run | None:
        """The run of the best trial; None before one is complete, and with two goals."""
        trial = best_trial(self.ledger().trials, self.goals)
        return None if trial is None else self.runs()[trial.number]

    # ------------------------------------------------ what a person changes

    def stop(self) -> list[Run]:
        """Stop its runs and try nothing more until `go_on`. Gives the runs that were asked."""
        asked, held = [], []
        with self._edited() as change:  # its driver makes no run meanwhile
            for trial in self.ledger().under_way():
                run = Run(self.places.runs / trial.run, self.places)
                with contextlib.suppress(VaeCoreError):
                    state = run.status().state if trial.run else FINISHED
                    # one that a signal has just stopped goes on with them
                    if state not in (FINISHED, FAILED):
                        held.append(run.id)
                    if state not in ENDED:
                        asked.append(run)
            change(going=False, held=tuple(dict.fromkeys((*self.record().held, *held))))
        for run in asked:
            with contextlib.suppress(VaeCoreError):
                run.request("stop")
        return asked

    def go_on(self) -> None:
        """Take it up again: what was stopped with it goes on from its last checkpoint."""
        with self._edited() as change:
            change(going=True)

    def extend(self, trials: int) -> None:
        """Try so many settings more, and go on.

        Raises BadConfig for none, too many, a grid, which is tried whole, and where all there are were tried.
        """
        with self._edited() as change:
            settings, fields = self.settings, self.fields
            if settings.sampler == GRID:
                raise BadConfig(
                    f"{self.name} is a grid, which is tried as a whole; change its ranges to add to it"
                )
            more = dataclasses.replace(settings, trials=settings.trials + _positive(trials))
            check_settings(more, fields, self.goals)
            check_left(more, fields, self.ledger().trials)
            change(settings=more, going=True)

    def change_search(self, search: Sequence[str]) -> None:
        """Search the same fields in other ranges from now on; what was tried stays.

        Raises BadConfig as `create` does, where nothing is left to try in these ranges, and for other fields than before:
        the runs there are would not tell which value they stand for.
        """
        with self._edited() as change:
            record = self.record()
            settings = record.settings
            fields = read_fields(search, settings.base)
            check_same(self.fields, fields)
            check_goals(self.goals, fields, settings.base)
            check_settings(settings, fields, self.goals)
            check_left(settings, fields, self.ledger().trials)
            changed = dataclasses.replace(settings, search=tuple(map(str, fields)))
            change(settings=changed, space=record.space + 1)

    def change_jobs(self, jobs: int) -> None:
        """Train so many runs at a time from now on."""
        with self._edited() as change:
            changed = dataclasses.replace(self.settings, jobs=_positive(jobs))
            check_settings(changed, self.fields, self.goals)
            change(settings=changed)

    def propose(self, values: Iterable[Mapping[str, Any]]) -> None:
        """Have these settings tried next, one value by field name each, before what the search asks for.

        Raises BadConfig for one that lacks a field, has another, or a value that the field cannot take.
        """
        fields, base = self.fields, self.settings.base
        names = {field.name for field in fields}
        found = []
        for one in values:
            if set(one) != names:
                raise BadConfig(f"a trial of {self.name} has a value for each of {', '.join(sorted(names))}")
            if bad := next((f for f in fields if not f.holds(one[f.name])), None):
                raise BadConfig(f"{bad.name}: {value_text(one[bad.name])} is not in {bad}")
            with_values(base, one)
            found.append(dict(one))
        with self._edited():
            write_json(self.path / PROPOSED, [*self.proposed(), *found])

    def proposed(self) -> list[dict[str, Any]]:
        """What waits to be tried next, in order."""
        try:
            raw = read_json(self.path / PROPOSED)
        except (OSError, ValueError):
            return []
        names = {field.name for field in self.fields}
        known = raw if isinstance(raw, list) else []
        return [one for one in known if isinstance(one, dict) and set(one) == names]

    def take_proposed(self, values: Mapping[str, Any]) -> None:
        """Strike out the first of `proposed` with those values, as `Field.tidy` has them: it is a trial now."""
        with self._edited():
            left, fields = self.proposed(), self.fields

            def tidy(one: Mapping[str, Any]) -> tuple[Any, ...]:
                return key_of({field.name: field.tidy(one[field.name]) for field in fields})

            place = next((i for i, one in enumerate(left) if tidy(one) == tidy(values)), None)
            if place is not None:
                write_json(self.path / PROPOSED, left[:place] + left[place + 1 :])

    def take_on(self, run: Run) -> None:
        """Queue a run again that was stopped with the study, or whose process is gone, while the study goes on. Raises BadConfig."""
        with self._edited() as change:
            record = self.record()
            if record.going:
                with contextlib.suppress(RunBusy):
                    run.go_on()
                change(held=tuple(one for one in record.held if one != run.id))

    def delete(self) -> None:
        """Remove the study; its runs stay. Raises BadRun while it goes on."""
        check_not_look_only()
        goes_on = False
        with contextlib.suppress(BadRun):  # nobody drives one whose trials cannot be read
            goes_on = self.record().going and self.wants()
        if goes_on:
            raise BadRun(f"the study {self.name} goes on; stop it first")
        gone = self.path.with_name(f".deleted-{self.name}-{secrets.token_hex(3)}")
        self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    # ------------------------------------------------ locks

    def driver_lock(self) -> FolderLock:
        """Held by whoever drives the study; the system gives it back when that process is gone. To take it raises RunNotFound
        where the study was deleted."""
        return FolderLock(self.path / ".driver.lock", thread_local=False)

    @contextlib.contextmanager
    def _edited(self) -> Iterator[Any]:
        check_not_look_only()
        with self._edits:
            yield self._write

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[StudyRecord]:
        """Its record, which nobody changes meanwhile."""
        with self._edits:
            yield self.record()

    def _write(self, **changes: Any) -> None:
        write_record(self.path, dataclasses.replace(self.record(), **changes))


def _positive(number: int) -> int:
    if number < 1:
        raise BadConfig(f"expected 1 or more, got {number}")
    return number


@lru_cache(maxsize=64)
def _fields(search: tuple[str, ...], base: RunConfig) -> tuple[Field, ...]:
    return read_fields(search, base)


# ---------------------------------------------------------------- all of a home


def folder(places: Places) -> Path:
    return places.home / FOLDER


def studies(places: Places) -> list[Study]:
    """All studies of a home that can be read, newest first."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder(places).iterdir():
            study = Study(path, places)
            with contextlib.suppress(VaeCoreError):
                if not path.name.startswith("."):
                    created = study.record().created
                    found.append((created.timestamp() if created else 0.0, path.name, study))
    return [study for _, _, study in sorted(found, key=lambda one: one[:2], reverse=True)]


def open_study(places: Places, name: str) -> Study:
    """The study of that name. Raises RunNotFound."""
    study = Study(folder(places) / name, places)
    if name.startswith(".") or "/" in name or not (study.path / FILE).is_file():
        known = ", ".join(sorted(one.name for one in studies(places))) or "none yet"
        raise RunNotFound(f"there is no study {name!r}; there are: {known}")
    return study


def free_name(places: Places, dataset: str) -> str:
    """E.g. digits-study; the first of digits-study, digits-study-2, ... that is not taken."""
    taken = {*(study.name for study in studies(places)), *groups(Store(places))}
    return first_free(f"{dataset[:60]}-study", taken)


def create(places: Places, settings: StudySettings, name: str = "") -> Study:
    """A new study, which goes on from when it is driven.

    What follows the images is chosen once for all runs; to do so they are opened, and built first where need be. Raises
    BadConfig, naming the field and what it takes, for what cannot be searched or wanted, BadName for a name that is not
    plain or taken, UnknownDataset, BadImages, DataUnavailable. Then nothing is created.
    """
    check_not_look_only()
    fields = read_fields(settings.search, settings.base)
    goals = () if settings.sampler == PREFERENCE and not settings.goals else read_goals(settings.goals)
    if settings.base.objective.entry.goes_on:
        raise BadConfig(
            f"objective: {settings.base.objective.entry.name} goes on from a finished run, and a study trains fresh ones"
        )
    check_goals(goals, fields, settings.base)
    check_settings(settings, fields, goals)
    name = name or free_name(places, settings.base.data.dataset)
    check_plain_name(name, "study")
    base = _settled(settings.base, fields, goals, places)
    kept = dataclasses.replace(
        settings,
        base=base,
        search=tuple(map(str, fields)),
        goals=tuple(map(str, goals)),
        storage=without_password(settings.storage),
    )
    with Store(places).lock_groups():
        path = folder(places) / name
        if path.exists():
            raise BadName(f"there already is a study {name!r}; choose another name")
        if name in groups(Store(places)):
            raise BadName(f"there already is a sweep {name!r}; choose another name")
        work = path.with_name(f".{name}.{secrets.token_hex(3)}")
        work.mkdir(parents=True)
        write_record(
            work, StudyRecord(kept, datetime.now(UTC).replace(microsecond=0), True, (), secrets.token_hex(4))
        )
        work.rename(path)
    return Study(path, places)


def _settled(base: RunConfig, fields: Sequence[Field], goals: Sequence[Goal], places: Places) -> RunConfig:
    """What follows the images, chosen once for all; σ is fixed where β is searched, so that β means the same in all."""
    from vae_core.runs.timing import step_seconds
    from vae_core.training import settle, side_of

    names = {field.name for field in fields}
    # a value of each field, so that what it decides (as `limit` does) is known, and what it sets is not chosen here
    values = {field.name: field.at(0.5) for field in fields}
    sample = with_values(base, values)
    data = open_images(base.data.dataset, side_of(sample, places), places)
    check_goals(goals, fields, base, data)
    takes = step_seconds(data, places)
    by_beta = "beta" in names
    by_beta = by_beta and sample.objective.entry.takes_beta and not sample.objective.no_elbo

    def costs(config: RunConfig) -> float:
        # as a sweep over β asks, so that a grid of βs is that sweep
        return takes(with_beta(config, 1.0) if by_beta and not config.objective.no_elbo else config)

    chosen = settle(sample, data, costs, fixed_sigma="beta" in names or sample.objective.dial is not None)
    return with_values(chosen, {field.name: field.ends[0] for field in fields})
