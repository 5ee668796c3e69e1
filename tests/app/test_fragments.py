"""A fragment that runs again before its first words are sent leaves what stands below it in its place."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.testing.v1 import AppTest


def _page(by_the_boundary: bool) -> None:
    import streamlit as st

    from app.boundary import fragment

    def inner() -> None:
        st.markdown("inside")

    (fragment(run_every=60)(inner) if by_the_boundary else st.fragment(inner, run_every=60))()
    st.markdown("below")


def _as_sent_when_it_runs_again(by_the_boundary: bool) -> list[Any]:
    """The messages a browser gets when the fragment's second run starts before the page's were sent."""
    seen: list[Any] = []
    ForwardMsgQueue.on_before_enqueue_msg(seen.append)
    try:
        AppTest.from_function(_page, args=(by_the_boundary,)).run()
    finally:
        ForwardMsgQueue.on_before_enqueue_msg(None)
    its = next(message.auto_rerun.fragment_id for message in seen if message.HasField("auto_rerun"))
    queue = ForwardMsgQueue()
    for message in seen:
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[its])
    for message in seen:
        if message.HasField("delta") and message.delta.fragment_id == its:
            queue.enqueue(message)
    return queue.flush()


def _drawn(messages: list[Any]) -> None:
    """Put every message at its place in a tree, as the browser does. Raises IndexError where there is none."""
    tree: list[Any] = [[], [], [], []]
    for message in messages:
        if message.HasField("delta"):
            at = tree
            *into, index = message.metadata.delta_path
            for step in into:
                at = at[step]
            if not index <= len(at):
                raise IndexError(f"index {index} should be between 0 and {len(at)}")
            at[index : index + 1] = [[] if message.delta.WhichOneof("type") == "add_block" else message]


def test_what_stands_below_a_fragment_keeps_its_place() -> None:
    _drawn(_as_sent_when_it_runs_again(True))


def test_a_bare_fragment_would_lose_it() -> None:
    with pytest.raises(IndexError, match="index 1"):
        _drawn(_as_sent_when_it_runs_again(False))
