"""Optuna's part: what to try next, which runs are hopeless, and which fields mattered.

The ledger of a study (`trials`) is what counts. Optuna's storage can be made anew from it, and is, when what is searched
changes or the storage is lost; every question to a sampler has a seed of its own, so that a kill changes no answer.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.errors import StorageBusy
from vae_core.study.fields import Field
from vae_core.study.goals import Goal, costs
from vae_core.study.secrets import without_secret
from vae_core.study.settings import (
    GP,
    HALVING,
    MEDIAN,
    NONE,
    NSGA2,
    QMC,
    TPE,
    StudySettings,
    storage_url,
    without_password,
)
from vae_core.study.trials import COMPLETE, PRUNED, Trial, same_settings

JOURNAL = "journal.log"
LOCK_SECONDS = 5.0  # that are waited for another's turn at the journal
STALE_SECONDS = (
    30.0  # after which a lock that nobody touches is of a process that is gone, as Optuna takes it
)
STARTUP = 10  # random trials before a sampler learns from them
WARM = 0.2  # share of a run's epochs before which none is stopped
FEWEST = 12  # complete trials before which no importance is told, and per field
PER_FIELD = 5


@dataclass(frozen=True)
class Asked:
    """What the search wants tried: its own number of it, and a value by field name."""

    number: int
    values: dict[str, Any]


class Search:
    """A study in Optuna's storage. Raises StorageBusy from every method where that cannot be used."""

    def __init__(
        self, folder: Path, settings: StudySettings, fields: Sequence[Field], goals: Sequence[Goal], name: str
    ) -> None:
        """`name` is what the storage knows the study by."""
        self.settings, self.fields, self.goals = settings, tuple(fields), tuple(goals)
        self.distributions = {field.name: distribution(field) for field in fields}
        url = storage_url(settings.storage)
        with quiet(), _busy(url, opening=True):
            import optuna

            storage = (
                _journal(folder / JOURNAL)
                if not url
                else optuna.storages.RDBStorage(url, engine_kwargs=_engine(url))
            )
            self.study = optuna.create_study(
                storage=storage,
                study_name=name,
                directions=["minimize"] * max(1, len(goals)),
                load_if_exists=True,
            )
            # a kill came before it was asked for: whoever asks next would be given its values
            states = optuna.trial.TrialState
            for trial in self.study.get_trials(deepcopy=False, states=(states.WAITING,)):
                self.study._storage.set_trial_state_values(trial._trial_id, states.FAIL)
        self.url = url

    def known(self) -> dict[int, str]:
        """Numbers in the storage -> "running", "complete", "pruned" or "fail"."""
        with quiet(), _busy(self.url):
            return {t.number: t.state.name.lower() for t in self.study.get_trials(deepcopy=False)}

    def ask(self, count: int, values: Mapping[str, Any] | None = None) -> Asked:
        """What to try next, or to be told of these `values` that they are tried. `count`: trials there are so far, which
        decides the seed.
        """
        with quiet(), _busy(self.url):
            self.study.sampler = _sampler(self.settings, count)
            if values is not None:
                self.study.enqueue_trial(dict(values), skip_if_exists=False)
            trial = self.study.ask(self.distributions)
            return Asked(trial.number, {f.name: f.tidy(trial.params[f.name]) for f in self.fields})

    def report(self, number: int, points: Mapping[int, float]) -> None:
        """Costs by step of a run that trains; those it knows already are left out."""
        with quiet(), _busy(self.url):
            kept = self._frozen(number).intermediate_values
            trial = self._trial(number)
            for step, value in sorted(points.items()):
                if step not in kept:
                    trial.report(value, step)

    def hopeless(self, number: int, epochs: int) -> bool:
        """Whether the pruner would stop the run, of so many steps, by what was reported of it."""
        if self.settings.pruner == NONE or len(self.goals) != 1:
            return False
        with quiet(), _busy(self.url):
            self.study.pruner = _pruner(self.settings, epochs)
            return bool(self._trial(number).should_prune())

    def tell(self, number: int, end: str, numbers: Mapping[str, float]) -> None:
        """How a trial ended. What was told before stays."""
        import optuna

        states = optuna.trial.TrialState
        with quiet(), _busy(self.url):
            if self._frozen(number).state.is_finished():
                return
            found = costs(self.goals, numbers) if end == COMPLETE else None
            if found is not None:
                self.study.tell(number, found)
            elif end == PRUNED and self._frozen(number).intermediate_values:
                self.study.tell(number, state=states.PRUNED)
            else:
                self.study.tell(number, state=states.FAIL)

    def add(self, trial: Trial) -> None:
        """Tell of a trial that it never asked for, where its values can be told in what is searched now."""
        frozen = frozen_trial(trial, self.fields, self.goals)
        if frozen is not None:
            with quiet(), _busy(self.url):
                self.study.add_trial(frozen)

    def _frozen(self, number: int) -> Any:
        return self.study.get_trials(deepcopy=False)[number]

    def _trial(self, number: int) -> Any:
        import optuna

        return optuna.trial.Trial(self.study, self._frozen(number)._trial_id)


