"""Homes in which nothing can be written, whoever runs the tests.

Permissions do not stop root, as whom tests run in a container: an audit hook refuses every way to write below the home.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# events of the interpreter, with where in their arguments the paths stand
CHANGES = {"os.mkdir": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,), "os.truncate": (0,), "os.link": (1,),
           "os.symlink": (1,), "os.utime": (0,), "os.chmod": (0,)}  # fmt: skip
_locked: list[Path] = []


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook stays for good: it looks at nothing unless a home is locked."""
    if not _locked:
        return
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        paths = arguments[:1]
    elif event in CHANGES:
        paths = tuple(arguments[i] for i in CHANGES[event])
    else:
        return
    for path in paths:
        if isinstance(path, (str, bytes, os.PathLike)) and any(
            Path(os.fsdecode(path)).is_relative_to(home) for home in _locked
        ):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fsdecode(path))


sys.addaudithook(_refuse)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Every way to write below a home fails, though it says that it can be written."""
    _locked.append(home)
    try:
        yield
    finally:
        _locked.remove(home)


@contextmanager
def read_only(home: Path) -> Iterator[None]:
    """As a home on a disk that cannot be written."""
    access = os.access
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            os,
            "access",
            lambda path, mode, **more: (
                not (mode & os.W_OK and Path(path).is_relative_to(home)) and access(path, mode, **more)
            ),
        )
        with locked(home):
            yield
