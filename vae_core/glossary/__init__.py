"""The one table of symbols, terms and numbers: what pages show when asked, and what the glossary lists.

An entry says what is true of the term everywhere. How a page has estimated a number (of how many images, with which
interval) is said by the registry that computes it.
"""

from __future__ import annotations

from functools import cache

from vae_core.glossary.entry import Entry, in_text
from vae_core.glossary.losses import LOSSES
from vae_core.glossary.scores import SCORES
from vae_core.glossary.spaces import SPACES
from vae_core.glossary.terms import TERMS
from vae_core.glossary.uses import USES

__all__ = ["ENTRIES", "GROUPS", "Entry", "find", "get", "in_text", "search"]

ENTRIES: tuple[Entry, ...] = tuple(
    sorted((*TERMS, *LOSSES, *SPACES, *SCORES, *USES), key=lambda one: one.anchor)
)
GROUPS = ("The model", "Its loss", "Its latent space", "Scores", "Uses", "Training and searching")


@cache
def _known() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in ENTRIES:
        for name in (entry.name, *entry.also):
            key = _key(name)
            if found.get(key, entry) is not entry:
                raise ValueError(f"{name!r} is explained twice: by {found[key].name!r} and {entry.name!r}")
            found[key] = entry
    return found


def _key(label: str) -> str:
    return " ".join(label.replace("-", "−").casefold().split())


def find(label: str) -> Entry | None:
    """The entry of a term or of a label on a page, None where there is none.

    Capitals do not matter. Where a label is unknown, what stands after its first comma or bracket is left out: that says
    how it was measured, as in "Sharpness of samples, temperature 0.7".
    """
    known = _known()
    short = label.split(",")[0].split(" (")[0]
    return known.get(_key(label)) or known.get(_key(short))


def get(name: str) -> Entry:
    """As `find`. Raises KeyError for what is explained nowhere."""
    entry = find(name)
    if entry is None:
        raise KeyError(
            f"{name!r} is not in the glossary: add an entry, or the label to one that means the same"
        )
    return entry


def search(text: str) -> list[Entry]:
    """Entries that hold every word of a text, in their name, other names, meaning, formula or source; all for none."""
    words = text.replace("-", "−").casefold().split()
    return [entry for entry in ENTRIES if all(word in _text(entry) for word in words)]


def _text(entry: Entry) -> str:
    parts = (
        entry.name,
        *entry.also,
        in_text(entry.symbol),
        entry.written,
        entry.plain,
        entry.unit,
        entry.source,
    )
    return " ".join(parts).replace("-", "−").casefold()