def distribution(field: Field) -> Any:
    """A field as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if field.low is None or field.high is None:
        return CategoricalDistribution(field.values)
    if field.whole:
        return IntDistribution(int(field.low), int(field.high), log=field.log)
    return FloatDistribution(float(field.low), float(field.high), log=field.log)


def frozen_trial(trial: Trial, fields: Sequence[Field], goals: Sequence[Goal]) -> Any:
    """A complete trial as Optuna has it; None for one that is not, or whose values lie outside of what is searched."""
    import optuna

    found = costs(goals, trial.numbers) if trial.complete else None
    if not found or any(f.name not in trial.values or not f.holds(trial.values[f.name]) for f in fields):
        return None
    params = {f.name: trial.values[f.name] for f in fields}
    return optuna.trial.create_trial(
        params=params, distributions={f.name: distribution(f) for f in fields}, values=found
    )


def _sampler(settings: StudySettings, count: int) -> Any:
    from optuna import samplers

    seed = int(np.random.SeedSequence([settings.search_seed, count]).generate_state(1)[0])
    startup = min(STARTUP, max(4, settings.trials // 3))
    if settings.sampler == TPE:
        return samplers.TPESampler(
            seed=seed, n_startup_trials=startup, multivariate=True, warn_independent_sampling=False
        )
    if settings.sampler == GP:
        return samplers.GPSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
    if settings.sampler == NSGA2:
        return samplers.NSGAIISampler(seed=seed, population_size=max(4, min(50, settings.trials // 5)))
    if settings.sampler == QMC:  # its sequence is kept in the storage, under its seed
        return samplers.QMCSampler(
            seed=settings.search_seed,
            scramble=True,
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
        )
    return samplers.RandomSampler(seed=seed)


def _pruner(settings: StudySettings, epochs: int) -> Any:
    from optuna import pruners

    warm = max(1, round(WARM * epochs))
    if settings.pruner == MEDIAN:
        return pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=warm, n_min_trials=3)
    if settings.pruner == HALVING:
        return pruners.SuccessiveHalvingPruner(min_resource=warm, reduction_factor=2)
    return pruners.NopPruner()


# ---------------------------------------------------------------- importance


def enough_for_importance(trials: Sequence[Trial], fields: Sequence[Field]) -> bool:
    """Whether so many settings are complete that it can be told what mattered; seeds of one are one."""
    return settings_done(trials) >= needed_for_importance(fields)


def needed_for_importance(fields: Sequence[Field]) -> int:
    """Complete settings from which on it is told what mattered."""
    return max(FEWEST, PER_FIELD * len(fields))


def settings_done(trials: Sequence[Trial]) -> int:
    """Different settings of which a run is complete."""
    return len(same_settings([trial for trial in trials if trial.complete]))


def importance(
    trials: Sequence[Trial], fields: Sequence[Field], goals: Sequence[Goal]
) -> dict[str, dict[str, float]]:
    """Goal name -> field name -> the share of the goal's variance over the ranges that the field explains by itself.

    Functional ANOVA of a random forest over the complete trials (Hutter, Hoos & Leyton-Brown 2014). Empty for too few.
    """
    if not enough_for_importance(trials, fields):
        return {}
    found: dict[str, dict[str, float]] = {}
    with quiet():
        import optuna
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        for goal in goals:
            study = optuna.create_study(direction="minimize")
            study.add_trials(
                [t for trial in trials if (t := frozen_trial(trial, fields, [goal])) is not None]
            )
            names = [f.name for f in fields if len({t.params[f.name] for t in study.trials}) > 1]
            spread = len({t.value for t in study.trials}) > 1
            if not names or not spread or len(study.trials) < FEWEST:
                continue
            shares = get_param_importances(
                study,
                params=names,
                normalize=False,
                evaluator=FanovaImportanceEvaluator(n_trees=64, max_depth=64, seed=0),
            )
            found[goal.name] = {f.name: float(shares.get(f.name, 0.0)) for f in fields}
    return found


# ---------------------------------------------------------------- the storage


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's lines on the terminal, and its warnings of what is experimental."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("optuna").propagate = False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="optuna")
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        yield


@contextlib.contextmanager
def _busy(url: str, *, opening: bool = False) -> Iterator[None]:
    """Turns what a storage raises that cannot be used now into StorageBusy, without a password in it. `opening`: an address
    that cannot be read, as one whose port is no number, is such."""
    import sqlalchemy.exc
    from optuna.exceptions import StorageInternalError

    shown = without_password(url) if url else "its journal.log"
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, TimeoutError, ImportError) as error:
        raise StorageBusy(f"its storage {shown} cannot be used now: {_reason(error, url)}") from None
    except ValueError as error:
        if not opening:
            raise
        raise StorageBusy(f"its storage {shown} cannot be used: {_reason(error, url)}") from None
    except OSError as error:
        raise StorageBusy(
            f"its storage {shown} cannot be used now: {error.strerror or type(error).__name__}"
        ) from None


def _reason(error: BaseException, url: str) -> str:
    inner: BaseException = error
    while (cause := getattr(inner, "orig", None) or inner.__cause__) is not None and cause is not inner:
        inner = cause
    if isinstance(inner, ImportError):
        return f"the package that speaks to it is not installed ({inner.name})"
    words = str(inner).strip().splitlines()
    said = words[0][:200] if words else type(inner).__name__
    said = without_secret(said, url)
    return "it is locked by another process" if "locked" in said and "database" in said else said


def _engine(url: str) -> dict[str, Any]:
    """What bounds a wait for a server or a lock."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": LOCK_SECONDS}}
    if url.startswith(("postgresql", "mysql")):
        return {"connect_args": {"connect_timeout": int(LOCK_SECONDS)}, "pool_pre_ping": True}
    return {}


