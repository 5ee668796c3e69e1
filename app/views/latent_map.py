"""Latent map: where the images lie, seen in two dimensions; what lies there, and how much of the picture is true."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app import boundary, charts, maps, resources
from app.boundary import fragment, sentence
from app.components.map import bits_of, classes, images_of, latent_map, numbers, points
from app.maps import (
    Seen,
    along,
    arrays_of,
    blob_colour,
    by_pca,
    by_umap,
    coloured,
    digest,
    frames_of,
    groups_of,
    heat,
    of,
    of_dimensions,
    of_text,
    read_table,
    table_of,
    umap_file,
    umap_of,
    umap_words,
)
from app.services import array_store
from app.state import address, session
from app.state.address import Key
from app.state.code_format import pack
from app.state.session import NO_RUN
from app.widgets import config_form, image_picker
from app.widgets.prepare_dataset import offer_images
from vae_core import pictures
from vae_core.data import ImageSet
from vae_core.data.similar import nearest_images
from vae_core.errors import BadCodes, RunNotFound, TooFewPoints, VaeCoreError
from vae_core.inference import LoadedModel, StoredCodes, compute_codes, encode_images
from vae_core.latent import projection
from vae_core.latent.alignment import procrustes
from vae_core.latent.axes import lift, project
from vae_core.latent.placing import code_at
from vae_core.latent.prior_match import against_prior
from vae_core.latent.projection import UmapParams
from vae_core.latent.projection_quality import projection_quality
from vae_core.latent.selection import effect_sizes
from vae_core.latent.statistics import kl_from_prior, nearest, order_by_kl
from vae_core.options import capitalised
from vae_core.runs.array_files import EpochCodes
from vae_core.runs.groups import delete_group, read_groups, write_group
from vae_core.runs.record import LIVE
from vae_core.runs.run import Run

SPLITS = ["test", "validation", "train"]
MOST = 100_000  # images of a split that are encoded
NEIGHBOURS = 10
MOST_DIMS = 24  # of a code, shown for one image
A_PAGE = 48  # images of a selection shown at a time
IN_ADDRESS = 40  # images of a selection that an address names
PLAIN = {"displayModeBar": False}


def page() -> None:
    st.title("Latent map")
    run = session.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    held, stale = _held(run)
    model = held.model
    _follow(run, model)
    epochs = _epochs(run)
    columns = st.columns([0.75, 2.1, 2, 1.1], vertical_alignment="bottom")
    with st.container():
        # what is not learning now is looked at when a person does something
        fragment(run_every=3 if run.status().state in LIVE else None)(watch)(run, held, stale)
    second = st.container(horizontal=True, vertical_alignment="bottom")
    with second:
        formed = _formed(run, epochs)
    with columns[0]:
        split = st.selectbox("Split", SPLITS, key=address.SPLIT.name, bind=address.SPLIT.bind, disabled=formed or resources.images_of(run) is None)  # fmt: skip
    # what is only sometimes there stands in a container that always is: whatever moved for it would be made anew
    with st.container():
        codes = _codes(run, held, stale, "epochs" if formed else split)
    if codes is None:
        return
    with columns[1]:
        kind = _kind(codes)
    with columns[2]:
        asked = _what(run, codes, kind)
    everything: StoredCodes = codes
    try:
        seen = _seen(run, model, codes, kind, asked)
    except (TooFewPoints, BadCodes) as error:
        st.warning(sentence(error), icon=":material/scatter_plot:")
        return
    if seen is not None and seen.rows is not None:
        codes = codes.take(seen.rows)
    with columns[3]:
        colour = _colour(everything, codes, model)
    with st.container():
        if kind == "UMAP" and (seen is None or seen.rows is not None):
            umap_progress(run, model.stamp, everything, asked, seen is not None)
    if seen is None:
        return
    frames = [e for e in epochs if np.array_equal(e.images, codes.index)] if formed else []
    chosen = _chosen(codes)
    selected = np.isin(codes.index, _selection(run, codes))
    with second:
        placed = _placed(model, codes, seen, asked)
        aside = _aside(run, epochs)
    with st.container():
        other = beside(run, model, codes, seen, kind, colour, aside, epochs)
    where = (run.id, codes.split, kind, str(asked))
    spot = session.get(address.MAP_SPOT)
    spot = spot[1] if spot is not None and spot[0] == where else None
    session.put(address.MAP_WHERE, where)
    if other is None:
        left, right = st.columns([2, 1], gap="large")
    else:
        left, second_map = st.columns(2, gap="medium")
        with second_map:
            _mount_beside(other, chosen, selected)
        right = st.container()
    with left:
        _mount(run, model, codes, seen, colour, chosen, selected, placed, spot, frames)
        true_to(codes.mean, seen.points, seen.words)
    with right:
        _search(codes)
        if spot is not None and chosen is None:
            _place(model, codes, seen, spot)
        elif chosen is None:
            st.info(
                "Click a point to see its image, its reconstruction and its neighbours; click where nothing is to decode that "
                "place; draw a lasso or a box to select.",
                icon=":material/ads_click:",
            )
            _summary(codes)
        else:
            _tell(run, model, codes, chosen)
    if selected.any():
        selection(run, model, codes, selected)
    else:
        _saved(run, codes)
    prior(model, codes)
    if epochs and resources.images_of(run) is None:
        replay(run, asked, kind, epochs)


# ---------------------------------------------------------------- what is shown


def _follow(run: Run, model: LoadedModel) -> None:
    """Once a shipped run's images are here its codes fall into splits: open the one that holds the chosen image."""
    data, wanted = resources.images_of(run), session.param(address.CHOSEN_IMAGE)
    if data is None:
        session.put(address.WITHOUT_IMAGES, run.id)
    elif session.get(address.WITHOUT_IMAGES) == run.id:
        session.forget(address.WITHOUT_IMAGES)
        splits = model.config.data.split(data)
        for name in SPLITS:
            if wanted is not None and wanted in splits.named(name):
                session.put(address.SPLIT, name)


