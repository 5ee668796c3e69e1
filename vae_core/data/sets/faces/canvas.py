"""What a face is painted with: colours, signed distances to shapes, and a canvas that takes layers.

The drawing is measured in units of 1/64 of the picture's side, x from the middle rightwards, y from the top
downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Size = float | np.floating | np.ndarray

# Colours: sRGB in [0, 1], (N, 3). A palette runs through its stops at equal steps.


def palette(*stops: str) -> np.ndarray:
    return np.array([[int(stop[i : i + 2], 16) / 255 for i in (0, 2, 4)] for stop in stops], np.float32)


SKIN = palette("ffe0cc", "f7c8a4", "e5aa7c", "c98a5c", "a06742", "7d5036")

DARK = palette("33262e")  # lashes, pupils, spectacle frames
WHITE = palette("ffffff")
IRIS = palette("8a5a36")
LIPS = palette("b8485a")
MOUTH = palette("7a2738")
TONGUE = palette("ef7f86")
BLUSH = palette("f2626c")


def pick(palette: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Colours (N, 3) at positions (N,) in [0, 1] of a palette (S, 3)."""
    stops = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(at, stops, channel) for channel in palette.T], axis=1).astype(np.float32)


def mix(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """The colour `share` of the way from a to b, (N or 1, 3) each."""
    mixed: np.ndarray = a + (b - a) * share
    return mixed


def shade(colour: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """A shadow of that colour: darker, and a little towards red as skin and hair do."""
    shaded: np.ndarray = colour * (1 - share * np.array([0.75, 1.0, 1.0], np.float32))
    return shaded


def lerp(a: float, b: float, share: np.ndarray) -> np.ndarray:
    """The number `share` of the way from a to b, in the shape of `share`."""
    return a + (b - a) * share


def ease(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


# Signed distances in drawing units, negative inside, after I. Quilez, "2D distance functions".
# x (1, 1, W), y (1, H, 1), sizes (N, 1, 1).


def ellipse(x: np.ndarray, y: np.ndarray, a: Size, b: Size) -> np.ndarray:
    """Half axes a and b."""
    # first order, (f - 1) / |∇f| with f = |(x/a, y/b)|: right at the edge, the only place where it shows
    f = np.sqrt((x / a) ** 2 + (y / b) ** 2)
    slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2)
    return (f - 1) * f / np.maximum(slope, 1e-4)


def superellipse(x: np.ndarray, y: np.ndarray, a: Size, b: Size, power: float) -> np.ndarray:
    """|x/a|^p + |y/b|^p = 1: between an ellipse (2) and a box. To first order, as above."""
    s, t = np.abs(x / a) + 1e-4, np.abs(y / b) + 1e-4
    sp, tp = s ** (power - 1), t ** (power - 1)
    total = sp * s + tp * t
    f = total ** (1 / power)
    slope = f / total * np.sqrt((sp / a) ** 2 + (tp / b) ** 2)
    return (f - 1) / slope


def arc(x: np.ndarray, y: np.ndarray, width: Size, sag: Size) -> np.ndarray:
    """Distance to the circle through (±width, 0) and (0, sag), positive below it; sag 0 is a straight line.

    F = sag (x² + y² - width²) + (width² - sag²) y vanishes on the circle, and with ρ, R the distances of the
    point and the circle from its centre F = sag (ρ² - R²), |∇F| = 2 |sag| ρ, width² + sag² = 2 |sag| R.
    """
    level = sag * (x * x + y * y - width**2) + (width**2 - sag**2) * y
    steep = np.sqrt((2 * sag * x) ** 2 + (2 * sag * y + width**2 - sag**2) ** 2)
    distance: np.ndarray = 2 * level / (steep + width**2 + sag**2)
    return distance


def box(x: np.ndarray, y: np.ndarray, a: Size, b: Size, radius: float) -> np.ndarray:
    """Half sides a and b, corners rounded by `radius`."""
    u, v = np.abs(x) - (a - radius), np.abs(y) - (b - radius)
    outside = np.sqrt(np.maximum(u, 0) ** 2 + np.maximum(v, 0) ** 2)
    distance: np.ndarray = outside + np.minimum(np.maximum(u, v), 0) - radius
    return distance


def round_max(a: np.ndarray, b: np.ndarray, radius: Size) -> np.ndarray:
    """The intersection of two shapes, its corner rounded."""
    u, v = np.maximum(radius + a, 0), np.maximum(radius + b, 0)
    distance: np.ndarray = np.minimum(-radius, np.maximum(a, b)) + np.sqrt(u * u + v * v)
    return distance


def round_min(a: np.ndarray, b: np.ndarray, radius: Size) -> np.ndarray:
    """The union of two shapes, its notch rounded."""
    return -round_max(-a, -b, radius)


class Canvas:
    """Pictures being painted, float32 (N, 3, side, side); a layer touches only its own window."""

    def __init__(self, count: int, side: int) -> None:
        self.unit = 64 / side  # drawing units per pixel
        self.side = side
        self.pixels = np.empty((count, 3, side, side), np.float32)

    def window(self, left: float, top: float, right: float, bottom: float) -> Window:
        """The pixels between those lines, x from the middle, y from the top."""
        columns = self._span(left + 32, right + 32)
        rows = self._span(top, bottom)
        middles = (np.arange(self.side, dtype=np.float32) + np.float32(0.5)) * np.float32(self.unit)
        x = (middles[columns] - 32)[None, None, :]
        y = middles[rows][None, :, None]
        return Window(self.pixels[:, :, rows, columns], x, y, self.unit)

    def _span(self, low: float, high: float) -> slice:
        return slice(max(0, int(np.floor(low / self.unit))), min(self.side, int(np.ceil(high / self.unit))))


@dataclass
class Window:
    """Part of a canvas, with the coordinates of its pixels: x (1, 1, W), y (1, H, 1)."""

    pixels: np.ndarray
    x: np.ndarray
    y: np.ndarray
    unit: float

    def cover(self, distance: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """How much of each pixel lies inside, (N, H, W); `soft` widens the edge, in drawing units."""
        return np.clip(0.5 - distance / np.float32(self.unit + soft), 0, 1)

    def paint(self, cover: np.ndarray, colour: np.ndarray) -> None:
        """Lay a colour (N or 1, 3) over the window where `cover` (N, H, W) says so."""
        self.pixels += cover[:, None] * (colour[:, :, None, None] - self.pixels)
