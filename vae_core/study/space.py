"""Which settings there are to try: all of a search, the points of a grid, and those not tried yet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from vae_core.study.fields import Field


def size(fields: Sequence[Field]) -> int:
    """How many different settings there are; a large number where there is no end of them."""
    found = 1.0
    for field in fields:
        found *= field.size
    return int(min(found, 1e9))


def grid_size(fields: Sequence[Field]) -> int:
    """Points of the whole grid."""
    count = 1
    for field in fields:
        count *= len(field.grid())
    return count


def grid(fields: Sequence[Field], *, whole: bool = False) -> list[dict[str, Any]]:
    """Every combination of the fields' values, the last field's changing fastest. `whole`: all whole numbers of a range,
    as far as it has few.
    """
    values = []
    for field in fields:
        all_of = (
            whole and field.whole and field.size <= 1_000 and field.low is not None and field.high is not None
        )
        values.append(list(range(int(field.low or 0), int(field.high or 0) + 1)) if all_of else field.grid())
    names = [field.name for field in fields]
    return [
        dict(zip(names, one, strict=True)) for one in itertools.islice(itertools.product(*values), 100_000)
    ]