@dataclass
class Held:
    """What the session's map shows: a run's network and its codes, kept while the run learns on."""

    run: str
    model: LoadedModel
    splits: dict[str, StoredCodes]


def _held(run: Run) -> tuple[Held, bool]:
    """The network whose codes are on the map, and whether the run has other weights by now."""
    newest = resources.model(run)
    held = session.get(address.MAP_HELD)
    if held is None or held.run != run.id:
        held = Held(run.id, newest, {})
        session.put(address.MAP_HELD, held)
    return held, held.model.stamp != newest.stamp


def watch(run: Run, held: Held, stale: bool) -> None:
    """A badge where the run has learnt on, found out without a click; one click shows its new weights."""
    if not stale:
        try:
            if run.stamp() != held.model.stamp:
                st.rerun(scope="app")
        except RunNotFound as error:
            boundary.show(error)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge("stale", icon=":material/update:", color="orange")
        st.caption("The run has been trained since: this map shows its codes from before.", width="content")
        if session.button("Compute anew", "compute anew", type="primary"):
            session.forget(address.MAP_HELD)
            st.rerun(scope="app")


def _epochs(run: Run) -> list[EpochCodes]:
    """Codes that its epochs kept, of the images that the last of them has; none where there is only one epoch."""
    kept = list(resources.epoch_codes(run))
    return kept if len(kept) > 1 else []


def _formed(run: Run, epochs: list[EpochCodes]) -> bool:
    """Whether the map replays the epochs."""
    if not epochs or resources.images_of(run) is None:
        return False
    return st.toggle(
        "How it formed", key=address.FORMED.name, bind=address.FORMED.bind,
        help=f"A slider over {len(epochs)} epochs, on the axes of now. Shows the {len(epochs[-1].images):,} images whose "
        "codes each epoch kept, whatever the split.",
    )  # fmt: skip


def _codes(run: Run, held: Held, stale: bool, split: str) -> StoredCodes | None:
    """Codes of the split, computed with progress where they are not kept yet; those shipped without the dataset.

    "epochs" are the images whose codes each epoch kept.
    """
    data, model = resources.images_of(run), held.model
    codes = held.splits.get(split) if stale or split == "epochs" else resources.codes(run, split)
    if codes is None or (codes.split != split and data is not None):
        if data is None:
            st.info(
                "This run carries no codes: its map needs its images.", icon=":material/image_not_supported:"
            )
            offer_images(run)
            return None
        codes = _encoded(run, model, data, split, stale)
    elif data is not None and not stale and split != "epochs":
        size = min(MOST, len(model.config.data.split(data).named(split)))
        if len(codes) < size:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"{len(codes):,} of {size:,} images are on the map.", width="content")
                if session.button(f"Encode all {size:,}", f"encode all of {run.id}"):
                    codes = _encoded(run, model, data, split, stale)
    held.splits[split] = codes
    return codes


def _encoded(run: Run, model: LoadedModel, data: ImageSet, split: str, stale: bool) -> StoredCodes:
    bar, began = st.progress(0.0, text="encoding"), time.monotonic()

    def progress(share: float, what: str) -> None:
        left = (time.monotonic() - began) * (1 - share) / max(share, 1e-6)
        bar.progress(share, text=f"encoding {what} · about {left:.0f} s left; leaving this page stops it")

    try:
        if split == "epochs":
            return encode_images(model, data, _epochs(run)[-1].images, split, progress=progress)
        if stale:  # of weights that are no longer the run's: kept by this session alone
            index = model.config.data.split(data).named(split)
            index = index[np.linspace(0, len(index) - 1, min(MOST, len(index))).astype(int)]
            return encode_images(model, data, index, split, progress=progress)
        return compute_codes(run, model, data, split, most=MOST, progress=progress)
    finally:
        bar.empty()


def _kind(codes: StoredCodes) -> str:
    """Which projection: two dimensions are shown raw, more by PCA unless asked otherwise."""
    dims = codes.mean.shape[1]
    options = ["dimensions", "PCA", "UMAP", "axis"] if dims > 1 else ["PCA"]
    usual = "dimensions" if dims == 2 else "PCA"
    kind = st.segmented_control("Coordinates", options, default=usual, key=address.COORDINATES.name, bind=address.COORDINATES.bind, required=True)  # fmt: skip
    return kind if kind in options else usual


