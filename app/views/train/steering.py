"""The run that is looked at: its buttons, what it waits for, its curves and pictures."""

from __future__ import annotations

import streamlit as st

from app import boundary, layout
from app.components.live import described, live
from app.services import runs, waiting
from app.state import address, session
from vae_core.errors import BadConfig, RunBusy, RunNotFound
from vae_core.events import ALONE
from vae_core.places import why_unwritable
from vae_core.runs.record import FINISHED, PAUSED, QUEUED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.runs.sharpen import why_not
from vae_core.runs.timing import about
from vae_core.words import counted

FOLLOW = 2.0  # seconds between looks at what a run waits for
LONGEST_NOTE = 110  # characters of why it waits that fit beside its button; the whole is in the tip


def watch(run: Run) -> None:
    """The run's toolbar, and all of it that moves."""
    status = run.status()
    others = [r for r in runs.store().readable() if r.id != run.id and (r.path / "events.jsonl").exists()]
    with layout.toolbar("run"):
        if run.read_only:
            st.caption(
                "A pretrained run: its curves as they were recorded. It stays as it is; train a copy above."
            )
            _sharpen(run)
        elif status.live or status.state == QUEUED:
            _while_it_learns(run, status)
        else:
            _once_it_ended(run, status)
        compared = _overlay(others)
    shown = [run, *(r for i in compared for r in others if r.id == i)]
    live([described(r.id, r.name, r.record().effective.objective) for r in shown], status.state, lambda: None)
    if why := run.record().effective.objective.no_elbo:
        st.caption(f"{why} Its loss is compared with no other run's.")


def _overlay(others: list[Run]) -> list[str]:
    """Ids of the runs whose curves are drawn too."""
    names = {r.id: r.name for r in others}
    count = len(session.get(address.OVERLAY) or ())
    with st.popover(
        f"Overlay{f' {count}' if count else ''}", icon=":material/stacked_line_chart:", key="overlays"
    ):
        return st.multiselect(
            "Overlay", list(names), format_func=lambda i: names.get(i, i), key=address.OVERLAY.name, bind=address.OVERLAY.bind,
            max_selections=7, placeholder="compare with other runs",
        )  # fmt: skip


def _while_it_learns(run: Run, status: Status) -> None:
    """Every button keeps its place, and is greyed where the state does not allow it, which its tip says.

    Swapping one for another would move its neighbours for a moment, and a press on them would miss.
    """
    if status.state == QUEUED:
        _button(run, "Stop", "stop", ":material/stop:", True, "Takes the run out of the queue.")
        boundary.fragment(run_every=FOLLOW)(_wait)(run)
        return
    _button(
        run,
        "Pause",
        "pause",
        ":material/pause:",
        status.state == RUNNING,
        "Not now: the run is paused already.",
    )
    _resume(
        run, status, status.state == PAUSED, "Goes on after a pause; greyed while the run goes on anyway."
    )
    _button(run, "Step", "step", ":material/skip_next:", True, "Train on one batch, then pause.")
    for part in run.record().effective.objective.entry.parts:
        _button(
            run, f"Step {part}", f"{ALONE}{part}", ":material/skip_next:", True,
            f"Train the {part} alone on one batch, then pause.",
        )  # fmt: skip
    _button(
        run, "Epoch", "epoch", ":material/fast_forward:", True, "Train to the end of this epoch, then pause."
    )
    _button(run, "Stop", "stop", ":material/stop:", True, "Ends the run and keeps what it learned.")
    steer(run)


def _wait(run: Run) -> None:
    """Behind what a queued run waits, and about how long; or why it could not begin, which is tried again."""
    try:
        if note := run.status().note:
            shown = note if len(note) <= LONGEST_NOTE else note[: LONGEST_NOTE - 1] + "…"
            st.caption(f"Queued: {boundary.plain(shown)}", help=boundary.plain(note))
            return
        st.caption(_queued_words(waiting.ahead(run)))
    except RunNotFound:  # deleted meanwhile; the page says so itself
        return


