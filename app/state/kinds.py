"""The types of values that a session or an address holds, and how an address writes each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A type of values, and how an address writes them. `read` gives None for text that is no such value."""

    name: str
    read: Callable[[str], T | None]
    write: Callable[[T], str]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _image(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _images(text: str) -> tuple[int, ...] | None:
    return tuple(n for part in text.split(".") if (n := _image(part)) is not None) or None


TEXT: Kind[str] = Kind("text", str, str)
WAYPOINT_NAME: Kind[str] = Kind(  # links of before say "station 2"
    "name of a waypoint", lambda text: text.replace("station ", "waypoint "), str
)
NUMBER: Kind[float] = Kind("number", _number, "{:g}".format)
PLACE: Kind[float] = Kind("number in thousandths", _number, "{:.3f}".format)
WHOLE: Kind[int] = Kind("whole number", _whole, str)
TEXTS: Kind[list[str]] = Kind("texts, each a parameter of its own", lambda text: [text], " ".join)
FLAG: Kind[bool] = Kind("true or false", {"true": True, "false": False}.get, lambda on: str(on).lower())
IMAGE: Kind[int | None] = Kind("number of an image", _image, str)
IMAGES: Kind[tuple[int, ...]] = Kind(
    "numbers of images between dots", _images, lambda n: ".".join(map(str, n))
)
RUNS: Kind[list[str]] = Kind(
    "ids of runs between commas", lambda text: [part for part in text.split(",") if part] or None, ",".join
)
OBJECT: Kind[Any] = Kind("object of the session", lambda text: None, str)
