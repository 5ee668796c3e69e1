"""The aggregate posterior beside the prior."""

from __future__ import annotations

import numpy as np
import streamlit as st

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


@fragment()
def prior_panel(model: LoadedModel, codes: StoredCodes) -> None:
    """Measured and drawn once it is opened: it takes a second of the server, and longer of a browser."""
    panel = st.expander(
        "Aggregate posterior against the prior",
        key=address.PRIOR.name,
        icon=":material/ssid_chart:",
        bind=address.PRIOR.bind,
    )
    if not panel.open:
        return
    with panel:
        if not model.stochastic:
            st.info(
                "A plain autoencoder has no posterior and was pulled to no prior: there is nothing to compare."
            )
            return
        try:
            with st.spinner("comparing with the prior"):
                told = caches.prior_matches.get_or_make(
                    digest(codes.mean, codes.log_var), lambda: against_prior(codes.mean, codes.log_var)
                )
        except VaeCoreError as error:
            st.info(sentence(error))
            return
        holes = told.holes
        words = [
            f"**Holes {100 * holes.value:.1f} %** ({100 * holes.low:.1f}–{100 * holes.high:.1f}): prior samples farther from every sample z ~ q(z|x) than 99 % of those are from each other; 1 % is what a perfect match has.",
            f"**Active dimensions {int(told.active.sum())} of {len(told.active)}**: those whose mean varies between images.",
        ]
        if np.isfinite(told.total_kl):
            words.insert(
                0,
                f"**Total KL {told.total_kl:.1f} nats per image**: the rate. A code tells at most so much of its image; the "
                "rest is how far all codes together are from the prior.",
            )
        st.markdown("\n".join(f"- {w}" for w in words))
        order = [int(d) for d in order_by_kl(told.kl)][:12]
        st.plotly_chart(prior_densities(told.edges, told.density, order), key="map prior", config=PLAIN)
        if len(told.active) > len(order):
            st.caption(f"The {len(order)} most used of {len(told.active)} dimensions.")