def _what(run: Run, codes: StoredCodes, kind: str) -> Any:
    """The projection's own choices: (x, y), UMAP's settings, or the groups of a custom axis."""
    # a plane of two dimensions must not lie down when their KLs change places
    dims = [0, 1] if codes.mean.shape[1] == 2 else [int(d) for d in order_by_kl(codes.kl_per_dim)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if kind == "UMAP":
            params = umap_of(session.param(address.UMAP))
            with st.popover("Settings of UMAP", icon=":material/tune:"):
                _settings(params)
            return params
        if kind == "axis":
            names = list(groups_of(codes, read_groups(run)))
            return tuple(_end(name, names, usual) for name, usual in (("from", names[1]), ("to", names[0])))
        off = kind != "dimensions"
        x = st.selectbox(
            "Across", [f"z{d}" for d in dims], key=address.X.name, bind=address.X.bind, disabled=off
        )
        # one dimension both ways would be a line, of which a place stands for no code
        y = st.selectbox("Up", [f"z{d}" for d in dims if d != int(x[1:])] or [x], key=address.Y.name, bind=address.Y.bind, disabled=off)  # fmt: skip
        return (int(x[1:]), int(y[1:]))


def _end(name: str, groups: list[str], usual: str) -> str:
    """An end of a custom axis: one of the groups, or an image by its number."""
    key = address.AXIS.of(name)
    wanted = str(session.get(key) or session.param(key) or usual)
    options = groups if wanted in groups else [*groups, wanted]
    session.put(key, wanted)
    found = st.selectbox(
        capitalised(name), options, key=key.name, accept_new_options=True,
        help=f"{'Left' if name == 'from' else 'Right'} end of the axis: a group, or type the number of an image.",
    )  # fmt: skip
    session.set_param(key, "" if found == usual else found)
    return found


def _settings(params: UmapParams) -> None:
    """They take effect when the button is pressed, since every other setting is another computation."""
    neighbours = st.number_input("Neighbours", 2, 200, params.neighbours, key="umap neighbours", help="More shows coarser structure.")  # fmt: skip
    distance = st.number_input("Minimum distance", 0.0, 0.99, params.min_dist, 0.05, key="umap distance", help="How close points may lie.")  # fmt: skip
    metrics = ["euclidean", "cosine", "manhattan"]
    metric = st.selectbox("Metric", metrics, metrics.index(params.metric), key="umap metric")
    seed = st.number_input("Seed", 0, 2**31 - 1, params.seed, key="umap seed", help="The same seed gives the same map.")  # fmt: skip
    sample = st.number_input(
        "Sample size", 0, MOST, min(params.sample, MOST), 1000, key="umap sample",
        help="So many codes are laid out and the others placed among them; 0 lays out all.",
    )  # fmt: skip
    if session.button("Compute", "compute umap", type="primary", width="stretch"):
        made = UmapParams(int(neighbours), float(distance), str(metric), int(seed), int(sample))
        session.set_param(address.UMAP, umap_words(made))
        session.forget(address.UMAP_STOPPED)
        st.rerun()


def _seen(run: Run, model: LoadedModel, codes: StoredCodes, kind: str, asked: Any) -> Seen | None:
    """The map that was asked for; None while UMAP has nothing to show. Raises TooFewPoints, BadCodes."""
    if kind == "dimensions":
        return of_dimensions(codes, *asked)
    if kind == "PCA":
        return by_pca(codes)
    if kind == "axis":
        return along(codes, groups_of(codes, read_groups(run)), *asked)
    result = umap_file(run.places.derived, model.stamp, codes, asked)
    if projection.job_state(result).state == "done":
        return by_umap(codes, _read_umap(result), asked)
    if (sample := projection.read_sample(result)) is not None:
        rows, points_of_sample = sample
        return by_umap(codes, points_of_sample.astype(np.float32), asked, rows)
    return None


def _read_umap(result: Path) -> np.ndarray:
    return maps.umaps.get_or_make(
        (result, result.stat().st_mtime_ns), lambda: projection.read_job(result).points
    )


@fragment(run_every=0.5)
def umap_progress(run: Run, stamp: str, codes: StoredCodes, params: UmapParams, sampled: bool) -> None:
    """Starts UMAP in another process, follows it, and has the map drawn when its sample and when the whole is there."""
    result = umap_file(run.places.derived, stamp, codes, params)
    job = projection.job_state(result)
    if job.state == "done" or (not sampled and projection.read_sample(result) is not None):
        st.rerun(scope="app")
    if job.state == "failed":
        st.error(f"UMAP could not be computed: {job.error}", icon=":material/error:")
        if session.button("Try again", "again umap", icon=":material/refresh:"):
            projection.stop_job(result)
            st.rerun(scope="fragment")
        return
    if job.state == "absent":
        if session.get(address.UMAP_STOPPED) == str(result):
            st.info("UMAP was stopped.", icon=":material/stop:")
            if session.button("Start UMAP", "start umap", type="primary"):
                session.forget(address.UMAP_STOPPED)
                st.rerun(scope="fragment")
            return
        if (former := session.get(address.UMAP_JOB)) is not None and former != result:
            projection.stop_job(former)  # of settings or a split that nobody waits for any more
        session.put(address.UMAP_JOB, result)
        projection.start_job(codes.mean, params, result)
        job = projection.job_state(result)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(
            min(1.0, job.share),
            text=f"UMAP of {len(codes):,} codes: {job.what or 'starting'}{_left(job)}",
            width="stretch",
        )
        if session.button("Stop UMAP", "stop umap", icon=":material/stop:"):
            projection.stop_job(result)
            session.put(address.UMAP_STOPPED, str(result))
            st.rerun(scope="app" if sampled else "fragment")


def _left(job: projection.JobState) -> str:
    """Time left, of the step under way; measured from when this session first saw it begin."""
    began = session.get(address.UMAP_STEP)
    if began is None or began[0] != job.what or job.share < began[2]:
        began = (job.what, time.monotonic(), job.share)
        session.put(address.UMAP_STEP, began)
    done, passed = job.share - began[2], time.monotonic() - began[1]
    return (
        f" · about {passed * (0.95 - job.share) / done:.0f} s left"
        if done > 0.05 and job.share < 0.95
        else ""
    )


# ---------------------------------------------------------------- colours


def _colour(everything: StoredCodes, codes: StoredCodes, model: LoadedModel) -> dict[str, Any]:
    """What colours the points, as the map takes it. A CSV is of `everything`, of which `codes` are on the map."""
    names = ["label"] if codes.labels is not None else []
    names += [*codes.factor_names, "reconstruction error", *(["KL", "anomaly score"] if model.stochastic else []), "CSV column", "nothing"]  # fmt: skip
    by = st.selectbox(
        "Colour", names, key=address.COLOUR.name, bind=address.COLOUR.bind,
        help="The anomaly score is −ELBO, distortion plus KL, with one sample of the posterior."
        if model.stochastic
        else "A plain autoencoder has no KL; its reconstruction error is what tells unusual images.",
    )  # fmt: skip
    kl = kl_from_prior(codes.mean, codes.log_var).sum(1) if model.stochastic else None
    if by == "label" and codes.labels is not None:
        return classes(codes.labels, list(image_picker.class_names(codes)), "label")
    if by in codes.factor_names and codes.factors is not None:
        return coloured(codes.factors[:, codes.factor_names.index(by)], by)
    if by == "reconstruction error":
        return numbers(codes.error, "reconstruction error, nats")
    if by == "KL" and kl is not None:
        return numbers(kl, "KL, nats per image")
    if by == "anomaly score" and kl is not None:
        return numbers(codes.error + kl, "anomaly score (−ELBO), nats")
    if by == "CSV column":
        colour = _csv(everything)
        return colour if everything is codes else blob_colour(colour, np.flatnonzero(np.isin(everything.index, codes.index)))  # fmt: skip
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
            st.error(sentence(error), icon=":material/error:")
            return nothing


# ---------------------------------------------------------------- the map itself


def _mount(
    run: Run, model: LoadedModel, codes: StoredCodes, seen: Seen, colour: dict[str, Any], chosen: int | None,
    selected: np.ndarray, placed: list[dict[str, Any]], spot: list[float] | None, frames: list[EpochCodes],
) -> None:  # fmt: skip
    data = points(run.id, model.stamp, codes.split, seen.points, codes.index) | {
        "title": seen.title, "x": seen.x, "y": seen.y, "colour": colour, "chosen": -1 if chosen is None else chosen,
        "selected": bits_of(selected), "marks": placed, "spot": spot, "link": "map", "prior": seen.raw and model.stochastic,
        "decoded": resources.images_of(run) is None,
    }  # fmt: skip
    if codes.labels is not None:
        data["labels"] = classes(codes.labels, list(image_picker.class_names(codes)), "label")
    header = resources.decoder_header(run)
    if frames and seen.linear is not None:
        data["frames"] = {
            "points": array_store.url(frames_of(seen, [e.mean for e in frames])), "words": [f"epoch {e.epoch}" for e in frames],
        }  # fmt: skip
    elif frames:
        st.caption("The epochs are replayed on straight projections: choose PCA, dimensions or an axis.")
    if seen.linear is not None:
        mean, axes = seen.linear.mean, seen.linear.axes
        assert mean is not None
        assert axes is not None
        if header["stamp"] == model.stamp:
            data["plane"] = {
                "key": f"{model.stamp} {seen.x} {seen.y}", "header": header,
                "mean": np.asarray(mean, np.float64).tolist(), "axes": np.asarray(axes, np.float64).tolist(), "whole": seen.raw and model.latent_dim == 2,
            }  # fmt: skip
        if seen.raw and model.stochastic:
            data["ellipses"] = array_store.url(codes.std @ np.abs(axes).T)
    latent_map(data, address.MAP_PLOT.name, on_point=_pointed, on_selection=_lassoed, on_spot=_spotted)


def _told(name: str, key: Key[Any] = address.MAP_PLOT) -> Any:
    return (session.get(key) or {}).get(name)


def _pointed(key: Key[Any] = address.MAP_PLOT) -> None:
    number = _told("point", key)
    if type(number) is int and number >= 0:
        session.set_param(address.CHOSEN_IMAGE, number)
        session.forget(address.MAP_SPOT)


def _lassoed(key: Key[Any] = address.MAP_PLOT) -> None:
    images = images_of(_told("selection", key))
    if images is not None:
        select(session.run_id(), images)


def _spotted() -> None:
    told = _told("spot")
    if isinstance(told, list) and len(told) == 2 and all(np.isfinite(float(v)) for v in told):
        session.put(address.MAP_SPOT, (session.get(address.MAP_WHERE), [float(v) for v in told]))
        session.set_param(address.CHOSEN_IMAGE, None)


def select(run_id: str, images: np.ndarray) -> None:
    """Make images, by number, the selection; a small one is named in the address."""
    session.put(address.SELECTION_OF.of(run_id), np.asarray(images, np.int64))
    session.put(address.MAP_TURNED_BACK, True)  # the widget may be there already
    session.set_param(address.SELECTION, tuple(map(int, images)) if len(images) <= IN_ADDRESS else ())


def _selection(run: Run, codes: StoredCodes) -> np.ndarray:
    """Image numbers of the selection: the session's, else those a link names."""
    kept = session.get(address.SELECTION_OF.of(run.id))
    if kept is None:
        linked = session.param(address.SELECTION)[:IN_ADDRESS]
        kept = np.array(linked, np.int64)
        if len(linked):
            select(run.id, kept)
    elif not len(kept):
        session.set_param(address.SELECTION, ())
    found: np.ndarray = kept
    return found


def _placed(model: LoadedModel, codes: StoredCodes, seen: Seen, asked: Any) -> list[dict[str, Any]]:
    """A person's own image, placed on the map."""
    with st.popover("Place an image of mine", icon=":material/add_photo_alternate:"):
        try:
            anchor = image_picker.uploaded(model, "map")
        except VaeCoreError as error:
            st.error(str(error), icon=":material/error:")
            return []
        if anchor is None:
            return []
        if seen.linear is None:
            spot = projection.place_by(asked.metric, anchor.code[None], codes.mean, seen.points)[0]
            st.caption(
                "Placed by the weighted mean of its nearest neighbours' places: UMAP was not computed again."
            )
        else:
            spot = project(seen.linear, anchor.code[None])[0]
            st.caption("Placed exactly.")
        return [{"x": float(spot[0]), "y": float(spot[1]), "words": anchor.words[:24]}]


# ---------------------------------------------------------------- how true it is


@fragment()
def true_to(source: np.ndarray, flat: np.ndarray, words: str, of: str = "the codes", key: Any = None) -> None:
    """How much is true of a map `flat` (N, 2) of what lies at `source` (N, D), after the map: it takes about a second.

    `key` names the source where it is too large to be read through at every turn.
    """
    with st.container():
        try:
            with st.spinner("measuring how true this map is"):
                told = maps.honest.get_or_make(
                    (key or digest(source), digest(flat)), lambda: projection_quality(source, flat)
                )
        except TooFewPoints as error:
            st.caption(f"{words} {sentence(error)}.")
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
            f"{len(flat):,} images. {words} {' · '.join(parts)}.",
            help=f"With {told.k} neighbours, on a fixed sample of {told.images:,} images, with 95 % intervals (Venna & Kaski 2001). "
            f"Trustworthiness: neighbours on the map are neighbours among {of}. Continuity: neighbours among {of} are "
            "neighbours on the map. Shared neighbours: the share that both have in common.",
        )


