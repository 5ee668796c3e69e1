"""A run as one .zip file, and back again."""

from __future__ import annotations

import dataclasses
import io
import json
import secrets
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from vae_core.errors import BadConfig, BadRun, RunNotFound
from vae_core.inference import codes_bytes, load_run, stored_codes
from vae_core.places import check_plain_name, write_atomically
from vae_core.runs.array_files import CODES_FILE
from vae_core.runs.record import INTERRUPTED, QUEUED, status_to_json
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.words import counted

ARCHIVED = ("config.json", "events.jsonl", "thumbnail.png", "codes.npz")
ALLOWED = (*ARCHIVED, "status.json", "model.safetensors", "resume.safetensors")
MOST_BYTES = 2_000_000_000  # an archive unpacks to no more
MOST_FILES = 20_000
MOST_EPOCH_CODES = 5_000_000  # bytes, of all epochs together


def archive(run: Run, target: Path) -> list[str]:
    """Write a run as one .zip: settings, events, weights, pictures, codes if there are any, and notes.

    Returns sentences on what was left out.
    """
    left_out = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zf:
        for name in ARCHIVED:
            if (run.path / name).exists():
                zf.write(run.path / name, name)
        for picture in sorted((run.path / "snapshots").glob("*.png")):
            zf.write(picture, f"snapshots/{picture.name}", zipfile.ZIP_STORED)
        codes_of_epochs = sorted((run.path / "codes").glob("*.npz"))
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
            for note in sorted(run.notes.rglob("*")):
                if note.is_file():
                    zf.write(note, f"notes/{note.relative_to(run.notes).as_posix()}")
    write_atomically(target, buffer.getvalue())
    return left_out


def unarchive(source: Path | io.IOBase, store: Store, name: str = "") -> Run:
    """Bring an archive back as a new run of this home, under its own name or a free one like it.

    Raises BadRun when it is not such an archive or is damaged; nothing is imported then.
    """
    store.places.runs.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=store.places.runs, prefix=".import-"))
    try:
        _extract(source, work)
        run = Run(work, store.places)
        record = run.record()
        if run.has_weights():
            load_run(run)  # shapes fit, nothing is damaged
        # a name in an archive may be anything, and this one becomes part of a path
        dataset = check_plain_name(record.config.data.dataset, "dataset")
        run_id = f"{dataset}-{secrets.token_hex(3)}"
        chosen = store.check_name(name) if name else store.free_name(record.name)
        run.write_record(dataclasses.replace(record, id=run_id, name=chosen))
        state = run.status()
        if state.live or state.state == QUEUED:
            run.write_status(dataclasses.replace(state, state=INTERRUPTED, handle=None, error=""))
        notes = work / "notes"
        if notes.is_dir():
            store.places.notes.mkdir(parents=True, exist_ok=True)
            notes.rename(store.places.notes / run_id)
        final = store.places.runs / run_id
        work.rename(final)
        return Run(final, store.places)
    except (BadRun, RunNotFound, BadConfig) as error:
        shutil.rmtree(work, ignore_errors=True)
        raise BadRun(str(error).replace(f"the run {work.name}", "this archive")) from None
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _extract(source: Path | io.IOBase, work: Path) -> None:
    """Unpack what an archive of a run may hold, counting bytes as they come."""
    try:
        with zipfile.ZipFile(source) as zf:
            infos = [i for i in zf.infolist() if not i.is_dir()]
            if len(infos) > MOST_FILES:
                raise BadRun(f"this archive holds {len(infos):,} files; a run has at most {MOST_FILES:,}")
            total = 0
            for info in infos:
                path = PurePosixPath(info.filename)
                inside = str(path) in ALLOWED or path.parts[:1] in (("snapshots",), ("notes",))
                inside = inside or CODES_FILE.fullmatch(str(path)) is not None
                if path.is_absolute() or ".." in path.parts or "\\" in info.filename or not inside:
                    raise BadRun(f"this archive holds {info.filename!r}, which is no part of a run")
                target = work.joinpath(*path.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with zf.open(info) as incoming, open(target, "wb") as outgoing:
                    while block := incoming.read(1 << 20):
                        total += len(block)
                        if total > MOST_BYTES:
                            raise BadRun("this archive unpacks to more than 2 GB; a run is smaller")
                        outgoing.write(block)
            if not (work / "config.json").exists():
                raise BadRun("this .zip is no run: it has no config.json. Export one with `vae-core export`")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadRun(f"this file is not a whole .zip archive ({error})") from None
