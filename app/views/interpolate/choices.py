"""What is chosen of a path: its kind, the chart under its strip, and in a menu what is asked for rarely."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import layout
from app.state import address, following, session
from app.state.address import Key
from app.views.interpolate.attributes import probes
from app.views.interpolate.tracks import KINDS
from vae_core.inference import LoadedModel, StoredCodes

HELP = {
    "linear": "The straight line between the codes.",
    "spherical": "Great arcs: the direction turns evenly and the length changes evenly, so that the path keeps to "
    "the shell where a Gaussian prior has its mass. Between equal or opposite directions it is the straight line.",
    "geodesic": "The path along which the decoded picture changes as little as it can (Shao et al. 2018). It takes "
    "seconds to find, and does not go past its ends.",
}
PENALTIES = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0]
CHANGE, DISTANCE = "image change", "distance to real codes"
OF = "probability of "  # a chart of what a probe says, by what the probe tells


def choose(label: str, options: list[str], key: Key[str], **look: Any) -> str:
    """A choice whose options depend on others: one that is no longer offered gives way to the first.

    The address follows by hand, since a bound widget could not let go of what is no longer offered.
    """
    wanted = following.wanted(key)
    session.put(key, wanted if wanted in options else options[0])
    chosen = str(st.selectbox(label, options, key=key.name, **look))
    following.leave(key, chosen if chosen != options[0] else "")
    return chosen


def choices(model: LoadedModel, codes: StoredCodes | None) -> tuple[str, int, float, str]:
    """The kind of path, how many pictures its strip has, a geodesic's penalty, and which chart stands under the strip."""
    kind = st.segmented_control(
        "Path", list(KINDS), default=address.PATH.default, key=address.PATH.name, bind=address.PATH.bind, required=True,
        help="  \n".join(f"**{k}**: {v}" for k, v in HELP.items()),
    )  # fmt: skip
    fitted = [] if codes is None else list(probes(model.stamp, codes))
    charts = [CHANGE, DISTANCE, *(OF + name for name in fitted)]
    # a link of before names what the probabilities are of, which all had a chart
    if (told := OF + session.param(address.PROBE)) in charts and not session.get(address.CHART):
        session.put(address.CHART, told)
    session.set_param(address.PROBE, "")
    chart = choose("Chart", charts, address.CHART, width=210)
    with layout.menu("More", ":material/tune:"):
        steps = st.slider(
            "Pictures in the strip", 3, 33, address.STEPS.default, key=address.STEPS.name, bind=address.STEPS.bind,
            help="From the first waypoint to the last; what lies beyond them is added.",
        )  # fmt: skip
        penalty = 0.0
        if codes is not None:
            penalty = st.select_slider(
                "Keep a geodesic near the data", PENALTIES, key=address.PENALTY.name, bind=address.PENALTY.bind,
                help="Weight of a penalty for leaving the real codes: the plain geodesic may cut through regions that the "
                "decoder never learnt.",
            )  # fmt: skip
    return kind or "linear", int(steps), float(penalty), chart