@fragment()
def prior(model: LoadedModel, codes: StoredCodes) -> None:
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
                told = maps.matches.get_or_make(
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
        st.plotly_chart(charts.against_prior(told.edges, told.density, order), key="map prior", config=PLAIN)
        if len(told.active) > len(order):
            st.caption(f"The {len(order)} most used of {len(told.active)} dimensions.")


# ---------------------------------------------------------------- what is pointed at


def _chosen(codes: StoredCodes) -> int | None:
    """Row of the image named in the URL."""
    wanted = session.param(address.CHOSEN_IMAGE)
    if wanted is None:
        return None
    rows = np.flatnonzero(codes.index == wanted)
    return int(rows[0]) if len(rows) else None


def _search(codes: StoredCodes) -> None:
    """An image by label and place, or by number."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = ["any", *image_picker.class_names(codes)] if codes.labels is not None else ["any"]
        label = st.selectbox("Find by label", names, key="find label", disabled=len(names) < 2, width=140)
        number = st.number_input(
            "or by number", 0, 10**9 - 1, None, key="find image", width=140, help="The image's number; with a label, its place among those."
        )  # fmt: skip
        if session.button("Find", "find", icon=":material/search:"):
            rows = np.arange(len(codes))
            if label != "any" and codes.labels is not None:
                rows = np.flatnonzero(codes.labels == names.index(label) - 1)
                row = rows[int(number or 0) % len(rows)] if len(rows) else None
            else:
                hit = np.flatnonzero(codes.index == int(number or 0))
                row = hit[0] if len(hit) else None
            if row is None:
                wanted = f"Image {int(number or 0)}" if label == "any" else f"An image of {label}"
                st.warning(f"{wanted} is not among these {of(codes)}.", icon=":material/search_off:")
            else:
                session.set_param(address.CHOSEN_IMAGE, int(codes.index[row]))
                st.rerun()


def _tell(run: Run, model: LoadedModel, codes: StoredCodes, row: int) -> None:
    data = resources.images_of(run)
    number = int(codes.index[row])
    label = f" · {image_picker.class_names(codes)[codes.labels[row]]}" if codes.labels is not None else ""
    st.subheader(f"Image {number}{label}", anchor=False)
    decoded = model.decode(codes.mean[row])[0]
    if data is not None:
        image = np.asarray(data.images[number])
        difference = np.abs(image / 255 - decoded).mean(0)
        st.image(
            [pictures.png(image, 96), pictures.png(np.rint(decoded * 255).astype(np.uint8), 96), pictures.png(heat(difference), 96)],
            width=96, caption=["image", "reconstruction", f"error, 0 to {difference.max():.2f}"],
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
    order = [int(d) for d in order_by_kl(codes.kl_per_dim)][:MOST_DIMS]
    st.plotly_chart(
        charts.posterior(order, codes.mean[row], codes.std[row]), key="map posterior", config=PLAIN
    )
    if len(codes.kl_per_dim) > MOST_DIMS:
        st.caption(f"The {MOST_DIMS} most used of {len(codes.kl_per_dim)} dimensions.")
    _neighbours(model, codes, row, data)
    with st.container(horizontal=True):
        session.link("sliders", "Send to sliders", ":material/tune:", {address.CODE: pack(codes.mean[row])})
        session.link(
            "interpolate", "As a station", ":material/timeline:", {address.CODE: pack(codes.mean[row])}
        )
        for end in ("from", "to"):
            st.button(f"Axis {end} here", key=f"axis {end} here", on_click=_axis_end, args=(end, number), icon=":material/arrow_right_alt:", help="An end of a custom axis.")  # fmt: skip
        if session.button("Clear", "clear image", icon=":material/close:"):
            session.set_param(address.CHOSEN_IMAGE, None)
            st.rerun()


def _axis_end(end: str, number: int) -> None:
    session.put(address.AXIS.of(end), f"image {number}")
    session.put(address.COORDINATES, "axis")


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
        which, away = maps.similar.get_or_make(
            (data.fingerprint, digest(codes.index), number),
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
        how = "Decoded with the other dimensions at 0" + (", the prior's mean." if model.stochastic else ".")
    else:
        how = (
            "Decoded by the projection's inverse: the point of its plane, all other directions at their mean."
        )
    st.caption(how)
    with st.container(horizontal=True):
        session.link("sliders", "Send to sliders", ":material/tune:", {address.CODE: pack(code)})
        session.link("interpolate", "As a station", ":material/timeline:", {address.CODE: pack(code)})
        if session.button("Clear", "clear spot", icon=":material/close:"):
            session.forget(address.MAP_SPOT)
            st.rerun()


# ---------------------------------------------------------------- the selection


def selection(run: Run, model: LoadedModel, codes: StoredCodes, inside: np.ndarray) -> None:
    rows, data = np.flatnonzero(inside), resources.images_of(run)
    st.subheader(f"Selected: {len(rows):,} of {len(codes):,} images", anchor=False)
    seen, told = st.columns([3, 2], gap="large")
    with seen:
        pages = -(-len(rows) // A_PAGE)
        if session.get(address.MAP_TURNED_BACK):
            session.forget(address.MAP_TURNED_BACK)
            session.put(address.MAP_PAGE, 1)
        page = min(int(session.get(address.MAP_PAGE)), pages)
        shown = rows[(page - 1) * A_PAGE : page * A_PAGE]
        images = model.decode_uint8(codes.mean[shown]) if data is None else np.asarray(data.images[codes.index[shown]])  # fmt: skip
        full = np.full((-(-len(shown) // 12) * 12, *images.shape[1:]), 255, np.uint8)
        full[: len(images)] = images
        st.image(pictures.grid(full.reshape(-1, 12, *images.shape[1:]), 48), width="stretch")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input(
                f"Page of {pages}", 1, pages, page, key=address.MAP_PAGE.name, width=120, disabled=pages == 1
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
            effect = effect_sizes(codes.mean, inside)
            order = np.argsort(-np.abs(effect))[:10]
            st.plotly_chart(charts.effects([f"z{d}" for d in order], effect[order]), key="map effects", config=PLAIN)  # fmt: skip
        if codes.labels is not None:
            names = image_picker.class_names(codes)
            count = np.bincount(codes.labels[rows], minlength=len(names))[: len(names)]
            rest = np.bincount(codes.labels[~inside], minlength=len(names))[: len(names)]
            st.plotly_chart(charts.shares(names, count, rest), key="map labels", config=PLAIN)
    keep(run, codes, rows)


def keep(run: Run, codes: StoredCodes, rows: np.ndarray) -> None:
    """Name it, take it away, train on it, let it go."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Save as group", key="group name", placeholder="a name", width=180)
        if session.button("Save", "save group", icon=":material/bookmark_add:"):
            try:
                write_group(run, name, codes.index[rows])
                st.toast(f"{name} holds {len(rows):,} images", icon=":material/check:")
            except VaeCoreError as error:
                st.error(sentence(error), icon=":material/error:")
        # made when they are asked for: all of a split takes seconds
        st.download_button("CSV", lambda: table_of(codes, rows), f"{run.name}-selection.csv", "text/csv", icon=":material/download:", on_click="ignore")  # fmt: skip
        st.download_button("npz", lambda: arrays_of(codes, rows), f"{run.name}-selection.npz", "application/octet-stream", icon=":material/download:", on_click="ignore")  # fmt: skip
        if session.button("Make a dataset of it", "dataset of selection", icon=":material/model_training:", disabled=resources.images_of(run) is None, help="To train on, or to fine-tune this run on, on the Train page. Its name is the group's."):  # fmt: skip
            _dataset(run, name, codes.index[rows])
        if session.button("Clear selection", "clear selection", icon=":material/close:"):
            select(run.id, np.zeros(0, np.int64))
            st.rerun()
    _saved(run, codes)


