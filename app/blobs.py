"""Arrays that a page hands to its components: published once under their content's digest, fetched over /api.

JSON would be five times as long and slow to parse, and would travel with every rerun.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections import OrderedDict
from typing import Any

import numpy as np

MOST_BYTES = 256 * 2**20  # of everybody's arrays together; the oldest are forgotten first
TILE = 64  # images of one tile of a map's atlas, eight rows of eight
SPRITE = 32  # pixels along an image of the atlas, at most

_kept: OrderedDict[str, np.ndarray] = OrderedDict()
_lock = threading.Lock()


def publish(array: np.ndarray, kind: str) -> str:
    """Keep an array as `kind` ("<f4", "<i4", "u1") and give its digest. The same content has the same digest."""
    array = np.ascontiguousarray(array, kind)
    digest = hashlib.sha256(kind.encode() + array.data).hexdigest()[:24]
    with _lock:
        _kept.setdefault(digest, array)
        _kept.move_to_end(digest)
        total = sum(a.nbytes for a in _kept.values())
        while total > MOST_BYTES and len(_kept) > 1:
            total -= _kept.popitem(last=False)[1].nbytes
    return digest


def url(array: np.ndarray, kind: str = "<f4") -> str:
    """The address under which a component fetches an array, flat, little-endian."""
    return f"/api/arrays/{publish(array, kind)}.bin"


def picture(png: bytes) -> dict[str, Any]:
    """The address under which a browser fetches a PNG, and its width and height in pixels."""
    width, height = struct.unpack(">II", png[16:24])  # its first chunk says them
    digest = publish(np.frombuffer(png, np.uint8), "u1")
    return {"url": f"/api/arrays/{digest}.png", "width": width, "height": height}


def at(address: str) -> np.ndarray | None:
    """The array published under an address that `url` gave, or None where it was forgotten."""
    return find(address.rsplit("/", 1)[-1].removesuffix(".bin"))


def find(digest: str) -> np.ndarray | None:
    """A published array, or None where it was forgotten."""
    with _lock:
        found = _kept.get(digest)
        if found is not None:
            _kept.move_to_end(digest)
        return found
