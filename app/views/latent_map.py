"""Latent map: where the images lie, seen in two dimensions; what lies there, and how much of the picture is true."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app import anchors, blobs, charts, pictures, resources, state, stations
from app.boundary import fragment
from app.codes import pack
from app.components.map import bits_of, classes, latent_map, numbers, points, rows_of
from app.maps import arrays_of, blob_colour, coloured, heat, of_text, read_table, table_of
from app.prepare import offer_images
from app.state import NO_RUN
from vae_core.data.similar import nearest_images
from vae_core.errors import BadCodes, TooFewPoints, VaeCoreError
from vae_core.inference import LoadedModel, StoredCodes, compute_codes
from vae_core.latent import projection
from vae_core.latent.alignment import procrustes
from vae_core.latent.axes import custom_axis, lift, project
from vae_core.latent.honesty import Honesty, honesty
from vae_core.latent.placing import code_at, place
from vae_core.latent.prior_match import Match, against_prior
from vae_core.latent.projection import Projection
from vae_core.latent.selection import effect_sizes
from vae_core.latent.statistics import kl_from_prior, nearest, order_by_kl
from vae_core.runs.groups import delete_group, read_groups, write_group
from vae_core.runs.store import Run
from vae_core.training import splits_of

KEY = "latent map"
SPLITS = ["test", "validation", "train"]
MOST = 100_000  # images of a split that are encoded
NEIGHBOURS = 10
A_PAGE = 48  # images of a selection shown at a time
IN_ADDRESS = 40  # images of a selection that an address names
PLAIN = {"displayModeBar": False}


def page() -> None:
    st.title("Latent map")
    run = state.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    model = resources.model(run)
    _follow(run, model)
    columns = st.columns([0.75, 2.1, 2, 1.1], vertical_alignment="bottom")
    with columns[0]:
        split = st.selectbox("Split", SPLITS, key="split", bind="query-params", disabled=resources.images_of(run) is None)  # fmt: skip
    codes = _codes(run, model, split)
    if codes is None:
        return
    _renewed(run, model)
    with columns[1]:
        kind = _kind(codes)
    with columns[2]:
        asked = _what(run, codes, kind)
    with columns[3]:
        colour = _colour(run, codes, model)
    try:
        seen = _seen(run, codes, kind, asked)
    except (TooFewPoints, BadCodes) as error:
        st.warning(str(error)[:1].upper() + str(error)[1:], icon=":material/scatter_plot:")
        return
    if seen is None:
        umap_progress(run, codes)
        return
    chosen = _chosen(codes)
    selected = np.isin(codes.index, _selection(run, codes))
    placed = _placed(run, model, codes, seen)
    where = (run.id, codes.split, kind, str(asked))
    spot = state.get("map spot")
    spot = spot[1] if spot is not None and spot[0] == where else None
    state.put("map where", where)
    state.put("map numbers", codes.index)
    left, right = st.columns([2, 1], gap="large")
    with left:
        _mount(run, model, codes, seen, colour, chosen, selected, placed, spot)
        true_to(model.stamp, codes, seen)
    with right:
        if spot is not None and chosen is None:
            _place(model, codes, seen, spot)
        elif chosen is None:
            st.info(
                "Click a point to see its image, its reconstruction and its neighbours; click where nothing is to decode that "
                "place; draw a lasso or a box to select.",
                icon=":material/ads_click:",
            )
            _search(run, codes)
            _summary(codes)
        else:
            _tell(run, model, codes, chosen)
    if selected.any():
        selection(run, model, codes, selected)
    else:
        _saved(run)
    prior(model, codes)
    beside(run, model, codes, seen, colour, chosen, selected)
    replay(run, codes, asked, kind)


# ---------------------------------------------------------------- what is shown


def _follow(run: Run, model: LoadedModel) -> None:
    """Once a shipped run's images are here its codes fall into splits: open the one that holds the chosen image."""
    data, wanted = resources.images_of(run), state.param("image")
    if data is None:
        state.put("seen without images", run.id)
    elif state.get("seen without images") == run.id:
        state.forget("seen without images")
        splits = splits_of(model.config, data)
        for name in SPLITS:
            if wanted.isdigit() and int(wanted) in splits.named(name):
                state.put("split", name)


def _codes(run: Run, model: LoadedModel, split: str) -> StoredCodes | None:
    """Codes of the split, computed with progress where they are not kept yet; those shipped without the dataset."""
    codes, data = resources.codes(run, split), resources.images_of(run)
    if codes is not None and (codes.split == split or data is None):
        return codes
    if data is None:
        st.info("This run carries no codes: its map needs its images.", icon=":material/image_not_supported:")
        offer_images(run)
        return None
    bar, began = st.progress(0.0, text="encoding"), time.monotonic()

    def progress(share: float, what: str) -> None:
        left = (time.monotonic() - began) * (1 - share) / max(share, 1e-6)
        bar.progress(share, text=f"encoding {what} · about {left:.0f} s left; leaving this page stops it")

    codes = compute_codes(run, model, data, split, most=MOST, progress=progress)
    bar.empty()
    return codes


