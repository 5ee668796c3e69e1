"""A table of pictures that fits the window: a column a model, a row a kind of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from app.layout import PHONE
from app.services import array_store

STYLE = f"""<style>
.compare {{ display: grid; grid-template-columns: 7.6rem repeat(var(--columns), minmax(0, 1fr)); gap: 0.4rem 0.7rem;
  align-items: start; font-size: 0.85rem; line-height: 1.25; }}
.compare :is([role="row"], [role="cell"]:not(.corner)) {{ display: contents; }}
.compare .head {{ min-width: 0; }}
.compare .head b, .compare .head small {{ display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.compare small {{ font-size: 0.78rem; opacity: 0.8; }}
.compare .row small {{ display: block; }}
.compare figure {{ margin: 0; min-width: 0; max-height: var(--high); display: flex; flex-direction: column; }}
.compare img {{ display: block; width: 100%; height: auto; min-height: 0; flex: 0 1 auto; object-fit: contain; object-position: left top; border-radius: 3px; }}
.compare figcaption {{ flex: none; padding-top: 0.1rem; font-variant-numeric: tabular-nums; }}
@media (max-width: {PHONE}) {{
  .compare {{ grid-template-columns: repeat(var(--columns), minmax(8rem, 1fr)); overflow-x: auto; }}
  .compare .row {{ grid-column: 1 / -1; position: sticky; left: 0; }}
  .compare .corner {{ display: none; }}
  .compare figure {{ max-height: none; }}
}}
</style>"""


@dataclass(frozen=True)
class Cell:
    """A picture and what it shows; where there is none, `words` say why, and beneath one, what was measured of it."""

    png: bytes | None
    alt: str
    words: str = ""


@dataclass(frozen=True)
class Row:
    """A row's name, what it shows in half a sentence, and a cell a column."""

    name: str
    words: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Head:
    """A column's heading, a smaller line under it, and what a mouse that rests there is told."""

    title: str
    line: str
    more: str = ""


def table(heads: Sequence[Head], rows: Sequence[Row], *, under: float) -> None:
    """Draw it as high as the window leaves below `under` rem; on a phone it scrolls sideways."""
    high = f"calc((100dvh - {under:g}rem) / {len(rows)} - 0.4rem)"
    parts = [
        f'<div class="compare" role="table" aria-label="models side by side" style="--columns: {len(heads)}; --high: {high}">'
    ]
    parts.append('<div role="row"><div class="corner" role="cell"></div>')
    for head in heads:
        more = escape(head.more or f"{head.title} · {head.line}", quote=True)
        parts.append(
            f'<div class="head" role="columnheader" title="{more}"><b>{escape(head.title)}</b><small>{escape(head.line)}</small></div>'
        )
    for row in rows:
        parts.append('</div><div role="row">')
        parts.append(
            f'<div class="row" role="rowheader"><b>{escape(row.name)}</b><small>{escape(row.words)}</small></div>'
        )
        parts += map(_figure, row.cells)
    st.html(STYLE)
    st.html("".join([*parts, "</div></div>"]))


def _figure(cell: Cell) -> str:
    said = f"<figcaption>{escape(cell.words)}</figcaption>" if cell.words else ""
    if cell.png is None:
        return f'<div role="cell"><figure>{said}</figure></div>'
    found = array_store.picture(cell.png)
    size = f'width="{found["width"]}" height="{found["height"]}"'
    picture = f'<img src="{found["url"]}" alt="{escape(cell.alt, quote=True)}" {size}>'
    return f'<div role="cell"><figure>{picture}{said}</figure></div>'
