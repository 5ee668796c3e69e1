"""Learn: lessons on the run looked at. A screen asks, the hand tries, the model answers."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import layout
from app.boundary import fragment, plain
from app.components.lesson import lesson as mount
from app.services import lessons
from app.state import address, session
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, home
from app.widgets.prepare_dataset import offer_images
from vae_core.lessons.lesson import Lesson
from vae_core.lessons.registry import LESSONS
from vae_core.runs.run import Run

HALL = """<style>
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stExpandSidebarButton"],
[data-testid="stHeader"], .st-key-page-title { display: none; }
[data-testid="stMainBlockContainer"] { padding: 1rem 1.5rem; }
</style>"""
NO_HALL = "<style></style>"
ON_PAPER = """<style>@media print {
  [data-testid="stSidebar"], [data-testid="stHeader"] { display: none; }
  .st-key-panel-learn-notes, [data-testid="stMain"] { height: auto !important; overflow: visible !important; }
}</style>"""
BELOW, IN_HALL = 1.5, 2.2  # rem left free beneath the screen


def page() -> None:
    _screen()


@fragment()
def _screen() -> None:
    number, run = session.param(address.LESSON), session.run_or_none()
    if number and number not in LESSONS:
        st.warning(
            f"There is no lesson {number}; choose one of {', '.join(map(str, LESSONS))}.",
            icon=":material/link_off:",
        )
        number = 0
    hall = bool(session.param(address.PRESENT)) and number > 0
    # one element for both: a style that is only left out of a fragment's next run stays in the page
    st.html(HALL if hall else NO_HALL)
    head = None if hall else _title(number)
    with layout.said("learn"):
        if number and run is not None and not hall:
            offer_images(run)
        # only where it takes a moment: what comes and goes would move the screen at each step
        waits = number > 0 and not lessons.is_built(run, number)
        with st.spinner("Building the lesson on this run …", show_time=True) if waits else nullcontext():
            built = lessons.lesson(run, number) if number else None
    if built is not None and head is not None:
        of = "" if run is None else run.id
        screen = min(max(1, session.param(address.LESSON_STEP)), len(built.steps))  # its end asks nothing
        code_panel(head, f"lesson-{number}", code_lines.lesson(of, home(), number, screen))
    if built is not None and session.param(address.SPEAKER) and not hall:
        notes(number, built)
        return
    data: dict[str, Any] = {
        "lessons": [
            {"number": n, "title": e.title, "aim": e.aim, "minutes": e.minutes, "steps": e.screens}
            for n, e in LESSONS.items()
        ],
        "number": number, "step": session.param(address.LESSON_STEP), "present": hall,
        "height": f"calc(100dvh - {IN_HALL if hall else layout.TOP + BELOW:g}rem)",
        "steps": [], "sources": [], "exercise": "", "remark": "", "runs": {}, "opens": {"href": "", "label": ""},
    }  # fmt: skip
    if built is not None:
        data |= lessons.for_component(built) | {"opens": _opens(built, run)}
    mount(data, address.LESSON_SHOWN.name, on_moved=_moved, on_go=_go, on_present=_present)


def _title(number: int) -> DeltaGenerator:
    head = layout.title(
        "Learn" if not number else f"{number}  {LESSONS[number].title}",
        "Guess first, then try it on a live model: the model says what is right.",
        *("code", "posterior", "prior", "latent space", "nats"),
        side=0,
    )
    with head:
        if number:
            noted = bool(session.param(address.SPEAKER))
            if session.button(
                "Lesson" if noted else "Speaker’s notes",
                "speaker's notes",
                icon=":material/notes:",
                type="tertiary",
            ):
                session.set_param(address.SPEAKER, 0 if noted else 1)
                st.rerun(scope="fragment")
    return head


def notes(number: int, built: Lesson) -> None:
    """What a speaker says at each screen, to be printed by the browser."""
    st.html(ON_PAPER)
    with layout.panel("learn-notes"):
        st.caption(LESSONS[number].aim)
        for k, (step, note) in enumerate(zip(built.steps, built.notes, strict=True), 1):
            st.markdown(f"**{k}. {plain(step.title)}**  \n{plain(note)}")
            answers = " · ".join(plain(answer.text) for answer in step.question.answers)
            st.markdown(f"*{plain(step.question.text)}* {answers}")
            if step.question.said:
                st.caption(f"On this run: {plain(step.question.said)}")


def _opens(built: Lesson, run: Run | None) -> dict[str, str]:
    """The link that leads into the app, with the run of the lesson."""
    from urllib.parse import urlencode

    view, params, label = built.opens
    own = built.runs.get("own", run)
    asked = ({address.RUN.name: own.id} if own is not None else {}) | dict(params)
    return {"href": f"{view}?{urlencode(asked)}", "label": label}


# ---------------------------------------------------------------- what the component tells


def _told(name: str) -> dict[str, Any]:
    """What the component tells under a name; empty where that is nothing of ours."""
    found = session.get(address.LESSON_SHOWN)
    told = found.get(name) if found is not None else None
    return told if isinstance(told, dict) else {}


def _whole(value: Any) -> int:
    """A number of the browser's; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and 0 <= value < 1000 else 0


def _moved() -> None:
    told = _told("moved")
    if _whole(told.get("lesson")) == session.param(address.LESSON):
        session.set_param(address.LESSON_STEP, max(1, _whole(told.get("step"))))


def _go() -> None:
    told = _told("go")
    session.set_param(address.LESSON, _whole(told.get("lesson")))
    session.set_param(address.LESSON_STEP, 1)
    session.set_param(address.SPEAKER, 0)


def _present() -> None:
    session.set_param(address.PRESENT, 1 if _told("present").get("on") else 0)


page()
