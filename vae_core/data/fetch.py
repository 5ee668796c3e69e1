"""Fetch the files of well-known image sets into `places.data_dir`, in torchvision's layout.

torchvision knows the addresses and checksums. Fetching is done here, because torchvision writes in place (a
half-written file of a broken connection passes for whole the next time) and waits for ever on a silent server.

- A download is checked against its md5 in a temporary folder and then renamed into place.
- `data_dir` is written to by a download alone, so a read-only one with the files in it works.

The library pooch was tried in place of `_fetch` and saved six lines. It refuses a whole .gz that a server sends with
`Content-Encoding: gzip` (it checks the unpacked bytes), does not tell a silent server from a broken connection, and
reads a file a second time for its checksum.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from vae_core.data.imageset import Progress
from vae_core.errors import DataUnavailable
from vae_core.places import Places, check_not_look_only

BLOCK = 1 << 16  # bytes
TIMEOUT = 30.0  # seconds without a byte
REPORT_EVERY = 0.2  # seconds
Report = Callable[[int, int | None], None]  # (bytes so far, bytes in all where known)


class FetchError(Exception):
    """One address gave nothing usable; the text says why."""


def _fetch(url: str, target: Path, md5: str, report: Report) -> None:
    """Write what lies at `url` to `target`. Raises FetchError, or DataUnavailable on a full disk."""
    request = urllib.request.Request(url, headers={"User-Agent": "latent-explorer"})
    digest = hashlib.md5(usedforsecurity=False)
    got, total = 0, None
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response, _writing(target) as file:
            total = response.length
            while block := response.read(BLOCK):
                digest.update(block)
                file.write(block)
                got += len(block)
                report(got, total)
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchError(f"answered {error.code} {error.reason}") from None
    except TimeoutError:
        raise FetchError(f"sent nothing for {TIMEOUT:.0f} s") from None
    except urllib.error.URLError as error:
        raise FetchError(f"no connection ({error.reason})") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(f"broke off after {_megabytes(got, total)} ({error})") from None
    if total is not None and got != total:
        raise FetchError(f"broke off after {_megabytes(got, total)}")
    if digest.hexdigest() != md5:
        raise FetchError(f"sent a damaged file (md5 {digest.hexdigest()}, expected {md5})")


class _Writing:
    """A file whose write errors are told apart from the network's, both being OSError."""

    def __init__(self, path: Path):
        self.path = path
        self.file = path.open("wb")

    def write(self, block: bytes) -> int:
        try:
            return self.file.write(block)
        except OSError as error:
            raise DataUnavailable(
                f"cannot write {self.path}: {error.strerror}; make room and try again"
            ) from None


@contextmanager
def _writing(path: Path) -> Iterator[_Writing]:
    writing = _Writing(path)
    with writing.file:
        yield writing


def _megabytes(got: int, total: int | None) -> str:
    return f"{got / 1e6:.1f} MB" if total is None else f"{got / 1e6:.1f} of {total / 1e6:.1f} MB"


def reporter(progress: Progress, name: str, index: int, files: int) -> Report:
    """Report one of several files, at most every REPORT_EVERY seconds."""
    last = 0.0

    def report(got: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY or got == total:
            last = now
            within = got / total if total else 0.0
            progress((index + min(1.0, within)) / files, f"fetching {name}: {_megabytes(got, total)}")

    return report


def fetch_any(urls: Sequence[str], target: Path, md5: str, report: Report) -> None:
    """Fetch from the first address that works. Raises FetchError with every address's reason."""
    reasons = []
    for url in urls:
        try:
            return _fetch(url, target, md5, report)
        except FetchError as error:
            reasons.append(f"{urlsplit(url).netloc or url}: {error}")
    raise FetchError("; ".join(reasons))


@contextmanager
def downloading(
    title: str, name: str, places: Places, advice: str, present: Callable[[Places], bool]
) -> Iterator[Path | None]:
    """A temporary folder inside data_dir to fetch into, removed afterwards.

    None when another process fetched the set while this one waited for the lock. Raises DataUnavailable, closing with
    `advice`, for whatever keeps the set from being fetched or stored.
    """
    check_not_look_only()
    try:
        places.data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(places.data_dir / f".{name}.lock"):
            if present(places):  # another process fetched it while we waited
                yield None
                return
            for left in places.data_dir.glob(f".{name}-part.*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            work = Path(tempfile.mkdtemp(dir=places.data_dir, prefix=f".{name}-part."))
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except FetchError as error:
        raise DataUnavailable(
            f"{title} is not in {places.data_dir} and could not be fetched: {error}. {advice}"
        ) from None
    except OSError as error:
        raise DataUnavailable(
            f"{title} is not in {places.data_dir} and cannot be stored there ({error.strerror or error}). "
            f"{advice}"
        ) from None


def damaged(path: Path, fault: str) -> DataUnavailable:
    """The error for a file that is there and cannot be used, with the remedy."""
    return DataUnavailable(
        f"{path} is damaged: {fault}. Delete it to have it fetched again, or put a whole one there"
    )


def md5_of(path: Path) -> str:
    """A file's md5 sum in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
