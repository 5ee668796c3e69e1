"""Unpack a .zip that anyone may have made into a folder, when it holds the files of one run and nothing else."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from vae_core.data.user.budgets import BLOCK, Budgets, Given, UnreadableError, cleaned
from vae_core.data.user.zips import check_members, open_zip, unzipping
from vae_core.errors import BadRun
from vae_core.reading import MOST_BYTES as MOST_JSON_BYTES
from vae_core.runs.array_files import CODES_FILE, PICTURE_FILE

FILES = (
    "config.json", "events.jsonl", "thumbnail.png", "codes.npz", "status.json", "model.safetensors",
    "resume.safetensors",
)  # fmt: skip
FOLDERS = ("snapshots", "codes", "notes")
MOST_BYTES = 2_000_000_000  # an archive unpacks to no more
MOST_FILES = 20_000
DEEPEST = 4  # folders of notes within each other
UNPORTABLE = re.compile(r'[<>:"|?*\\]|[. ]$')
DEVICES = re.compile(r"(con|nul|aux|prn|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # no names on Windows


def unpack(source: Given, folder: Path) -> None:
    """Unpack an archive of a run into a folder that is empty.

    Bytes are counted as they come: what a header says of its size proves nothing. Raises BadRun, BadImages or
    UnreadableError for what is no whole archive of a run, OSError where it cannot be written.
    """
    with open_zip(source) as zipped:
        members = _checked(check_members(zipped, Budgets(files=MOST_FILES)))
        total = 0
        for name, info in members.items():
            target = folder.joinpath(*name.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            with _member(zipped, info) as stream, open(target, "xb") as file:
                while block := _next_block(stream, name):
                    total += len(block)
                    if total > MOST_BYTES:
                        raise BadRun(f"it unpacks to more than {MOST_BYTES / 1e9:g} GB; a run is smaller")
                    if name.endswith(".json") and file.tell() > MOST_JSON_BYTES:
                        raise BadRun(f"its {name} is larger than {MOST_JSON_BYTES / 1e6:.0f} MB")
                    file.write(block)
    if "config.json" not in members:
        raise BadRun("it is no run: it has no config.json. Export one with `vae-core export`")


def name_fault(part: str) -> str:
    """What keeps a file or folder among the notes from travelling under its name, or an empty string."""
    if len(part.encode("utf-8", "replace")) > 200:
        return "its name is too long"
    if not part.isprintable() or not part.strip() or UNPORTABLE.search(part) or DEVICES.fullmatch(part):
        return "other systems know no such name"
    return ""


@contextmanager
def _member(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    with unzipping():
        stream = zipped.open(info)
    with stream:
        yield stream


def _next_block(stream: IO[bytes], name: str) -> bytes:
    try:
        with unzipping():
            return stream.read(BLOCK)
    except UnreadableError as error:
        raise BadRun(f"its {name} {error}; it is damaged") from None


def _checked(members: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Files by their path. Raises BadRun for one that no run has, and where two would lie in one place."""
    found: dict[str, zipfile.ZipInfo] = {}
    files: set[str] = set()  # by a name that is equal wherever case and accents are not told apart
    folders: set[str] = set()
    for info in members:
        name, shown = info.orig_filename, repr(cleaned(info.orig_filename)[:100])
        *above, last = name.removesuffix("/").split("/")
        is_file = not name.endswith("/")
        if not _belongs(above, last, is_file):
            raise BadRun(f"it holds {shown}, which is no part of a run")
        keys = [_key("/".join([*above, last][:depth])) for depth in range(1, len(above) + 2)]
        if is_file and keys[-1] in files:
            raise BadRun(f"it holds {shown} twice, or beside a name that differs in case alone")
        files.update(keys[-1:] if is_file else ())
        folders.update(keys[:-1] if is_file else keys)
        if is_file:
            found[name] = info
    if both := sorted(files & folders):
        raise BadRun(f"it holds {both[0]!r} as a file and as a folder")
    return found


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _belongs(above: Sequence[str], last: str, is_file: bool) -> bool:
    """Whether a run may have a file or folder of that name in those folders."""
    name = "/".join([*above, last])
    if [*above, last][0] == "notes" and (above or not is_file):
        return len(above) <= DEEPEST and not any(name_fault(part) for part in [*above, last])
    if not is_file:
        return name in FOLDERS
    return name in FILES or bool(PICTURE_FILE.fullmatch(name) or CODES_FILE.fullmatch(name))