def _dataset(run: Run, name: str, images: np.ndarray) -> None:
    from vae_core.data.user import dataset_of_images

    source = resources.images_of(run)
    assert source is not None  # the button is disabled without
    bar = st.progress(0.0, text="copying")
    try:
        spec = dataset_of_images(resources.places(), source, images, name, progress=lambda s, w: bar.progress(min(1.0, s), text=w))  # fmt: skip
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    finally:
        bar.empty()
    st.success(f"{spec.title} holds {len(images):,} images; it is among the datasets of the Train page.", icon=":material/check:")  # fmt: skip
    with st.container(horizontal=True):
        session.link(
            "train", "Train on it", ":material/model_training:", {address.SETTING.of("dataset"): spec.name}
        )
        config, shape = run.record().effective, run.record().shape
        assert shape is not None
        like_this = {
            address.SETTING.of("dataset"): spec.name,
            address.SETTING.of("side"): shape[1],
            address.FINE_TUNE: True,
            **config_form.as_params(config, "model", "objective"),
        }
        session.link("train", "Fine-tune this run on it", ":material/model_training:", like_this)  # fmt: skip


def _saved(run: Run, codes: StoredCodes) -> None:
    groups = read_groups(run)
    if not groups:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Saved groups", list(groups), key="saved group", width=220)
        if name not in groups:
            return
        here = int(np.isin(groups[name], codes.index).sum())
        if here < len(groups[name]):
            st.caption(
                f"{here:,} of its {len(groups[name]):,} images are among these {of(codes)}.", width="content"
            )
        if session.button("Select it", "select group", icon=":material/select_all:"):
            select(run.id, groups[name])
            st.rerun()
        if session.button("Delete it", "delete group", icon=":material/delete:"):
            delete_group(run, name)
            st.rerun()
        session.link("interpolate", "As attribute direction", ":material/timeline:", {address.ATTRIBUTE: "saved group", address.GROUP_A: name})  # fmt: skip


