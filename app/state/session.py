"""The only reader and writer of session state and of the URL. Its keys stand in app/state/address.py."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.services import runs
from app.state.address import CLOSED, HISTORY, PRESSED, RUN, RUN_FAULT, WRITTEN, Family, Key
from vae_core.errors import BadRun, RunNotFound
from vae_core.options import capitalised
from vae_core.places import LOOK_ONLY, look_only

if TYPE_CHECKING:
    from vae_core.runs.run import Run

T = TypeVar("T")

NO_RUN = "No run yet: train one on the Train page, or import one on Home."
FIRST = "faces"  # the pretrained run a new visitor sees
ECHO = 3.0  # seconds for which an address we wrote may come back late, and is no link
MOST_USED = 50  # runs whose order of use is remembered


# ---------------------------------------------------------------- the run looked at


def sync_run() -> None:
    """Decide which run is looked at: the URL's, the session's, else the first of a new visitor.

    Leaves the id in both, so that a copied link opens the same run. The URL of a moment ago, which a part of the page
    that was under way brings along, is no link: it would lead away from a run that was just started. A run that is gone
    or cannot be read is forgotten, and the page says so: the one that another forwards to, where that was about to.
    """
    said, forwarded = take(RUN_FAULT)
    if forwarded:
        st.toast(said, icon=":material/warning:")
    linked = param(RUN)
    for wanted in (linked if is_link(RUN, linked) else "", get(RUN)):
        if wanted:
            try:
                run = runs.store().find(wanted)
                run.record()
                select(run.id)
                return
            except (RunNotFound, BadRun) as error:
                st.toast(str(error), icon=":material/warning:")
                put(RUN_FAULT, (str(error), False))
    everything = runs.store().readable()
    preferred = next((r for r in everything if r.id == FIRST), everything[0] if everything else None)
    if preferred is not None:
        select(preferred.id)
    else:
        forget(RUN)
        set_param(RUN, "")


def select(run_id: str) -> None:
    """Look at this run from now on, here and in the URL."""
    put(RUN, run_id)
    used = [run_id, *(r for r in get(HISTORY) if r != run_id)]
    put(HISTORY, used[:MOST_USED])
    wrote(RUN, run_id)
    set_param(RUN, run_id)  # last: another rerun may interrupt the script here


def run_id() -> str:
    """Id of the run looked at, or an empty string."""
    return get(RUN)


def run() -> Run:
    """The run looked at. Raises RunNotFound when there is none."""
    return runs.store().find(run_id())


def run_or_none() -> Run | None:
    """The run looked at, or None when there is none that can be read."""
    try:
        return run()
    except (RunNotFound, BadRun):
        return None


def recency(run_id: str) -> int:
    """Place of a run among those used in this session, most recent first."""
    used = get(HISTORY)
    return used.index(run_id) if run_id in used else len(used)


# ---------------------------------------------------------------- links between pages

Params = Mapping[Key[Any], Any]
VIEWS = Path(__file__).parents[1] / "views"


def script(view: str) -> str:
    """A view's script as Streamlit names pages, from main.py: views/VIEW.py, or page.py of the package views/VIEW."""
    return f"views/{view}/page.py" if (VIEWS / view).is_dir() else f"views/{view}.py"


def link(view: str, label: str, icon: str | None = None, params: Params | None = None) -> None:
    """A link to another page that keeps the run."""
    st.page_link(script(view), label=label, icon=icon, query_params=with_run(params))


def go(view: str, params: Params | None = None) -> None:
    """Open another page, keeping the run."""
    st.switch_page(script(view), query_params=with_run(params))


def forward(view: str, params: Params) -> None:
    """Open the page that has now what this one had, with all that the address says, and these values."""
    if fault := get(RUN_FAULT)[0]:
        put(RUN_FAULT, (fault, True))
    st.switch_page(script(view), query_params=said() | with_run(params))


def said() -> dict[str, str]:
    """All that the address of this page says now, by name."""
    return {name: st.query_params[name] for name in st.query_params}


def with_run(params: Params | None = None) -> dict[str, str]:
    """What an address says after `?`: these values as text, and the run looked at unless they name another."""
    found = {RUN.name: run_id()} if run_id() else {}
    return found | {key.name: key.kind.write(value) for key, value in (params or {}).items()}


# ---------------------------------------------------------------- values of the session


def get(key: Key[T]) -> T:
    """What the session holds under a key, or the key's default."""
    found: T = st.session_state.get(key.name, key.fresh())
    return found


