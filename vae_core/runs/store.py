"""All runs of a home, and the pretrained ones: create, list, find, rename, delete."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import time
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from vae_core.config import RunConfig
from vae_core.data.registry import find_spec
from vae_core.errors import BadName, BadRun, RunBusy, RunNotFound
from vae_core.places import (
    PLAIN_NAME,
    Places,
    assets,
    check_not_look_only,
    check_plain_name,
    write_atomically,
)
from vae_core.runs.array_files import INITIAL, tensors_to_bytes
from vae_core.runs.record import QUEUED, Record, Status
from vae_core.runs.run import Run
from vae_core.runs.sharpen import check_start, sharp_name, sharpened

IMPORTING, DELETED = ".import-", ".deleted-"  # what folders of runs on their way in or out are called
LEFT_SECONDS = 24 * 3600.0  # after which nobody works on them any more


class Store:
    """All runs of a home, and the pretrained ones that are shipped."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def own(self) -> list[Run]:
        """The home's runs, newest first."""
        found, runs = [], self.places.runs
        with contextlib.suppress(FileNotFoundError), os.scandir(runs) as entries:
            for entry in entries:
                if entry.name.startswith("."):  # on its way in or out
                    continue
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    found.append((os.stat(f"{entry.path}/config.json").st_mtime, entry.name))
        return [Run(runs / name, self.places) for _, name in sorted(found, reverse=True)]

    def pretrained(self) -> list[Run]:
        """The runs that are shipped with the package, read-only, by name."""
        folder = assets() / "pretrained"
        if not folder.is_dir():
            return []
        return [
            Run(p, self.places, read_only=True)
            for p in sorted(folder.iterdir())
            if (p / "config.json").exists()
        ]

    def all(self) -> list[Run]:
        """The home's runs, newest first, then the pretrained ones."""
        return [*self.own(), *self.pretrained()]

    def readable(self) -> list[Run]:
        """All runs whose settings can be read."""
        return readable(self.all())

    def find(self, ref: str) -> Run:
        """A run by id or by name. Raises RunNotFound."""
        if PLAIN_NAME.fullmatch(ref) and (path := self.places.runs / ref / "config.json").exists():
            return Run(path.parent, self.places)
        shipped = self.pretrained()
        if (found := next((run for run in shipped if run.id == ref), None)) is not None:
            return found
        for run in (every := [*self.own(), *shipped]):
            if run.id == ref:
                return run
        for run in every:
            with contextlib.suppress(BadRun, RunNotFound):
                if run.name == ref:
                    return run
        raise RunNotFound(f"there is no run {ref!r}; `vae-core runs` lists them")

    def names(self) -> set[str]:
        """Every name and id that is taken."""
        names = set()
        for run in self.all():
            names.add(run.id)
            with contextlib.suppress(BadRun, RunNotFound):
                names.add(run.name)
        return names

    def free_name(self, wanted: str) -> str:
        """`wanted`, or wanted-2, wanted-3, ... when it is taken; shortened where it would be too long for a name."""
        return first_free(wanted, self.names())

    def check_name(self, name: str) -> str:
        """`name`, when a new run may have it. Raises BadName when it is not plain or is taken."""
        check_plain_name(name, "run")
        if name in self.names():
            raise BadName(f"there already is a run {name!r}; choose another name")
        return name

    def create(
        self,
        config: RunConfig,
        name: str = "",
        *,
        group: str = "",
        start_from: Run | None = None,
        which: str = "last",
    ) -> Run:
        """A new folder, queued. `start_from` copies that run's weights in, to fine-tune from.

        Raises UnknownDataset, BadName when the name is taken or not plain, BadRun when `start_from` has no
        weights, BadConfig when the objective cannot go on from it, or from nothing.
        """
        check_not_look_only()
        find_spec(config.data.dataset, self.places)
        check_start(config, start_from)
        initial = None if start_from is None else tensors_to_bytes(start_from.weights(which))
        run_id = f"{config.data.dataset}-{secrets.token_hex(3)}"
        self.places.runs.mkdir(parents=True, exist_ok=True)
        with FileLock(self.places.runs / ".names.lock"):
            name = self.check_name(name) if name else self.free_name(default_name(config))
            work = self.places.runs / f".{run_id}"
            work.mkdir()
            if start_from is not None and initial is not None:
                write_atomically(work / INITIAL, initial)
                training = dataclasses.replace(config.training, init_from=start_from.id)
                config = dataclasses.replace(_cut_alike(config, start_from), training=training)
            run = Run(work, self.places)
            run.write_record(Record(run_id, name, _now(), config, None, {}, {}, group))
            run.write_status(Status(QUEUED, queued=time.time(), born=time.time()))
            final = self.places.runs / run_id
            work.rename(final)
        return Run(final, self.places)

    def sharpen(self, run: Run, *, group: str = "") -> Run:
        """A queued run, named after this one, in which its decoder goes on learning against a discriminator.

        Raises BadConfig for a run that is no VAE with weights.
        """
        return self.create(sharpened(run), self.free_name(sharp_name(run)), group=group, start_from=run)

    def create_together(self, plan: Sequence[tuple[RunConfig, str]], group: str) -> list[Run]:
        """One queued run of a group per (settings, name): all or none. Raises as `create`."""
        # all names are checked before any run is written
        names = [self.check_name(name) for _, name in plan]
        created: list[Run] = []
        try:
            for (config, _), name in zip(plan, names, strict=True):
                created.append(self.create(config, name, group=group))
        except BaseException:  # a full disk: half a group is none
            for run in created:
                self.delete(run)
            raise
        return created

    def lock_groups(self) -> FileLock:
        """A lock for whoever looks which groups there are and then makes one."""
        check_not_look_only()
        self.places.runs.mkdir(parents=True, exist_ok=True)
        return FileLock(self.places.runs / ".sweeps.lock")

    def rename(self, run: Run, name: str) -> None:
        """Give a run another name; its id stays. Raises BadName, ReadOnlyRun."""
        run.check_writable()
        with FileLock(self.places.runs / ".names.lock"):
            record = run.record()
            if name != record.name:
                run.write_record(dataclasses.replace(record, name=self.check_name(name)))

    def delete(self, run: Run) -> None:
        """Remove a run, its notes and what was derived from it. Raises RunBusy while it is live."""
        run.check_writable()
        status = run.status()
        if status.live and time.time() - status.heartbeat < 60:
            raise RunBusy(f"{run.name} is being trained; stop it first")
        with contextlib.suppress(BadRun):
            shutil.rmtree(self.places.derived / run.stamp(), ignore_errors=True)
        gone = run.path.with_name(f"{DELETED}{run.id}")
        run.path.rename(gone)  # at once out of every list
        shutil.rmtree(gone, ignore_errors=True)
        shutil.rmtree(run.notes, ignore_errors=True)

    def sweep_leftovers(self) -> list[str]:
        """Remove folders of imports and deletions that a killed process left behind; gives their names.

        One in which anything was written within a day may be in use, and stays.
        """
        swept = []
        with contextlib.suppress(OSError):
            hidden = [f for f in self.places.runs.iterdir() if f.name.startswith((IMPORTING, DELETED))]
            for folder in hidden:
                old = time.time() - _last_written(folder) > LEFT_SECONDS
                if old and folder.is_dir() and not folder.is_symlink():
                    shutil.rmtree(folder, ignore_errors=True)
                    swept += [] if folder.exists() else [folder.name]
        return sorted(swept)


