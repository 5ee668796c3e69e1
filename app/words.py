"""Words of the field as a page explains them, from the core's one table (vae_core.glossary); numbers as a page says them.

A page names the words that it uses first under its title (`app.layout.title`); a widget takes `explained` as its `help`;
the HTML of a component takes `button`, which opens by touch and keyboard as well as by a mouse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from vae_core import glossary

if TYPE_CHECKING:
    from vae_core.data.factor_words import FactorWords

WORDS = {entry.name: entry.plain for entry in glossary.ENTRIES}

# nested in what a component's HTML lies in, so that it holds in a shadow root and out of one
STYLE = """
  .word {
    font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; min-height: 0; min-width: 0; cursor: help;
    text-decoration: underline dotted; text-underline-offset: 0.2em; white-space: inherit;
  }
  .meaning { display: none; }
  .meaning:popover-open {
    display: block; inset: auto; margin: 0.3rem 0; padding: 0.5rem 0.8rem; max-width: min(22rem, 90vw); font-size: 0.85rem;
    line-height: 1.4; text-align: start; white-space: normal; color: var(--st-text-color);
    background: var(--st-background-color); border: 1px solid var(--st-border-color);
    border-radius: var(--st-base-radius); position-area: block-end span-inline-end;
    position-try-fallbacks: flip-block, flip-inline, flip-block flip-inline;
  }
  .meaning > small:last-child { display: block; margin-top: 0.3rem; opacity: 0.8; }
  @supports not (position-area: block-end) { .meaning:popover-open { inset: 0; margin: auto; height: fit-content; } }
"""


def explained(*names: str) -> str:
    """What these words mean, as a widget's `help` takes it: meaning, formula, unit and source of each.

    Names may be labels of a page. Raises KeyError for a word that is explained nowhere.
    """
    return "\n\n".join(f"**{name}**: {_told(glossary.get(name))}" for name in names)


def _told(entry: glossary.Entry) -> str:
    """Markdown: what it says, and the facts."""
    return f"{entry.plain}{facts(entry.name)}"


def facts(label: str) -> str:
    """Markdown that goes on from what a label means: its formula, unit and source, smaller, in a line of their own; "" where
    nothing is known of it.
    """
    entry = glossary.find(label)
    if entry is None:
        return ""
    formula = f"${entry.formula}$" if entry.formula else ""
    more = " · ".join(part for part in (formula, entry.unit, entry.source) if part)
    return f"  \n:small[{more}]" if more else ""


def help_of(label: str) -> str | None:
    """What a label of a page means, as a widget's `help` takes it; None for one that says itself what it is."""
    entry = glossary.find(label)
    return None if entry is None else explained(entry.name)


def button(name: str, place: str, *, shown: str = "", more: str = "") -> str:
    """HTML of a word that opens what it means by a press, a tap or the keyboard.

    `place` is of the component, so that no two buttons of a page share an id. `shown` (HTML) stands instead of the word,
    `more` (HTML) under what it means. Raises KeyError for an unknown word.
    """
    return "".join(apart(name, place, shown=shown, more=more))


def apart(name: str, place: str, *, shown: str = "", more: str = "") -> tuple[str, str]:
    """The two parts of `button`, for where what it means stands elsewhere: the word, and what it opens."""
    key = f"word-{place}-{name}".replace(" ", "-")
    word = f'<button type="button" class="word" popovertarget="{key}">{shown or escape(name)}</button>'
    entry = glossary.get(name)
    said = " · ".join(escape(part) for part in (entry.written, entry.unit, entry.source) if part)
    small = f"<small>{said}</small>" if said else ""
    means = f"<b>{escape(name)}</b>: {escape(entry.plain)} {more}{small}"
    return (
        word,
        f'<span popover id="{key}" class="meaning" role="note" data-word="{escape(name)}">{means}</span>',
    )


def meanings(place: str, *names: str) -> str:
    """HTML of what these words mean, for a component whose script writes the words (shared/words.js). Raises KeyError."""
    return "".join(apart(name, place)[1] for name in names)


def number(value: float, digits: int = 3) -> str:
    """A number with as many digits as it means: 39,200, 12.3 or 0.0123. Below 0.00001 with its exponent.

    digits: at least so many count; whole parts are never cut. "–" for what is no number.
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) < 1e-5:
        return f"{value:.{digits}g}".replace("-", "−")
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def numbers(values: Iterable[float], digits: int = 3) -> list[str]:
    """Each as `number` has it, with so many digits more that no two different ones look alike."""
    found = list(values)
    for more in range(digits, 18):
        texts = [number(value, more) for value in found]
        if len(set(texts)) == len(set(found)):
            return texts
    return [str(value) for value in found]


def factor(value: float, known: FactorWords | None = None) -> str:
    """A value of a factor with its word and two digits: "worn", "0.93, laughing" or "0.52"."""
    word = known.of(value) if known is not None else ""
    if known is not None and known.each and word:
        return word
    if known is not None and not known.each and math.isfinite(value):
        step = (
            math.floor(math.log10(known.top)) - 2
        )  # two digits of the scale, not of what is next to nothing on it
        value = round(value, -step)
    return f"{number(value, 2)}, {word}" if word else number(value, 2)
