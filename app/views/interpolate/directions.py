"""Attribute directions: along what separates two groups, and what else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import boundary, layout
from app.boundary import fragment
from app.components.path import path as moving
from app.plots.figure import PLAIN
from app.plots.path import leakage_bars
from app.state import address
from app.views.interpolate.attributes import attributes, groups, leaks, said, sides
from app.views.interpolate.choices import choose
from app.views.interpolate.path_view import keep_up_with
from app.widgets import image_picker
from vae_core.data.registry import factor_words
from vae_core.errors import VaeCoreError
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.directions import Leakage
from vae_core.runs.groups import read_groups
from vae_core.runs.run import Run
from vae_core.words import counted

ABOUT = (
    "The mean code of one group of images minus that of another, added to a waypoint's code with a chosen strength: "
    "what makes the groups differ, and whatever else differs with it."
)
UNDER = 15.4  # rem of what stands over the pictures


def directions(
    run: Run,
    header: dict[str, Any],
    model: LoadedModel,
    met: list[image_picker.EncodedImage],
    codes: StoredCodes | None,
) -> None:
    saved = read_groups(run)
    names = [] if codes is None else attributes(codes, saved)
    if codes is None or not names:
        st.caption(ABOUT)
        st.info(
            "A direction needs codes of images with labels or factors that vary, or of a group saved on the map; "
            + ("this run has none." if model.has_encoder else "a network without an encoder has none."),
            icon=":material/label_off:",
        )
        return
    push(run, header, model, met, codes, names, saved, [True])


@fragment()
def push(
    run: Run,
    header: dict[str, Any],
    model: LoadedModel,
    met: list[image_picker.EncodedImage],
    codes: StoredCodes,
    names: list[str],
    saved: dict[str, np.ndarray],
    fresh: list[bool],
) -> None:
    keep_up_with(run, model, fresh)
    attribute, a, b, start = choose_groups(codes, names, saved, len(met), model.config.data.dataset)
    try:
        known = factor_words(model.config.data.dataset, attribute)
        parts = groups(codes, attribute, a, b, saved, known)
        direction, leaking = leaks(model.stamp, codes, parts)
    except VaeCoreError as error:
        st.warning(boundary.sentence(error), icon=":material/groups:")
        return
    code = met[start].code
    strengths = np.array([-3.0, 0.0, 3.0])
    walk = (code + strengths[:, None] * direction).astype(np.float32)
    walk[1] = code
    pictures, changes = st.columns([3, 2], gap="large")
    with pictures:
        moving(
            run.id, header, strengths, walk, low=-3.0, high=3.0,
            frames=[float(v) for v in np.linspace(-3, 3, 13)], marks=[(0.0, "0")], inside=(-3.0, 3.0), position=0.0,
            name="strength", picture="image along the direction", rest=33.0, key="direction picture",
        )  # fmt: skip
    with changes, layout.panel("leaks", under=UNDER):
        st.caption(
            f"Strength 1 adds the whole difference, {boundary.plain(parts.words)}: {counted(int(parts.a.sum()))} and {counted(int(parts.b.sum()))}, a step of "
            f"{np.linalg.norm(direction):.2f} in the code."
        )
        draw_leaks(leaking)
        st.caption(ABOUT)


def choose_groups(
    codes: StoredCodes, names: list[str], saved: dict[str, np.ndarray], waypoints: int, dataset: str
) -> tuple[str, str, str, int]:
    """The attribute, its two groups, and the place in the row of the waypoint that the direction is added to."""
    columns = st.columns(4)
    with columns[0]:
        attribute = choose("Attribute", names, address.ATTRIBUTE)
    first, second = sides(codes, attribute, saved)
    known = factor_words(dataset, attribute) if attribute in codes.factor_names else None

    def shown(side: str) -> str:
        return said(side, known)

    with columns[1]:
        a = choose("Group A", list(first), address.GROUP_A, format_func=shown)
    with columns[2]:
        b = choose("minus group B", [n for n in second if n != a], address.GROUP_B, format_func=shown)
    with columns[3]:
        on = choose("on", [f"waypoint {i + 1}" for i in range(waypoints)], address.ON)
    return attribute, a, b, int(on.split()[1]) - 1


def draw_leaks(leaking: list[Leakage]) -> None:
    """Bars of how far each probe's probability changes along the direction, or why there are none."""
    if not leaking:
        st.info("No probe could be fitted, so what else changes is not known.", icon=":material/label_off:")
        return
    change, low, high = (np.array([getattr(leak, f) for leak in leaking]) for f in ("change", "low", "high"))
    names = [leak.name for leak in leaking]
    layout.chart(
        leakage_bars(names, change, low, high, "change of probability at strength 1"),
        key="chart leakage", config=PLAIN,
    )  # fmt: skip
    st.caption(
        "Mean change of each probe over real codes, with 95 % bootstrap intervals; grey where the interval holds 0. Of a "
        "probe with several classes it is half the summed change of all, never negative, and grey where groups dealt at "
        "random from the same images would do as much. A bar other than the attribute's own is what comes along with it."
    )
