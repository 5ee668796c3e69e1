"""Other ranges for a study that is there, from its next trial on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.boundary import dialog, sentence
from app.state import address, session
from app.views.tune.asking import attempt
from app.views.tune.range_row import fill, range_row
from vae_core.errors import VaeCoreError
from vae_core.study.fields import by_switch, leaf_of
from vae_core.study.settings import GRID

if TYPE_CHECKING:
    from vae_core.study.record import Study


def change_ranges(study: Study) -> None:
    """Open the window with the ranges that are searched now."""
    for field in study.fields:
        fill(field, address.STUDY_CHANGE)
    window(study)


@dialog("Change the ranges")
def window(study: Study) -> None:
    """The ranges, and the button that takes them."""
    st.caption("From the next trial on. What was tried stays, and counts where it lies in the new ranges.")
    settings, fields = study.settings, study.fields
    try:
        found = []
        for field in fields:
            leaves = by_switch()[field.name]
            leaf = leaf_of(settings.base, leaves) or leaves[0]
            found.append(range_row(leaf, field, address.STUDY_CHANGE, counts=settings.sampler == GRID))
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    same = tuple(found) == tuple(fields)
    if session.button("Search these from now on", "study change", type="primary", disabled=same, help="Nothing is changed yet." if same else None):  # fmt: skip
        attempt(lambda: study.change_search([str(field) for field in found]))
