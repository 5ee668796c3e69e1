"""The only reader and writer of session state and of the URL."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import resources
from vae_core.errors import BadRun, RunNotFound

if TYPE_CHECKING:
    from vae_core.runs.store import Run

RUN = "run"
HISTORY = "runs used"
NO_RUN = "No run yet: train one on the Train page, or import one on Home."
FIRST = "faces"  # the pretrained run a new visitor sees
ECHO = 3.0  # seconds for which an address we wrote may come back late, and is no link


def sync_run() -> None:
    """Settle which run is looked at: the URL's, the session's, else the first of a new visitor.

    Leaves the id in both, so that a copied link opens the same run. One that is gone or cannot be read is
    forgotten, and said.
    """
    for wanted in (st.query_params.get(RUN), st.session_state.get(RUN)):
        if wanted:
            try:
                run = resources.store().find(wanted)
                run.record()
                select(run.id)
                return
            except (RunNotFound, BadRun) as error:
                st.toast(str(error), icon=":material/warning:")
    everything = resources.store().readable()
    preferred = next((r for r in everything if r.id == FIRST), everything[0] if everything else None)
    if preferred is not None:
        select(preferred.id)
    else:
        st.session_state.pop(RUN, None)
        st.query_params.pop(RUN, None)


def select(run_id: str) -> None:
    """Look at this run from now on, here and in the URL."""
    st.session_state[RUN] = run_id
    if st.query_params.get(RUN) != run_id:
        st.query_params[RUN] = run_id
    used = [run_id, *(r for r in st.session_state.get(HISTORY, []) if r != run_id)]
    st.session_state[HISTORY] = used[:50]


def run_id() -> str:
    """Id of the run looked at, or an empty string."""
    return st.session_state.get(RUN, "")


def run() -> Run:
    """The run looked at. Raises RunNotFound when there is none."""
    return resources.store().find(run_id())


def run_or_none() -> Run | None:
    try:
        return run()
    except (RunNotFound, BadRun):
        return None


def recency(run_id: str) -> int:
    """Place of a run among those used in this session, most recent first."""
    used = st.session_state.get(HISTORY, [])
    return used.index(run_id) if run_id in used else len(used)


def link(view: str, label: str, icon: str | None = None, **params: Any) -> None:
    """A link to another page that keeps the run."""
    st.page_link(f"views/{view}.py", label=label, icon=icon, query_params=_with_run(params))


def go(view: str, **params: Any) -> None:
    """Open another page, keeping the run."""
    st.switch_page(f"views/{view}.py", query_params=_with_run(params))


def _with_run(params: dict[str, Any]) -> dict[str, Any]:
    params = {k: str(v) for k, v in params.items()}
    return {RUN: run_id(), **params} if run_id() else params


def get(key: str, default: Any = None) -> Any:
    """A value kept for this session under a view's own key."""
    return st.session_state.get(key, default)


def put(key: str, value: Any) -> None:
    st.session_state[key] = value


def forget(key: str) -> None:
    st.session_state.pop(key, None)


def setdefault(key: str, value: Any) -> Any:
    if key not in st.session_state:
        st.session_state[key] = value
    return st.session_state[key]


def param(key: str, default: str = "") -> str:
    """A query parameter of this page."""
    return st.query_params.get(key, default)


def set_param(key: str, value: str) -> None:
    """Write, or with an empty value remove, a query parameter of this page."""
    if value and st.query_params.get(key) != value:
        st.query_params[key] = value
    elif not value and key in st.query_params:
        del st.query_params[key]


def is_link(key: str, found: Hashable) -> bool:
    """Whether what the address says of `key` is a link that was opened: neither what was written there last, nor an echo
    of what stood there until just now, which the next run of the script may bring once more.
    """
    last, recent = get(f"{key} written", (None, {}))
    return bool(found) and found != last and time.time() - recent.get(found, 0.0) >= ECHO


def wrote(key: str, said: Hashable) -> None:
    """Note what the address says of `key` from now on."""
    last, recent = get(f"{key} written", (None, {}))
    now = time.time()
    recent = {v: t for v, t in recent.items() if now - t < ECHO}
    put(f"{key} written", (said, recent | dict.fromkeys((said, last), now)))


def button(label: str, key: str, **kwargs: Any) -> bool:
    """A button for what changes stored state: true in exactly one run of the script after each press.

    `st.button` loses a press when another rerun (a component that reports, a second press) interrupts the script
    before it gets there. Here the press is noted in a callback, which no rerun interrupts, and taken up when the
    script arrives.
    """
    st.button(label, key=key, on_click=put, args=(f"pressed {key}", True), **kwargs)
    return bool(st.session_state.pop(f"pressed {key}", False))
