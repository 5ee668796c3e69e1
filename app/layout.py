"""Where things stand on a page: the window's width, a compact top, panels that scroll inside, one-line toolbars.

What a page is for fits 1440×900 and 1280×720 without scrolling. `apply` is called once, in app/main.py; the pages take
their title, panels and toolbars from here and set no such style themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import words
from app.boundary import plain
from app.plots import palette
from app.state import address, session, view_link
from vae_core import pictures
from vae_core.errors import VaeCoreError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SIDEBAR = 240  # pixels: the run picker, and the page list
PHONE = "640px"  # up to this width columns stack, and nothing scrolls within a panel
PIXELS_HELP = (
    f"Pictures of {pictures.FINE} pixels or more a side are enlarged smoothly. Switched on, each shows its own pixels; smaller "
    "ones always do."
)
TOP = 4.2  # rem above a page's first panel: the padding and the title's line

STYLE = f"""<style>
[data-testid="stMainBlockContainer"] {{ padding-left: 1.6rem; padding-right: 1.6rem; max-width: none; }}
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] {{ gap: 0.6rem; }}
.st-key-page-title {{ min-height: 2.4rem; }}
.st-key-page-title > :has(> .st-key-tables-place:empty) {{ display: none; }}
.st-key-page-title h1 {{ padding: 0; font-size: 1.5rem; white-space: nowrap; }}
.st-key-page-title [data-testid="stCaptionContainer"] {{ margin: 0; }}
.st-key-page-title [data-testid="stCaptionContainer"] p {{ margin: 0; font-size: 0.95rem; line-height: 1.25; }}
@media (min-width: calc({PHONE} + 1px)) {{
  .st-key-page-title {{ flex-wrap: nowrap; }}
  .st-key-page-title > :has([data-testid="stCaptionContainer"]) {{ flex: 1 1 8rem; min-width: 0; }}
}}
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-said-"]):not(:has(p)) {{ display: none; }}
/* the page's rhythm holds in the containers that stand on it; one that shows nothing, such as that of a fragment, takes no gap */
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] > [data-testid="stLayoutWrapper"] > :is(
  [data-testid="stVerticalBlock"], [data-testid="stVerticalBlock"] > [data-testid="stLayoutWrapper"] > [data-testid="stVerticalBlock"]
) {{ gap: 0.6rem; }}
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] > [data-testid="stLayoutWrapper"]:has(
  > [data-testid="stVerticalBlock"]
):not(:has(
  [data-testid="stElementContainer"] > :not([data-testid="stEmpty"]), [data-testid="stHorizontalBlock"],
  [data-testid="stExpander"], [data-testid="stPopover"], [data-testid="stTabs"]
)) {{ display: none; }}
[class*="st-key-toolbar-"] {{ scrollbar-width: thin; }}
[class*="st-key-thumbnails-"] {{ min-width: 11.5rem; overflow-x: auto; scrollbar-width: thin; padding-bottom: 2px; }}
[class*="st-key-thumbnails-"] > * {{ flex-shrink: 0; }}
[class*="st-key-thumbnails-"] button {{ padding: 0 0.3rem; min-height: 1.7rem; }}
[class*="st-key-thumbnails-"] button p {{ font-size: 0.85rem; white-space: nowrap; }}
[data-testid="stImage"] img {{ image-rendering: var(--enlarged, auto); }}
[data-testid="stTabs"] [role="tab"] {{ height: 2rem; min-height: 2rem; }}
[class*="st-key-panel-"] {{
  flex: none; flex-wrap: nowrap; overflow-y: auto; overflow-x: hidden; scrollbar-gutter: stable; overscroll-behavior: contain;
}}
[class*="st-key-panel-"] > * {{ flex-shrink: 0; }}
[class*="st-key-panel-"][class*="-filled"] :is(
  [data-testid="stLayoutWrapper"], [data-testid="stVerticalBlock"], [data-testid="stElementContainer"],
  [data-testid="stFullScreenFrame"]
) {{ flex: 1 1 0; height: 100%; min-height: 20rem; }}
/* Streamlit writes captions at 60 %, and primary buttons and chosen words in white on any colour: too pale for WCAG AA */
.stApp [data-testid="stCaptionContainer"] {{ color: inherit; opacity: 0.8; }}
button[kind^="primary"], [data-testid="stMultiSelectTagsContainer"] span > span {{ color: {palette.ON_PRIMARY}; }}
/* Streamlit shows which link the keyboard is at by a tint that a projector does not show */
.stApp a:focus-visible {{ outline: 2px solid currentColor; outline-offset: -2px; }}
@media (prefers-reduced-motion: reduce) {{
  .stApp, .stApp *, .stApp *::before, .stApp *::after {{ scroll-behavior: auto !important; transition-duration: 1ms !important; }}
}}
@media (max-width: {PHONE}) {{
  [data-testid="stMainBlockContainer"] {{ padding-left: 0.9rem; padding-right: 0.9rem; }}
  [class*="st-key-panel-"] {{ height: auto !important; max-height: none !important; overflow: visible; }}
  .st-key-page-title {{ gap: 0.2rem 0.5rem; }}
  .st-key-page-title h1 {{ white-space: normal; }}
  .st-key-page-title button {{ padding-left: 0.3rem; padding-right: 0.3rem; }}
  [class*="st-key-toolbar-"] {{ flex-wrap: wrap; }}
  [class*="st-key-toolbar-"] [data-testid="stWidgetLabel"] {{ display: none; }}
  [class*="st-key-thumbnails-"] {{ min-width: 100%; }}
}}
</style>"""


def apply() -> None:
    """Set the style of the whole window; takes no room on the page."""
    st.html(STYLE)


def title(name: str, line: str, *explained: str, side: int | None = None) -> DeltaGenerator:
    """A page's title and, beside it, the one line that says what one can do here; the row, for a control of the page.

    `explained` are the words, symbols and numbers that the page shows (vae_core.glossary); a press opens what they mean. `side`
    is that of the pictures shown, pixels; that of the run looked at where it is not given.
    """
    head = st.container(key="page-title", horizontal=True, vertical_alignment="center", gap="medium")
    with head:
        st.title(name, anchor=False, width="content")
        st.caption(line, width="stretch")
        if explained:
            meanings(*explained)
        _enlarging(_side() if side is None else side)
        if view_link.offered():
            _handed_out()
        session.put(address.CHARTS, {})  # those of this page come as it is drawn
        session.put(address.TABLES, st.container(key="tables-place", width="content"))
    return head


def _handed_out() -> None:
    """The QR code of this very view; drawn when it is opened, by what the address says then."""
    with st.popover(
        "Follow me", icon=":material/qr_code_2:", type="tertiary", key="follow-me", on_change="rerun",
        help="A code that opens this very view on a phone.",
    ) as opened:  # fmt: skip
        if not opened.open:
            return
        link = view_link.link_of(st.context.url or "", session.said())
        if link.fault:
            st.warning(link.fault, icon=":material/phonelink_off:")
        else:
            # a picture: Streamlit takes drawings out of HTML
            st.image(view_link.code_png(link.url), alt="QR code of this view", width="content")
        st.code(link.url, language=None, wrap_lines=True)


def chart(figure: Figure, *, key: str, place: DeltaGenerator | None = None, **more: Any) -> Any:
    """A plotly chart, in `place` where it is given; its numbers lie under Tables in the page's title row."""
    session.setdefault(address.CHARTS)[key] = figure
    return (st if place is None else place).plotly_chart(figure, key=key, **more)


