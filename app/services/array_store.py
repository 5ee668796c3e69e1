"""Arrays that a page hands to its components: published once under their content's digest, fetched over /api.

JSON would be five times as long and slow to parse, and would travel with every rerun.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from app.services.cache import LruCache

MOST_BYTES = 256 * 2**20  # of everybody's arrays together; the oldest are forgotten first
TILE = 64  # images of one tile of a map's atlas, eight rows of eight
SPRITE = 32  # pixels along an image of the atlas, at most

AnyArray = npt.NDArray[Any]

_arrays: LruCache[AnyArray] = LruCache(MOST_BYTES, size=lambda array: array.nbytes)


def publish(array: AnyArray, kind: str) -> str:
    """Keep an array as `kind` ("<f4", "<i4", "u1") and give its digest. The same content has the same digest."""
    array = np.ascontiguousarray(array, kind)
    digest = hashlib.sha256(kind.encode() + array.data).hexdigest()[:24]
    _arrays.put(digest, array)
    return digest


def url(array: AnyArray, kind: str = "<f4") -> str:
    """The address under which a component fetches an array, flat, little-endian."""
    return f"/api/arrays/{publish(array, kind)}.bin"


def picture(png: bytes) -> dict[str, Any]:
    """The address under which a browser fetches a PNG, and its width and height in pixels."""
    width, height = struct.unpack(">II", png[16:24])  # its first chunk says them
    digest = publish(np.frombuffer(png, np.uint8), "u1")
    return {"url": f"/api/arrays/{digest}.png", "width": width, "height": height}


def at(address: str) -> AnyArray | None:
    """The array published under an address that `url` gave, or None where it was forgotten."""
    return find(address.rsplit("/", 1)[-1].removesuffix(".bin"))


def find(digest: str) -> AnyArray | None:
    """A published array, or None where it was forgotten."""
    return _arrays.get(digest)
