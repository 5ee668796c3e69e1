"""What lies behind transparent images: the ground on which something of them can be seen."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image

GROUNDS = {
    "auto": "white, unless drawings would vanish on it",
    "white": "white",
    "black": "black",
    "grey": "a middle grey",
}
SHADES = {"white": 255, "black": 0, "grey": 128}
VISIBLE = 32  # shades of 255 by which something has to differ from its ground
MANY = 0.05  # share of the images that may vanish


def lay(image: Image.Image, ground: str) -> Image.Image:
    """An image with transparency laid on a ground of SHADES, RGB."""
    laid = Image.new("RGBA", image.size, (SHADES[ground],) * 3)
    laid.alpha_composite(image.convert("RGBA"))
    return laid.convert("RGB")


def contrasts(image: Image.Image) -> tuple[float, float]:
    """How far the most visible parts of a transparent image differ from white and from black, in shades of 255."""
    small = image.convert("RGBA")
    small.thumbnail((128, 128))
    pixels = np.asarray(small, np.float64)
    shades, alpha = pixels[..., :3], pixels[..., 3:] / 255
    return tuple(float(np.quantile((alpha * abs(shades - ground)).max(2), 0.99)) for ground in (255, 0))  # type: ignore[return-value]


def choose_ground(found: Iterable[tuple[float, float]]) -> str:
    """The ground for images of these `contrasts`: white unless more than a few vanish on it and fewer elsewhere."""
    seen = [one for one in found if max(one) >= VISIBLE]  # what is wholly transparent is seen nowhere
    if not seen:
        return "white"
    white, black = np.array(seen).T < VISIBLE
    if white.mean() <= MANY:
        return "white"
    return "black" if black.mean() <= MANY else "grey"  # drawings in white beside others in black
