"""Synthesize: what each way draws over the temperature, the nearest training image under each, classes, and copies."""

from __future__ import annotations

import csv
import io

import numpy as np
import streamlit as st

from app import layout, words
from app.boundary import plain
from app.components.scrub import frames, scrub
from app.plots.figure import PLAIN
from app.plots.uses_synthesize import distances
from app.state import address
from app.views.uses.shared import View, numbers, said
from vae_core import pictures

USUAL = 1.0  # temperature that the slider begins at


def draw(view: View) -> None:
    """Pictures, what they say, classes, the histogram, numbers; grids and folders to take away."""
    _slider(view)
    said(view)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _classes(view)
    with right:
        _histogram(view)
    _unseen(view)
    with st.expander("All numbers", icon=":material/table:"):
        numbers(view, [row for row in view.found.rows if "temperature" in row.at])
    _exports(view)


def _slider(view: View) -> None:
    more, images = view.found.more, view.found.pictures
    temperatures: list[float] = more["temperatures"]
    rows = []
    for way in more["ways"]:
        made, near = images[f"drawn {way['name']}"], images[f"nearest {way['name']}"]
        far = more["drawn"][way["name"]]["distances"]
        side = made.shape[-1]
        rows.append(
            {"name": way["name"], "ours": way["ours"], "frames": frames(list(made)), "notes": [], "count": made.shape[1], "side": side}
        )  # fmt: skip
        rows.append(
            {
                "name": "nearest training images", "ours": False, "frames": frames(list(near)), "count": near.shape[1], "side": side,
                "notes": [f"distance {words.number(min(d), 2)} to {words.number(max(d), 2)}" for d in far],
            }
        )  # fmt: skip
    start = int(np.abs(np.array(temperatures) - USUAL).argmin())
    scrub(
        {
            "name": f"{view.run.id} {view.use.name}", "title": "Temperature", "labels": [f"{t:g}" for t in temperatures],
            "start": start, "rows": rows, "chart": _chart(view), "table": _table(view),
        },
        address.USE_TOLD.of("synthesize").name,
    )  # fmt: skip


def _chart(view: View) -> dict[str, object] | None:
    """The Fréchet distance over the temperature."""
    temperatures: list[float] = view.found.more["temperatures"]
    lines = []
    for way in view.found.more["ways"]:
        mine = [
            r for t in temperatures for r in view.found.of("Fréchet distance", {"temperature": t}) if r.method == way["name"]
        ]  # fmt: skip
        if len(mine) == len(temperatures):
            lines.append(
                {"name": way["name"], "ours": way["ours"], "x": temperatures, "y": [r.value for r in mine],
                 "low": [r.low for r in mine], "high": [r.high for r in mine]}
            )  # fmt: skip
    if not lines:
        return None
    return {"title": "Fréchet distance: lower is more like the images", "x": "temperature", "y": "", "at": temperatures,
            "lines": lines, "bars": []}  # fmt: skip


def _table(view: View) -> dict[str, object]:
    """Copies and right classes of each way, at each temperature."""
    titles = {"copies": "copies", "copies, blur allowed": "blur allowed", "right class": "right class"}
    known = {metric: title for metric, title in titles.items() if view.found.of(metric)}
    tables = []
    for temperature in view.found.more["temperatures"]:
        lines = []
        for way in view.found.more["ways"]:
            cells = [_share(view, metric, temperature, way["name"]) for metric in known]
            lines.append([way["name"], *cells])
        tables.append(lines)
    return {"columns": ["of those drawn", *known.values()], "rows": tables}


def _share(view: View, metric: str, temperature: float, method: str) -> str:
    rows = [r for r in view.found.of(metric, {"temperature": temperature}) if r.method == method]
    return f"{rows[0].value:.1%}" if rows and rows[0].value is not None else ""


