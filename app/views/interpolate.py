"""Interpolate: along a path through two to eight stations, with what can be trusted of it, and to take away."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from app import boundary, charts, resources, stations
from app.boundary import fragment
from app.components.pad import pad
from app.components.path import path as moving
from app.services import geodesics
from app.services.tasks import Task
from app.state import address, session
from app.state.address import Key
from app.state.code_format import pack
from app.state.session import NO_RUN
from app.stations import LEAST, MOST, Track
from app.widgets import image_picker
from app.widgets.prepare_dataset import offer_images
from vae_core import pictures
from vae_core.data.imageset import Progress
from vae_core.errors import RunNotFound, TooFewPoints, VaeCoreError
from vae_core.inference import LoadedModel, StoredCodes, compute_codes
from vae_core.latent import projection
from vae_core.latent.geodesic import Geodesic
from vae_core.runs.groups import read_groups
from vae_core.runs.store import Run

HELP = {
    "linear": "The straight line between the codes.",
    "spherical": "Great arcs: the direction turns evenly and the length changes evenly, so that the path keeps to "
    "the shell where a Gaussian prior has its mass. Between equal or opposite directions it is the straight line.",
    "geodesic": "The path along which the decoded picture changes as little as it can (Shao et al. 2018). It takes "
    "seconds to find, and does not go past its ends.",
}
PENALTIES = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0]
FILES = {
    "GIF": ("gif", "image/gif"), "MP4": ("mp4", "video/mp4"), "PNG strip": ("png", "image/png"),
    "frames (zip)": ("zip", "application/zip"), "codes (npz)": ("npz", "application/octet-stream"),
}  # fmt: skip
PLAIN = {"displayModeBar": False}


def page() -> None:
    st.title("Interpolate")
    run = session.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    # here, in a run of the whole script: a fragment may outlive the run's folder
    model, header = resources.opened(run)
    found = image_picker.gallery(run, model)
    # what is only sometimes said stands in a container that is always there: whatever moved up or down the page for it
    # would be made anew, and a press on it lost
    with st.container():
        tokens = settle(run, model, found)
    met = row(run, model, header, found, tokens)
    with st.container():
        codes = codes_of(run, model)
    ends = np.stack([a.code for a in met]).astype(np.float32)
    kind, steps, penalty = choices(codes)
    along = chosen_track(run, model, ends, kind, penalty, codes)
    view(run, header, model, along, steps, codes, [True])
    comparison(run, model, ends, steps, penalty, codes, kind)
    directions(run, header, model, met, codes)
    take_away(run.name, model, along)


def keep_up(run: Run, model: LoadedModel, fresh: list[bool]) -> None:
    """In a fragment: go on with the run's new weights where they changed under the page; say it when the run is gone.

    What is shown of a run that is gone goes on working, since all of it is in memory. `fresh` holds something for the
    fragment's first run, that of the page itself: a run whose checkpoints come faster than a page is drawn would let
    none be finished.
    """
    with st.container():
        if fresh:
            fresh.clear()
            return
        try:
            changed = run.stamp() != model.stamp
        except RunNotFound as error:
            boundary.show(error)
            return
    if changed:
        st.rerun(scope="app")


# ---------------------------------------------------------------- stations


def settle(run: Run, model: LoadedModel, found: image_picker.Gallery | None) -> list[str]:
    """The stations as a link, the session or nobody named them; leaves them in the address.

    Only in a run of the whole script. `from-image`, `to-image` (with `-label`) name two images as older links do,
    `z` a code sent from the sliders, which comes to what is there.
    """
    linked = [t for i in range(1, MOST + 1) if (t := session.param(address.STATION.of(i)))]
    mine = session.get(address.STATIONS_OF.of(run.id))
    if session.is_link(address.STATION, tuple(linked)):
        tokens = linked
    elif mine:
        tokens = list(mine)
    elif linked:  # written for the run looked at before, whose codes mean nothing here
        tokens = [t for t in linked if stations.image_of(t)] if _other_run(run) else linked
    else:
        tokens = []
    if not linked and (old := _two_images(found)):
        tokens = old
    for family in (address.END_IMAGE, address.END_LABEL, address.END_SOURCE):
        for end in ("from", "to"):
            session.set_param(family.of(end), "")
    kept = [t for t in tokens[:MOST] if stations.anchor_of(t, run, model, found) is not None]
    if len(kept) < len(tokens):
        st.warning(
            f"{len(tokens) - len(kept)} of the link's stations are no code of this run, which has {model.latent_dim} "
            "numbers, nor an image of its set; they were left out.",
            icon=":material/link_off:",
        )
    tokens = anew(run, model, kept)
    for token in _usual(model, found):
        if len(tokens) < LEAST:
            tokens.append(token)
    if sent := session.param(address.CODE):
        session.set_param(address.CODE, "")
        code = stations.code_of(sent, model.latent_dim)
        if code is None:
            st.warning(f"The code sent here is none of this run's: it needs {model.latent_dim} numbers.")
        elif len(tokens) >= MOST:
            st.warning(
                f"The code sent here was not added: a path has {MOST} stations at most. Remove one and send it again.",
                icon=":material/playlist_remove:",
            )
        else:
            token = pack(code)
            _names()[token] = "from the sliders"
            tokens = [*tokens, token]
            session.put(address.STATION_OPEN, len(tokens) - 1)
    _keep(run.id, tokens)
    for i in range(1, MOST + 1):
        session.set_param(address.STATION.of(i), tokens[i - 1] if i <= len(tokens) else "")
    session.wrote(address.STATION, tuple(tokens))
    session.put(address.STATIONS_RUN, run.id)
    return tokens


def anew(run: Run, model: LoadedModel, tokens: list[str]) -> list[str]:
    """Tokens after the weights changed: uploads and drawings, whose pictures the session keeps, are encoded anew.

    Images of the set are encoded wherever they are named, and codes stay codes.
    """
    before = session.get(address.STAMP_OF.of(run.id))
    session.put(address.STAMP_OF.of(run.id), model.stamp)
    if before in (None, model.stamp):
        return tokens
    session.put(address.STATIONS_RENEWED, model.stamp)
    found = []
    for token in tokens:
        kept = _uploads().get((before, token))
        if kept is not None and kept.image is not None:
            posterior = model.encode(kept.image[None])
            token = _take_picture(
                model, image_picker.EncodedImage(posterior.mean[0], kept.image, kept.words, posterior.std[0])
            )
        found.append(token)
    return found


def _take_picture(model: LoadedModel, anchor: image_picker.EncodedImage) -> str:
    """The token of an upload or a drawing, whose picture stays with the session."""
    token = pack(anchor.code)
    _uploads()[(model.stamp, token)] = anchor
    _names()[token] = anchor.words
    return token


def _other_run(run: Run) -> bool:
    return session.get(address.STATIONS_RUN) not in (None, run.id)


def _two_images(found: image_picker.Gallery | None) -> list[str]:
    """The stations of a link that names two images, from and to."""
    if not any(
        session.param(f.of(end)) for end in ("from", "to") for f in (address.END_IMAGE, address.END_LABEL)
    ):
        return []
    tokens = []
    for end, usual in (("from", "0"), ("to", "7")):
        place, label = (
            session.param(address.END_IMAGE.of(end)) or usual,
            session.param(address.END_LABEL.of(end)),
        )
        names = found.names if found is not None else ()
        tokens.append(
            stations.image_token(int(place) if place.isdecimal() else int(usual), names.index(label) if label in names else None)
        )  # fmt: skip
    return tokens


def _usual(model: LoadedModel, found: image_picker.Gallery | None) -> list[str]:
    """Two stations to begin with: images of the set, or where none are known codes from the prior."""
    if found is not None and len(found.index):
        return [stations.image_token(0), stations.image_token(7)]
    drawn = np.random.default_rng(0).standard_normal((LEAST, model.latent_dim))
    tokens = [pack(code) for code in drawn]
    for token in tokens:
        _names().setdefault(token, "a code drawn from the prior")
    return tokens


def _names() -> dict[str, str]:
    """What codes are called, by token."""
    return session.setdefault(address.STATION_NAMES)


def _uploads() -> dict[tuple[str, str], image_picker.EncodedImage]:
    """Uploads and drawings by (weights stamp, token): an address carries the code alone."""
    return session.setdefault(address.STATION_UPLOADS)


def _keep(run_id: str, tokens: list[str]) -> None:
    session.put(address.STATIONS_OF.of(run_id), list(tokens))
    session.put(address.STATION_OPEN, min(int(session.get(address.STATION_OPEN)), len(tokens) - 1))


def row(
    run: Run,
    model: LoadedModel,
    header: dict[str, Any],
    found: image_picker.Gallery | None,
    tokens: list[str],
) -> list[image_picker.EncodedImage]:
    """The stations as thumbnails, and what changes the open one."""
    met = []
    for token in tokens:
        uploaded = _uploads().get((model.stamp, token))
        anchor = uploaded or stations.anchor_of(token, run, model, found, _names().get(token, "a code"))
        assert anchor is not None  # settle left no other
        met.append(anchor)
    here = int(session.get(address.STATION_OPEN))
    with st.container():
        if session.get(address.STATIONS_RENEWED) == model.stamp:
            st.caption(
                ":material/sync: The run's weights changed while this page was open: the stations were encoded anew."
            )
    with st.container(horizontal=True, vertical_alignment="bottom", key="stations"):
        for i, anchor in enumerate(met):
            with st.container(width=112, gap="small", key=f"place {i}"):
                shown = anchor.image if anchor.image is not None else model.decode_uint8(anchor.code)[0]
                st.image(pictures.png(shown, 112), width=112, alt=f"station {i + 1}: {anchor.words}")
                st.button(
                    f"Station {i + 1}", key=f"open station {i}", on_click=_open, args=(i,),
                    type="primary" if i == here else "secondary", width="stretch", help=anchor.words,
                )  # fmt: skip
        with st.container(width=112, key="place after"):
            st.button(
                "Add", key="add station", icon=":material/add:", width="stretch", disabled=len(tokens) >= MOST,
                on_click=_add, args=(run.id, found is not None), help="One more station at the end, eight at most.",
            )  # fmt: skip
    editor(run, model, header, found, tokens, met, here)
    return met


def editor(
    run: Run, model: LoadedModel, header: dict[str, Any], found: image_picker.Gallery | None, tokens: list[str],
    met: list[image_picker.EncodedImage], here: int,
) -> None:  # fmt: skip
    """What the open station is: an image of the set, a code, an upload, a drawing; and its place in the row."""
    anchor, token = met[here], tokens[here]
    # its label is its identity: one that changed would take what is pressed in it from under the hand
    with st.expander(
        "Change this station", key=address.STATION_EDITOR.name, icon=":material/edit:", on_change="rerun"
    ):
        grey = model.shape[0] == 1
        columns = st.columns([1.1, 1, 1.1, 1.4] if grey else 3, gap="medium")
        about, chosen, coded = columns[:3]
        with about:
            decoded = model.decode_uint8(anchor.code)[0]
            with st.container(horizontal=True, gap="xxsmall"):
                for image in [decoded] if anchor.image is None else [anchor.image, decoded]:
                    st.image(pictures.png(image, 88), width=88)
            st.caption(
                f"Station {here + 1}: {anchor.words} · its "
                + ("decoded code" if anchor.image is None else "reconstruction")
            )
            with st.container(horizontal=True, gap="small"):
                for label, icon, by in (("Earlier", "arrow_back", -1), ("Later", "arrow_forward", 1)):
                    st.button(
                        label, key=f"{label.lower()} station", icon=f":material/{icon}:", on_click=_swap, args=(run.id, here, by),
                        disabled=not 0 <= here + by < len(tokens), help=f"{label} in the row.",
                    )  # fmt: skip
                st.button(
                    "Remove", key="remove station", icon=":material/delete:", on_click=_remove, args=(run.id, here),
                    disabled=len(tokens) <= LEAST, help="Remove it. A path needs two stations at least.",
                )  # fmt: skip
        with chosen:
            _from_set(run, found, token, here)
        with coded:
            session.put(address.STATION_CODE, stations.written(anchor.code))
            st.text_input(
                "Its code", key=address.STATION_CODE.name, on_change=_type, args=(run.id, model.latent_dim, here),
                help="The numbers of the code between commas. Paste another one, such as the sliders give.",
            )  # fmt: skip
            if fault := session.get(address.STATION_FAULT):
                st.error(fault, icon=":material/error:")
                session.forget(address.STATION_FAULT)
            _upload(run, model, here)
        if grey:
            with columns[3]:
                pad(
                    run.id, header, here, key=address.STATION_PAD.name, on_drawn=lambda: _drawn(run.id, model)
                )


def _from_set(run: Run, found: image_picker.Gallery | None, token: str, here: int) -> None:
    """An image by label and place."""
    image = stations.image_of(token)
    names = list(found.names) if found is not None and found.labels is not None else []
    label = image[0] if image is not None else None
    # what the widgets show follows the station; a change of theirs has renamed it before this line
    session.put(address.STATION_LABEL, names[label] if label is not None and label < len(names) else "any")
    session.put(address.STATION_PLACE, image[1] if image is not None else 0)
    st.selectbox(
        "Image of the set", ["any", *names], key=address.STATION_LABEL.name, disabled=not names, on_change=_pick,
        args=(run.id, here, names), help="Its label." if names else "These images have no labels.",
    )  # fmt: skip
    st.number_input(
        "Place", 0, 10**9 - 1, step=1, key=address.STATION_PLACE.name, disabled=found is None, on_change=_pick,
        args=(run.id, here, names), help="Place among the images with that label.",
    )  # fmt: skip
    if found is None:
        st.caption("This run carries no codes, and its images are not read: upload one, or paste a code.")
    offer_images(run)


def _upload(run: Run, model: LoadedModel, here: int) -> None:
    try:
        anchor = image_picker.uploaded(model, "station")
    except VaeCoreError as error:
        st.error(str(error), icon=":material/error:")  # as it is: it may begin with the file's name
        return
    file = session.get(address.UPLOAD.of("station"))
    if anchor is None or file is None or file.file_id == session.get(address.STATION_FILE):
        return
    session.put(address.STATION_FILE, file.file_id)
    _set(run.id, here, _take_picture(model, anchor))
    st.rerun()


def _drawn(run_id: str, model: LoadedModel) -> None:
    """What the pad tells: the drawing becomes the station at which it was begun."""
    told = (session.get(address.STATION_PAD) or {}).get("drawn")
    if not isinstance(told, dict) or told.get("run") != run_id:
        return
    place, found = told.get("place"), stations.drawing_of(told, model.shape, model.latent_dim)
    if found is None or type(place) is not int or not 0 <= place < len(_tokens(run_id)):
        session.put(
            address.STATION_FAULT, "The drawing came in a form that does not fit this run. Draw it again."
        )
    elif told.get("stamp") != model.stamp:
        session.put(
            address.STATION_FAULT,
            "The weights changed while this was drawn. Add a stroke to have it encoded again.",
        )
    else:
        code, image = found
        _set(run_id, place, _take_picture(model, image_picker.EncodedImage(code, image, "your drawing")))


def _open(here: int) -> None:
    session.put(address.STATION_OPEN, here)
    session.put(address.STATION_EDITOR, True)


def _tokens(run_id: str) -> list[str]:
    kept = session.get(address.STATIONS_OF.of(run_id))
    return list(kept)


def _set(run_id: str, here: int, token: str) -> None:
    tokens = _tokens(run_id)
    tokens[here] = token
    _keep(run_id, tokens)


def _pick(run_id: str, here: int, names: list[str]) -> None:
    label, place = session.get(address.STATION_LABEL), session.get(address.STATION_PLACE)
    _set(run_id, here, stations.image_token(int(place or 0), names.index(label) if label in names else None))


def _type(run_id: str, dim: int, here: int) -> None:
    code = stations.code_of(str(session.get(address.STATION_CODE)), dim)
    if code is None:
        session.put(
            address.STATION_FAULT, f"That is no code of this run: it needs {dim} numbers between commas."
        )
    else:
        _set(run_id, here, pack(code))


def _add(run_id: str, images: bool) -> None:
    tokens = _tokens(run_id)
    if len(tokens) < MOST:
        used = [image[1] for t in tokens if (image := stations.image_of(t))]
        tokens.append(stations.image_token(max(used, default=-1) + 1) if images else tokens[-1])
        _open(len(tokens) - 1)
        _keep(run_id, tokens)


def _remove(run_id: str, here: int) -> None:
    tokens = _tokens(run_id)
    if len(tokens) > LEAST and here < len(tokens):
        del tokens[here]
        _keep(run_id, tokens)


def _swap(run_id: str, here: int, by: int) -> None:
    tokens = _tokens(run_id)
    if 0 <= here + by < len(tokens):
        tokens[here], tokens[here + by] = tokens[here + by], tokens[here]
        session.put(address.STATION_OPEN, here + by)
        _keep(run_id, tokens)


# ---------------------------------------------------------------- the path


def codes_of(run: Run, model: LoadedModel) -> StoredCodes | None:
    """Codes of the images that stand for all, computed with progress where they are not kept yet."""
    codes, data = resources.codes(run), resources.images_of(run)
    if codes is None and data is not None:
        bar = st.progress(0.0, text="encoding")
        compute_codes(
            run, model, data, most=20_000,
            progress=lambda share, what: bar.progress(share, text=f"encoding {what}"),
        )  # fmt: skip
        bar.empty()
        codes = resources.codes(run)
    return codes if codes is not None and len(codes) and np.isfinite(codes.mean).all() else None


def choices(codes: StoredCodes | None) -> tuple[str, int, float]:
    left, middle, right = st.columns([1.4, 1, 1], gap="large", vertical_alignment="bottom")
    with left:
        kind = st.segmented_control(
            "Path", list(stations.KINDS), default=address.PATH.default, key=address.PATH.name, bind=address.PATH.bind, required=True,
            help="  \n".join(f"**{k}**: {v}" for k, v in HELP.items()),
        )  # fmt: skip
    with middle:
        steps = st.slider(
            "Pictures in the strip", 3, 33, address.STEPS.default, key=address.STEPS.name, bind=address.STEPS.bind,
            help="From the first station to the last; what lies beyond them is added.",
        )  # fmt: skip
    with right:
        penalty = st.select_slider(
            "Stay near the data", PENALTIES, key=address.PENALTY.name, bind=address.PENALTY.bind, disabled=codes is None,
            help="Weight of a penalty for leaving the real codes, for the geodesic: the plain one may cut through "
            "regions that the decoder never learnt.",
        )  # fmt: skip
    return kind or "linear", int(steps), float(penalty) if codes is not None else 0.0


def chosen_track(
    run: Run, model: LoadedModel, ends: np.ndarray, kind: str, penalty: float, codes: StoredCodes | None
) -> Track:
    """The path that was chosen; the straight line until a geodesic is found, which is looked for at once."""
    with st.container(height=64, border=False, key="path status"):
        if kind == "geodesic":
            real = None if codes is None else codes.mean
            search = geodesics.start(model, ends, penalty, real)
            if search.result is not None:
                _told(model, ends, penalty, search)
                return stations.track(kind, ends, search.result.codes)
            if search.error:
                text = search.error
                st.error(f"No geodesic was found: {text}", icon=":material/error:")
                if session.button("Try again", "retry geodesic", icon=":material/refresh:"):
                    geodesics.forget(model, ends, penalty)
                    st.rerun()
            else:
                searching(model, ends, penalty)
            return stations.track("linear", ends)
        words = HELP[kind]
        if all(np.allclose(ends[0], e) for e in ends):
            words = "All stations have the same code, so nothing moves between them."
        elif any(np.allclose(a, b) for a, b in pairwise(ends)):
            words = "Two stations in a row have the same code, so nothing moves between those."
        st.caption(words)
    return stations.track(kind, ends)


def _told(model: LoadedModel, ends: np.ndarray, penalty: float, search: Task[Geodesic]) -> None:
    found = search.result
    assert found is not None
    words = (
        f"Energy {found.energy[1]:,.0f} squared pixels, {found.energy[0]:,.0f} on the straight line: the picture changes "
        "as little and as evenly as was found."
    )
    if np.allclose(found.length_before, found.length_after, rtol=1e-4):
        words += " No shorter path was found than the straight line."
    if search.cancelled:
        words += " Stopped early: this is the best path so far."
    elif not found.converged:
        words += " Not settled: a longer search might shorten it further."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words)
        if search.cancelled and session.button("Go on", "again geodesic", icon=":material/refresh:"):
            geodesics.forget(model, ends, penalty)
            st.rerun()


@fragment(run_every=0.5)
def searching(model: LoadedModel, ends: np.ndarray, penalty: float) -> None:
    """Follows the search; the page is drawn anew when it is over."""
    search = geodesics.find(model, ends, penalty)
    if search is None or search.done:
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            search.share,
            text=f"looking for the geodesic: {search.words}; shown meanwhile is the straight line",
        )
        st.button(
            "Stop",
            key="stop geodesic",
            icon=":material/stop:",
            on_click=search.cancel,
            help="Keeps the best so far.",
        )


@fragment()
def view(
    run: Run,
    header: dict[str, Any],
    model: LoadedModel,
    along: Track,
    steps: int,
    codes: StoredCodes | None,
    fresh: list[bool],
) -> None:
    """The picture, its handle and strip, and under them what can be trusted; only this reruns when the handle rests."""
    keep_up(run, model, fresh)
    place = _position(along)
    moving(
        run.id, header, along.t, along.codes, low=along.low, high=along.high,
        frames=[float(t) for t in along.frames(steps)],
        marks=[(float(t), str(i + 1)) for i, t in enumerate(along.stations)], inside=(0.0, 1.0), position=place,
        key=address.PATH_PICTURE.name, on_rest=lambda: None,
    )  # fmt: skip
    told = stations.measured(model, along, None if codes is None else codes.mean)
    common: dict[str, Any] = {
        "low": along.low, "high": along.high, "stations": along.stations, "position": place,
    }  # fmt: skip
    st.plotly_chart(
        charts.along("Image change, pixels per unit of path", told.t, [("change", told.change)], unit="pixels", **common),
        key="chart change", config=PLAIN,
    )  # fmt: skip
    if codes is None:
        st.info(
            "How near the path keeps to real images, and what a probe makes of it, need this run's codes, which are not "
            "here.",
            icon=":material/image_not_supported:",
        )
        return
    assert told.support is not None
    usual = stations.usual_distance(model.stamp, codes.mean)
    st.plotly_chart(
        charts.along(
            "Distance to the nearest real code, code units", told.t, [("distance", told.support)],
            reference=("median between real codes", usual), **common,
        ),
        key="chart support", config=PLAIN,
    )  # fmt: skip
    probabilities(model, along, codes, told.t, common)


def _position(along: Track) -> float:
    """Where the handle rests: as it told, before that as the address says, at the middle otherwise."""
    kept = session.get(address.PATH_PICTURE)
    told = kept.get("position") if kept is not None and hasattr(kept, "get") else None
    if told is None:
        told = session.param(address.POSITION)
    place = float(np.clip(told if np.isfinite(told) else 0.5, along.low, along.high))
    session.set_param(address.POSITION, place)
    return place


def probabilities(
    model: LoadedModel, along: Track, codes: StoredCodes, t: np.ndarray, common: dict[str, Any]
) -> None:
    fitted = stations.probes(model.stamp, codes)
    if not fitted:
        st.info(
            "No probabilities: these images have neither labels nor factors that vary, or too few of each."
            if codes.labels is None and codes.factors is None
            else "No probabilities: a probe needs five images or more of two classes.",
            icon=":material/label_off:",
        )
        return
    by = st.selectbox(
        "Probabilities of", list(fitted), key=address.PROBE.name, bind=address.PROBE.bind, width=260
    )
    probe = fitted[by if by in fitted else next(iter(fitted))]
    values = probe.probabilities(along.at(t))
    if len(probe.names) == 2:
        lines = [(str(probe.names[1]), values[:, 1])]
    else:
        order = np.argsort(-values.max(0), kind="stable")[:10]
        lines = [(str(probe.names[i]), values[:, i]) for i in sorted(order)]
    st.plotly_chart(
        charts.along(f"Probability of {by} = {lines[0][0]}" if len(lines) == 1 else f"Probability of each {by}", t, lines, share=True, **common),
        key="chart probabilities", config=PLAIN,
    )  # fmt: skip
    st.caption(
        f"A logistic probe on the codes, right for {100 * probe.accuracy:.0f} % of images it was not fitted to; always "
        f"guessing the commonest would be right for {100 * probe.chance:.0f} %."
        + (f" Left out, with fewer than five images: {', '.join(probe.dropped)}." if probe.dropped else "")
    )


# ---------------------------------------------------------------- the three paths


def comparison(
    run: Run, model: LoadedModel, ends: np.ndarray, steps: int, penalty: float, codes: StoredCodes | None, kind: str
) -> None:  # fmt: skip
    st.subheader("The three paths", anchor=False)
    real = None if codes is None else codes.mean
    search = geodesics.find(model, ends, penalty)
    tracks = [stations.track("linear", ends), stations.track("spherical", ends)]
    if search is not None and search.result is not None:
        tracks.append(stations.track("geodesic", ends, search.result.codes))
    t = np.linspace(0, 1, min(steps, 13))
    left, right = st.columns([3, 2], gap="large")
    with left:
        for one in tracks:
            told = stations.measured(model, one, real)
            words = f"**{one.kind}** · image length {told.length:.1f} pixels"
            if told.far is not None:
                words += f" · at most {told.far:.2f} from a real code, {told.mean:.2f} on average"
            st.markdown(words)
            st.image(stations.strip(model, one, t), width="stretch", alt=f"the {one.kind} path")
        if session.button(
            "Find the geodesic", "find geodesic", icon=":material/route:", disabled=search is not None,
            help="The path along which the picture changes as little as it can; a few seconds.",
        ):  # fmt: skip
            geodesics.start(model, ends, penalty, real)
            st.rerun()
        if search is not None and search.error:
            st.error(f"No geodesic was found: {search.error}", icon=":material/error:")
        elif search is not None and not search.done and kind != "geodesic":  # or it is followed above
            waiting(model, ends, penalty)
        st.caption(
            "Image length sums the change of the decoded picture along the path: the root of the summed squared "
            "differences of pixels, step by step. A short path may still leave the data."
            + ("" if codes is None else f" Real codes are those of {len(codes):,} images.")
        )
    with right:
        _map(model, codes, tracks, ends)


@fragment(run_every=0.5)
def waiting(model: LoadedModel, ends: np.ndarray, penalty: float) -> None:
    search = geodesics.find(model, ends, penalty)
    if search is None or search.done:
        st.rerun(scope="app")
    st.progress(search.share, text=f"looking for the geodesic: {search.words}")


def _map(model: LoadedModel, codes: StoredCodes | None, tracks: list[Track], ends: np.ndarray) -> None:
    if codes is None:
        st.info("The paths are drawn on a map where this run's codes are known.", icon=":material/map:")
        return
    t = np.linspace(0, 1, 65)
    try:
        if model.latent_dim == 2:
            projection.check_codes(codes.mean, 3)

            def flat(z: np.ndarray) -> np.ndarray:
                return z

            x, y, title = "z0", "z1", "The paths among the codes"
        else:
            found = projection.pca(codes.mean)
            assert found.mean is not None
            assert found.axes is not None
            assert found.explained is not None
            mean, axes, explained = found.mean, found.axes, found.explained

            def flat(z: np.ndarray) -> np.ndarray:
                return (z - mean) @ axes.T

            x, y = (
                f"{w} component ({100 * s:.0f} %)"
                for w, s in zip(("first", "second"), explained, strict=True)
            )
            title = "The paths on two components of the codes"
    except TooFewPoints as error:
        st.info(boundary.sentence(error), icon=":material/scatter_plot:")
        return
    some = codes.mean[np.linspace(0, len(codes) - 1, min(3000, len(codes))).astype(int)]
    st.plotly_chart(
        charts.paths_on_map(
            flat(some), [(one.kind, flat(one.at(t))) for one in tracks], flat(ends), x=x, y=y, title=title
        ),
        key="map of paths", config=PLAIN,
    )  # fmt: skip


# ---------------------------------------------------------------- attribute directions


def directions(
    run: Run,
    header: dict[str, Any],
    model: LoadedModel,
    met: list[image_picker.EncodedImage],
    codes: StoredCodes | None,
) -> None:
    st.subheader("Attribute directions", anchor=False)
    st.caption(
        "The mean code of one group of images minus that of another, added to a station's code with a chosen strength: "
        "what makes the groups differ, and whatever else differs with it."
    )
    saved = read_groups(run)
    names = [] if codes is None else stations.attributes(codes, saved)
    if codes is None or not names:
        st.info(
            "A direction needs codes of images with labels or factors that vary, or of a group saved on the map; this run "
            "has none.",
            icon=":material/label_off:",
        )
        return
    push(run, header, model, met, codes, names, saved, [True])


@fragment()
def push(
    run: Run,
    header: dict[str, Any],
    model: LoadedModel,
    met: list[image_picker.EncodedImage],
    codes: StoredCodes,
    names: list[str],
    saved: dict[str, np.ndarray],
    fresh: list[bool],
) -> None:
    keep_up(run, model, fresh)
    columns = st.columns(4)
    with columns[0]:
        attribute = _choice("Attribute", names, address.ATTRIBUTE)
    first, second = stations.sides(codes, attribute, saved)
    with columns[1]:
        a = _choice("Group A", list(first), address.GROUP_A)
    with columns[2]:
        b = _choice("minus group B", [n for n in second if n != a], address.GROUP_B)
    with columns[3]:
        at = _choice("on", [f"station {i + 1}" for i in range(len(met))], address.ON)
    try:
        parts = stations.groups(codes, attribute, a, b, saved)
        direction, leaks = stations.leaks(model.stamp, codes, parts)
    except VaeCoreError as error:
        st.warning(boundary.sentence(error), icon=":material/groups:")
        return
    code = met[int(at.split()[1]) - 1].code
    strengths = np.array([-3.0, 0.0, 3.0])
    walk = (code + strengths[:, None] * direction).astype(np.float32)
    walk[1] = code
    seen, told = st.columns([3, 2], gap="large")
    with seen:
        moving(
            run.id, header, strengths, walk, low=-3.0, high=3.0,
            frames=[float(v) for v in np.linspace(-3, 3, 13)], marks=[(0.0, "0")], inside=(-3.0, 3.0), position=0.0,
            name="strength", picture="image along the direction", key="direction picture",
        )  # fmt: skip
        st.caption(
            f"Strength 1 adds the whole difference, {parts.words}: {parts.a.sum():,} and {parts.b.sum():,} images, a step of "
            f"{np.linalg.norm(direction):.2f} in the code."
        )
    with told:
        if not leaks:
            st.info(
                "No probe could be fitted, so what else changes is not known.", icon=":material/label_off:"
            )
            return
        change, low, high = (
            np.array([getattr(leak, f) for leak in leaks]) for f in ("change", "low", "high")
        )
        names = [leak.name for leak in leaks]
        st.plotly_chart(
            charts.leakage(names, change, low, high, "change of probability at strength 1"),
            key="chart leakage", config=PLAIN,
        )  # fmt: skip
        st.caption(
            "Mean change of each probe over real codes, with 95 % bootstrap intervals; grey where the interval holds 0. Of a "
            "probe with several classes it is half the summed change of all, never negative, and grey where groups dealt at "
            "random from the same images would do as much. A bar other than the attribute's own is what comes along with it."
        )


def _choice(label: str, options: list[str], key: Key[str]) -> str:
    """A choice whose options depend on others: one that is no longer offered gives way to the first.

    The address follows by hand, since a bound widget could not let go of what is no longer offered.
    """
    wanted = session.get(key) or session.param(key)
    session.put(key, wanted if wanted in options else options[0])
    picked = str(st.selectbox(label, options, key=key.name))
    session.set_param(key, "" if picked == options[0] else picked)
    return picked


# ---------------------------------------------------------------- to take away


def take_away(name: str, model: LoadedModel, along: Track) -> None:
    st.subheader("Take it away", anchor=False)
    export(name, model, along)


@fragment()
def export(name: str, model: LoadedModel, along: Track) -> None:
    from vae_core import animation

    columns = st.columns([1.3, 1, 1, 1, 1.3], vertical_alignment="bottom")
    with columns[0]:
        form = str(st.selectbox("As", list(FILES), key=address.EXPORT_AS.name, bind=address.EXPORT_AS.bind))
    film = form in ("GIF", "MP4")
    with columns[1]:
        frames = int(st.number_input("Frames", 2, 400, address.FRAMES.default, key=address.FRAMES.name, bind=address.FRAMES.bind, help="Evenly spaced, both ends included."))  # fmt: skip
    with columns[2]:
        size = int(st.number_input("Size, pixels", 16, 1024, address.SIZE.default, 16, key=address.SIZE.name, bind=address.SIZE.bind, disabled=form == "codes (npz)"))  # fmt: skip
    with columns[3]:
        fps = int(st.number_input("Frames a second", 1, 50, address.FPS.default, key=address.FPS.name, bind=address.FPS.bind, disabled=not film))  # fmt: skip
    further = along.low < 0 or along.high > 1
    with columns[4], st.container(gap="xxsmall"):
        back = st.checkbox(
            "There and back",
            value=address.BACK.default,
            key=address.BACK.name,
            bind=address.BACK.bind,
            disabled=not film,
        )
        beyond = st.checkbox(
            "Beyond the ends", key=address.BEYOND.name, bind=address.BEYOND.bind, disabled=not further,
            help="From where the handle begins to where it ends, not just from the first station to the last. A geodesic "
            "ends at its stations.",
        )  # fmt: skip
    ends = (along.low, along.high) if beyond and further else (0.0, 1.0)
    possible = form != "MP4" or animation.ffmpeg() is not None
    key = (model.stamp, along.kind, along.codes.tobytes(), ends, form, frames, size, fps, back)
    ready = session.get(address.EXPORT)
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.button(
            "Make the file", "make file", icon=":material/movie:", type="primary", disabled=not possible
        ):
            ready = _made(model, along, ends, form, frames, size, fps, bool(back) and film, key)
        fresh = ready is not None and ready[0] == key
        suffix, mime = FILES[form]
        st.download_button(
            f"Download {form}", ready[1] if fresh else b"", f"{name}-{along.kind}.{suffix}", mime, disabled=not fresh,
            icon=":material/download:", on_click="ignore", key="download path",
        )  # fmt: skip
        if not possible:
            st.caption(
                "MP4 needs ffmpeg, and none is shipped for this platform: install ffmpeg on the path, or take a GIF."
            )
        elif fresh:
            st.caption(f"{len(ready[1]) / 1024:,.0f} KB, ready.")
        else:
            st.caption("Make the file first; it is made anew for every change.")


def _made(
    model: LoadedModel, along: Track, ends: tuple[float, float], form: str, frames: int, size: int, fps: int, back: bool,
    key: tuple,
) -> tuple[tuple, bytes] | None:  # fmt: skip
    """The file's bytes, with progress over decoding and writing; None after saying what went wrong."""
    from vae_core import animation

    bar = st.progress(0.0, text="decoding")

    def part(low: float, high: float) -> Progress:
        return lambda share, what: bar.progress(low + (high - low) * float(np.clip(share, 0, 1)), text=what)

    t = np.linspace(*ends, frames)
    path = along.at(t)
    try:
        if form == "codes (npz)":
            made = animation.npz_of(path, t, along.at(along.stations), along.kind, progress=part(0, 1))
        else:
            images, rest = stations.decoded(model, path, part(0, 0.5)), part(0.5, 1)
            film = np.concatenate((images, images[-2:0:-1])) if back else images
            write: dict[str, Callable[[], bytes]] = {
                "GIF": lambda: animation.gif(film, size=size, fps=fps, progress=rest),
                "MP4": lambda: animation.mp4(film, size=size, fps=fps, progress=rest),
                "PNG strip": lambda: animation.png_strip(images, size=size, progress=rest),
                "frames (zip)": lambda: animation.zip_of_frames(images, size=size, progress=rest),
            }
            made = write[form]()
    except VaeCoreError as error:
        boundary.show(error)
        return None
    finally:
        bar.empty()
    session.put(address.EXPORT, (key, made))
    return key, made


page()
