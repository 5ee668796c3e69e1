"""The aggregate posterior beside the prior."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import layout
from app.boundary import fragment, sentence
from app.plots.codes import prior_densities
from app.plots.figure import PLAIN
from app.state import address
from app.views.map import caches
from app.views.map.caches import digest
from vae_core.errors import VaeCoreError
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.prior_match import against_prior
from vae_core.latent.statistics import order_by_kl
from vae_core.words import counted


@fragment()
def prior_panel(model: LoadedModel, codes: StoredCodes) -> None:
    """Compares the codes of all images with the prior. Measured once the panel is opened: it takes about a second."""
    panel = st.expander(
        "Aggregate posterior compared with the prior",
        key=address.PRIOR.name,
        icon=":material/ssid_chart:",
        bind=address.PRIOR.bind,
    )
    if not panel.open:
        return
    with panel:
        if not model.stochastic:
            st.info(
                "A plain autoencoder has no posterior and was pulled to no prior, so there is nothing to compare."
            )
            return
        try:
            with st.spinner("comparing with the prior"):
                match = caches.prior_matches.get_or_make(
                    digest(codes.mean, codes.log_var), lambda: against_prior(codes.mean, codes.log_var)
                )
        except VaeCoreError as error:
            st.info(sentence(error))
            return
        holes = match.holes
        words = [
            f"**Holes {100 * holes.value:.1f} %** ({100 * holes.low:.1f}–{100 * holes.high:.1f}): the share of prior samples that lie in no image's neighbourhood, farther from every sample z ~ q(z|x) than 99 % of those are from each other. A perfect match of {counted(match.images)} has {100 * match.perfect:.1f} % on average.",
            f"**Active dimensions {int(match.active.sum())} of {len(match.active)}**: those whose mean varies from image to image.",
        ]
        if np.isfinite(match.total_kl):
            words.insert(
                0,
                f"**Total KL {match.total_kl:.1f} nats per image**: the rate. It bounds what a code says about its image; the "
                "rest is how far the codes of all images together are from the prior.",
            )
        st.markdown("\n".join(f"- {w}" for w in words))
        order = [int(d) for d in order_by_kl(match.kl)][:12]
        layout.chart(prior_densities(match.edges, match.density, order), key="map prior", config=PLAIN)
        if len(match.active) > len(order):
            st.caption(f"The {len(order)} most used of {len(match.active)} dimensions.")
