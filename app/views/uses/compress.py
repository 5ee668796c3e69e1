"""Compress: the same images from files of fewer and fewer bytes; images to be packed, and files to be opened again."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from app import layout
from app.boundary import fragment, plain, sentence
from app.components.scrub import frame, frames, scrub
from app.plots.figure import PLAIN
from app.plots.uses_compress import quality_over_bytes
from app.services import models, packing
from app.services.uploads import PICTURES
from app.state import address, session
from app.views.uses.shared import View, numbers, said
from app.words import number
from vae_core.errors import VaeCoreError
from vae_core.uses.compress import STEPS, VAE, kept_table, name_in, setting_of
from vae_core.uses.compress_file import ENDING, MOST_IMAGES
from vae_core.words import counted

START = 3  # the step that rounds as much as the posterior spreads
SEEN = 60  # images of an opened file that are shown
COUNT, STEP, SOURCE = (address.USE_TOLD.of(f"compress {name}") for name in ("count", "step", "source"))
FILES, FILE = address.USE_UPLOAD.of("compress pictures"), address.USE_UPLOAD.of("compress file")
MADE = address.USE_MADE.of("compress")
TEST, UPLOAD = "test images", "pictures of mine"


def draw(view: View) -> None:
    """The pictures over the grid's step first, what is said of them, then files and numbers."""
    _slider(view)
    said(view)
    packing_, curve, table = st.tabs(["Pack and open", "Bytes and quality", "Numbers"])
    with packing_:
        left, right = st.columns(2, gap="large")
        with left:
            _pack(view)
        with right:
            _open(view)
    with curve:
        for place, metric in zip(st.columns(2), ("PSNR", "SSIM"), strict=True):
            with place:
                layout.chart(
                    quality_over_bytes(view.found.more["curves"], metric, name_in(view.found)), config=PLAIN, key=f"compress {metric} of {view.run.id}"
                )  # fmt: skip
    with table:
        _numbers(view)


def _numbers(view: View) -> None:
    """At equal quality, what the model promises, and every file."""
    equal = [row for row in view.found.rows if str(row.at.get("setting", "")).startswith("at ")]
    files = [
        row
        for row in view.found.rows
        if row not in equal and row.metric in ("bytes", "PSNR", "SSIM") and "rate" not in row.method
    ]
    rest = [row for row in view.found.rows if row not in equal and row not in files]
    for title, rows in (
        ("At equal quality", equal),
        ("Promised, and what a decoder takes", rest),
        ("Every file", files),
    ):
        if rows:
            st.markdown(f"**{title}**")
            numbers(view, rows)


def _width(view: View) -> str:
    """What a step of the grid is counted in: an autoencoder's codes have no width."""
    return "widths of the posterior" if name_in(view.found) == VAE else "eighths of the codes' spread"


def _slider(view: View) -> None:
    seen, shown, ours = view.found.more["seen"], view.found.pictures, name_in(view.found)
    count, side = shown["original"].shape[0], shown["original"].shape[3]

    def note(point: dict[str, Any]) -> str:
        return f"{number(point['bytes'])} bytes, {number(point['PSNR'])} dB"

    def row(name: str, ours: bool, pictures: list[str], notes: list[str]) -> dict[str, Any]:
        return {"name": name, "ours": ours, "frames": pictures, "notes": notes, "count": count, "side": side}

    curves = view.found.more["curves"]
    codes = curves[ours][::-1]  # from the coarsest grid on, so that hand and chart go the same way
    rows = [
        row("Images", False, [frame(shown["original"])], []),
        row(ours, True, frames(list(shown[ours][::-1])), [note(p) for p in seen[ours][::-1]]),
        row(
            "PCA, as many bytes",
            False,
            frames(list(shown["PCA"][::-1])),
            [note(p) for p in seen["PCA"][::-1]],
        ),
        *(
            row(f"{kind}, its smallest", False, [frame(shown[kind])], [note(seen[kind])] * len(STEPS))
            for kind in ("JPEG", "WebP")
        ),
    ]
    lines = [
        {
            "name": name, "ours": name == ours, "x": [math.log10(p["bytes"]) for p in points], "y": [p["PSNR"] for p in points],
            "low": [p["low"] for p in points], "high": [p["high"] for p in points],
        }
        for name, points in ((k, sorted(curves[k], key=lambda p: p["bytes"])) for k in (ours, "PCA"))
    ]  # fmt: skip
    near, least = [p["PSNR"] for p in codes], math.log10(min(p["bytes"] for p in codes)) - 0.2
    scrub(
        {
            "name": f"compress {view.run.id} {view.found.more['images']}",
            "title": f"Grid, from coarse to fine: its step in {_width(view)}",
            "labels": [
                setting_of(step).removeprefix("step ").removesuffix(" widths") for step in STEPS[::-1]
            ],
            "start": len(STEPS) - 1 - START,
            "rows": rows,
            "chart": {
                "title": "PSNR over bytes, of codes and of PCA",
                "x": "bytes per image, on a logarithmic scale",
                "y": "dB",
                "at": [math.log10(p["bytes"]) for p in codes],
                "ticks": [number(p["bytes"], 2) for p in codes],
                "lines": [_within(line, least, max(near) + 4) for line in lines],
                "bars": [],
            },
            "table": None,
        },
        key=address.USE_TOLD.of(f"compress slider {view.run.id}").name,
    )