# ---------------------------------------------------------------- beside it, and how it came about


@dataclass(frozen=True)
class Other:
    """A second map of some of the first one's images: points (M, 2) aligned with it, at `rows` (M,) of its codes.

    It is of what lies at `source` (M, D), called `of`.
    """

    owner: Run
    stamp: str
    split: str
    numbers: np.ndarray
    rows: np.ndarray
    points: np.ndarray
    colour: dict[str, Any]
    title: str
    words: str
    source: np.ndarray
    of: str


def _aside(run: Run, epochs: list[EpochCodes]) -> str:
    options = ["nothing", *(["pixels"] if resources.images_of(run) is not None else []), *(f"epoch {e.epoch}" for e in epochs), *_siblings(run)]  # fmt: skip
    found = st.selectbox(
        "Beside it", options, key=address.BESIDE.name, bind=address.BESIDE.bind, width=220,
        help="A second map of the same images, turned and scaled to fit the first: their pixels, an epoch of this run, or another run. Selections follow each other.",
    )  # fmt: skip
    return found if found in options else "nothing"


def _siblings(run: Run) -> dict[str, Run]:
    """Other runs of the same images, by name."""
    return {other.name: other for other in resources.of_same_images(run) if other.id != run.id}


def beside(
    run: Run, model: LoadedModel, codes: StoredCodes, seen: Seen, kind: str, colour: dict[str, Any], aside: str, epochs: list[EpochCodes]
) -> Other | None:  # fmt: skip
    """The second map that was asked for, turned to lie as the first; None, and why, where there is none."""
    if aside == "nothing":
        return None
    epoch = next((e for e in epochs if aside == f"epoch {e.epoch}"), None)
    data, owner, stamp, split, what = resources.images_of(run), run, model.stamp, codes.split, "the codes"
    try:
        if aside == "pixels" and data is not None:
            source, found = _pixels(codes, data)
            numbers_of, title, what = codes.index, "PCA of the pixels", "the pixels"
        elif epoch is not None:
            shared = np.isin(epoch.images, codes.index)
            if shared.sum() < 5:
                st.info(f"Epoch {epoch.epoch} kept no codes of these images: switch on How it formed.", icon=":material/compare:")  # fmt: skip
                return None
            numbers_of, source = epoch.images[shared], epoch.mean[shared]
            raw = source.shape[1] == 2
            found = source if raw else projection.pca(source).points
            title = f"{'The two dimensions' if raw else 'PCA'} of epoch {epoch.epoch}"
        else:
            owner = _siblings(run)[aside]
            theirs = resources.model(owner)
            stamp = theirs.stamp
            if codes.split == "epochs" and data is not None:
                other: StoredCodes | None = maps.others.get_or_make((stamp, data.fingerprint, digest(codes.index)), lambda: encode_images(theirs, data, codes.index, "epochs"))  # fmt: skip
            else:
                other = _codes(owner, Held(owner.id, theirs, {}), False, codes.split)
            if other is None:
                return None
            split = other.split
            shared = np.isin(other.index, codes.index)
            if shared.sum() < 5:
                st.info(f"{aside} has no codes of these images.", icon=":material/compare:")
                return None
            numbers_of, source = other.index[shared], other.mean[shared]
            found, title = _as_first(owner, stamp, other, shared, kind)
            title = f"{title} of {aside}"
    except TooFewPoints as error:
        st.info(sentence(error), icon=":material/compare:")
        return None
    order = np.argsort(codes.index)
    rows = order[np.searchsorted(codes.index, numbers_of, sorter=order)]
    fit = procrustes(found, seen.points[rows])
    words = (
        f"{len(rows):,} images in both; {100 * fit.disparity:.0f} % of the first map's variance remains as distance after "
        "turning, scaling and shifting (Procrustes)."
    )
    return Other(owner, stamp, split, numbers_of, rows, fit.apply(found).astype(np.float32), blob_colour(colour, rows), title, words, source, what)  # fmt: skip