def first_free(wanted: str, taken: Container[str]) -> str:
    """`wanted`, or the first of wanted-2, wanted-3, ... that is not taken; shortened where it would be too long for a name."""
    number, name = 1, wanted[:80]
    while name in taken:
        number += 1
        name = f"{wanted[:72]}-{number}"
    return name


def _last_written(folder: Path) -> float:
    """When a folder or anything in it was written last, in seconds since 1970; now, where that cannot be told."""
    try:
        return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # somebody is at work in it
        return time.time()


def readable(found: Iterable[Run]) -> list[Run]:
    """Those runs whose settings can be read, in their order."""
    kept = []
    for run in found:
        with contextlib.suppress(BadRun, RunNotFound):
            run.record()
            kept.append(run)
    return kept


def _cut_alike(config: RunConfig, parent: Run) -> RunConfig:
    """Settings that keep copies of images as the parent did on the same images: it may have learned what is tested else."""
    before = parent.record().effective.data
    if before.dataset != config.data.dataset:
        return config
    return dataclasses.replace(config, data=dataclasses.replace(config.data, copies=before.copies))


def default_name(config: RunConfig) -> str:
    """E.g. faces-conv-beta4."""
    slug = config.objective.entry.slug or config.objective.entry.name
    weight = getattr(config.objective.objective.params, "beta", None)
    tail = f"{slug}{weight:g}" if weight is not None else slug
    return f"{config.data.dataset}-{config.model.architecture.name}-{tail}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