def _within(line: dict[str, Any], least: float, best: float) -> dict[str, Any]:
    """A line where it is near the codes' own: PCA goes on to what no slider reaches."""
    some = [
        i
        for i, (size, quality) in enumerate(zip(line["x"], line["y"], strict=True))
        if size >= least and quality <= best
    ]
    return line | {key: [line[key][i] for i in some] for key in ("x", "y", "low", "high")}


@fragment()
def _pack(view: View) -> None:
    st.markdown("**Pack images into a file**")
    source = st.segmented_control(
        "From", [TEST, UPLOAD], default=TEST, key=SOURCE.name, required=True, label_visibility="collapsed"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        step = st.selectbox(
            "Step of the grid", range(len(STEPS)), index=START, format_func=lambda k: setting_of(STEPS[k]).removeprefix("step "),
            key=STEP.name, help=f"In {_width(view)}. The wider, the fewer bytes.", width=150,
        )  # fmt: skip
        if source == TEST:
            count = st.number_input("Images", 1, MOST_IMAGES, 100, key=COUNT.name, width=150)
        else:
            files = session.upload(
                "Pictures, 1 to 1,000", PICTURES, accept_multiple_files=True, key=FILES.name
            )
    if session.button("Pack", "pack images", icon=":material/compress:", type="primary"):
        try:
            beta = view.settings.beta
            if source == TEST:
                images = packing.test_images(view.run, int(count))
                if images is None:
                    st.info(
                        "This run's images are not on this machine: pack pictures of yours.",
                        icon=":material/info:",
                    )
                    return
            else:
                model = models.model_at(view.run, beta)
                images = packing.uploads(model, [(file.name, file.getvalue()) for file in files])
            data = packing.pack(view.run, beta, kept_table(view.found, step), images)
            session.put(MADE, (view.run.id, len(images), images.nbytes, data))
        except VaeCoreError as error:
            st.error(sentence(error), icon=":material/error:")
            return
    made = session.get(MADE)
    if made and made[0] == view.run.id:
        _, many, raw, data = made
        st.markdown(
            f"{counted(many)}: **{counted(len(data), 'byte')}**, {number(len(data) / many)} an image; {number(raw / len(data))} times "
            "smaller than their pixels."
        )
        st.download_button(
            "Save the file", data, f"{view.run.name}{ENDING}", "application/octet-stream", icon=":material/download:", on_click="ignore"
        )  # fmt: skip


@fragment()
def _open(view: View) -> None:
    st.markdown("**Open a file again**")
    file = session.upload(
        f"A {ENDING} file that was packed with {plain(view.run.name)}", type=[ENDING[1:]], key=FILE.name,
        help="It takes the very weights that packed it, and nothing else.",
    )  # fmt: skip
    if file is None:
        return
    try:
        images = packing.unpack(view.run, view.settings.beta, file.getvalue())
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    some = images[:SEEN]
    across = min(len(some), 12 if images.shape[3] <= 40 else 6)
    st.image(packing.as_sheet(some, across, 48), alt=f"{counted(len(some))} from the file")
    st.caption(f"{counted(len(images))}" + (f", the first {SEEN} shown" if len(images) > SEEN else ""))
    with st.container(horizontal=True):
        st.download_button(
            "Images (zip of PNG)", lambda: packing.as_zip(images), f"{view.run.name}-opened.zip", "application/zip",
            icon=":material/folder_zip:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "One sheet (PNG)", lambda: packing.as_sheet(images, math.ceil(len(images) ** 0.5)), f"{view.run.name}-opened.png", "image/png",
            icon=":material/image:", on_click="ignore",
        )  # fmt: skip
