"""Uses: what VAEs are used for, each measured on the run looked at, beside baselines."""

from __future__ import annotations

import streamlit as st

from app import layout
from app.boundary import plain, sentence
from app.services import runs
from app.services import uses as work
from app.state import address, session
from app.views.uses.shared import View, questions, table_of
from app.views.uses.tabs import draw
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, source
from app.widgets.config_form import fill_settings, settings_form
from app.widgets.work import follow
from vae_core.errors import VaeCoreError
from vae_core.options import to_json
from vae_core.runs.run import Run
from vae_core.uses import kept
from vae_core.uses.registry import USES, Use, UseSettings
from vae_core.uses.subject import NoBeta, NoWeights, usable

UNDER = 6.4  # rem of what stands over the panel


def page() -> None:
    head = layout.title(
        "Uses",
        "See what a VAE is good for, beside what does the same without one.",
        "posterior", "prior", "rate", "distortion", "nats", "baseline", "95 % interval",
    )  # fmt: skip
    run = session.run_or_none()
    if run is None:
        st.info(session.NO_RUN, icon=":material/info:")
        return
    with layout.toolbar("uses"):
        titles = [use.title for use in USES.values()]
        chosen = st.segmented_control(
            "Use", titles, default=titles[0], key=address.USE.name, bind=address.USE.bind, required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        use = next(one for one in USES.values() if one.title == chosen)
        with st.popover("Settings", icon=":material/tune:", key=f"settings of {use.name}"):
            settings, faults = settings_form(use.settings(), address.USE_SETTING, f"{use.name}-")
        questions(use)
        found, menu = None if faults else kept.find(run, use, settings), None
        if found is not None:
            with layout.menu("Take away", icon=":material/download:", key=f"take away {use.name}") as menu:
                st.download_button(
                    "Numbers (CSV)", lambda: table_of(found).to_csv(index=False).encode(), f"{run.name}-{use.name}.csv",
                    "text/csv", icon=":material/table:", on_click="ignore",
                )  # fmt: skip
    if found is not None:
        code_panel(head, "uses", code_lines.use(source(run.id), use.name, to_json(settings)))
    st.markdown(f"**{plain(use.question)}**")
    if faults or (found is None and cannot(run, settings)):
        with layout.panel("uses", under=UNDER):
            for fault in faults:
                st.error(f"{sentence(fault)}. Put it right in *Settings*.", icon=":material/error:")
            if not faults:
                remedy(run, use, settings)
                meanwhile(run, use)
        return
    with layout.said("uses-progress"):
        busy = progress(use, settings)
    with layout.panel("uses", under=UNDER + (2.6 if busy else 0)):
        if found is None or menu is None:
            offer(use, settings, busy)
            return
        draw(View(run, use, settings, found, menu))


def progress(use: Use, settings: UseSettings) -> bool:
    """How far the measuring is, with a way to stop; what went wrong is said. Whether it goes on."""
    run = session.run()
    task = work.find(run, use, settings)
    if task is None:
        return False
    said = follow([task], stop="stop use", help="Nothing is kept of it.")
    if task.error and session.button("Try again", "use again", writes=True, icon=":material/refresh:"):
        work.start(run, use, settings)
        st.rerun()
    return said and not task.error


def cannot(run: Run, settings: UseSettings) -> VaeCoreError | None:
    """Why nothing can be measured on a run as it is; None where something can."""
    try:
        usable(run, settings.beta)
    except VaeCoreError as error:
        return error
    return None


def remedy(run: Run, use: Use, settings: UseSettings) -> None:
    """Why nothing can be measured on a run, and what helps, a press away."""
    fault = cannot(run, settings)
    assert fault is not None
    st.info(f"{sentence(fault)}.", icon=":material/info:")
    if isinstance(fault, NoWeights):
        session.link("train", "Train", icon=":material/model_training:")
    dial = run.record().effective.objective.dial
    if isinstance(fault, NoBeta) and dial is not None:
        key = address.USE_SETTING.of(f"{use.name}-beta")
        with st.container(horizontal=True, vertical_alignment="center"):
            for beta in dict.fromkeys((dial.lowest, min(max(1.0, dial.lowest), dial.highest), dial.highest)):
                st.button(f"β {beta:g}", key=f"beta {beta:g}", on_click=session.put, args=(key, float(beta)))


def offer(use: Use, settings: UseSettings, busy: bool) -> None:
    """What there is before it was measured: a button, and a finished result of a shipped run meanwhile."""
    run = session.run()
    task = work.find(run, use, settings)
    if not busy and (task is None or not task.error):
        with st.container(horizontal=True, vertical_alignment="center"):
            if session.button(
                "Measure", "measure use", writes=True, icon=":material/play_arrow:", type="primary"
            ):
                work.start(run, use, settings)
                st.rerun()
            st.markdown(
                f"Not measured yet for **{plain(run.name)}** with these settings. It is computed beside training, and kept."
            )
    meanwhile(run, use)


def meanwhile(run: Run, use: Use) -> None:
    """A finished result of a shipped run, while there is none of the run looked at."""
    others = [one for one in shipped(use) if one.id != run.id]
    if not others:
        return
    usual = use.settings()
    other = others[0]
    found = kept.find(other, use, usual)
    if found is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Meanwhile, as measured on **{plain(other.name)}**, which is shipped:")
        for one in others:
            st.button(
                f"Open {one.name}", key=f"open {one.id}", on_click=look_at, args=(one, use), icon=":material/visibility:",
                type="tertiary",
            )  # fmt: skip
        menu = layout.menu("Take away", icon=":material/download:", key=f"take away {other.id}")
    draw(View(other, use, usual, found, menu))


def look_at(run: Run, use: Use) -> None:
    """Look at a run as it is shipped, which is with the usual settings."""
    fill_settings(use.settings(), address.USE_SETTING, f"{use.name}-")
    session.select(run.id)


def shipped(use: Use) -> list[Run]:
    """Shipped runs with a finished result of a use on its usual settings."""
    usual = use.settings()
    return [run for run in runs.store().pretrained() if kept.where(run, use, usual) is not None]


page()