def _renewed(run: Run, model: LoadedModel) -> None:
    """A word where the run learnt on while its map was open: codes of older weights are never shown."""
    key = f"map stamp of {run.id}"
    if state.get(key, model.stamp) != model.stamp:
        st.info("The run has been trained since: the codes were computed anew with its new weights.", icon=":material/update:")  # fmt: skip
    state.put(key, model.stamp)


def _kind(codes: StoredCodes) -> str:
    """Which projection: two dimensions are shown raw, more by PCA unless asked otherwise."""
    dims = codes.mean.shape[1]
    options = ["dimensions", "PCA", "UMAP", "axis"] if dims > 1 else ["PCA"]
    usual = "dimensions" if dims == 2 else "PCA"
    kind = st.segmented_control("Coordinates", options, default=usual, key="coordinates", bind="query-params", required=True)  # fmt: skip
    return kind if kind in options else usual


def _what(run: Run, codes: StoredCodes, kind: str) -> Any:
    """The projection's own choices: (x, y), UMAP's settings, or the groups of a custom axis."""
    dims = [int(d) for d in order_by_kl(codes.kl_per_dim)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if kind == "UMAP":
            with st.popover("Settings of UMAP", icon=":material/tune:"):
                metric = st.selectbox("Metric", ["euclidean", "cosine", "manhattan"], key="metric", bind="query-params")  # fmt: skip
                return projection.UmapParams(
                    neighbours=int(st.number_input("Neighbours", 2, 200, 15, key="neighbours", bind="query-params")),
                    min_dist=float(st.number_input("Minimum distance", 0.0, 0.99, 0.1, 0.05, key="min-dist", bind="query-params")),
                    metric=metric, seed=int(st.number_input("Seed", 0, 2**31 - 1, 0, key="seed", bind="query-params")),
                )  # fmt: skip
        if kind == "axis":
            groups = _groups_of(run, codes)
            names = list(groups)
            a = st.selectbox("From", names, index=min(1, len(names) - 1), key="axis-from", help="Left end of the axis.")  # fmt: skip
            b = st.selectbox("To", names, index=0, key="axis-to", help="Right end of the axis.")
            return (a, b)
        off = kind != "dimensions"
        x = st.selectbox("Across", [f"z{d}" for d in dims], key="x", bind="query-params", disabled=off)
        y = st.selectbox("Up", [f"z{d}" for d in dims], index=min(1, len(dims) - 1), key="y", bind="query-params", disabled=off)  # fmt: skip
        return (int(x[1:]), int(y[1:]))


def _groups_of(run: Run, codes: StoredCodes) -> dict[str, np.ndarray]:
    """Groups that a custom axis may join, by what they are called: bool masks (N,)."""
    found: dict[str, np.ndarray] = {}
    if codes.labels is not None:
        for k, name in enumerate(stations.names_of(codes)):
            if (mask := codes.labels == k).any():
                found[f"label {name}"] = mask
    for name, images in read_groups(run).items():
        if (mask := np.isin(codes.index, images)).any():
            found[f"group {name}"] = mask
    if codes.factors is not None:
        for name, values in zip(codes.factor_names, codes.factors.T, strict=True):
            if np.ptp(values) > 0:
                found[f"{name}, high"], found[f"{name}, low"] = values > np.median(values), values <= np.median(values)  # fmt: skip
    found = {name: mask for name, mask in found.items() if mask.any()}
    if len(found) < 2:
        half = codes.error > np.median(codes.error)
        found |= {"badly rebuilt half": half, "well rebuilt half": ~half}
    return found


@dataclass(frozen=True)
class Seen:
    """A map: points (N, 2), words, and the linear projection that made it (None for UMAP)."""

    points: np.ndarray
    title: str
    x: str
    y: str
    words: str
    linear: Projection | None
    raw: bool = False
    whole: bool = True


def _seen(run: Run, codes: StoredCodes, kind: str, asked: Any) -> Seen | None:
    """The map that was asked for; None while UMAP has nothing to show."""
    of = "some of its images" if codes.split == "all" else f"{codes.split} images"
    dims = codes.mean.shape[1]
    if kind == "dimensions":
        projection.check_codes(codes.mean, 1)
        x, y = asked
        axes = np.zeros((2, dims), np.float32)
        axes[0, x] = axes[1, y] = 1
        xy = np.ascontiguousarray(codes.mean[:, [x, y]])
        words = "Two of the code's own dimensions: distances along them are real, the other dimensions are not seen."
        return Seen(xy, f"Posterior means, {of}", f"z{x}", f"z{y}", words, Projection(xy, np.zeros(dims), axes), raw=True)  # fmt: skip
    if kind == "PCA":
        found = projection.pca(codes.mean)
        assert found.explained is not None
        first, second = (f"{100 * s:.0f} %" for s in found.explained)
        words = f"A straight shadow of the codes that keeps {100 * found.explained.sum():.0f} % of their variance: what lies close may be far apart in the dimensions not shown."
        return Seen(found.points, f"PCA of posterior means, {of}", f"first component ({first} of variance)", f"second component ({second})", words, found)  # fmt: skip
    if kind == "axis":
        groups = _groups_of(run, codes)
        start, end = (groups[name] for name in asked)
        found = custom_axis(codes.mean, end, start)
        assert found.explained is not None
        words = f"Across, from {asked[0]} to {asked[1]}; up, the first principal component of the rest: together {100 * found.explained.sum():.0f} % of the variance, all else is not seen."
        return Seen(found.points, f"Custom axis, {of}", f"{asked[0]} → {asked[1]}, code units", "first component of the rest", words, found)  # fmt: skip
    result = _umap_file(run, codes, asked)
    words = "Neighbourhoods are kept; distances between clusters, their sizes and densities mean nothing."
    if projection.job_state(result).state == "done":
        return Seen(projection.read_job(result).points, f"UMAP of posterior means, {of}", "UMAP 1", "UMAP 2", words, None)  # fmt: skip
    return None


def _umap_file(run: Run, codes: StoredCodes, params: projection.UmapParams) -> Path:
    return run.places.derived / run.stamp() / f"umap-{codes.split}-{len(codes)}-{params.key}.npz"


@fragment(run_every=0.7)
def umap_progress(run: Run, codes: StoredCodes) -> None:
    """Starts UMAP in its own process, follows it, and shows the map when it is there."""
    params = projection.UmapParams(
        neighbours=int(state.get("neighbours", 15)), min_dist=float(state.get("min-dist", 0.1)),
        metric=str(state.get("metric", "euclidean")), seed=int(state.get("seed", 0)),
    )  # fmt: skip
    result = _umap_file(run, codes, params)
    job = projection.job_state(result)
    if job.state == "done":
        st.rerun(scope="app")
    if job.state == "failed":
        st.error(f"UMAP could not be computed: {job.error}", icon=":material/error:")
        if st.button("Try again"):
            projection.stop_job(result)
            projection.start_job(codes.mean, params, result)
        return
    if job.state == "absent":
        if state.get("umap stopped") == str(result):
            st.info("UMAP was stopped.", icon=":material/stop:")
            if st.button("Start UMAP", type="primary"):
                state.forget("umap stopped")
                st.rerun(scope="fragment")
            return
        projection.start_job(codes.mean, params, result)
        job = projection.job_state(result)
    st.progress(
        min(1.0, job.share),
        text=f"UMAP of {len(codes):,} codes: {job.what or 'starting'} · the first time takes longest",
    )
    if state.button("Stop UMAP", "stop umap", icon=":material/stop:"):
        projection.stop_job(result)
        state.put("umap stopped", str(result))
        st.rerun(scope="fragment")


# ---------------------------------------------------------------- colours


def _colour(run: Run, codes: StoredCodes, model: LoadedModel) -> dict[str, Any]:
    """What colours the points, as the map takes it."""
    names = ["label"] if codes.labels is not None else []
    names += [*codes.factor_names, "reconstruction error", "KL", "anomaly score", "CSV column", "nothing"]
    by = st.selectbox(
        "Colour", names, key="colour", bind="query-params",
        help="The anomaly score is −ELBO, distortion plus KL, with one sample of the posterior.",
    )  # fmt: skip
    kl = kl_from_prior(codes.mean, codes.log_var).sum(1) if model.stochastic else None
    if by == "label" and codes.labels is not None:
        return classes(codes.labels, list(stations.names_of(codes)), "label")
    if by in codes.factor_names and codes.factors is not None:
        return coloured(codes.factors[:, codes.factor_names.index(by)], by)
    if by == "reconstruction error":
        return numbers(codes.error, "reconstruction error, nats")
    if by == "KL" and kl is not None:
        return numbers(kl, "KL, nats per image")
    if by == "anomaly score":
        return numbers(codes.error if kl is None else codes.error + kl, "anomaly score (−ELBO), nats")
    if by == "CSV column":
        return _csv(codes)
    return {"kind": "none", "title": ""}


def _csv(codes: StoredCodes) -> dict[str, Any]:
    nothing: dict[str, Any] = {"kind": "none", "title": ""}
    with st.popover("Column of a CSV", icon=":material/table:"):
        file = st.file_uploader(
            "A .csv with a header",
            type=["csv"],
            key="map csv",
            help="A column image, index or number says which image a row is of; else the rows are in the order of this split.",
        )
        if file is None:
            return nothing
        try:
            table = read_table(file.getvalue(), codes.index)
            column = st.selectbox("Column", list(table), key="map csv column")
            return of_text(table[column], column)
        except BadCodes as error:
            st.error(str(error)[:1].upper() + str(error)[1:], icon=":material/error:")
            return nothing


# ---------------------------------------------------------------- the map itself


def _mount(
    run: Run, model: LoadedModel, codes: StoredCodes, seen: Seen, colour: dict[str, Any], chosen: int | None,
    selected: np.ndarray, placed: list[dict[str, Any]], spot: list[float] | None,
) -> None:  # fmt: skip
    data = points(run.id, model.stamp, codes.split, seen.points, codes.index) | {
        "title": seen.title, "x": seen.x, "y": seen.y, "colour": colour, "chosen": -1 if chosen is None else chosen,
        "selected": bits_of(selected), "marks": placed, "spot": spot, "link": "map", "prior": seen.raw and model.stochastic,
    }  # fmt: skip
    if codes.labels is not None:
        data["labels"] = classes(codes.labels, list(stations.names_of(codes)), "label")
    if seen.linear is not None:
        mean, axes = seen.linear.mean, seen.linear.axes
        assert mean is not None
        assert axes is not None
        data["plane"] = {
            "key": f"{model.stamp} {seen.x} {seen.y}", "header": resources.decoder_header(run),
            "mean": np.asarray(mean, np.float64).tolist(), "axes": np.asarray(axes, np.float64).tolist(),
        }  # fmt: skip
        if seen.raw and model.stochastic:
            data["ellipses"] = blobs.url(codes.std @ np.abs(axes).T)
    latent_map(data, KEY, on_point=_pointed, on_selection=_lassoed, on_spot=_spotted)


def _told(name: str) -> Any:
    return (state.get(KEY) or {}).get(name)


def _pointed() -> None:
    row, known = _told("point"), state.get("map numbers")
    if isinstance(row, int) and known is not None and 0 <= row < len(known):
        state.set_param("image", str(known[row]))
        state.forget("map spot")


def _lassoed() -> None:
    told, known = _told("selection"), state.get("map numbers")
    if isinstance(told, dict) and known is not None:
        select(state.run_id(), known[rows_of(str(told.get("bits", "")), len(known))])


def _spotted() -> None:
    told = _told("spot")
    if isinstance(told, list) and len(told) == 2 and all(np.isfinite(float(v)) for v in told):
        state.put("map spot", (state.get("map where"), [float(v) for v in told]))
        state.set_param("image", "")


def select(run_id: str, images: np.ndarray) -> None:
    """Make images, by number, the selection; a small one is named in the address."""
    state.put(f"map selection of {run_id}", np.asarray(images, np.int64))
    state.put("map turned back", True)  # the widget may be there already
    state.set_param("sel", ".".join(map(str, images)) if 0 < len(images) <= IN_ADDRESS else "")


def _selection(run: Run, codes: StoredCodes) -> np.ndarray:
    """Image numbers of the selection: the session's, else those a link names."""
    kept = state.get(f"map selection of {run.id}")
    if kept is None:
        linked = [int(n) for n in state.param("sel").split(".") if n.isdigit() and len(n) < 10][:IN_ADDRESS]
        kept = np.array(linked, np.int64)
        if len(linked):
            select(run.id, kept)
    elif not len(kept):
        state.set_param("sel", "")
    found: np.ndarray = kept
    return found


def _placed(run: Run, model: LoadedModel, codes: StoredCodes, seen: Seen) -> list[dict[str, Any]]:
    """A person's own image, placed on the map."""
    with st.popover("Place an image of mine", icon=":material/add_photo_alternate:"):
        try:
            anchor = anchors.uploaded(model, "map")
        except VaeCoreError as error:
            st.error(str(error), icon=":material/error:")
            return []
        if anchor is None:
            return []
        if seen.linear is None:
            spot = place(anchor.code[None], codes.mean, seen.points)[0]
            st.caption(
                "Placed by the weighted mean of its nearest neighbours' places: UMAP was not computed again."
            )
        else:
            spot = project(seen.linear, anchor.code[None])[0]
            st.caption("Placed exactly.")
        return [{"x": float(spot[0]), "y": float(spot[1]), "words": anchor.words[:24]}]


# ---------------------------------------------------------------- how true it is

_honest: stations.Kept[Honesty] = stations.Kept(32)
_matches: stations.Kept[Match] = stations.Kept(16)


@fragment()
def true_to(stamp: str, codes: StoredCodes, seen: Seen) -> None:
    """How much of the map is true, after the map: it takes about a second."""
    key = (stamp, codes.split, len(codes), seen.points.tobytes())
    with st.container(height=84, border=False):
        try:
            with st.spinner("measuring how true this map is"):
                told = _honest.get(key, lambda: honesty(codes.mean, seen.points))
        except TooFewPoints as error:
            st.caption(f"{seen.words} {str(error)[:1].upper()}{str(error)[1:]}.")
            return
        parts = [
            f"{name} **{s.value:.2f}** ({s.low:.2f}–{s.high:.2f})"
            for name, s in (
                ("trustworthiness", told.trustworthiness),
                ("continuity", told.continuity),
                ("shared neighbours", told.overlap),
            )
        ]
        st.caption(
            f"{len(codes):,} images. {seen.words} {' · '.join(parts)}.",
            help=f"With {told.k} neighbours, on a fixed sample of {told.images:,} images, with 95 % intervals (Venna & Kaski 2001). "
            "Trustworthiness: neighbours on the map are neighbours among the codes. Continuity: neighbours among the codes are "
            "neighbours on the map. Shared neighbours: the share that both have in common.",
        )


def prior(model: LoadedModel, codes: StoredCodes) -> None:
    with st.expander("Aggregate posterior against the prior", icon=":material/ssid_chart:"):
        key = (model.stamp, codes.split, len(codes))
        try:
            told = _matches.get(key, lambda: against_prior(codes.mean, codes.log_var))
        except VaeCoreError as error:
            st.info(str(error)[:1].upper() + str(error)[1:])
            return
        holes = told.holes
        words = [
            f"**Holes {100 * holes.value:.1f} %** ({100 * holes.low:.1f}–{100 * holes.high:.1f}): prior samples farther from every sample z ~ q(z|x) than 99 % of those are from each other; 1 % is what a perfect match has.",
            f"**Active dimensions {int(told.active.sum())} of {len(told.active)}**: those whose mean varies between images.",
        ]
        if np.isfinite(told.total_kl):
            words.insert(
                0, f"**Total KL {told.total_kl:.1f} nats per image**: what a code tells of its image."
            )
        st.markdown("\n".join(f"- {w}" for w in words))
        order = [int(d) for d in order_by_kl(told.kl)][:12]
        st.plotly_chart(charts.against_prior(told.edges, told.density, order), key="map prior", config=PLAIN)
        if len(told.active) > len(order):
            st.caption(f"The {len(order)} most used of {len(told.active)} dimensions.")


# ---------------------------------------------------------------- what is pointed at


def _chosen(codes: StoredCodes) -> int | None:
    """Row of the image named in the URL."""
    wanted = state.param("image")
    if not wanted.isdigit() or len(wanted) > 9:
        return None
    rows = np.flatnonzero(codes.index == int(wanted))
    return int(rows[0]) if len(rows) else None


def _search(run: Run, codes: StoredCodes) -> None:
    """An image by label and place, or by number."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = ["any", *stations.names_of(codes)] if codes.labels is not None else ["any"]
        label = st.selectbox("Find by label", names, key="find label", disabled=len(names) < 2, width=140)
        number = st.number_input(
            "or by number", 0, 10**9 - 1, None, key="find image", width=140, help="The image's number; with a label, its place among those."
        )  # fmt: skip
        if state.button("Find", "find", icon=":material/search:"):
            rows = np.arange(len(codes))
            if label != "any" and codes.labels is not None:
                rows = np.flatnonzero(codes.labels == names.index(label) - 1)
                row = rows[int(number or 0) % len(rows)] if len(rows) else None
            else:
                hit = np.flatnonzero(codes.index == int(number or 0))
                row = hit[0] if len(hit) else None
            if row is None:
                st.warning(f"Image {int(number or 0)} is not among the {codes.split} images.", icon=":material/search_off:")  # fmt: skip
            else:
                state.set_param("image", str(codes.index[row]))
                st.rerun()


def _tell(run: Run, model: LoadedModel, codes: StoredCodes, row: int) -> None:
    data = resources.images_of(run)
    number = int(codes.index[row])
    label = f" · {stations.names_of(codes)[codes.labels[row]]}" if codes.labels is not None else ""
    st.subheader(f"Image {number}{label}", anchor=False)
    decoded = model.decode(codes.mean[row])[0]
    if data is not None:
        image = np.asarray(data.images[number])
        difference = np.abs(image / 255 - decoded).mean(0)
        st.image(
            [pictures.png(image, 128), pictures.png(np.rint(decoded * 255).astype(np.uint8), 128), pictures.png(heat(difference), 128)],
            width=128, caption=["image", "reconstruction", f"error, 0 to {difference.max():.2f}"],
        )  # fmt: skip
    else:
        st.image(
            pictures.png(np.rint(decoded * 255).astype(np.uint8), 160),
            width=160,
            caption="its reconstruction",
        )
        offer_images(run)
    told = [f"reconstruction error **{codes.error[row]:.1f}** nats"]
    if model.stochastic:
        told.append(f"KL **{kl_from_prior(codes.mean[row], codes.log_var[row]).sum():.1f}** nats")
    if codes.factors is not None:
        told += [f"{n} {v:g}" for n, v in zip(codes.factor_names, codes.factors[row], strict=True)]
    st.markdown(" · ".join(told))
    order = [int(d) for d in order_by_kl(codes.kl_per_dim)][:24]
    st.plotly_chart(
        charts.posterior(order, codes.mean[row], codes.std[row]), key="map posterior", config=PLAIN
    )
    _neighbours(model, codes, row, data)
    with st.container(horizontal=True):
        state.link("sliders", "Send to sliders", ":material/tune:", z=pack(codes.mean[row]))
        state.link("interpolate", "As a station", ":material/timeline:", z=pack(codes.mean[row]))
        if state.button("Clear", "clear image", icon=":material/close:"):
            state.set_param("image", "")
            st.rerun()


_similar: stations.Kept[tuple[np.ndarray, np.ndarray]] = stations.Kept(64)


def _neighbours(model: LoadedModel, codes: StoredCodes, row: int, data: Any) -> None:
    found, distances = nearest(codes.mean[row], codes.mean, NEIGHBOURS + 1)
    near = [(int(i), float(d)) for i, d in zip(found[0], distances[0], strict=True) if i != row][:NEIGHBOURS]
    rows = [i for i, _ in near]
    shown = model.decode_uint8(codes.mean[rows]) if data is None else np.asarray(data.images[codes.index[rows]])  # fmt: skip
    words = "nearest in latent space" + (", decoded from their codes" if data is None else "")
    if near:
        st.image(pictures.grid(shown.reshape(1, *shown.shape), 40), width="stretch", caption=f"{words}, distances {near[0][1]:.2f} to {near[-1][1]:.2f}")  # fmt: skip
    if data is None:
        return
    number = int(codes.index[row])
    with st.spinner("comparing pixels"):
        which, away = _similar.get(
            (model.stamp, codes.split, number),
            lambda: nearest_images(data.images, codes.index, np.asarray(data.images[number]), NEIGHBOURS + 1),
        )
    others = [(int(i), float(d)) for i, d in zip(which, away, strict=True) if i != row][:NEIGHBOURS]
    if others:
        st.image(
            pictures.grid(np.asarray(data.images[codes.index[[i for i, _ in others]]])[None], 40), width="stretch",
            caption=f"nearest in pixel space, distances {others[0][1]:.2f} to {others[-1][1]:.2f} · {len(set(rows) & {i for i, _ in others})} in both",
        )  # fmt: skip


def _summary(codes: StoredCodes) -> None:
    kl = np.nan_to_num(codes.kl_per_dim)
    if kl.any():
        st.plotly_chart(charts.kl_bars(kl), key="map kl", config=PLAIN)


def _place(model: LoadedModel, codes: StoredCodes, seen: Seen, spot: list[float]) -> None:
    """What the decoder makes of a place where nothing lies."""
    at = np.array([spot])
    code = code_at(at, seen.points, codes.mean)[0] if seen.linear is None else lift(seen.linear, at)[0]
    st.subheader(f"At {spot[0]:.2f}, {spot[1]:.2f}", anchor=False)
    st.image(pictures.png(model.decode_uint8(code)[0], 256), width=256, alt="decoded place")
    if seen.linear is None:
        how = "Decoded from the weighted mean code of the nearest 15 images on the map: UMAP has no way back."
    elif seen.raw and codes.mean.shape[1] == 2:
        how = "Decoded exactly: these two numbers are the whole code."
    elif seen.raw:
        how = "Decoded with the other dimensions at 0, the prior's mean."
    else:
        how = (
            "Decoded by the projection's inverse: the point of its plane, all other directions at their mean."
        )
    st.caption(how)
    with st.container(horizontal=True):
        state.link("sliders", "Send to sliders", ":material/tune:", z=pack(code))
        state.link("interpolate", "As a station", ":material/timeline:", z=pack(code))
        if state.button("Clear", "clear spot", icon=":material/close:"):
            state.forget("map spot")
            st.rerun()


# ---------------------------------------------------------------- the selection


def selection(run: Run, model: LoadedModel, codes: StoredCodes, inside: np.ndarray) -> None:
    rows, data = np.flatnonzero(inside), resources.images_of(run)
    st.subheader(f"Selected: {len(rows):,} of {len(codes):,} images", anchor=False)
    seen, told = st.columns([3, 2], gap="large")
    with seen:
        pages = -(-len(rows) // A_PAGE)
        if state.get("map turned back"):
            state.forget("map turned back")
            state.put("map page", 1)
        page = min(int(state.get("map page", 1)), pages)
        shown = rows[(page - 1) * A_PAGE : page * A_PAGE]
        images = model.decode_uint8(codes.mean[shown]) if data is None else np.asarray(data.images[codes.index[shown]])  # fmt: skip
        full = np.full((-(-len(shown) // 12) * 12, *images.shape[1:]), 255, np.uint8)
        full[: len(images)] = images
        st.image(pictures.grid(full.reshape(-1, 12, *images.shape[1:]), 48), width="stretch")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input(
                f"Page of {pages}", 1, pages, page, key="map page", width=120, disabled=pages == 1
            )
            if data is None:
                st.caption("Decoded from their codes.")
        mean = model.decode_uint8(codes.mean[rows].mean(0))[0]
        both, words = [pictures.png(mean, 96)], ["decoded mean code"]
        if data is not None:
            some = codes.index[rows[np.linspace(0, len(rows) - 1, min(len(rows), 2000)).astype(int)]]
            both.insert(0, pictures.png(np.rint(np.asarray(data.images[some]).mean(0)).astype(np.uint8), 96))
            words.insert(0, "mean image")
        st.image(both, width=96, caption=words)
    with told:
        if not inside.all():
            effect = np.nan_to_num(effect_sizes(codes.mean, inside), posinf=10.0, neginf=-10.0)
            order = np.argsort(-np.abs(effect))[:10]
            st.plotly_chart(charts.effects([f"z{d}" for d in order], effect[order]), key="map effects", config=PLAIN)  # fmt: skip
        if codes.labels is not None:
            names = stations.names_of(codes)
            count = np.bincount(codes.labels[rows], minlength=len(names))[: len(names)]
            rest = np.bincount(codes.labels[~inside], minlength=len(names))[: len(names)]
            st.plotly_chart(charts.shares(names, count, rest), key="map labels", config=PLAIN)
    keep(run, codes, rows)


def keep(run: Run, codes: StoredCodes, rows: np.ndarray) -> None:
    """Name it, take it away, train on it, let it go."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Save as group", key="group name", placeholder="a name", width=180)
        if state.button("Save", "save group", icon=":material/bookmark_add:"):
            try:
                write_group(run, name, codes.index[rows])
                st.toast(f"{name} holds {len(rows):,} images", icon=":material/check:")
            except VaeCoreError as error:
                st.error(str(error)[:1].upper() + str(error)[1:], icon=":material/error:")
        st.download_button("CSV", table_of(codes, rows), f"{run.name}-selection.csv", "text/csv", icon=":material/download:", on_click="ignore")  # fmt: skip
        st.download_button("npz", arrays_of(codes, rows), f"{run.name}-selection.npz", "application/octet-stream", icon=":material/download:", on_click="ignore")  # fmt: skip
        if state.button("Make a dataset of it", "dataset of selection", icon=":material/model_training:", disabled=resources.images_of(run) is None, help="To train on, or to fine-tune this run on, on the Train page. Its name is the group's."):  # fmt: skip
            _dataset(run, name, codes.index[rows])
        if state.button("Clear selection", "clear selection", icon=":material/close:"):
            select(run.id, np.zeros(0, np.int64))
            st.rerun()
    _saved(run)


