"""The chosen path: its search, the moving picture and the chart under it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from app import boundary, layout
from app.boundary import copyable, fragment
from app.components.path import path as moving
from app.plots.figure import PLAIN
from app.plots.path import along_path
from app.services import datasets, geodesics, run_codes
from app.services.tasks import Task
from app.state import address, following, session
from app.views.interpolate.attributes import probes, said
from app.views.interpolate.choices import CHANGE, DISTANCE, HELP, OF
from app.views.interpolate.tracks import Track, measured, track, usual_distance
from vae_core.data.registry import factor_words
from vae_core.errors import RunNotFound
from vae_core.inference import LoadedModel, StoredCodes, compute_codes
from vae_core.latent.geodesic import Geodesic
from vae_core.runs.run import Run
from vae_core.words import percent

CHART = 130  # pixels of the chart under the strip
REST = 33.0  # rem of the window that the picture leaves to what stands around it


def keep_up_with(run: Run, model: LoadedModel, fresh: list[bool]) -> None:
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
    if codes is None and data is not None and model.has_encoder:
        bar = st.progress(0.0, text="encoding")
        compute_codes(
            run, model, data, most=20_000,
            progress=lambda share, what: bar.progress(share, text=f"encoding {what}"),
        )  # fmt: skip
        bar.empty()
        codes = run_codes.codes(run)
    return codes if codes is not None and len(codes) and np.isfinite(codes.mean).all() else None


def no_codes(model: LoadedModel) -> str:
    """What is needed and not there, in words that go on a sentence."""
    if model.has_encoder:
        return "this run's codes, which are not here"
    return "codes of many images, which a network without an encoder does not have"


def chosen_track(
    run: Run, model: LoadedModel, ends: np.ndarray, kind: str, penalty: float, codes: StoredCodes | None
) -> Track:
    """The path that was chosen; the straight line until a geodesic is found, which is looked for at once."""
    with st.container(key="path status"):
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
    chart: str,
    fresh: list[bool],
) -> None:
    """The picture, its handle and strip, and under them one chart; only this reruns when the handle rests."""
    keep_up_with(run, model, fresh)
    place = _position(along)
    moving(
        run.id, header, along.t, along.codes, low=along.low, high=along.high,
        frames=[float(t) for t in along.frames(steps)],
        marks=[(float(t), str(i + 1)) for i, t in enumerate(along.waypoints)], inside=(0.0, 1.0), position=place,
        rest=REST, link=following.links(address.POSITION), key=address.PATH_PICTURE.name, on_rest=lambda: None,
    )  # fmt: skip
    with st.container(height=CHART + 8, border=False, key="path chart"):
        told = measured(model, along, None if codes is None else codes.mean)
        common: dict[str, Any] = {
            "low": along.low, "high": along.high, "waypoints": along.waypoints, "position": place, "height": CHART,
        }  # fmt: skip
        if chart == CHANGE:
            figure = along_path(
                "Image change, pixels per unit of path", told.t, [("change", told.change)], unit="pixels", **common
            )  # fmt: skip
            layout.chart(figure, key="chart change", config=PLAIN)
        elif codes is None or told.support is None:
            st.info(
                f"How near the path keeps to real images, and what a probe makes of it, need {no_codes(model)}.",
                icon=":material/image_not_supported:",
            )
        elif chart == DISTANCE:
            usual = usual_distance(model.stamp, codes.mean)
            figure = along_path(
                "Distance to the nearest real code, code units", told.t, [("distance", told.support)],
                reference=("median between real codes", usual), **common,
            )  # fmt: skip
            layout.chart(figure, key="chart support", config=PLAIN)
        else:
            probabilities(model, along, codes, chart.removeprefix(OF), told.t, common)


def _position(along: Track) -> float:
    """Where the handle rests: as a link or Back says, or as it told, whichever came last; at the middle otherwise."""
    kept = session.get(address.PATH_PICTURE)
    told = kept.get("position") if kept is not None and hasattr(kept, "get") else None
    place = following.follow(address.POSITION, told, None if told is None else float(told))
    place = float(np.clip(place if np.isfinite(place) else 0.5, along.low, along.high))
    following.rest(address.POSITION, place)
    following.leave(address.POSITION, place)
    return place


def probabilities(
    model: LoadedModel, along: Track, codes: StoredCodes, by: str, t: np.ndarray, common: dict[str, Any]
) -> None:
    """What the probe of `by` says along the path, at positions t (S,): of many classes the ten likeliest."""
    probe = probes(model.stamp, codes)[by]
    values = probe.probabilities(along.at(t))
    if len(probe.names) == 2:
        known = factor_words(model.config.data.dataset, by) if by in codes.factor_names else None
        lines = [(said(str(probe.names[1]), known), values[:, 1])]
    else:
        order = np.argsort(-values.max(0), kind="stable")[:10]
        lines = [(str(probe.names[i]), values[:, i]) for i in sorted(order)]
    layout.chart(
        along_path(f"Probability of {by} = {lines[0][0]}" if len(lines) == 1 else f"Probability of each {by}", t, lines, share=True, **common),
        key="chart probabilities", config=PLAIN,
    )  # fmt: skip


def about_chart(model: LoadedModel, codes: StoredCodes | None, chart: str) -> None:
    """What the chart under the strip tells, and how far it can be trusted."""
    fitted = {} if codes is None else probes(model.stamp, codes)
    if codes is None:
        st.caption(f"Distances to real codes and probabilities need {no_codes(model)}.")
    elif not fitted:
        st.caption(
            "No probabilities: these images have neither labels nor factors that vary, or too few of each."
            if codes.labels is None and codes.factors is None
            else "No probabilities: a probe needs five images or more of two classes."
        )
    if chart == CHANGE:
        st.caption(
            "**Image change**: how fast the decoded picture changes; where it peaks, one thing becomes another."
        )
    elif chart == DISTANCE:
        st.caption(
            "**Distance to real codes**: far above the dashed line the decoder draws what it never learned from."
        )
    elif (by := chart.removeprefix(OF)) in fitted:
        probe = fitted[by]
        st.caption(
            f"A logistic probe on the codes, right for {percent(probe.accuracy)} of images it was not fitted to; always "
            f"guessing the commonest would be right for {percent(probe.chance)}."
            + (
                f" Left out, with fewer than five images: {', '.join(probe.dropped)}."
                if probe.dropped
                else ""
            )
        )
