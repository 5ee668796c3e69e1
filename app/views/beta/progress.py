"""Work that measures runs behind the page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.boundary import fragment, plain, sentence
from app.services import datasets, measuring
from app.services.tasks import Task
from app.state import session
from app.widgets.prepare_dataset import offer_images
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


def follow(works: Sequence[Task[None]], *, stoppable: bool = False) -> None:
    """How far work behind the page is, which is drawn anew when it is done; what could not be done is said.

    stoppable: a button cancels it all.
    """
    going = not all(work.done for work in works)
    fragment(run_every=0.5 if going else None)(_followed)(works, going, stoppable)


def _followed(works: Sequence[Task[None]], going: bool, stoppable: bool) -> None:
    left = [work for work in works if not work.done]
    if left:
        share = 1 - sum(1 - work.share for work in left) / len(works)
        st.progress(share, text=plain(f"{left[0].name}: {left[0].words}"))
        if stoppable and session.button("Stop", "stop computing", icon=":material/stop:"):
            for work in left:
                work.cancel()
            st.rerun(scope="app")
    elif going:
        st.rerun(scope="app")
    for work in works:
        if work.error:
            st.warning(sentence(work.error), icon=":material/warning:")
