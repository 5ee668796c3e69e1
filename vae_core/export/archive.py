"""A run as one .zip file, and back again."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import secrets
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from vae_core.data.user.budgets import UnreadableError, cleaned
from vae_core.errors import BadName, BadRun, VaeCoreError
from vae_core.export.unpacking import DEEPEST, name_fault, unpack
from vae_core.inference import codes_bytes, load_run, stored_codes
from vae_core.places import check_not_look_only, write_atomically
from vae_core.runs.array_files import CODES_FILE, PICTURE_FILE, check_resume
from vae_core.runs.record import INTERRUPTED, QUEUED, status_to_json
from vae_core.runs.run import Run
from vae_core.runs.store import IMPORTING, Store
from vae_core.words import counted

ARCHIVED = ("config.json", "events.jsonl", "thumbnail.png", "codes.npz")
MOST_EPOCH_CODES = 5_000_000  # bytes, of all epochs together
# what keeps a home from being written
WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)


def archive(run: Run, target: Path) -> list[str]:
    """Write a run as one .zip: settings, events, weights, pictures, codes if there are any, and notes.

    Returns sentences on what was left out.
    """
    left_out = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as zf:
        for name in ARCHIVED:
            if (run.path / name).exists():
                zf.write(run.path / name, name)
        for picture in sorted((run.path / "snapshots").glob("*.png")):
            if PICTURE_FILE.fullmatch(f"snapshots/{picture.name}"):
                zf.write(picture, f"snapshots/{picture.name}", zipfile.ZIP_STORED)
        codes_of_epochs = [
            path
            for path in sorted((run.path / "codes").glob("*.npz"))
            if CODES_FILE.fullmatch(f"codes/{path.name}")
        ]
        size = sum(path.stat().st_size for path in codes_of_epochs)
        if size <= MOST_EPOCH_CODES:
            for path in codes_of_epochs:
                zf.write(path, f"codes/{path.name}")
        else:
            left_out.append(
                f"The codes of {counted(len(codes_of_epochs), 'epoch')}, which replay how the space formed, are left out: they "
                f"take {size / 1e6:.1f} MB, more than {MOST_EPOCH_CODES / 1e6:g} MB."
            )
        status = status_to_json(dataclasses.replace(run.status(), handle=None, queued=0.0))
        zf.writestr("status.json", json.dumps(status))
        if run.has_weights():
            for name in ("model.safetensors", "resume.safetensors"):
                if (run.path / name).exists():
                    zf.write(run.path / name, name)
            codes = stored_codes(run)
            if codes is not None and "codes.npz" not in zf.namelist():
                zf.writestr("codes.npz", codes_bytes(codes, run.stamp()))
        if run.notes.is_dir():
            left_out += _write_notes(zf, run.notes)
    write_atomically(target, buffer.getvalue())
    return left_out


def _write_notes(zf: zipfile.ZipFile, folder: Path) -> list[str]:
    """Add what a person noted; returns sentences on what cannot travel."""
    left_out = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = path.relative_to(folder).parts
        fault = next(filter(None, map(name_fault, parts)), "")
        if fault or len(parts) > DEEPEST:
            left_out.append(
                f"The note {cleaned('/'.join(parts))} is left out: {fault or 'it lies too deep'}."
            )
        else:
            zf.write(path, "/".join(("notes", *parts)))
    return left_out


def unarchive(source: Path | BinaryIO, store: Store, name: str = "") -> Run:
    """Bring an archive back as a new run of this home, under its own name or a free one like it.

    Raises BadRun when it is not such an archive or is damaged, whatever it holds; BadName for a `name` that is not
    plain or is taken; VaeCoreError when it cannot be written here. Nothing is imported then.
    """
    check_not_look_only()
    runs, work = store.places.runs, None
    try:
        runs.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=runs, prefix=IMPORTING))
        unpack(source, work)
        return _take_in(work, store, name)
    except BadName:
        raise
    except (VaeCoreError, UnreadableError) as error:
        said = str(error) if work is None else str(error).replace(f"the run {work.name}", "its run")
        raise _refusal(said) from None
    except OSError as error:
        if error.errno in WRITING:
            raise VaeCoreError(
                f"the archive cannot be unpacked into {runs}: {error.strerror}. Nothing was imported; make room "
                "there or choose another home, then import it again"
            ) from None
        raise _refusal(str(error)) from None
    except Exception as error:  # it may hold anything, and parsers fail in many ways
        raise _refusal(f"it is damaged or no run's ({type(error).__name__}: {error})") from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _refusal(why: str) -> BadRun:
    words = cleaned(" ".join(why.split()))
    return BadRun(f"this archive cannot be imported: {words[:500]}{'…' if len(words) > 500 else ''}")


def _take_in(work: Path, store: Store, name: str) -> Run:
    """Make what was unpacked into `work` a run of this home; all that it says of itself is written anew."""
    places, run = store.places, Run(work, store.places)
    record, state = run.record(), run.status()
    if run.has_weights():
        load_run(run)  # shapes fit, nothing is damaged
    check_resume(work)
    if state.live or state.state == QUEUED:
        state = dataclasses.replace(state, state=INTERRUPTED, error="")
    run.write_status(dataclasses.replace(state, handle=None, queued=0.0))
    run_id = f"{record.config.data.dataset}-{secrets.token_hex(3)}"
    notes, final = places.notes / run_id, places.runs / run_id
    try:
        if (work / "notes").is_dir():
            places.notes.mkdir(parents=True, exist_ok=True)
            (work / "notes").rename(notes)
        with FileLock(places.runs / ".names.lock"):
            chosen = store.check_name(name) if name else store.free_name(record.name)
            run.write_record(dataclasses.replace(record, id=run_id, name=chosen))
            work.rename(final)
    except BaseException:
        shutil.rmtree(notes, ignore_errors=True)
        raise
    return Run(final, places)
