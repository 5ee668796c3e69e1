"""A path as a file: GIF, MP4, strip, frames or codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from app import boundary
from app.boundary import fragment
from app.state import address, session
from app.views.interpolate.tracks import Track, decoded
from vae_core.data.imageset import Progress
from vae_core.errors import VaeCoreError
from vae_core.inference import LoadedModel

FILES = {
    "GIF": ("gif", "image/gif"), "MP4": ("mp4", "video/mp4"), "PNG strip": ("png", "image/png"),
    "frames (zip)": ("zip", "application/zip"), "codes (npz)": ("npz", "application/octet-stream"),
}  # fmt: skip


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
        size = int(st.number_input("Size, pixels", 16, 1024, address.SIZE.default, 16, key=address.SIZE.name, bind=address.SIZE.bind, disabled=form == "codes (npz)", help="Codes are numbers: they have no size." if form == "codes (npz)" else "Of each picture."))  # fmt: skip
    with columns[3]:
        fps = int(st.number_input("Frames a second", 1, 50, address.FPS.default, key=address.FPS.name, bind=address.FPS.bind, disabled=not film, help="Of a GIF or an MP4."))  # fmt: skip
    further = along.low < 0 or along.high > 1
    with columns[4], st.container(gap="xxsmall"):
        back = st.checkbox(
            "There and back",
            value=address.BACK.default,
            key=address.BACK.name,
            bind=address.BACK.bind,
            disabled=not film,
            help="Of a GIF or an MP4.",
        )
        beyond = st.checkbox(
            "Beyond the ends", key=address.BEYOND.name, bind=address.BEYOND.bind, disabled=not further,
            help="From where the handle begins to where it ends, not just from the first waypoint to the last. A geodesic "
            "ends at its waypoints.",
        )  # fmt: skip
    ends = (along.low, along.high) if beyond and further else (0.0, 1.0)
    possible = form != "MP4" or animation.ffmpeg() is not None
    key = (model.stamp, along.kind, along.codes.tobytes(), ends, form, frames, size, fps, back)
    ready = session.get(address.EXPORT)
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.button(
            "Make the file", "make file", icon=":material/movie:", type="primary", disabled=not possible
        ):
            ready = encoded_file(model, along, ends, form, frames, size, fps, bool(back) and film, key)
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


def encoded_file(
    model: LoadedModel, along: Track, ends: tuple[float, float], form: str, frames: int, size: int, fps: int, back: bool,
    key: tuple[Any, ...],
) -> tuple[tuple[Any, ...], bytes] | None:  # fmt: skip
    """The file's bytes, with progress over decoding and writing; None after saying what went wrong."""
    from vae_core import animation

    bar = st.progress(0.0, text="decoding")

    def part(low: float, high: float) -> Progress:
        return lambda share, what: bar.progress(low + (high - low) * float(np.clip(share, 0, 1)), text=what)

    t = np.linspace(*ends, frames)
    path = along.at(t)
    try:
        if form == "codes (npz)":
            made = animation.npz_of(path, t, along.at(along.waypoints), along.kind, progress=part(0, 1))
        else:
            images, rest = decoded(model, path, part(0, 0.5)), part(0.5, 1)
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