def _dataset(run: Run, name: str, images: np.ndarray) -> None:
    from vae_core.data.own import dataset_of_images

    source = resources.images_of(run)
    assert source is not None  # the button is disabled without
    bar = st.progress(0.0, text="copying")
    try:
        spec = dataset_of_images(resources.places(), source, images, name, progress=lambda s, w: bar.progress(min(1.0, s), text=w))  # fmt: skip
    except VaeCoreError as error:
        st.error(str(error)[:1].upper() + str(error)[1:], icon=":material/error:")
        return
    finally:
        bar.empty()
    st.success(f"{spec.title} holds {len(images):,} images; it is among the datasets of the Train page.", icon=":material/check:")  # fmt: skip
    state.link("train", "Train on it", ":material/model_training:", dataset=spec.name)


def _saved(run: Run) -> None:
    groups = read_groups(run)
    if not groups:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Saved groups", list(groups), key="saved group", width=220)
        if name not in groups:
            return
        if state.button("Select it", "select group", icon=":material/select_all:"):
            select(run.id, groups[name])
            st.rerun()
        if state.button("Delete it", "delete group", icon=":material/delete:"):
            delete_group(run, name)
            st.rerun()
        state.link("interpolate", "As attribute direction", ":material/timeline:", attribute="saved group", **{"group-a": name})  # fmt: skip


