"""Streamlit v2 components: a folder each, hand-written JavaScript modules without a build step.

Streamlit is handed one loading line per component; the modules themselves come from /api/scripts/DIGEST/, where the
folders of this package stand as they are, so that a module imports another by relative address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app import words
from app.plots import palette

HERE = Path(__file__).parent
IMPORTED = re.compile(r'^import [^"]*"(\.{1,2}/[^"]+)"', re.M)
# Streamlit runs a component's script from a blob, whose address nothing can be relative to: hence the page's origin.
# Where a script could not be fetched it tries again: the component would stay empty until the page is loaded anew. By the
# standard a browser may remember that nothing came, so a try takes addresses of its own, for what it imports as well.
LOADER = """\
async function load(again) {{
  try {{
    return await import(new URL(again ? `{scripts}~${{again}}/{name}` : "{scripts}/{name}", location.origin).href);
  }} catch (error) {{
    if (again >= 4) throw error;
    await new Promise((done) => setTimeout(done, 250 * 2 ** again));
    return load(again + 1);
  }}
}}
const script = await load(0);
export default script.default;
"""

# of pictures that shared/enlarging.js found fine; the page's switch (app.layout) says otherwise
ENLARGED = """\
{0}.smooth :is(canvas, img), {0} :is(.smooth, .smooth *):is(canvas, img) {{ image-rendering: var(--enlarged, auto); }}
"""


# the keyboard's place is seen in every component; one that shows it otherwise says so in its own style
FOCUS = """\
{0} :where(button, a, input, select, textarea, summary, [tabindex]):focus-visible {{
  outline: 2px solid var(--st-primary-color); outline-offset: 1px;
}}
@media (prefers-reduced-motion: reduce) {{ {0}, {0} * {{ transition-duration: 1ms !important; scroll-behavior: auto !important; }} }}
"""


def component(name: str, html: str, *, isolate: bool = True) -> Callable[..., Any]:
    """Register the component in folder `name` (index.js, style.css) and return its mounting command.

    The command takes Streamlit's arguments by name; with `data` the script is handed the palette. The component's HTML is
    one element whose class is `name`.

    `isolate=False` keeps it out of a shadow root, which plotly.js needs: it writes its styles into the page's head.
    """
    mount = st.components.v2.component(
        f"latent_explorer_{name}",
        html=html,
        css=palette.for_styles(f".{name}")
        + f".{name} {{{words.STYLE}}}\n"
        + ENLARGED.format(f".{name}")
        + FOCUS.format(f".{name}")
        + (HERE / name / "style.css").read_text(),
        js=LOADER.format(scripts=module_url("").rstrip("/"), name=f"{name}/index.js"),
        isolate_styles=isolate,
    )

    def mounting(*, data: dict[str, Any], **more: Any) -> Any:
        return mount(data=data | {"palette": palette.for_scripts()}, **more)

    return mounting


@cache
def scripts_digest() -> str:
    """Names all modules as they are now: it stands in their addresses, so that a browser keeps them for good."""
    digest = hashlib.sha256()
    for name, path in modules().items():
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def module_url(name: str) -> str:
    """Address of a module by its path in this folder, such as "shared/decoder.js"."""
    return f"/api/scripts/{scripts_digest()}/{name}"


def module_path(digest: str, name: str) -> Path | None:
    """File of the module that `module_url` names, or None where these scripts have no such module.

    A digest may end with ~ and the number of a browser's try, see LOADER.
    """
    return modules().get(name) if digest.split("~")[0] == scripts_digest() else None


@cache
def modules() -> dict[str, Path]:
    """The file of each module, by its path in this folder."""
    return {path.relative_to(HERE).as_posix(): path for path in sorted(HERE.rglob("*.js"))}


@cache
def with_imports(*names: str) -> tuple[str, ...]:
    """Modules by their paths, and every module of ours that they import, in the order they are found."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found[name] = None
        path = modules()[name]
        for other in IMPORTED.findall(path.read_text()):
            waiting.append((path.parent / other).resolve().relative_to(HERE.resolve()).as_posix())
    return tuple(found)


@cache
def plotly_url() -> str:
    """Address of plotly.js as the installed package carries it."""
    from importlib.metadata import version

    return f"/api/plotly.min.js?{version('plotly')}"