def put(key: Key[T], value: T) -> None:
    """Keep a value for this session."""
    st.session_state[key.name] = value


def forget(key: Key[Any]) -> None:
    """Fall back to the key's default."""
    st.session_state.pop(key.name, None)


def take(key: Key[T]) -> T:
    """What the session holds under a key, which it then forgets."""
    found: T = st.session_state.pop(key.name, key.fresh())
    return found


def setdefault(key: Key[T]) -> T:
    """As `get`; a default is kept, so that it can be filled in place."""
    if key.name not in st.session_state:
        st.session_state[key.name] = key.fresh()
    return get(key)


# ---------------------------------------------------------------- values of the address


def param(key: Key[T]) -> T:
    """What the address of this page says of a key; its default where it says nothing, or nothing of its kind."""
    return key.read(st.query_params.get(key.name))


def set_param(key: Key[T], value: T) -> None:
    """Let the address say this of a key, or nothing where that is the default."""
    text = "" if value == key.default else key.kind.write(value)
    if text and text != key.kind.write(key.default):
        if st.query_params.get(key.name) != text:
            st.query_params[key.name] = text
    elif key.name in st.query_params:
        del st.query_params[key.name]


def is_link(key: Key[Any] | Family[Any], found: Hashable) -> bool:
    """Whether what the address says of `key` is a link that was opened.

    It is none where it was written there last, nor where it is an echo: what stood there until just now may come once
    more with the next run of the script. A step back or forward through the browser's history is one however soon, and
    though it leads to where the address says nothing.
    """
    last, recent = get(_written(key))
    news = bool(found) and time.time() - recent.get(found, 0.0) >= ECHO
    return found != last and (news or stepped())


def stepped() -> bool:
    """Whether this run of the script follows a step through the browser's history."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def wrote(key: Key[Any] | Family[Any], said: Hashable) -> None:
    """Note what the address says of `key` from now on."""
    last, recent = get(_written(key))
    now = time.time()
    recent = {v: t for v, t in recent.items() if now - t < ECHO}
    put(_written(key), (said, recent | dict.fromkeys((said, last), now)))


def names(family: Family[Any]) -> bool:
    """Whether the address says anything of a form's settings, as a link does; not by an echo of one just closed."""
    if time.time() - get(CLOSED.of(family.pattern)) < ECHO:
        return False
    return any(name in st.query_params for name in map(family.pattern.format, family.members()))


def says(key: Key[Any]) -> bool:
    """Whether the address says anything of a key."""
    return key.name in st.query_params


def closed(family: Family[Any]) -> None:
    """Note that the form of these settings was closed: what the address still says of them is an echo."""
    put(CLOSED.of(family.pattern), time.time())


def _written(key: Key[Any] | Family[Any]) -> Key[Any]:
    return WRITTEN.of(key.name if isinstance(key, Key) else key.pattern)


# ---------------------------------------------------------------- buttons


def button(label: str, key: str, *, writes: bool = False, **kwargs: Any) -> bool:
    """A button whose press is never lost: true in exactly one run of the script after each press.

    `writes`: it changes what is stored, and is off where visitors may only look.

    `st.button` loses a press when another rerun (a component that reports, a second press) interrupts the script
    before it gets there. Here the press is noted in a callback, which no rerun interrupts, and taken up when the
    script arrives.
    """
    if writes:
        kwargs |= keeping(**{name: kwargs[name] for name in ("help", "disabled") if name in kwargs})
    st.button(label, key=key, on_click=put, args=(PRESSED.of(key), True), **kwargs)
    return bool(take(PRESSED.of(key)))


def drop_press(key: str) -> None:
    """Forget a press of a button that is not there (any more), as the second of a double click."""
    take(PRESSED.of(key))


def keeping(help: str | None = None, disabled: bool = False) -> dict[str, Any]:
    """`help` and `disabled` of a control that changes what is stored: off where visitors may only look, and it says why."""
    if look_only():
        return {"help": only_looking(), "disabled": True}
    return {"help": help, "disabled": disabled}


def only_looking() -> str:
    """The one sentence for whatever is refused where visitors may only look."""
    return f"{capitalised(LOOK_ONLY)}."


def upload(label: str, *args: Any, **kwargs: Any) -> Any:
    """st.file_uploader; off where visitors may only look, whose files this server does not take."""
    if look_only():
        kwargs |= keeping()
    return st.file_uploader(label, *args, **kwargs)
