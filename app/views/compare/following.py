"""How far work behind the page is, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.boundary import fragment, plain, sentence
from app.services.tasks import Task
from app.state import session


def follow(works: Sequence[Task[Any]]) -> bool:
    """Progress of work that is not done, after which the page is drawn anew; what failed is said. Whether it says anything."""
    going = not all(work.done for work in works)
    failed = any(work.error for work in works)
    if going or failed:
        fragment(run_every=0.5 if going else None)(_follow)(works, going)
    return going or failed


def _follow(works: Sequence[Task[Any]], going: bool) -> None:
    left = [work for work in works if not work.done]
    if left:
        share = 1 - sum(1 - work.share for work in left) / len(works)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(share, text=plain(f"{left[0].name}: {left[0].words}"), width="stretch")
            best = [work for work in left if work.returns_best]
            if best and session.button(
                "Stop", "stop searching", icon=":material/stop:", help="Keeps the best so far."
            ):
                for work in best:
                    work.cancel()
    elif going:
        st.rerun(scope="app")
    for words in dict.fromkeys(work.error for work in works if work.error):
        st.warning(sentence(words), icon=":material/warning:")