# ---------------------------------------------------------------- beside it, and how it came about


def beside(
    run: Run, model: LoadedModel, codes: StoredCodes, seen: Seen, colour: dict[str, Any], chosen: int | None, selected: np.ndarray
) -> None:  # fmt: skip
    """A second map of the same images, turned to lie as the first: another run, or the pixels."""
    record = run.record()
    others = {
        r.name: r for r in resources.store().readable()
        if r.id != run.id and r.record().effective.data.dataset == record.effective.data.dataset and r.record().shape == record.shape and r.has_weights()
    }  # fmt: skip
    data = resources.images_of(run)
    options = ["nothing", *(["pixels"] if data is not None else []), *others]
    picked = st.selectbox("Beside it", options, key="beside", width=300, help="A second map of the same images, turned and scaled to fit the first; selections follow each other.")  # fmt: skip
    if picked == "nothing" or picked not in options:
        return
    try:
        if picked == "pixels":
            assert data is not None
            found = _pixels(model, codes, data)
            numbers_of, owner, title = codes.index, run, "PCA of the pixels"
        else:
            owner = others[picked]
            other = _codes(owner, resources.model(owner), codes.split)
            if other is None:
                return
            shared = np.isin(other.index, codes.index)
            if shared.sum() < 5:
                st.info(f"{picked} has no codes of these images.", icon=":material/compare:")
                return
            found, numbers_of = projection.pca(other.mean[shared]).points, other.index[shared]
            title = f"PCA of {picked}"
    except TooFewPoints as error:
        st.info(str(error)[:1].upper() + str(error)[1:], icon=":material/compare:")
        return
    order = np.argsort(codes.index)
    rows = order[np.searchsorted(codes.index, numbers_of, sorter=order)]
    fit = procrustes(found, seen.points[rows])
    moved = fit.apply(found).astype(np.float32)
    mine = blob_colour(colour, rows)
    at = np.flatnonzero(rows == (-1 if chosen is None else chosen))
    latent_map(
        points(owner.id, owner.stamp(), codes.split, moved, numbers_of)
        | {"title": title, "x": "aligned, code units of the first map", "y": "", "colour": mine, "chosen": int(at[0]) if len(at) else -1,
           "selected": bits_of(selected[rows]), "link": "map"},
        "map beside", on_point=lambda: None, on_selection=lambda: None, on_spot=lambda: None,
    )  # fmt: skip
    st.caption(
        f"{len(rows):,} images in both; {100 * fit.disparity:.0f} % of the first map's variance remains as distance after turning, scaling and shifting (Procrustes)."
    )


