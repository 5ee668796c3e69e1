"""The run picker of the sidebar: a popover list to search, and the progress of what is training."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.boundary import fragment, plain
from app.services import runs
from app.state import session
from vae_core.errors import BadRun, RunNotFound
from vae_core.places import look_only
from vae_core.runs.record import Status
from vae_core.runs.run import Run

DOTS = {
    "running": ":green[●]", "paused": ":orange[●]", "queued": ":blue[●]", "failed": ":red[●]",
    "interrupted": ":red[○]", "stopped": ":gray[●]", "finished": ":gray[●]",
}  # fmt: skip
SHOWN = 12


def show() -> None:
    """The picker, a line about the run that is looked at, and the progress of the one that trains."""
    chosen = session.run_or_none()
    label = "No run yet" if chosen is None else chosen.name
    popover = st.popover(
        _short(label), icon=":material/folder_open:", width="stretch", on_change="rerun", key="picker",
        help="The run that all pages show. Type to search.",
    )  # fmt: skip
    if popover.open:  # a list of pictures: drawn only when looked at
        with popover:
            _list(chosen)
    if chosen is not None:
        st.caption(plain(describe(chosen)))
        _unfinished(chosen)
    if look_only():
        st.caption(":material/visibility: For looking only: nothing is kept.", help=session.only_looking())
    elif not runs.places().writable:
        st.caption(
            ":material/lock: This home cannot be written: look at everything, nothing is kept.",
            help="To train, import or take notes, start Latent Explorer with another --home.",
        )
    _progress()


def _unfinished(run: Run) -> None:
    """A line that says when the run looked at did not finish, since the pages show the weights it kept."""
    status = run.status()
    if status.state in ("failed", "interrupted") and run.has_weights():
        where = f" in epoch {max(1, status.epoch)} of {status.epochs}" if status.epochs else ""
        st.caption(
            f"{DOTS[status.state]} {status.state}{where}; shown are the weights it had kept",
            help=plain(status.error) or None,
        )


def describe(run: Run) -> str:
    """Dataset, objective and D of a run in one line."""
    try:
        config = run.record().effective
    except (BadRun, RunNotFound):
        return "unreadable"
    kind = " · pretrained" if run.read_only else ""
    return f"{config.data.dataset} · {config.model.architecture.name} · D {config.model.latent_dim or 'auto'} · {config.objective.label}{kind}"


def _list(chosen: Run | None) -> None:
    needle = st.text_input(
        "Search runs", placeholder="name, dataset, status", label_visibility="collapsed", key="picker search"
    ).lower()
    everything = sorted(runs.store().all(), key=lambda r: (session.recency(r.id), of_a_shipped_group(r)))
    found = [
        run
        for run in everything
        if not needle or needle in f"{describe(run)} {_name(run)} {run.status().state}".lower()
    ]
    for run in found[:SHOWN]:
        picture, button = st.columns([1, 4], vertical_alignment="center")
        if (thumbnail := run.picture()) is not None:
            picture.image(thumbnail, width=44, alt=f"samples of {_name(run)}")
        status = run.status().state
        dot = DOTS.get(status, "")
        if button.button(
            f"{dot} {plain(_short(_name(run)))}", help=plain(describe(run)), key=f"pick {run.id}", width="stretch",
            type="primary" if chosen is not None and run.id == chosen.id else "tertiary",
        ):  # fmt: skip
            session.select(run.id)
            st.rerun()
    if not found:
        st.caption("No run has that in its name, dataset or status.")
    elif len(found) > SHOWN:
        st.caption(f"{len(found) - SHOWN} more: type to search.")


def of_a_shipped_group(run: Run) -> bool:
    """Whether it is shipped with others that it is looked at beside: they come last, so that no set fills the list."""
    try:
        return run.read_only and bool(run.record().group)
    except (BadRun, RunNotFound):
        return False


def _progress() -> None:
    """A thin line about the run that trains now. Its place stays when none does, so that nothing below it moves.

    It is drawn again every second only while a run trains or waits: an idle page reruns nothing.
    """
    busy = any(s.live or s.state == "queued" for s in (run.status() for run in runs.store().own()))
    fragment(run_every=1.0 if busy else None)(_line)()


def _line() -> None:
    with st.container(height=44, border=False, gap=None):
        for run in runs.store().own():
            status = run.status()
            if status.live:
                eta = "" if status.eta is None else f" · {clock(status.eta)}"
                st.progress(
                    min(1.0, status.progress), text=f"{_short(_name(run), 14)}: {activity(status)}{eta}"
                )
                return


def activity(status: Status) -> str:
    """What a run is doing, in a word or two: its epoch, its note or its state."""
    if status.note:
        return status.note.split(":")[0]
    if status.state == "running":
        return f"{status.epoch} / {status.epochs}"
    return status.state


def clock(seconds: float) -> str:
    """1:05 or 2:03:04."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _name(run: Run) -> str:
    try:
        return run.name
    except (BadRun, RunNotFound):
        return f"{Path(run.path).name} (unreadable)"


def _short(name: str, most: int = 30) -> str:
    """The beginning and end of a long name."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - most // 2 + 1 :]}"
