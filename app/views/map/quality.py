"""How far a map can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app.boundary import fragment, sentence
from app.views.map import caches
from app.views.map.caches import digest
from app.words import facts
from vae_core.errors import TooFewPoints
from vae_core.latent.projection_quality import NEIGHBOURS, projection_quality
from vae_core.words import counted

LINES = 68  # pixels: three lines, with a part of the next to say that there are more
ENOUGH = 2 * NEIGHBOURS + 1  # with fewer images half of all are neighbours, and any map looks true


@fragment()
def quality_caption(
    source: np.ndarray,
    flat: np.ndarray,
    words: str,
    of: str = "the codes",
    key: Any = None,
) -> None:
    """The projection quality of a map `flat` (N, 2) of `source` (N, D), a fragment since measuring takes about a second.

    `key` names the source where it is too large to be hashed at every rerun. Longer lines scroll, so that no map moves.
    """
    with st.container(height=LINES, border=False):
        if len(flat) < ENOUGH:
            st.caption(
                f"{counted(len(flat))}. {words} How far the map can be trusted is measured from {ENOUGH} images on: each is "
                f"compared with its {NEIGHBOURS} neighbours."
            )
            return
        try:
            with st.spinner("measuring the projection quality"):
                quality = caches.qualities.get_or_make(
                    (key or digest(source), digest(flat)), lambda: projection_quality(source, flat)
                )
        except TooFewPoints as error:
            st.caption(f"{words} {sentence(error)}.")
            return
        parts = [
            f"{name} **{s.value:.2f}** ({s.low:.2f}–{s.high:.2f})"
            for name, s in (
                ("trustworthiness", quality.trustworthiness),
                ("continuity", quality.continuity),
                ("shared neighbours", quality.overlap),
            )
        ]
        with st.container(horizontal=True, wrap=False, gap="xxsmall"):
            st.caption(f"{len(flat):,} images. {words} {' · '.join(parts)}.", width="stretch")
            with st.popover(
                ":material/help:",
                help="What these figures mean.",
                type="tertiary",
                key=f"quality words {key is not None}",
            ):
                st.markdown(
                    f"With {quality.k} neighbours, on a fixed sample of {quality.images:,} images, with 95 % intervals (Venna & "
                    f"Kaski 2001).\n\n**trustworthiness**: neighbours on the map are neighbours among {of}.{facts('trustworthiness')}\n\n"
                    f"**continuity**: neighbours among {of} are neighbours on the map.{facts('continuity')}\n\n"
                    f"**shared neighbours**: the share that both have in common.{facts('shared neighbours')}"
                )