def _queued_words(ahead: waiting.Ahead) -> str:
    names = [*ahead.training, *ahead.waiting]
    if not names:
        return "Queued: its process is starting."
    more = f" and {counted(len(names) - 1, 'more run')}" if len(names) > 1 else ""
    when = "how long is not known yet" if ahead.seconds is None else f"begins in about {about(ahead.seconds)}"
    return f"Queued behind **{boundary.plain(names[0])}**{more}; {when}."


def _once_it_ended(run: Run, status: Status) -> None:
    if status.state != FINISHED:
        _resume(run, status, True, "After a stop or an interruption: goes on from where it was.")
    else:
        with st.popover(
            "Continue",
            icon=":material/more_time:",
            help="Train a finished run for more epochs. The learning rate rises again and falls to zero: to its first "
            "peak when the run goes on for as long as it did, to less when for a shorter time.",
        ):
            usual = min(10_000, max(1, run.record().effective.training.epochs))
            epochs = st.number_input("More epochs", 1, 10_000, usual, key="more epochs")
            if session.button("Continue", "continue now", writes=True, type="primary"):
                run.go_on(int(epochs))
                runs.queue().wake()
                st.rerun()
    _sharpen(run)
    with st.popover("Reset", icon=":material/restart_alt:"):
        st.markdown(
            f"Forget what **{boundary.plain(run.name)}** learned and start afresh from the same settings?"
        )
        if session.button("Reset and start", "reset now", writes=True, type="primary"):
            run.reset()
            runs.queue().wake()
            st.rerun()


def _sharpen(run: Run) -> None:
    """One press: a new run goes on from this one, which stays as it is. Not there where it makes no sense."""
    if why_not(run) or not runs.places().writable:
        return
    if session.button(
        "Sharpen", "sharpen", icon=":material/deblur:",
        help="Starts a new run from this VAE: its decoder goes on learning against a discriminator, which knows blurred images "
        "from real ones, until images are nearly as sharp as real ones. Codes, map and sliders stay as they are; rebuilt "
        "images get a little less exact. About a minute for small images. This run stays as it is.",
    ):  # fmt: skip
        made = runs.store().sharpen(run)
        runs.queue().wake()
        session.put(address.STARTED, True)
        session.select(made.id)
        st.rerun()


def _resume(run: Run, status: Status, enabled: bool, help: str) -> None:
    if session.button(
        "Resume", "resume", writes=True, icon=":material/play_arrow:", disabled=not enabled, help=help
    ):
        if status.state == PAUSED:
            run.request("resume")
        else:
            run.go_on()
            runs.queue().wake()
        st.rerun()


def _button(run: Run, label: str, command: str, icon: str, enabled: bool, help: str | None = None) -> None:
    if session.button(label, f"control {command}", writes=True, icon=icon, disabled=not enabled, help=help):
        try:
            run.request(command)
        except RunBusy as error:
            st.toast(boundary.plain(error))
        st.rerun()


def steer(run: Run) -> None:
    """beta and learning rate of a run while it learns."""
    config = run.record().effective
    asked = run.requests()
    if (live := config.objective.entry.live) is not None:
        beta = next((c.value for c in reversed(asked) if c.name == "beta"), config.objective.final[live.name])
        st.number_input(
            f"Live {live.symbol}", 0.0, 10_000.0, float(beta or 0.0),
            step=0.5, format="%g", key=address.LIVE_BETA.of(run.id).name, width=130, on_change=_live, args=(run, "beta"),
            **session.keeping(boundary.sentence(f"{live.help} from now on; written into the events")),
        )  # fmt: skip
    factors = [0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 10.0]
    factor = next((c.value for c in reversed(asked) if c.name == "learning_rate"), 1.0)
    st.selectbox(
        "Live lr ×", factors, index=factors.index(factor) if factor in factors else 4,
        format_func=lambda f: f"× {f:g}", key=address.LIVE_RATE.of(run.id).name, width=120, on_change=_live,
        args=(run, "learning_rate"), **session.keeping("Multiplies the planned learning rate from now on."),
    )  # fmt: skip


def _live(run: Run, name: str) -> None:
    try:
        run.request(
            name, session.get((address.LIVE_BETA if name == "beta" else address.LIVE_RATE).of(run.id))
        )
    except (BadConfig, OSError) as error:
        st.toast(boundary.sentence(why_unwritable(error) or error), icon=":material/error:")