_pixel_maps: stations.Kept[np.ndarray] = stations.Kept(4)


def _pixels(model: LoadedModel, codes: StoredCodes, data: Any) -> np.ndarray:
    def compute() -> np.ndarray:
        side = data.images.shape[2]
        by = max(1, side // 16)
        parts = []
        for start in range(0, len(codes), 4096):  # squares of pixels, so that the covariance stays small
            x = np.asarray(data.images[codes.index[start : start + 4096]])
            n, c = x.shape[:2]
            x = x[:, :, : side // by * by, : side // by * by].reshape(n, c, side // by, by, side // by, by)
            parts.append(x.mean((3, 5)).reshape(n, -1) / 255)
        return projection.pca(np.concatenate(parts)).points

    return _pixel_maps.get((model.stamp, codes.split, len(codes)), compute)


def replay(run: Run, codes: StoredCodes, asked: Any, kind: str) -> None:
    """How the space formed, epoch by epoch, on the last epoch's axes."""
    kept = run.epoch_codes()
    if len(kept) < 2:
        return
    if not st.toggle(
        "How it formed",
        key="formed",
        bind="query-params",
        help="The same images at the end of each epoch, on the last epoch's axes.",
    ):
        return
    means = [e.mean for e in kept]
    if kind == "dimensions":
        frames, x, y = np.stack([m[:, list(asked)] for m in means]), f"z{asked[0]}", f"z{asked[1]}"
    else:
        try:
            last = projection.pca(means[-1])
        except TooFewPoints as error:
            st.info(str(error)[:1].upper() + str(error)[1:])
            return
        frames, x, y = np.stack([project(last, m) for m in means]), "first component", "second component"
    data = resources.images_of(run)
    colour: dict[str, Any] = {"kind": "none", "title": ""}
    if data is not None and data.labels is not None:
        colour = classes(
            np.asarray(data.labels[kept[-1].images]), list(data.label_names or map(str, range(10))), "label"
        )
    latent_map(
        points(run.id, run.stamp(), codes.split, frames[-1].astype(np.float32), kept[-1].images)
        | {"title": f"{len(kept[-1].images):,} images, {len(kept)} epochs", "x": x, "y": y, "colour": colour, "chosen": -1,
           "frames": {"points": blobs.url(frames), "words": [f"epoch {e.epoch}" for e in kept]}},
        "map of epochs", on_point=lambda: None, on_selection=lambda: None, on_spot=lambda: None,
    )  # fmt: skip


page()