def _as_first(
    owner: Run, stamp: str, other: StoredCodes, shared: np.ndarray, kind: str
) -> tuple[np.ndarray, str]:
    """Another run's codes as the first map shows its own: its UMAP where that was computed, else PCA; words for it."""
    if kind == "UMAP":
        result = umap_file(owner.places.derived, stamp, other, umap_of(session.param(address.UMAP)))
        if projection.job_state(result).state == "done":
            return _read_umap(result)[shared], "UMAP"
        return projection.pca(other.mean[shared]).points, "PCA (its UMAP was not computed yet)"
    if kind == "dimensions" and other.mean.shape[1] == 2:
        return other.mean[shared], "The two dimensions"
    return projection.pca(other.mean[shared]).points, "PCA"


def _mount_beside(other: Other, chosen: int | None, selected: np.ndarray) -> None:
    at = np.flatnonzero(other.rows == (-1 if chosen is None else chosen))
    latent_map(
        points(other.owner.id, other.stamp, other.split, other.points, other.numbers)
        | {"title": other.title, "x": "aligned, units of the first map", "y": "", "colour": other.colour,
           "chosen": int(at[0]) if len(at) else -1, "selected": bits_of(selected[other.rows]), "link": "map",
           "decoded": resources.images_of(other.owner) is None},
        address.MAP_BESIDE.name, on_point=lambda: _pointed(address.MAP_BESIDE),
        on_selection=lambda: _lassoed(address.MAP_BESIDE), on_spot=lambda: None,
    )  # fmt: skip
    # the source is named by what it is of: squares of pixels are too many to be read through at every turn
    key = (other.of, other.stamp, other.title, digest(other.numbers))
    true_to(other.source, other.points, other.words, other.of, key)


