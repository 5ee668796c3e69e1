"""What differs between versions of the faces: palettes and the eyes. An earlier version stays as it was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.data.sets.faces.canvas import IRIS, lerp, palette


@dataclass(frozen=True, eq=False)
class Style:
    """Palettes (S, 3), and the sizes of eyes and glasses in drawing units.

    Attributes:
        shirt: a palette that runs with the background, or one colour.
        apart: from the middle to an eye: a + b · half the face's width.
        eye: half its width, how far its upper and its lower rim bulge.
        lid: what the upper lid's edge bulges while the eyes are at 0; at 1 it is the upper rim.
        rise: power of the lid's rise: above 1 it rises fast at first.
        shuts: whether the eyes at 0 are shut, so that nothing of them is seen.
        iris: radii of iris and pupil. glance: how far they move to a side. iris_colour: (1, 3).
        shine: radius of the light in the eye, and how far it lies above the pupil's middle.
        lens: half the width and height of a lens, radius of its corners.
    """

    hair: np.ndarray
    background: np.ndarray
    shirt: np.ndarray
    apart: tuple[float, float]
    eye: tuple[float, float, float]
    lid: float
    rise: float
    shuts: bool
    iris: tuple[float, float]
    glance: float
    iris_colour: np.ndarray
    shine: tuple[float, float]
    lens: tuple[float, float, float]

    def sag(self, open_: np.ndarray) -> np.ndarray:
        """How far the edge of the upper lid bulges, downwards positive."""
        found: np.ndarray = lerp(self.lid, -self.eye[1], 1 - (1 - open_) ** self.rise)
        return found


# Backgrounds and hair run through a loop of colours, which no single number of a code can follow; shut eyes look nowhere
FIRST = Style(
    hair=palette("2b2630", "4b3029", "7a4327", "b4622f", "e3b566", "d9cdbd", "a9aab5"),
    background=palette("ffc9a6", "ffe29a", "c2e6b0", "a4e0dc", "a9cdf5", "c9bdf3", "f6bbd8"),
    shirt=palette("3f7f8c", "4c6fae", "6b62b4", "a2588f", "d9734f", "d2913a", "4b9a86"),
    apart=(3.6, 0.28), eye=(4.9, 5.0, 4.0), lid=4.0, rise=1.6, shuts=True, iris=(3.4, 2.2), glance=2.3,
    iris_colour=IRIS, shine=(1.05, 1.6), lens=(6.7, 6.3, 5.0),
)  # fmt: skip
# Every palette is a way from dark to light or from one hue to another, never back; the eyes are large and always see
SECOND = Style(
    hair=palette("211a20", "8c3c1e", "f4d07a"),
    background=palette("ffd79a", "b9c4c4", "6f9fe0"),
    shirt=palette("3f8f86"),
    apart=(3.4, 0.30), eye=(5.7, 6.0, 4.8), lid=-0.4, rise=1.0, shuts=False, iris=(4.0, 2.5), glance=2.9,
    iris_colour=palette("6b4326"), shine=(1.15, 1.7), lens=(7.1, 7.3, 5.4),
)  # fmt: skip
