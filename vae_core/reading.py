"""What a file says, as the types we expect. Files of a home may come from anywhere: an archive, a newer version, a kill.

Each function takes any value that JSON can hold and gives one of its type, or what stands for "unknown".
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MOST_BYTES = 64 << 20  # of a JSON file that is read at once
EXACT = 2**53  # whole numbers below are exact in a float and in a browser
LONGEST = 1_000  # characters of a line of text
DEEPEST = 50  # lists and objects within each other
STRINGS, BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL), re.compile(r"[\[\]{}]")


def read_json(path: Path | str, most: int = MOST_BYTES) -> Any:
    """The JSON value in the file at `path`.

    Raises OSError, and ValueError for what is larger than `most` bytes, no JSON (NaN is none) or nested too deep.
    """
    with open(path, "rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise ValueError(f"it is larger than {most / 1e6:,.0f} MB")
    return parse_json(found)


def parse_json(found: bytes | str) -> Any:
    """The JSON value in a text. Raises ValueError for what is no JSON (NaN is none) or nested too deep."""
    said = found.decode("utf-8-sig") if isinstance(found, bytes) else found
    depth = 0
    for bracket in BRACKETS.findall(STRINGS.sub("", said)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:  # deeper values can be parsed, but neither shown nor written again
            raise ValueError("it is nested too deep")
    return json.loads(said, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def whole(value: Any, unknown: int = 0) -> int:
    """A whole number from 0 to 2**53."""
    return value if type(value) is int and 0 <= value <= EXACT else unknown


def number(value: Any, unknown: float = 0.0) -> float:
    """A finite float."""
    if type(value) is int and abs(value) <= EXACT:
        return float(value)
    return value if type(value) is float and math.isfinite(value) else unknown


def text(value: Any, unknown: str = "", most: int = LONGEST) -> str:
    """Text of at most `most` characters that every page, terminal and file can show: no lone surrogates or NUL."""
    if not isinstance(value, str):
        return unknown
    return value[:most].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def texts(value: Any) -> list[str]:
    """Texts in a list; empty where it is not a list of texts alone."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return []
    return [text(one) for one in value]


def moment(value: Any) -> datetime | None:
    """A point in time of this era from ISO 8601, in UTC; None for what is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        found = found and (found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))
    except (ValueError, OverflowError):
        return None
    return found if found is not None and 1970 <= found.year < 2200 else None


def plain(value: Any, depth: int = 4) -> bool:
    """Whether a JSON value is small enough in depth and in its numbers to be written again by anyone."""
    if isinstance(value, dict):
        return depth > 0 and all(isinstance(k, str) and plain(v, depth - 1) for k, v in value.items())
    if isinstance(value, list):
        return depth > 0 and all(plain(v, depth - 1) for v in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= EXACT
    return value is None or (isinstance(value, str) and text(value) == value)
