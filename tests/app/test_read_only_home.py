"""A home that cannot be written, on a course's shared disk say: every page opens for looking, and what writes says why not.

Permissions do not stop root, as whom tests run in a container: an audit hook refuses every way to write below the home.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import shown, worked_out
from locks import read_only
from streamlit.testing.v1 import AppTest

from app.services import datasets, runs
from app.state import session
from vae_core.inference import compute_codes, load_run, stored_codes
from vae_core.inference.stored import codes_path
from vae_core.places import Places, why_unwritable
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run

PAGES = sorted({p.stem if p.parent == session.VIEWS else p.parent.name
                for p in [*session.VIEWS.glob("[a-z]*.py"), *session.VIEWS.glob("*/page.py")]})  # fmt: skip


def test_the_lock_holds(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("before")
    with read_only(tmp_path):
        for write in (
            lambda: (tmp_path / "kept").write_text("after"),
            lambda: (tmp_path / "new").touch(),
            lambda: (tmp_path / "folder").mkdir(),
            lambda: (tmp_path / "kept").rename(tmp_path / "other"),
            lambda: (tmp_path / "kept").unlink(),
            lambda: os.open(tmp_path / "new", os.O_CREAT | os.O_RDWR),
        ):
            with pytest.raises(OSError, match="Read-only file system"):
                write()
        assert (tmp_path / "kept").read_text() == "before"
        assert not os.access(tmp_path, os.W_OK)
    (tmp_path / "kept").unlink()


@pytest.mark.parametrize("run", ["own", "faces"])
@pytest.mark.parametrize("view", PAGES)
def test_every_page_opens_for_looking(
    open_page: Callable[..., AppTest], copied: Run, places: Places, view: str, run: str
) -> None:
    with read_only(places.home):
        runs.queue()
        at = worked_out(open_page(view, run=copied.id if run == "own" else run))
        assert not at.exception
        assert not at.error, [error.value for error in at.error]
        assert "This home cannot be written" in shown(at)
        assert copied.status().state == FINISHED


@pytest.mark.parametrize("key", ["start", "continue now", "reset now"])
def test_what_writes_says_why_not(
    open_page: Callable[..., AppTest], copied: Run, places: Places, key: str
) -> None:
    before = copied.status()
    with read_only(places.home):
        at = open_page("train", run=copied.id, open="new")
        at.button(key=key).click().run()
        assert not at.exception
        assert [error.icon for error in at.error] == [":material/lock:"]
        said = at.error[0].value
        assert "cannot be written, since it is read-only" in said
        assert "--home" in said
    assert copied.status() == before
    assert [run.id for run in runs.store().own()] == [copied.id]


def test_a_dialog_says_it_too(copied: Run, places: Places) -> None:
    def script(run: str) -> None:
        import streamlit as st

        from app.boundary import dialog
        from app.services import runs

        @dialog("Note")
        def note() -> None:
            if st.button("Keep", key="keep"):
                runs.store().find(run).write_note("worth it")

        note()

    at = AppTest.from_function(script, args=(copied.id,)).run()
    with read_only(places.home):
        at.button(key="keep").click().run()
        assert "cannot be written" in at.error[0].value
    assert copied.note() == ""


def test_what_is_derived_is_kept_for_as_long_as_the_process_lives(copied: Run, places: Places) -> None:
    data = datasets.images_of(copied)
    assert data is not None
    with read_only(places.home):
        assert stored_codes(copied) is None
        found = compute_codes(copied, load_run(copied), data)
        again = stored_codes(copied)
        assert again is not None
        np.testing.assert_array_equal(again.mean, found.mean)
        assert not codes_path(copied, "test").is_relative_to(places.home)
    assert not places.derived.exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "no", "/shared/runs"), "/shared/runs cannot be written, since this account may not"),
        (PermissionError(errno.EACCES, "no", "/shared/runs/.names.lock"), "/shared/runs cannot be written"),
        (OSError(errno.ENOSPC, "full", b"/x"), "/x cannot be written, since the disk is full; make room on it"),
        (OSError(errno.EROFS, "ro"), "the disk cannot be written, since it is read-only"),
        (FileNotFoundError(errno.ENOENT, "gone", "/x"), ""),
        (ValueError("x"), ""),
    ],
)  # fmt: skip
def test_an_error_of_writing_is_a_sentence(error: Exception, words: str) -> None:
    assert words in why_unwritable(error)
    assert bool(words) == bool(why_unwritable(error))
