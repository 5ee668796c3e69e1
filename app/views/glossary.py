"""Glossary: every symbol, term and number that pages show, from the core's one table; an anchor for each."""

from __future__ import annotations

from html import escape

import streamlit as st

from app import layout
from app.boundary import plain
from app.state import address
from app.widgets import code_lines
from app.widgets.code_panel import code_panel
from vae_core import glossary

ALL = "All groups"  # not the first: drawing every formula takes a browser seconds
UNDER = 4.2  # rem of the toolbar
STYLE = """<style>
.st-key-panel-glossary { max-width: 60rem; gap: 0.25rem; }
.st-key-panel-glossary h2 { font-size: 1.15rem; padding: 0.6rem 0 0.2rem; margin-bottom: 0.3rem; border-bottom: 1px solid color-mix(in srgb, currentColor 30%, transparent); }
</style>"""


def page() -> None:
    head = layout.title(
        "Glossary",
        "Look up a symbol, a word or a number: what it says, its formula, its unit and its source.",
    )
    with layout.toolbar("glossary"):
        sought = st.text_input(
            "Search", key=address.SOUGHT_WORD.name, bind=address.SOUGHT_WORD.bind, placeholder="a word, a symbol or a paper",
            label_visibility="collapsed", width=320,
        )  # fmt: skip
        group = st.selectbox(
            "Group", [*glossary.GROUPS, ALL], key=address.WORD_GROUP.name, bind=address.WORD_GROUP.bind,
            label_visibility="collapsed", width=240,
        )  # fmt: skip
        found = [entry for entry in glossary.search(sought) if sought or group in (ALL, entry.group)]
        st.caption(f"{len(found)} of {len(glossary.ENTRIES)}", width="content")
    code_panel(head, "glossary", code_lines.words(sought))
    st.html(STYLE)
    with layout.panel("glossary", under=UNDER):
        if not found:
            st.info(
                "Nothing like it is explained here: try fewer letters, or all groups.",
                icon=":material/search_off:",
            )
        for name in glossary.GROUPS:
            mine = [entry for entry in found if entry.group == name]
            if mine:
                st.header(name, anchor=False)
                # one element a group: the browser lays all of them out anew with each that arrives
                st.markdown("\n\n".join(map(_told, mine)), unsafe_allow_html=True)


def _told(entry: glossary.Entry) -> str:
    """Markdown of one entry: its name with an anchor, and under it meaning, formula, unit and source."""
    symbol = f"written ${entry.symbol}$" if entry.symbol else ""
    formula = rf"$\displaystyle {entry.formula}$" if entry.formula else ""
    facts = " · ".join(part for part in (symbol, formula, entry.unit) if part)
    said = [f'<b id="{entry.anchor}">{escape(entry.name)}</b>', escape(entry.plain, quote=False)]
    said += [facts] if facts else []
    if entry.also:
        said.append(f":small[Also: {', '.join(plain(name) for name in entry.also)}]")
    if entry.source:
        said.append(f":small[{plain(entry.source)}]")
    return "  \n".join(said)


page()
