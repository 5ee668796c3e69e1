"""KL weights of other projects, as β and back."""

from __future__ import annotations

import streamlit as st

from app import words
from app.state import address
from vae_core.evaluation.conversion import (
    ERRORS,
    OVER,
    UNITS,
    Convention,
    beta_of_weight,
    weight_of_beta,
)
from vae_core.words import counted


def _their_convention() -> Convention:
    """What another project's loss divides by, as it is asked for."""
    st.subheader("Their loss", anchor=False)
    error = st.selectbox(
        "Reconstruction error",
        ERRORS,
        index=1,
        key=address.THEIR_ERROR.name,
        bind=address.THEIR_ERROR.bind,
    )
    over = st.selectbox("It is a", OVER, index=1, key=address.THEIR_ERROR_OVER.name, bind=address.THEIR_ERROR_OVER.bind, help="What its sum was divided by, besides the batch.")  # fmt: skip
    rate_over = st.selectbox(
        "Their KL is a",
        OVER,
        index=0,
        key=address.THEIR_RATE_OVER.name,
        bind=address.THEIR_RATE_OVER.bind,
    )
    with st.container(horizontal=True):
        side = st.number_input(
            "Image side, pixels",
            1,
            1024,
            address.THEIR_SIDE.default,
            key=address.THEIR_SIDE.name,
            bind=address.THEIR_SIDE.bind,
        )
        channels = st.selectbox(
            "Channels", [1, 3], key=address.THEIR_CHANNELS.name, bind=address.THEIR_CHANNELS.bind
        )
        dims = st.number_input(
            "Latent dimensions",
            1,
            4096,
            address.THEIR_DIMS.default,
            key=address.THEIR_DIMS.name,
            bind=address.THEIR_DIMS.bind,
        )
    plain = error == "cross-entropy"
    with st.container(horizontal=True):
        their_scale = st.number_input("Their σ (or b)", 0.0, 65535.0, address.THEIR_SCALE.default, key=address.THEIR_SCALE.name, bind=address.THEIR_SCALE.bind, format="%g", disabled=plain, help="By whose square they divide squared errors (absolute ones by b itself), such as 10 for pixels of 0 to 255. 0: they divide by none.")  # fmt: skip
        unit = st.selectbox("in units of", UNITS, key=address.THEIR_UNIT.name, bind=address.THEIR_UNIT.bind, disabled=plain, help="Their pixels: as their code has them, whatever those span. 1/255 of the range: 10 is 10/255 where pixels span 1.")  # fmt: skip
    with st.container(horizontal=True):
        span = st.number_input("Their pixels span", 0.01, 65535.0, address.THEIR_SPAN.default, key=address.THEIR_SPAN.name, bind=address.THEIR_SPAN.bind, format="%g", help="1 for [0, 1], 2 for [−1, 1], 255 for bytes.")  # fmt: skip
        batch = st.number_input("Images summed in the KL", 0.001, 65536.0, address.THEIR_BATCH.default, key=address.THEIR_BATCH.name, bind=address.THEIR_BATCH.bind, format="%g", help="Where only the error was averaged over the batch: its size. 1 where both were, or neither.")  # fmt: skip
        scale = st.number_input("Our σ (or b)", 0.001, 10.0, address.OUR_SCALE.default, key=address.OUR_SCALE.name, bind=address.OUR_SCALE.bind, format="%g", disabled=plain, help="Of our Gaussian (or Laplace) likelihood.")  # fmt: skip
    return Convention(
        str(error), int(side) ** 2 * int(channels or 1), int(dims), str(over), str(rate_over), float(scale), float(span), float(batch),
        float(their_scale), str(unit),
    )  # fmt: skip


def converter() -> tuple[Convention, float]:
    """A KL weight of another project as β here, and the other way round; what was asked for."""
    st.markdown(
        "A KL weight means nothing without what the two terms were averaged over. Ours are sums over pixels and "
        "dimensions, averaged over images, with the likelihood's own factor: **loss = distortion + β · rate**, in nats."
    )
    left, right = st.columns(2, gap="large")
    with left:
        convention = _their_convention()
    with right:
        st.subheader("Here, and back", anchor=False)
        weight = st.number_input(
            "Their KL weight",
            0.0,
            1e12,
            address.THEIR_WEIGHT.default,
            key=address.THEIR_WEIGHT.name,
            bind=address.THEIR_WEIGHT.bind,
            format="%g",
        )
        st.metric(
            "β here", words.number(beta_of_weight(float(weight), convention), 4), help=words.help_of("β here")
        )
        beta = st.number_input(
            "β here",
            0.0,
            1e12,
            address.OUR_BETA.default,
            key=address.OUR_BETA.name,
            bind=address.OUR_BETA.bind,
            format="%g",
        )
        st.metric(
            "Their KL weight",
            words.number(weight_of_beta(float(beta), convention), 4),
            help=words.help_of("Their KL weight"),
        )
        st.caption(_formula(convention))
    return convention, float(weight)


def _formula(convention: Convention) -> str:
    c, s = convention, f"{convention.their_sigma:g}"
    per_error = {
        "cross-entropy": "c = 1",
        "squared error": f"c = their σ² / (2 σ² span²) = {s}² / (2 · {c.scale:g}² · {c.span:g}²)",
        "half squared error": f"c = their σ² / (σ² span²) = {s}² / ({c.scale:g}² · {c.span:g}²)",
        "absolute error": f"c = their b / (b · span) = {s} / ({c.scale:g} · {c.span:g})",
    }[c.error]
    told = f"Of a loss a · error + weight · b · KL: β = weight · (b / a) · c, {per_error}. Here "
    return told + (
        f"β = weight × {words.number(convention.factor, 6)}: {counted(convention.pixels, 'number')} an image, {counted(convention.dims, 'dimension')}, "
        f"{convention.error}, {convention.error_over} for the error, {convention.rate_over} for the KL. Only the ratio of "
        "the two terms decides what is learnt; the learning rate may have to change with their size."
    )
