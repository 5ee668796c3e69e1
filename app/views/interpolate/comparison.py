"""The three kinds of path side by side, and on a map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import boundary, layout
from app.boundary import copyable, fragment
from app.plots.figure import PLAIN
from app.plots.path import paths_on_map
from app.services import geodesics
from app.state import session
from app.views.interpolate.path_view import no_codes
from app.views.interpolate.tracks import Track, measured, strip, track
from vae_core.errors import TooFewPoints
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.pca import check_codes, pca
from vae_core.runs.run import Run
from vae_core.words import counted, percent


def comparison(
    run: Run, model: LoadedModel, ends: np.ndarray, steps: int, penalty: float, codes: StoredCodes | None, kind: str
) -> None:  # fmt: skip
    real = None if codes is None else codes.mean
    search = geodesics.find(model, ends, penalty)
    tracks = [track("linear", ends), track("spherical", ends)]
    if search is not None and search.result is not None:
        tracks.append(track("geodesic", ends, search.result.codes))
    t = np.linspace(0, 1, min(steps, 13))
    left, right = st.columns([3, 2], gap="large")
    with left:
        for one in tracks:
            told = measured(model, one, real)
            words = f"**{one.kind}** · image length {told.length:.1f} pixels"
            if told.far is not None:
                words += f" · at most {told.far:.2f} from a real code, {told.mean:.2f} on average"
            st.markdown(words)
            st.image(strip(model, one, t), width="stretch", alt=f"the {one.kind} path")
        if session.button(
            "Find the geodesic", "find geodesic", icon=":material/route:", disabled=search is not None,
            help="The path along which the picture changes as little as it can; a few seconds."
            if search is None else "It is found already, or looked for just now.",
        ):  # fmt: skip
            geodesics.start(model, ends, penalty, real)
            st.rerun()
        if search is not None and search.error:
            st.error(f"No geodesic was found: {copyable(search.error)}", icon=":material/error:")
        elif search is not None and not search.done and kind != "geodesic":  # or it is followed above
            waiting(model, ends, penalty)
        st.caption(
            "Image length sums the change of the decoded picture along the path: the root of the summed squared "
            "differences of pixels, step by step. A short path may still leave the data."
            + ("" if codes is None else f" Real codes are those of {counted(len(codes))}.")
        )
    with right:
        draw_map(model, codes, tracks, ends)


@fragment(run_every=0.5)
def waiting(model: LoadedModel, ends: np.ndarray, penalty: float) -> None:
    search = geodesics.find(model, ends, penalty)
    if search is None or search.done:
        st.rerun(scope="app")
    st.progress(search.share, text=f"looking for the geodesic: {search.words}")


def draw_map(model: LoadedModel, codes: StoredCodes | None, tracks: list[Track], ends: np.ndarray) -> None:
    if codes is None:
        st.info(f"To draw the paths on a map takes {no_codes(model)}.", icon=":material/map:")
        return
    t = np.linspace(0, 1, 65)
    try:
        if model.latent_dim == 2:
            check_codes(codes.mean, 3)

            def flat(z: np.ndarray) -> np.ndarray:
                return z

            x, y, title = "z0", "z1", "The paths among the codes"
        else:
            found = pca(codes.mean)
            assert found.mean is not None
            assert found.axes is not None
            assert found.explained is not None
            mean, axes, explained = found.mean, found.axes, found.explained

            def flat(z: np.ndarray) -> np.ndarray:
                flattened: np.ndarray = (z - mean) @ axes.T
                return flattened

            x, y = (
                f"{w} component ({percent(s)})" for w, s in zip(("first", "second"), explained, strict=True)
            )
            title = "The paths on two components of the codes"
    except TooFewPoints as error:
        st.info(boundary.sentence(error), icon=":material/scatter_plot:")
        return
    some = codes.mean[np.linspace(0, len(codes) - 1, min(3000, len(codes))).astype(int)]
    layout.chart(
        paths_on_map(
            flat(some), [(one.kind, flat(one.at(t))) for one in tracks], flat(ends), x=x, y=y, title=title
        ),
        key="map of paths", config=PLAIN,
    )  # fmt: skip
