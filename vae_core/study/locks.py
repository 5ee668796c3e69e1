"""Locks in a study's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filelock import FileLock

from vae_core.errors import RunNotFound


class FolderLock(FileLock):
    """A lock in a study's folder. FileLock makes the folder of a lock where there is none, and would bring back a deleted study;
    to take this one raises RunNotFound then.
    """

    def acquire(self, *args: Any, **kwargs: Any) -> Any:
        """As FileLock's. Raises RunNotFound."""
        folder = Path(self.lock_file).parent
        if not folder.is_dir():
            raise RunNotFound(f"the study {folder.name} is not there any more")
        return super().acquire(*args, **kwargs)