def _unseen(view: View) -> None:
    """The combination that was left out: what was asked for, what was drawn, the nearest image that was seen, and its numbers."""
    more, images = view.found.more.get("unseen"), view.found.pictures
    if not more:
        return
    st.markdown(
        f"**What it never saw**: {plain(more['words'])}, left out of training ({more['left']:,} images, at {more['side']} pixels)."
    )
    kinds = [(kind, kind if kind == "PCA" else f"the {kind}") for kind in more["kinds"]]
    lines = [
        ("sources", "images to be moved there"), *((f"moved {kind}", f"moved by {who}") for kind, who in kinds),
        ("asked", "real ones, never seen"), *((f"again {kind}", f"drawn again by {who}") for kind, who in kinds),
        ("nearest seen", "nearest image that was seen"),
    ]  # fmt: skip
    left, right = st.columns([3, 2], gap="medium")
    with left:
        for name, who in lines:
            text, picture = st.columns([2, 5], vertical_alignment="center", gap="small")
            text.caption(who)
            picture.image(pictures.strip(images[f"unseen {name}"], 48), alt=who)
    with right:
        numbers(view, metrics=("combination", "error"))


def _classes(view: View) -> None:
    grid = view.found.pictures.get("classes")
    if grid is None:
        return
    st.markdown("**Asked for by class**, at temperature 0.7: the same noise in every row.")
    names = view.found.more["class names"]
    size = max(1, 400 // (grid.shape[0] * grid.shape[-1]))
    st.image(
        pictures.grid(grid, max(32, size * grid.shape[-1])), alt="pictures asked for by class, a row a class"
    )
    st.caption("From the top: " + ", ".join(plain(name) for name in names) + ".")


def _histogram(view: View) -> None:
    more = view.found.more
    names = [way["name"] for way in more["ways"]]
    chosen = st.selectbox(
        "Drawn from", names, key=address.USE_CHOICE.of("synthesize-way").name, bind=address.USE_CHOICE.of("synthesize-way").bind,
        label_visibility="collapsed",
    )  # fmt: skip
    at = int(np.abs(np.array(more["temperatures"]) - USUAL).argmin())
    counts = {"real test images": more["tests"]["distances"], "test images, reconstructed": more["tests"]["reconstructed"],
              f"{chosen}, temperature {more['temperatures'][at]:g}": more["drawn"][chosen]["counts"][at]}  # fmt: skip
    counts = {name: some for name, some in counts.items() if sum(some)}
    layout.chart(
        distances(more["edges"], counts, ["real test images"], more["line"]),
        config=PLAIN,
        key="synthesize distances",
    )


# ---------------------------------------------------------------- to take away


def _exports(view: View) -> None:
    name = f"{view.run.name}-drawn"
    with view.menu:
        st.download_button(
            "Grid (PNG)", lambda: _grid(view), f"{name}.png", "image/png", icon=":material/grid_view:", on_click="ignore",
            help="A row for each way and temperature.",
        )  # fmt: skip
        st.download_button(
            "Folder (ZIP)", lambda: _folder(view), f"{name}.zip", "application/zip", icon=":material/folder_zip:",
            on_click="ignore", help="Every image shown as a PNG, and a table of the nearest training image of each.",
        )  # fmt: skip


def _grid(view: View) -> bytes:
    rows = [view.found.pictures[f"drawn {way['name']}"] for way in view.found.more["ways"]]
    return pictures.grid(np.concatenate(rows))


def _folder(view: View) -> bytes:
    more, table = view.found.more, io.StringIO()
    lines = csv.writer(table)
    lines.writerow(("file", "way", "temperature", "nearest training image", "distance"))
    files: list[tuple[str, np.ndarray | bytes]] = []
    for way in more["ways"]:
        name, short = way["name"], way["name"].replace(", ", " ").replace(" ", "-")
        for t, temperature in enumerate(more["temperatures"]):
            for i, image in enumerate(view.found.pictures[f"drawn {name}"][t]):
                files.append((f"{short}/temperature-{temperature:g}-{i:02d}.png", image))
                near = more["drawn"][name]
                lines.writerow(
                    (files[-1][0], name, temperature, near["numbers"][t][i], near["distances"][t][i])
                )
    return pictures.png_zip([*files, ("images.csv", table.getvalue().encode())])
