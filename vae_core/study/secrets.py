"""What a process that uses a storage may print: the password of its address is written as ***."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from types import TracebackType
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from vae_core.study.settings import HIDDEN, STORAGE_VARIABLE, without_password


def without_secret(said: str, url: str) -> str:
    """A sentence without the password of an address."""
    with contextlib.suppress(ValueError):
        for secret in {urlsplit(url).password or "", unquote(urlsplit(url).password or "")}:
            if secret:
                said = said.replace(secret, HIDDEN)
    return said.replace(url, without_password(url)) if url else said


def masked(said: str) -> str:
    """A text without the password of this process's storage."""
    return without_secret(said, os.environ.get(STORAGE_VARIABLE, ""))


class Masked:
    """A text stream for sys.stderr into which that password is never written: tracebacks, warnings and other libraries' logs
    come through it, each message at once.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def write(self, said: str) -> int:
        """Write it masked; the number of characters that were given."""
        self.stream.write(masked(said))
        return len(said)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def print_masked(kind: type[BaseException], fault: BaseException, where: TracebackType | None) -> None:
    """For sys.excepthook: the traceback of a fault that ends the process."""
    sys.stderr.write(masked("".join(traceback.format_exception(kind, fault, where))))