def tables() -> None:
    """The numbers behind the page's charts, in its title row; nothing where there are none. Called when the page is drawn."""
    place, charts = session.take(address.TABLES), session.get(address.CHARTS)
    if place is None or not charts:
        return
    from app.plots.table import heading, table_of

    with place, st.popover(
        "Tables", icon=":material/table:", type="tertiary", key="chart-tables", on_change="rerun",
        help="The numbers behind each chart of this page.",
    ) as opened:  # fmt: skip
        if opened.open:
            for figure in charts.values():
                st.caption(plain(heading(figure)))
                st.dataframe(table_of(figure), hide_index=True, height=180)


def meanings(*names: str, label: str = "Words", key: str | None = None) -> None:
    """What words of the field mean (vae_core.glossary), for a title, a chart or a caption: it opens by a press, a tap or a key."""
    with st.popover(
        label, icon=":material/help:", type="tertiary", help="What the words here mean.", key=key
    ):
        st.markdown(words.explained(*names))
        session.link("glossary", "All words", icon=":material/menu_book:")


def _enlarging(side: int) -> None:
    """How pictures are enlarged, for the whole page and all its components; the switch where there is a choice."""
    if session.get(address.PIXELS):
        st.html("<style>:root { --enlarged: pixelated; }</style>")  # smooth where nothing is said
    if side >= pictures.FINE:
        # a page's widgets are forgotten with it: what is switched is kept apart
        session.put(address.PIXELS_SWITCH, session.get(address.PIXELS))
        st.toggle(
            "Pixels", key=address.PIXELS_SWITCH.name, on_change=_switched, help=PIXELS_HELP, width="content"
        )


def _switched() -> None:
    session.put(address.PIXELS, session.get(address.PIXELS_SWITCH))


def _side() -> int:
    """Of the pictures of the run looked at, pixels; 0 where there is none."""
    try:
        run = session.run_or_none()
        return run.record().effective.data.side if run is not None else 0
    except VaeCoreError:
        return 0


def toolbar(key: str) -> DeltaGenerator:
    """A row of controls in one line: what is too much for the window's width goes into a menu (`menu`)."""
    return st.container(
        key=f"toolbar-{key}", horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"
    )


def thumbnails(key: str) -> DeltaGenerator:
    """A row of small pictures, each with a button under it; it scrolls sideways where there are many."""
    return st.container(
        key=f"thumbnails-{key}", horizontal=True, wrap=False, vertical_alignment="bottom", gap="xxsmall"
    )


def menu(label: str, icon: str = ":material/more_horiz:", key: str | None = None) -> DeltaGenerator:
    """A toolbar's rest: what is asked for rarely."""
    return st.popover(label, icon=icon, key=key)


def said(key: str) -> DeltaGenerator:
    """A container for what is only sometimes said. It is always there, so that what stands below it is not made anew when
    something is said, and takes no room while nothing is.
    """
    return st.container(key=f"said-{key}")


def keep_room(key: str, least: float) -> None:
    """Give `said` never less than so many rem: what comes and goes in it moves nothing."""
    st.html(f"<style>.st-key-said-{key} {{ min-height: {least:g}rem; }}</style>")


def panel(key: str, under: float = 0.0, below: float = 1.2, least: float = 18.0) -> DeltaGenerator:
    """A container as high as the window leaves, which scrolls inside; on a phone as high as what it holds.

    A key that ends with "-filled" is of a panel that one chart fills (`height="stretch"`).

    under: rem of what stands between the title and the panel; below: rem left free beneath it; least: rem, its least
    height, however low the window.
    """
    height = f"max({least:g}rem, calc(100dvh - {TOP + under + below:g}rem))"
    st.html(f"<style>.st-key-panel-{key} {{ height: {height}; }}</style>")
    return st.container(key=f"panel-{key}")
