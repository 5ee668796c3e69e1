"""Interpolate: along a path through two to eight waypoints, with what can be trusted of it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.services import models
from app.state import session
from app.state.session import NO_RUN
from app.views.interpolate.comparison import comparison
from app.views.interpolate.directions import directions
from app.views.interpolate.editor import row
from app.views.interpolate.export import export_panel
from app.views.interpolate.path_view import choices, chosen_track, codes_of, view
from app.views.interpolate.waypoints import waypoints_from_address
from app.widgets import image_picker
from app.widgets.learning import follow_weights


def page() -> None:
    st.title("Interpolate")
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
    met = row(run, model, header, found, tokens)
    with st.container():
        codes = codes_of(run, model)
    ends = np.stack([a.code for a in met]).astype(np.float32)
    kind, steps, penalty = choices(codes)
    along = chosen_track(run, model, ends, kind, penalty, codes)
    view(run, header, model, along, steps, codes, [True])
    comparison(run, model, ends, steps, penalty, codes, kind)
    directions(run, header, model, met, codes)
    export_panel(run.name, model, along)


page()
