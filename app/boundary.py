"""The one place where faults become sentences on a page."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st

from vae_core.errors import VaeCoreError
from vae_core.options import capitalised
from vae_core.places import why_unwritable

log = logging.getLogger("latent_explorer")


_MARKS = re.compile(
    r"[\\`*{}\[\]<$~]|(?<![^\W_])_|_(?![^\W_])|:(?=\w)|&(?=#?\w+;)|^[#>+\-=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]|(?<=^\d{3})[.)]"
)
# what is found in the text after the marks are read, so that a mark before it does not help
_TEMPTING = re.compile(r"://|www\.|@|:\w+:|:material|--|->|<-|=>|<=|>=", re.I)
_JOINED = re.compile(r"(?<=[:@/.<>\-=])(?=[\w/<>\-=])|(?<=www)(?=\.)|(?<=\w)(?=[:@])")
WORD_JOINER = "\u2060"  # of no width: parts what Streamlit would still make a link, an emoji or an arrow of


def plain(text: object) -> str:
    """A text as it was typed, for where Streamlit reads Markdown: no links, maths, colours or HTML come of a file's name."""
    line = " ".join(str(text).split("\n")).strip()
    if _TEMPTING.search(line):
        line = _JOINED.sub(WORD_JOINER, line)
    return _MARKS.sub(r"\\\g<0>", line)


_WITHIN = re.compile(r"^([(\[\"']*)(.*?)([)\]\"',.;!?]*)$")


def _word(word: str, first: bool) -> str:
    if _TEMPTING.search(word) and "`" not in word:
        before, inner, after = _WITHIN.match(word).groups()  # type: ignore[union-attr]
        return f"{before}`{inner}`{after}"
    return _MARKS.sub(r"\\\g<0>", word) if first else _MARKS.sub(r"\\\g<0>", f" {word}")[1:]


def copyable(text: object) -> str:
    """A text as it was typed, that can be copied: a switch, an address or a key is code, with nothing put into it."""
    line = " ".join(str(text).split("\n")).strip()
    return " ".join(_word(word, not i) for i, word in enumerate(line.split(" ")))


def sentence(error: Exception | str) -> str:
    """A fault's words as they begin a line, shown as they are: names of files and runs stand in them."""
    return copyable(capitalised(str(error)))


def show(error: Exception) -> bool:
    """Show a fault; True, so that Streamlit shows nothing of its own."""
    if isinstance(error, VaeCoreError):
        st.error(sentence(error), icon=":material/error:")
    elif unwritable := why_unwritable(error):
        st.error(f"{sentence(unwritable)}.", icon=":material/lock:")
    else:
        log.exception("a page failed", exc_info=error)
        st.error(
            f"Something went wrong on this page ({type(error).__name__}: {error}). Your runs and images are as they "
            "were; reload the page to go on.",
            icon=":material/error:",
        )
    return True


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose faults are shown where it draws."""

    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return show(error)

    return guarded


def dialog(title: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """st.dialog behind this boundary, as `fragment`."""

    def made(function: Callable[..., None]) -> Callable[..., None]:
        found: Callable[..., None] = st.dialog(title)(_guarded(function))
        return found

    return made


def fragment(run_every: float | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """st.fragment behind this boundary, in a place of its own: its reruns do not pass through the page's.

    Streamlit takes back what a fragment drew but did not send yet when the fragment runs again, and sends it anew after
    all else. What stands below it in the same container would then arrive first, at a place that is not there yet
    ("Bad delta path index"), and the page breaks. A container around the fragment is the page's, is sent in its turn,
    and keeps the place.
    """

    def made(function: Callable[..., Any]) -> Callable[..., Any]:
        again = st.fragment(_guarded(function), run_every=run_every)

        @wraps(function)
        def placed(*args: Any, **kwargs: Any) -> Any:
            with st.container():
                return again(*args, **kwargs)

        return placed

    return made
