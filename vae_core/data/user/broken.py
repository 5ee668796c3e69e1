"""Image files that cannot be read: every one is counted and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vae_core.data.user.budgets import counted
from vae_core.errors import BadImages

NAMED = 20  # in one sentence; all of them are in `faults`


@dataclass(frozen=True)
class Fault:
    """One file and what is wrong with it, as the rest of a sentence."""

    name: str
    fault: str


class BrokenFiles(BadImages):
    """Some files cannot be read. `fresh` are those not known before, by their images' numbers."""

    def __init__(self, faults: Sequence[Fault], fresh: Mapping[int, Fault] | None = None):
        self.faults, self.fresh = tuple(faults), dict(fresh or {})
        super().__init__(told(self.faults))


def told(faults: Sequence[Fault]) -> str:
    """How many files are broken, which, and what to do."""
    more = len(faults) - NAMED
    alike: dict[str, list[str]] = {}
    for fault in faults[:NAMED]:
        alike.setdefault(fault.fault, []).append(fault.name)
    named = "; ".join(
        f"{', '.join(names)} {'each ' if len(names) > 1 else ''}{fault}" for fault, names in alike.items()
    ) + (f"; and {more:,} more" if more > 0 else "")
    return (
        f"{counted(len(faults), 'image file')} cannot be read: {named}. "
        "Remove or replace them, or choose to skip broken files"
    )
