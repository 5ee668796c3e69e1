"""Where things lie on disk: the home of runs and datasets, and torchvision's root for downloads."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vae_core.errors import BadName, LookOnly

HOME_VARIABLE = "LATENT_EXPLORER_HOME"
DATA_VARIABLE = "LATENT_EXPLORER_DATA"
LOOK_VARIABLE = "LATENT_EXPLORER_LOOK_ONLY"  # set where visitors may look, and nothing is kept
LOOK_ONLY = "this server is for looking only: nothing is trained, measured, imported, changed or deleted here"
USUAL_HOME = "~/.latent-explorer"
HALF_WRITTEN = re.compile(r"\.(.+)\.[0-9a-f]{8}")  # a file on its way: its name, and eight digits
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Places:
    """`home` holds runs, datasets, derived results and notes; `data_dir` is torchvision's root."""

    home: Path
    data_dir: Path

    @classmethod
    def find(cls, home: str | Path | None = None, data_dir: str | Path | None = None) -> Places:
        """Arguments win over the environment, which wins over ~/.latent-explorer."""
        base = Path(home or os.environ.get(HOME_VARIABLE) or USUAL_HOME).expanduser().absolute()
        data = data_dir or os.environ.get(DATA_VARIABLE) or base / "downloads"
        return cls(base, Path(data).expanduser().absolute())

    @property
    def usual(self) -> bool:
        """Whether home is where everybody looks who was told nothing else."""
        return self.home == Path(USUAL_HOME).expanduser().absolute()

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def datasets(self) -> Path:
        return self.home / "datasets"

    @property
    def derived(self) -> Path:
        return self.home / "derived"

    @property
    def notes(self) -> Path:
        return self.home / "notes"

    @property
    def writable(self) -> bool:
        """Whether what a person does can be kept in this home; runs in one that cannot be written can still be looked at."""
        return not look_only() and _writable(self.home)

    @property
    def builds(self) -> bool:
        """Whether images that come with the package can be made ready in this home, for looking too."""
        return _writable(self.home)

    def derived_file(self, *parts: str, write: bool = False) -> Path:
        """Where a derived result lies or, with `write`, is to be put.

        What is derived in a home that cannot be written, or only to be looked at, is kept for as long as this process lives.
        """
        kept = self.derived.joinpath(*parts)
        if write:
            return (
                kept if not look_only() and _writable(kept.parent) else _scratch(self.home).joinpath(*parts)
            )
        if self.home in _scratches and (found := _scratch(self.home).joinpath(*parts)).exists():
            return found
        return kept


def look_only() -> bool:
    """Whether visitors of this server may look, and nothing that they do is kept."""
    return os.environ.get(LOOK_VARIABLE, "") not in ("", "0")


def check_not_look_only() -> None:
    """What stands first in all that changes a home at a person's wish. Raises LookOnly where visitors may only look."""
    if look_only():
        raise LookOnly(LOOK_ONLY)


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which may not be there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


_scratches: dict[Path, tempfile.TemporaryDirectory[str]] = {}  # by home; each goes with this process


def _scratch(home: Path) -> Path:
    if home not in _scratches:
        _scratches[home] = tempfile.TemporaryDirectory(prefix="latent-explorer-", ignore_cleanup_errors=True)
    return Path(_scratches[home].name)


UNWRITABLE = {
    errno.EROFS: "it is read-only",
    errno.EACCES: "this account may not",
    errno.EPERM: "this account may not",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "this account's share of the disk is full",
}


def why_unwritable(error: BaseException) -> str:
    """A sentence for an error that says that nothing can be kept where it was to be; empty for any other."""
    if not isinstance(error, OSError) or error.errno not in UNWRITABLE:
        return ""
    where = error.filename or "the disk"
    where = os.fsdecode(where) if isinstance(where, bytes) else str(where)
    if os.path.basename(where).startswith("."):  # a lock, or what is written beside: nobody knows those
        where = os.path.dirname(where)
    why = UNWRITABLE[error.errno]
    remedy = (
        "make room on it" if "full" in why else "choose a home that can be written (--home), and try again"
    )
    return f"this could not be kept: {where} cannot be written, since {why}; {remedy}. Nothing was changed"


def assets() -> Path:
    """The folder of shipped files: inside the package once installed, beside it in a checkout."""
    inside = Path(__file__).parent / "_assets"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "assets"


def check_plain_name(name: str, what: str) -> str:
    """Return `name` when it is letters, digits, '.', '_', '-' (at most 80, no leading '.' or '-')."""
    if not PLAIN_NAME.fullmatch(name):
        raise BadName(
            f"{name!r} cannot name a {what}: use letters, digits, '.', '_' and '-', at most 80, "
            "not starting with '.' or '-'"
        )
    return name


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write beside `path` and rename, so that readers see the old or the new, whole.

    `durable` also waits until the disk has it; leave that out where losing the newest is no loss.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # as HALF_WRITTEN says
    try:
        with open(beside, "xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    write_atomically(path, json.dumps(value, indent=1, allow_nan=False).encode(), durable=durable)
