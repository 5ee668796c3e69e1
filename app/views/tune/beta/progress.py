"""Work that measures runs behind the page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services import datasets, measuring
from app.widgets.prepare_dataset import offer_images
from app.widgets.work import follow
from vae_core.evaluation.sweep_report import incomplete, unmeasured
from vae_core.sweep import Member


def measured(members: Sequence[Member]) -> None:
    """What a finished run measures on the test images is worked out once, behind what is shown already."""
    left = incomplete(members)
    if not left:
        return
    data = datasets.images_of(left[0].run)
    if data is None:
        if unmeasured(members):
            st.caption("Measured on the validation images while the runs learnt; the test images are not on this machine yet.")  # fmt: skip
        else:
            st.caption("Some scores are computed once the test images are on this machine.")
        offer_images(left[0].run)
        return
    follow([measuring.measure_run(m.run, data) for m in left])
