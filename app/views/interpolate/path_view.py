"""The chosen path: its kind, its search, the moving picture and the charts under it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from app import boundary
from app.boundary import copyable, fragment
from app.components.path import path as moving
from app.plots.figure import PLAIN
from app.plots.path import along_path
from app.services import datasets, geodesics, run_codes
from app.services.tasks import Task
from app.state import address, session
from app.views.interpolate.attributes import probes
from app.views.interpolate.tracks import KINDS, Track, measured, track, usual_distance
from vae_core.errors import RunNotFound
from vae_core.inference import LoadedModel, StoredCodes, compute_codes
from vae_core.latent.geodesic import Geodesic
from vae_core.runs.run import Run
from vae_core.words import percent

HELP = {
    "linear": "The straight line between the codes.",
    "spherical": "Great arcs: the direction turns evenly and the length changes evenly, so that the path keeps to "
    "the shell where a Gaussian prior has its mass. Between equal or opposite directions it is the straight line.",
    "geodesic": "The path along which the decoded picture changes as little as it can (Shao et al. 2018). It takes "
    "seconds to find, and does not go past its ends.",
}


PENALTIES = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0]


def follow_weights(run: Run, model: LoadedModel, fresh: list[bool]) -> None:
    """In a fragment: go on with the run's new weights where they changed under the page; say it when the run is gone.

    What is shown of a run that is gone goes on working, since all of it is in memory. `fresh` holds something for the
    fragment's first run, that of the page itself: a run whose checkpoints come faster than a page is drawn would let
    none be finished.
    """
    with st.container():
        if fresh:
            fresh.clear()
            return
        try:
            changed = run.stamp() != model.stamp
        except RunNotFound as error:
            boundary.show(error)
            return
    if changed:
        st.rerun(scope="app")


def codes_of(run: Run, model: LoadedModel) -> StoredCodes | None:
    """Codes of the images that stand for all, computed with progress where they are not kept yet."""
    codes, data = run_codes.codes(run), datasets.images_of(run)
    if codes is None and data is not None:
        bar = st.progress(0.0, text="encoding")
        compute_codes(
            run, model, data, most=20_000,
            progress=lambda share, what: bar.progress(share, text=f"encoding {what}"),
        )  # fmt: skip
        bar.empty()
        codes = run_codes.codes(run)
    return codes if codes is not None and len(codes) and np.isfinite(codes.mean).all() else None


def choices(codes: StoredCodes | None) -> tuple[str, int, float]:
    left, middle, right = st.columns([1.4, 1, 1], gap="large", vertical_alignment="bottom")
    with left:
        kind = st.segmented_control(
            "Path", list(KINDS), default=address.PATH.default, key=address.PATH.name, bind=address.PATH.bind, required=True,
            help="  \n".join(f"**{k}**: {v}" for k, v in HELP.items()),
        )  # fmt: skip
    with middle:
        steps = st.slider(
            "Pictures in the strip", 3, 33, address.STEPS.default, key=address.STEPS.name, bind=address.STEPS.bind,
            help="From the first waypoint to the last; what lies beyond them is added.",
        )  # fmt: skip
    with right:
        penalty = st.select_slider(
            "Stay near the data", PENALTIES, key=address.PENALTY.name, bind=address.PENALTY.bind, disabled=codes is None,
            help="Weight of a penalty for leaving the real codes, for the geodesic: the plain one may cut through "
            "regions that the decoder never learnt.",
        )  # fmt: skip
    return kind or "linear", int(steps), float(penalty) if codes is not None else 0.0


def chosen_track(
    run: Run, model: LoadedModel, ends: np.ndarray, kind: str, penalty: float, codes: StoredCodes | None
) -> Track:
    """The path that was chosen; the straight line until a geodesic is found, which is looked for at once."""
    with st.container(height=64, border=False, key="path status"):
        if kind == "geodesic":
            real = None if codes is None else codes.mean
            search = geodesics.start(model, ends, penalty, real)
            if search.result is not None:
                show_search(model, ends, penalty, search)
                return track(kind, ends, search.result.codes)
            if search.error:
                text = search.error
                st.error(f"No geodesic was found: {copyable(text)}", icon=":material/error:")
                if session.button("Try again", "retry geodesic", icon=":material/refresh:"):
                    geodesics.forget(model, ends, penalty)
                    st.rerun()
            else:
                searching(model, ends, penalty)
            return track("linear", ends)
        words = HELP[kind]
        if all(np.allclose(ends[0], e) for e in ends):
            words = "All waypoints have the same code, so nothing moves between them."
        elif any(np.allclose(a, b) for a, b in pairwise(ends)):
            words = "Two waypoints in a row have the same code, so nothing moves between those."
        st.caption(words)
    return track(kind, ends)


def show_search(model: LoadedModel, ends: np.ndarray, penalty: float, search: Task[Geodesic]) -> None:
    found = search.result
    assert found is not None
    words = (
        f"Energy {found.energy[1]:,.0f} squared pixels, {found.energy[0]:,.0f} on the straight line: the picture changes "
        "as little and as evenly as was found."
    )
    if np.allclose(found.length_before, found.length_after, rtol=1e-4):
        words += " No shorter path was found than the straight line."
    if search.cancelled:
        words += " Stopped early: this is the best path so far."
    elif not found.converged:
        words += " Not settled: a longer search might shorten it further."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words)
        if search.cancelled and session.button("Go on", "again geodesic", icon=":material/refresh:"):
            geodesics.forget(model, ends, penalty)
            st.rerun()


@fragment(run_every=0.5)
def searching(model: LoadedModel, ends: np.ndarray, penalty: float) -> None:
    """Follows the search; the page is drawn anew when it is over."""
    search = geodesics.find(model, ends, penalty)
    if search is None or search.done:
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            search.share,
            text=f"looking for the geodesic: {search.words}; shown meanwhile is the straight line",
        )
        st.button(
            "Stop",
            key="stop geodesic",
            icon=":material/stop:",
            on_click=search.cancel,
            help="Keeps the best so far.",
        )


@fragment()
def view(
    run: Run,
    header: dict[str, Any],
    model: LoadedModel,
    along: Track,
    steps: int,
    codes: StoredCodes | None,
    fresh: list[bool],
) -> None:
    """The picture, its handle and strip, and under them what can be trusted; only this reruns when the handle rests."""
    follow_weights(run, model, fresh)
    place = _position(along)
    moving(
        run.id, header, along.t, along.codes, low=along.low, high=along.high,
        frames=[float(t) for t in along.frames(steps)],
        marks=[(float(t), str(i + 1)) for i, t in enumerate(along.waypoints)], inside=(0.0, 1.0), position=place,
        key=address.PATH_PICTURE.name, on_rest=lambda: None,
    )  # fmt: skip
    told = measured(model, along, None if codes is None else codes.mean)
    common: dict[str, Any] = {
        "low": along.low, "high": along.high, "waypoints": along.waypoints, "position": place,
    }  # fmt: skip
    st.plotly_chart(
        along_path("Image change, pixels per unit of path", told.t, [("change", told.change)], unit="pixels", **common),
        key="chart change", config=PLAIN,
    )  # fmt: skip
    if codes is None:
        st.info(
            "How near the path keeps to real images, and what a probe makes of it, need this run's codes, which are not "
            "here.",
            icon=":material/image_not_supported:",
        )
        return
    assert told.support is not None
    usual = usual_distance(model.stamp, codes.mean)
    st.plotly_chart(
        along_path(
            "Distance to the nearest real code, code units", told.t, [("distance", told.support)],
            reference=("median between real codes", usual), **common,
        ),
        key="chart support", config=PLAIN,
    )  # fmt: skip
    probabilities(model, along, codes, told.t, common)


def _position(along: Track) -> float:
    """Where the handle rests: as it told, before that as the address says, at the middle otherwise."""
    kept = session.get(address.PATH_PICTURE)
    told = kept.get("position") if kept is not None and hasattr(kept, "get") else None
    if told is None:
        told = session.param(address.POSITION)
    place = float(np.clip(told if np.isfinite(told) else 0.5, along.low, along.high))
    session.set_param(address.POSITION, place)
    return place


def probabilities(
    model: LoadedModel, along: Track, codes: StoredCodes, t: np.ndarray, common: dict[str, Any]
) -> None:
    fitted = probes(model.stamp, codes)
    if not fitted:
        st.info(
            "No probabilities: these images have neither labels nor factors that vary, or too few of each."
            if codes.labels is None and codes.factors is None
            else "No probabilities: a probe needs five images or more of two classes.",
            icon=":material/label_off:",
        )
        return
    by = st.selectbox(
        "Probabilities of", list(fitted), key=address.PROBE.name, bind=address.PROBE.bind, width=260
    )
    probe = fitted[by if by in fitted else next(iter(fitted))]
    values = probe.probabilities(along.at(t))
    if len(probe.names) == 2:
        lines = [(str(probe.names[1]), values[:, 1])]
    else:
        order = np.argsort(-values.max(0), kind="stable")[:10]
        lines = [(str(probe.names[i]), values[:, i]) for i in sorted(order)]
    st.plotly_chart(
        along_path(f"Probability of {by} = {lines[0][0]}" if len(lines) == 1 else f"Probability of each {by}", t, lines, share=True, **common),
        key="chart probabilities", config=PLAIN,
    )  # fmt: skip
    st.caption(
        f"A logistic probe on the codes, right for {percent(probe.accuracy)} of images it was not fitted to; always "
        f"guessing the commonest would be right for {percent(probe.chance)}."
        + (f" Left out, with fewer than five images: {', '.join(probe.dropped)}." if probe.dropped else "")
    )
