"""Interpolate: along a path through two to eight waypoints, with what can be trusted of it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import layout
from app.services import models
from app.state import session
from app.state.session import NO_RUN
from app.views.interpolate.choices import choices
from app.views.interpolate.comparison import comparison
from app.views.interpolate.directions import directions
from app.views.interpolate.editor import editor, row
from app.views.interpolate.export import export
from app.views.interpolate.path_view import about_chart, chosen_track, codes_of, view
from app.views.interpolate.waypoints import waypoints_from_address
from app.widgets import code_lines, image_picker
from app.widgets.code_panel import code_panel, source
from app.widgets.learning import follow_weights

TABS = ["Path", "The three paths", "Attribute directions", "Export"]


def page() -> None:
    head = layout.title(
        "Interpolate",
        "Drag the handle: one image turns into the next, along a path between their codes.",
        *(
            "code",
            "latent space",
            "linear path",
            "spherical path",
            "geodesic",
            "energy",
            "prior",
            "posterior",
            "probe",
        ),
        *("probability", "image change", "image length", "distance to real codes", "attribute direction"),
    )
    run = session.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    # here, in a run of the whole script: a fragment may outlive the run's folder
    model, header = models.model_and_header(run)
    follow_weights(run, model.stamp)
    found = image_picker.gallery(run, model)
    # what is only sometimes said stands in a container that is always there: whatever moved up or down the page for it
    # would be made anew, and a press on it lost
    with st.container():
        tokens = waypoints_from_address(run, model, found)
    with st.container():
        codes = codes_of(run, model)
    with layout.toolbar("path"):
        met = row(run, model, found, tokens)
        kind, steps, penalty, chart = choices(model, codes)
    ends = np.stack([a.code for a in met]).astype(np.float32)
    code_panel(head, "interpolate", code_lines.path(source(run.id), ends, kind, steps, penalty))
    walk, compared, attribute, files = st.tabs(TABS)
    with walk:
        left, right = st.columns([1, 0.38], gap="medium")
        with right, layout.panel("waypoint", under=UNDER):
            with layout.said("projection"):
                image_picker.searching(model, met)
            sought = any(one.looked_for for one in met)  # a geodesic begins at the codes that are found
            along = chosen_track(
                run, model, ends, "linear" if sought and kind == "geodesic" else kind, penalty, codes
            )
            editor(run, model, header, found, tokens, met)
            about_chart(model, codes, chart)
        with left:
            view(run, header, model, along, steps, codes, chart, [True])
    with compared:
        comparison(run, model, ends, steps, penalty, codes, kind)
    with attribute:
        directions(run, header, model, met, codes)
    with files:
        export(run.name, model, along)


UNDER = 9.6  # rem of the waypoints and the tabs' names


page()
