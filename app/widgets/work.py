"""How far work behind the page is, in one line, with a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app.boundary import fragment, plain, sentence
from app.services.tasks import Task
from app.state import session


def follow(
    works: Sequence[Task[Any]], *, stop: str = "", help: str | None = None,
    stopped: Callable[[], object] = lambda: None, left: Callable[[float], str] = lambda share: "",
) -> bool:  # fmt: skip
    """Progress of work until all is done, when the page is drawn anew; what failed is said. Whether it says anything.

    stop: key of a button that cancels what goes on, empty for none; `stopped` is called after it. Where some of the work
    returns its best so far, the button is there for that alone. left: of the share that is done, what is said of the rest.
    """
    going = not all(work.done for work in works)
    failed = any(work.error for work in works)
    if going or failed:
        fragment(run_every=0.5 if going else None)(_followed)(works, going, stop, help, stopped, left)
    return going or failed


def _followed(
    works: Sequence[Task[Any]], going: bool, stop: str, help: str | None, stopped: Callable[[], object],
    left: Callable[[float], str],
) -> None:  # fmt: skip
    open_ones = [work for work in works if not work.done]
    if open_ones:
        share = 1 - sum(1 - work.share for work in open_ones) / len(works)
        best = any(work.returns_best for work in works)
        ends = [work for work in open_ones if work.returns_best or not best]
        with st.container(horizontal=True, vertical_alignment="center"):
            words = f"{open_ones[0].name}: {open_ones[0].words}{left(share)}"
            st.progress(share, text=plain(words), width="stretch")
            if stop and ends and session.button("Stop", stop, icon=":material/stop:", help=help):
                for work in ends:
                    work.cancel()
                stopped()
                if not best:  # what returns its best is still to be waited for
                    st.rerun(scope="app")
    elif going:
        st.rerun(scope="app")
    for said in dict.fromkeys(work.error for work in works if work.error):
        st.warning(sentence(said), icon=":material/warning:")
