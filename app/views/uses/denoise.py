"""Denoise: the same test images under more and more noise, and what each method makes of them; images of one's own."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
import streamlit as st

from app.boundary import fragment, plain, sentence
from app.components.scrub import frame, frames, scrub
from app.services import denoising
from app.services import uses as work
from app.services.uploads import PICTURES
from app.state import address, session
from app.views.uses.shared import View, numbers, said
from vae_core import pictures
from vae_core.errors import VaeCoreError
from vae_core.uses.denoise import TRAINED
from vae_core.uses.denoise_filters import BRIGHTENED, NOISY

UPLOAD = address.USE_UPLOAD.of("denoise")
CLEAN = "clean image"
LEAST = 96  # pixels an image that was handed over is wide


def draw(view: View) -> None:
    """The pictures over the level first, what is said of them, then one's own images and the numbers."""
    _slider(view)
    said(view)
    own, table, filters = st.tabs(["An image of yours", "Numbers", "What filters chose"])
    with own:
        _own(view)
    with table:
        numbers(view)
    with filters:
        _filters(view)
    with view.menu:
        st.download_button(
            "Pictures (PNG)", lambda: _sheet(view), f"{view.run.name}-denoise.png", "image/png", icon=":material/image:",
            on_click="ignore", help="A row for each method, the clean images first, at the middle level.",
        )  # fmt: skip


def _slider(view: View) -> None:
    more, shown = view.found.more, view.found.pictures
    noise, levels, methods = more["noise"], more["levels"], more["methods"]
    symbol, count, side = noise["symbol"], shown["clean"].shape[0], shown["clean"].shape[3]
    of = {(row.method, row.metric, row.at[symbol]): row for row in view.found.rows}
    ours = {row.method for row in view.found.rows if row.ours}
    order = [NOISY, TRAINED, *(m for m in methods if m in ours and m != TRAINED)]
    order += [m for m in methods if m not in order]

    def notes(method: str) -> list[str]:
        return [f"{of[method, 'PSNR', level].value or 0.0:.1f} dB" for level in levels]

    rows = [
        {
            "name": CLEAN,
            "ours": False,
            "frames": [frame(shown["clean"])],
            "notes": [],
            "count": count,
            "side": side,
        }
    ]
    rows += [
        {
            "name": method, "ours": method in ours, "frames": frames(list(shown[str(methods.index(method))])),
            "notes": notes(method), "count": count, "side": side,
        }
        for method in order if method != BRIGHTENED
    ]  # fmt: skip
    scrub(
        {
            "name": f"denoise {view.run.id} {noise['title']} {levels}",
            "title": f"{noise['title']}, {symbol} ({noise['unit']})",
            "labels": [f"{symbol} {level:g}" for level in levels],
            "start": len(levels) // 2,
            "rows": rows,
            "chart": {
                "title": "PSNR over the level",
                "x": f"{symbol}, {noise['unit']}",
                "y": "dB",
                "at": levels,
                "lines": [_line(method, method in ours, levels, of) for method in order if method != NOISY],
                "bars": [],
            },
            "table": {
                "columns": ["", "PSNR (dB)", "SSIM"],
                "rows": [
                    [[m, f"{of[m, 'PSNR', level].value or 0.0:.1f}", f"{of[m, 'SSIM', level].value or 0.0:.3f}"] for m in order]
                    for level in levels
                ],
            },
        },
        key=address.USE_TOLD.of("denoise").name,
    )  # fmt: skip


def _line(method: str, ours: bool, levels: list[float], of: dict[Any, Any]) -> dict[str, Any]:
    rows = [of[method, "PSNR", level] for level in levels]
    return {
        "name": method, "ours": ours, "x": levels, "y": [r.value for r in rows], "low": [r.low for r in rows],
        "high": [r.high for r in rows],
    }  # fmt: skip


@fragment()
def _own(view: View) -> None:
    """Upload, denoise, take away."""
    name = str(view.found.more["denoiser"])
    side = view.found.pictures["clean"].shape[3]
    files = session.upload(
        "Noisy images", PICTURES, accept_multiple_files=True, key=UPLOAD.name,
        help=f"Each is cut to its middle square and scaled to {side} × {side} pixels, in the colours this run knows.",
    )  # fmt: skip
    mine = view.run.id == session.run().id  # of another run it cannot be followed here
    if denoising.denoiser(view.run, name) is None and mine:
        st.caption("The VAE trained to denoise is not on this machine; measuring trains and keeps it.")
        if session.button("Train it", "train denoiser", writes=True, icon=":material/play_arrow:"):
            work.start(view.run, view.use, view.settings)
            st.rerun(scope="app")
    if not files:
        return
    try:
        found = denoising.denoised(
            view.run, view.settings.beta, name, [(file.name, file.getvalue()) for file in files]
        )
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    for note in found.notes:
        st.caption(plain(note))
    rows = {"as given": found.given, **found.methods}
    for place, (title, images) in zip(st.columns(len(rows)), rows.items(), strict=True):
        with place:
            st.caption(plain(title))
            st.image(
                pictures.strip(images, LEAST if len(images) > 1 else 2 * LEAST), width="content", alt=title
            )
            if title in found.methods:
                _take(view, found.names, title, images)


def _take(view: View, names: tuple[str, ...], method: str, images: np.ndarray) -> None:
    """One image as it is, several in an archive."""
    if len(images) == 1:
        name, kind = f"{PurePath(names[0]).stem}-denoised.png", "image/png"
    else:
        name, kind = f"{view.run.name}-denoised.zip", "application/zip"

    def data() -> bytes:
        return pictures.encode_png(images[0]) if len(images) == 1 else _zip(names, images)

    st.download_button(
        f"Save: {method}",
        data,
        name,
        kind,
        icon=":material/download:",
        on_click="ignore",
        key=f"take {method}",
    )


def _zip(names: tuple[str, ...], images: Any) -> bytes:
    return pictures.png_zip(
        (f"{i:02}-{PurePath(name).stem}-denoised.png", image)
        for i, (name, image) in enumerate(zip(names, images, strict=True), 1)
    )


def _sheet(view: View) -> bytes:
    shown, middle = view.found.pictures, len(view.found.more["levels"]) // 2
    rows = [
        shown["clean"],
        *(shown[str(i)][middle] for i in range(len(view.found.more["methods"])) if str(i) in shown),
    ]
    return pictures.grid(np.stack(rows), 64)


def _filters(view: View) -> None:
    """What each filter was set to, by level."""
    symbol = view.found.more["noise"]["symbol"]
    st.dataframe(
        [{symbol: level, **chosen} for level, chosen in view.found.more["tuned"].items()],
        hide_index=True,
        height="content",
    )
    st.caption("Each was tuned on validation images with the same noise at the same level.")