def _pixels(codes: StoredCodes, data: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Squares of pixels (N, D), uint8, of the images on the map, and their PCA (N, 2) in units of [0, 1]."""

    def compute() -> tuple[np.ndarray, np.ndarray]:
        side = data.images.shape[2]
        by = max(1, side // 16)
        parts = []
        for start in range(0, len(codes), 4096):  # squares of pixels, so that the covariance stays small
            x = np.asarray(data.images[codes.index[start : start + 4096]])
            n, c = x.shape[:2]
            x = x[:, :, : side // by * by, : side // by * by].reshape(n, c, side // by, by, side // by, by)
            parts.append(np.rint(x.mean((3, 5)).reshape(n, -1)).astype(np.uint8))
        squares = np.concatenate(parts)
        return squares, projection.pca(squares).points / 255

    return maps.pixel_maps.get_or_make((data.fingerprint, digest(codes.index)), compute)


def replay(run: Run, asked: Any, kind: str, kept: list[EpochCodes]) -> None:
    """How the space formed where the images are not here: the codes that each epoch kept, on the last one's axes."""
    if not st.toggle(
        "How it formed",
        key=address.FORMED.name,
        bind=address.FORMED.bind,
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
            st.info(sentence(error))
            return
        frames, x, y = np.stack([project(last, m) for m in means]), "first component", "second component"
    latent_map(
        points(run.id, run.stamp(), "epochs", frames[-1].astype(np.float32), kept[-1].images)
        | {"title": f"{len(kept[-1].images):,} images, {len(kept)} epochs", "x": x, "y": y, "colour": {"kind": "none", "title": ""}, "chosen": -1, "decoded": True,
           "frames": {"points": array_store.url(frames), "words": [f"epoch {e.epoch}" for e in kept]}},
        "map of epochs", on_point=lambda: None, on_selection=lambda: None, on_spot=lambda: None,
    )  # fmt: skip
    true_to(means[-1], frames[-1].astype(np.float32), "On the axes of the last epoch, of which this is said: earlier ones are seen from there.")  # fmt: skip


page()