def _journal(path: Path) -> Any:
    """The storage of a study's own file. Raises TimeoutError where another holds its lock."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    _mend(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_lock(path)))


def _lock(path: Path) -> Any:
    from optuna.storages.journal import JournalFileSymlinkLock

    class Bounded(JournalFileSymlinkLock):
        """Optuna's lock, so that its own tools keep out; but who finds it held says so instead of waiting for ever."""

        def acquire(self) -> bool:
            until = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    os.symlink(self._lock_target_file, self._lock_file)
                    return True
                except OSError as error:
                    if error.errno != errno.EEXIST:
                        raise
                with contextlib.suppress(OSError):
                    # as seen by this clock: a lock of a process that was killed is taken away
                    if time.time() - os.lstat(self._lock_file).st_mtime > STALE_SECONDS:
                        aside = f"{self._lock_file}{uuid.uuid4()}.rename"
                        os.rename(self._lock_file, aside)
                        os.unlink(aside)
                        continue
                if time.monotonic() > until:
                    raise TimeoutError("it is locked by another process")
                time.sleep(0.02)

    return Bounded(str(path))


def _mend(path: Path) -> None:
    """Cut off the half line that a kill left at a journal's end: Optuna would stumble over it once more is written."""
    with contextlib.suppress(FileNotFoundError), open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - 1_000_000)
        file.seek(start)
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail) and (whole or not start):
            file.truncate(start + whole)
