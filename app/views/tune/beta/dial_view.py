"""A β dial, turned by hand in the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app.components.dial import dial
from app.services import array_store, datasets, measuring, models, run_codes, runs
from app.state import address, session
from app.views.tune.beta.run_pictures import SHOWN, originals
from app.views.tune.beta.single_betas import SingleBetaRuns, against_single_betas, single_beta_runs
from app.widgets.learning import follow_weights
from app.widgets.prepare_dataset import offer_images
from app.widgets.work import follow
from vae_core.evaluation.dial_curve import DialCurve
from vae_core.evaluation.dial_curve import stored as dial_curve
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.run import Run


def dials(run: Run | None) -> None:
    """The dial of a run, and what it costs against runs of one β alone; a link that trains one where there is none."""
    if run is None:
        st.info(
            "No β dial yet. Train one run with the objective **multi_rate**: it learns every β from 0.1 to 10 at once, and is "
            "turned here without another one.",
            icon=":material/info:",
        )
        train_one = {address.SETTING.of("objective"): "multi_rate"}
        session.link("train", "Train a dial", ":material/model_training:", train_one)
        return
    header = models.dial_header(run)
    follow_weights(run, header["stamp"])
    if not header["decoder"]:
        st.warning(
            "This network is too large to be turned in the browser; `vae-core evaluate RUN --beta 3` gives its points.",
            icon=":material/speed:",
        )
        return
    turned = st.container()
    with st.container():  # below the dial: nothing on it moves once it is read
        found = dial_numbers(run)
        others = None if found is None else single_beta_runs(run, found.fingerprint)
        colours = _label_colours(run, found)
        if found is not None and others is not None:
            with st.expander("What is shown, and what one network for every β gives away"):
                _about(run, found, others, colours)
    with turned:
        dial(run.id, _dial_data(run, header, found, others, colours), address.DIAL.name)


def _about(run: Run, found: DialCurve, others: SingleBetaRuns, colours: str | None) -> None:
    """How the pictures and charts are made, and the table against runs of one β."""
    st.caption(
        f"Pictures are encoded and decoded in this browser at the very β. The curve, the bars and the map are of "
        f"{found.count:,} test images at nine βs from {found.betas[0]:g} to {found.betas[-1]:g}, straight between them over "
        f"log β; the map shows {len(found.images):,} posterior means on the two directions of most variance of all nine together"
        + (", in the colours of their labels." if colours else ".")
    )
    against_single_betas(run, found, others)


def chosen_dial() -> Run | None:
    """Ask which run's dial is turned; None where there is none."""
    dials = {
        r.name: r
        for r in runs.store().readable()
        if r.record().effective.objective.dial is not None and r.has_weights()
    }
    if not dials:
        return None
    name = st.selectbox("Dial", list(dials), key=address.DIAL_RUN.name, bind=address.DIAL_RUN.bind, label_visibility="collapsed")  # fmt: skip
    return dials[name if name in dials else next(iter(dials))]


def _label_colours(run: Run, found: DialCurve | None) -> str | None:
    """Where the script fetches the labels of the map's images; None where they are not known."""
    data = datasets.images_of(run)
    # an image's number means nothing among others that came under the same name
    if found is None or data is None or data.labels is None or data.fingerprint != found.fingerprint:
        return None
    return array_store.url(np.asarray(data.labels)[found.images] % 10, "u1")


def _dial_data(
    run: Run,
    header: dict[str, Any],
    found: DialCurve | None,
    others: SingleBetaRuns | None,
    colours: str | None,
) -> dict[str, Any]:
    """What the dial's script is handed."""
    shown, latent = originals(run), int(header["latent_dim"])
    noise = np.random.default_rng(0).standard_normal((SHOWN, 512)).astype(np.float32)[:, :latent]
    stops = ("betas", "rate", "distortion", "kl")
    alone = [] if others is None else others.alone
    return {
        "header": header,
        "beta": _dial_beta(),
        "images": None if shown is None else array_store.url(shown.images.transpose(0, 2, 3, 1), "u1"),
        "noise": array_store.url(noise),
        "dims": [int(d) for d in order_by_kl(np.array(run_codes.kl_per_dim(run)))[:3]],
        "values": np.linspace(-2.4, 2.4, 7).round(1).tolist(),
        "colours": colours,
        "points": None if found is None else array_store.url(found.points),
        "stops": None if found is None else {n: getattr(found, n).tolist() for n in stops},
        "others": [
            {"beta": a.beta, "rate": a.rate, "distortion": a.distortion, "name": " and ".join(a.names)}
            for a in alone
        ],
    }


def _dial_beta() -> float:
    """Where the dial rests: as it told, before that as the address says, at 1 otherwise."""
    told = (session.get(address.DIAL) or {}).get("beta")
    if told is None:
        told = session.param(address.DIAL_BETA)
    session.set_param(address.DIAL_BETA, told)
    return float(told) if np.isfinite(told) and told > 0 else address.DIAL_BETA.default


def dial_numbers(run: Run) -> DialCurve | None:
    """The dial read at its nine βs, worked out once for its weights and images, behind the page."""
    found, data = dial_curve(run), datasets.images_of(run)
    if found is not None and (data is None or data.fingerprint == found.fingerprint):
        return found
    if data is None:
        st.caption("The curve and the map need this run's images.")
        offer_images(run)
        return None
    work = measuring.read_dial(run, data)
    follow([work])
    return found if work.error else None  # of the images it learned from, where those here are others
