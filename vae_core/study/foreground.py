"""A study driven and trained by this very process: the command line's, or a notebook's."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from vae_core.config import RunConfig
from vae_core.errors import RunBusy, VaeCoreError
from vae_core.events import EpochDone, Event
from vae_core.places import Places
from vae_core.runs.launchers import chosen, cluster_of
from vae_core.runs.queue import Queue, stack_of
from vae_core.runs.record import LIVE, STOPPED
from vae_core.runs.run import Run
from vae_core.study import record
from vae_core.study.driving import Driving, Look
from vae_core.study.fields import with_values
from vae_core.study.measuring import Apart, Inside
from vae_core.study.record import Study
from vae_core.study.settings import GRID, HIDDEN, NONE, STORAGE_VARIABLE, TPE, StudySettings, without_password

BETWEEN = 0.3  # seconds between two looks while others train
See = Callable[[Look], None]
Watch = Callable[[Run, Event], None]


def run_here(
    study: Study, see: See = lambda look: None, watch: Watch = lambda run, event: None, *, retry: int = 0
) -> bool:
    """Drive a study to its end and train its runs, as many at a time as it wants; false when Ctrl-C ended it.

    One at a time they are trained in this process, several in processes of their own; where this process was told to use a
    cluster, there, as many as it has room for. `see` gets every look, `watch` every event of a run that is trained here;
    `retry`: times that a run is started again whose process was lost. Raises RunBusy where another process drives the study,
    MissingPackage where what it searches with is not installed.
    """
    cluster = cluster_of(chosen())
    several = cluster is not None or study.settings.jobs > 1
    with contextlib.ExitStack() as held:
        driving = held.enter_context(Driving(study, Apart() if several else Inside()))
        study.go_on()
        if several:
            slots = None if cluster is not None else study.settings.jobs
            queue = Queue(study.places, slots, chosen(), retry=retry)
            queue.start()
            held.callback(queue.stop)
        try:
            while True:
                look = driving.advance()
                if look.missing is not None:
                    raise look.missing
                see(look)
                if look.done:
                    return True
                if several or not look.waiting or not _train(driving, study, look.waiting, watch):
                    time.sleep(BETWEEN)
        except KeyboardInterrupt:
            for run in study.stop():
                _wait_for(run)
            return False


def _train(driving: Driving, study: Study, waiting: Sequence[Run], watch: Watch) -> bool:
    """Train the next here, or those that train faster as one; false where another process has taken it.

    Raises KeyboardInterrupt where a signal stopped it.
    """
    from vae_core.runs.worker import train_run, train_stack

    settings = study.settings
    whole = settings.sampler == GRID and settings.pruner == NONE and "seconds" not in settings.goals
    batch = stack_of(waiting) if whole else list(waiting[:1])
    asked = [len(run.requests()) for run in batch]

    def seeing(run: Run) -> Callable[[Event], None]:
        def see(event: Event) -> None:
            watch(run, event)
            if isinstance(event, EpochDone):
                with contextlib.suppress(VaeCoreError):  # what is wrong with the study is no fault of the run
                    driving.advance()

        return see

    try:
        if len(batch) == 1:
            statuses = [train_run(batch[0], study.places, seeing(batch[0]))]
        else:
            statuses = train_stack(batch, study.places, [seeing(run) for run in batch])
    except RunBusy:  # a server on this home was faster
        return False
    for run, status, before in zip(batch, statuses, asked, strict=True):
        if status.state == STOPPED and not any(c.name == "stop" for c in run.requests(before)):
            raise KeyboardInterrupt
    return True


def _wait_for(run: Run) -> None:
    """Until a run that was asked to stop has; a second Ctrl-C does not wait."""
    with contextlib.suppress(VaeCoreError, KeyboardInterrupt):
        while run.status().state in LIVE:
            time.sleep(0.1)


def remember_password(url: str) -> str:
    """A storage's address as it may be kept; one with a password goes to this process's environment, where it is found."""
    shown = without_password(url)
    if HIDDEN in shown and HIDDEN not in url:
        os.environ[STORAGE_VARIABLE] = url
    return shown


def tune(
    search: str | Sequence[str],
    *,
    goal: str | Sequence[str] = "elbo",
    trials: int = 30,
    name: str = "",
    config: RunConfig | None = None,
    sampler: str = TPE,
    pruner: str = NONE,
    seeds: int = 1,
    jobs: int = 1,
    storage: str = "",
    places: Places | None = None,
    see: See = lambda look: None,
    **settings: Any,
) -> Study:
    """Search settings of a run for the best of a goal, train every trial here and return the study.

        study = vc.tune(["latent_dim=2..32:log", "beta=0.1..10:log"], dataset="digits", objective="beta_vae", trials=20)
        study.best(), study.ledger().trials

    settings: of all runs alike, by their names on the command line, over `config`. A second call with the name of a study
    goes on with it; then nothing else is asked. One that a server drives is waited for. Raises BadConfig, naming the field and what it takes.
    """
    where = places or Places.find()
    known = {study.name for study in record.studies(where)}
    if name and name in known:
        study = record.open_study(where, name)
    else:
        base = with_values(
            config or RunConfig(), {key.replace("_", "-"): value for key, value in settings.items()}
        )
        asked = StudySettings(
            base=base, search=(search,) if isinstance(search, str) else tuple(search),
            goals=(goal,) if isinstance(goal, str) else tuple(goal), trials=trials, sampler=sampler, pruner=pruner, seeds=seeds,
            jobs=jobs, storage=remember_password(storage),
        )  # fmt: skip
        study = record.create(where, asked, name)
    try:
        run_here(study, see)
    except RunBusy:  # a server on this home was faster, and trains it
        while study.wants():
            time.sleep(BETWEEN)
    return study
