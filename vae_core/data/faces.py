"""Cartoon faces with known attributes, drawn from signed distances: 64×64 or 32×32, in colour.

Ten attributes say all there is to a face (ATTRIBUTES): each in [0, 1], two of them either 0 or 1. A picture
is a smooth function of the others, without texture or chance, and every one of them shows at 64×64.

The drawing is measured in units of 1/64 of the picture's side, x from the middle rightwards, y from the top
downwards. Everything but the hair, which is parted on one side, is mirrored about x = 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.errors import BadConfig, BadFactors
from vae_core.places import Places


@dataclass(frozen=True)
class Attribute:
    """One column of an attribute vector.

    `low` and `high` say in words what 0 and 1 look like; left and right are the viewer's.
    """

    name: str
    title: str
    low: str
    high: str
    binary: bool = False


ATTRIBUTES = (
    Attribute("smile", "Smile", "sad", "laughing"),
    Attribute("eyes", "Eyes", "closed", "wide open"),
    Attribute("gaze", "Gaze", "left", "right"),
    Attribute("glasses", "Glasses", "none", "worn", binary=True),
    Attribute("hair_colour", "Hair colour", "black", "grey"),
    Attribute("hair_length", "Hair length", "short", "long"),
    Attribute("skin", "Skin tone", "light", "deep"),
    Attribute("face_width", "Face width", "narrow", "wide"),
    Attribute("beard", "Beard", "none", "full", binary=True),
    Attribute("background", "Background", "peach", "rose"),
)
NAMES = tuple(attribute.name for attribute in ATTRIBUTES)
LABEL_NAMES = ("plain", "glasses", "beard", "glasses and beard")
SIDES = (64, 32)

Size = float | np.floating | np.ndarray

COUNT = 10_000  # images of the dataset
CHUNK = 500
SET_SEED = 19660409
BATCH = 32  # faces drawn at once: few enough to stay in the processor's cache


def render(attributes: np.ndarray, side: int = 64) -> np.ndarray:
    """Draw attribute vectors (N, 10), in the order of ATTRIBUTES, as uint8 (N, 3, side, side).

    Any side of 16 or more can be drawn, larger ones for show. Raises BadFactors when a value is not finite,
    not in [0, 1], or neither 0 nor 1 where the attribute is binary.
    """
    attributes = _checked(attributes)
    if side < 16:
        raise BadFactors(f"a face needs a side of 16 or more, not {side}")
    images = np.empty((len(attributes), 3, side, side), np.uint8)
    for start in range(0, len(attributes), BATCH):
        batch = attributes[start : start + BATCH].astype(np.float32)
        images[start : start + BATCH] = np.rint(255 * np.clip(_draw(batch, side), 0, 1))
    return images


def sample(rng: np.random.Generator, n: int, fixed: Mapping[str, float] | None = None) -> np.ndarray:
    """Draw n attribute vectors float64 (n, 10): those named in `fixed` as given, the others uniformly.

    Binary attributes are 0 or 1 with equal chance. Raises BadFactors.
    """
    attributes = rng.random((n, len(ATTRIBUTES)))
    for column, attribute in enumerate(ATTRIBUTES):
        if attribute.binary:
            attributes[:, column] = attributes[:, column] < 0.5
    for name, value in (fixed or {}).items():
        if name not in NAMES:
            raise BadFactors(f"faces have no attribute {name!r}; they have {', '.join(NAMES)}")
        attributes[:, NAMES.index(name)] = value
    return _checked(attributes)


def default_set() -> np.ndarray:
    """The attribute vectors of the dataset, float64 (COUNT, 10): always the same."""
    return sample(np.random.default_rng(SET_SEED), COUNT)


def build_faces(side: int, places: Places, progress: Progress) -> Source:
    """The dataset as a Source: labels index LABEL_NAMES, factors are the attributes.

    Raises BadConfig for a side not in SIDES.
    """
    if side not in SIDES:
        raise BadConfig(f"faces comes at side {', '.join(map(str, SIDES))}, not {side}")
    attributes = default_set()
    labels = attributes[:, NAMES.index("glasses")] + 2 * attributes[:, NAMES.index("beard")]

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(attributes), CHUNK):
            part = slice(start, start + CHUNK)
            yield Chunk(render(attributes[part], side), labels[part], attributes[part].astype(np.float32))

    return Source(len(attributes), 3, chunks(), label_names=LABEL_NAMES, factor_names=NAMES)


def _checked(attributes: np.ndarray) -> np.ndarray:
    attributes = np.asarray(attributes)
    if attributes.ndim != 2 or attributes.shape[1] != len(ATTRIBUTES):
        raise BadFactors(f"attributes have shape (N, {len(ATTRIBUTES)}), not {attributes.shape}")
    if attributes.dtype.kind not in "biuf":
        raise BadFactors(f"attributes are numbers, not {attributes.dtype}")
    for values, attribute in zip(attributes.T, ATTRIBUTES, strict=True):
        if not np.all((values >= 0) & (values <= 1)):  # not a number compares false
            raise BadFactors(f"{attribute.name} lies in 0 to 1; got {values.min()} to {values.max()}")
        if attribute.binary and not np.all((values == 0) | (values == 1)):
            raise BadFactors(f"{attribute.name} is either 0 or 1, nothing between")
    return attributes.astype(np.float64)


# Colours: sRGB in [0, 1], (N, 3). A palette runs through its stops at equal steps.


def _palette(*stops: str) -> np.ndarray:
    return np.array([[int(stop[i : i + 2], 16) / 255 for i in (0, 2, 4)] for stop in stops], np.float32)


SKIN = _palette("ffe0cc", "f7c8a4", "e5aa7c", "c98a5c", "a06742", "7d5036")
HAIR = _palette("2b2630", "4b3029", "7a4327", "b4622f", "e3b566", "d9cdbd", "a9aab5")
BACKGROUND = _palette("ffc9a6", "ffe29a", "c2e6b0", "a4e0dc", "a9cdf5", "c9bdf3", "f6bbd8")
SHIRT = _palette("3f7f8c", "4c6fae", "6b62b4", "a2588f", "d9734f", "d2913a", "4b9a86")

DARK = _palette("33262e")  # lashes, pupils, spectacle frames
WHITE = _palette("ffffff")
IRIS = _palette("8a5a36")
LIPS = _palette("b8485a")
MOUTH = _palette("7a2738")
TONGUE = _palette("ef7f86")
BLUSH = _palette("f2626c")


def _pick(palette: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Colours (N, 3) at positions (N,) in [0, 1] of a palette (S, 3)."""
    stops = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(at, stops, channel) for channel in palette.T], axis=1).astype(np.float32)


def _mix(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return a + (b - a) * share


def _shade(colour: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """A shadow of that colour: darker, and a little towards red as skin and hair do."""
    return colour * (1 - share * np.array([0.75, 1.0, 1.0], np.float32))


def _lerp(a: float, b: float, share: np.ndarray) -> np.ndarray:
    return a + (b - a) * share


def _ease(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


# Signed distances in drawing units, negative inside, after I. Quilez, "2D distance functions".
# x (1, 1, W), y (1, H, 1), sizes (N, 1, 1).


def _ellipse(x: np.ndarray, y: np.ndarray, a: Size, b: Size) -> np.ndarray:
    # first order, (f - 1) / |∇f| with f = |(x/a, y/b)|: right at the edge, the only place where it shows
    f = np.sqrt((x / a) ** 2 + (y / b) ** 2)
    slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2)
    return (f - 1) * f / np.maximum(slope, 1e-4)


def _superellipse(x: np.ndarray, y: np.ndarray, a: Size, b: Size, power: float) -> np.ndarray:
    """|x/a|^p + |y/b|^p = 1: between an ellipse (2) and a box. To first order, as above."""
    s, t = np.abs(x / a) + 1e-4, np.abs(y / b) + 1e-4
    sp, tp = s ** (power - 1), t ** (power - 1)
    total = sp * s + tp * t
    f = total ** (1 / power)
    slope = f / total * np.sqrt((sp / a) ** 2 + (tp / b) ** 2)
    return (f - 1) / slope


def _arc(x: np.ndarray, y: np.ndarray, width: Size, sag: Size) -> np.ndarray:
    """Distance to the circle through (±width, 0) and (0, sag), positive below it; sag 0 is a straight line.

    F = sag (x² + y² - width²) + (width² - sag²) y vanishes on the circle, and with ρ, R the distances of the
    point and the circle from its centre F = sag (ρ² - R²), |∇F| = 2 |sag| ρ, width² + sag² = 2 |sag| R.
    """
    level = sag * (x * x + y * y - width**2) + (width**2 - sag**2) * y
    steep = np.sqrt((2 * sag * x) ** 2 + (2 * sag * y + width**2 - sag**2) ** 2)
    return 2 * level / (steep + width**2 + sag**2)


def _box(x: np.ndarray, y: np.ndarray, a: Size, b: Size, radius: float) -> np.ndarray:
    u, v = np.abs(x) - (a - radius), np.abs(y) - (b - radius)
    outside = np.sqrt(np.maximum(u, 0) ** 2 + np.maximum(v, 0) ** 2)
    return outside + np.minimum(np.maximum(u, v), 0) - radius


def _round_max(a: np.ndarray, b: np.ndarray, radius: Size) -> np.ndarray:
    """The intersection of two shapes, its corner rounded."""
    u, v = np.maximum(radius + a, 0), np.maximum(radius + b, 0)
    return np.minimum(-radius, np.maximum(a, b)) + np.sqrt(u * u + v * v)


def _round_min(a: np.ndarray, b: np.ndarray, radius: Size) -> np.ndarray:
    """The union of two shapes, its notch rounded."""
    return -_round_max(-a, -b, radius)


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


def _draw(attributes: np.ndarray, side: int) -> np.ndarray:
    """Attributes float32 (N, 10) -> float32 (N, 3, side, side)."""
    column = dict(zip(NAMES, attributes.T, strict=True))
    value = {name: values[:, None, None] for name, values in column.items()}
    canvas = Canvas(len(attributes), side)
    skin = _pick(SKIN, column["skin"])
    hair = _pick(HAIR, column["hair_colour"])
    half = _lerp(14.8, 20.0, value["face_width"])  # half the face's width
    apart = 3.6 + 0.28 * half  # from the middle to an eye

    _background(canvas, _pick(BACKGROUND, column["background"]))
    _back_hair(canvas, hair, half, value["hair_length"])
    _body(canvas, skin, _pick(SHIRT, column["background"]))
    _ears(canvas, skin, half)
    _face(canvas, skin, half)
    _cheeks(canvas, skin, half, value["smile"])
    _beard(canvas, skin, hair, half, value["beard"])
    _nose(canvas, skin)
    _mouth(canvas, skin, value["smile"])
    _eyes(canvas, skin, apart, value["eyes"], value["gaze"])
    _front_hair(canvas, skin, hair, half, value["hair_length"])
    _brows(canvas, hair, apart)
    _glasses(canvas, half, apart, value["glasses"])
    return canvas.pixels


FACE_Y, FACE_UP, FACE_DOWN = 32.0, 19.0, 19.0
BROW_Y, EYE_Y, NOSE_Y, MOUTH_Y = 24.3, 32.5, 38.8, 44.2


def _face_shape(x: np.ndarray, y: np.ndarray, half: np.ndarray) -> np.ndarray:
    """An egg, its broad end up, with cheeks a little fuller than an ellipse's."""
    v = y - FACE_Y
    narrowed = x / (1 - 0.10 * np.maximum(v, 0) / FACE_DOWN)
    b = np.where(v > 0, np.float32(FACE_DOWN), np.float32(FACE_UP))
    return _superellipse(narrowed, v, half, b, 2.35)


def _background(canvas: Canvas, colour: np.ndarray) -> None:
    canvas.pixels[:] = colour[:, :, None, None]
    window = canvas.window(-32, 0, 32, 64)
    # a lighter disc behind the head, as on a portrait medal
    disc = np.sqrt(window.x**2 + (window.y - 32) ** 2) - 29
    window.paint(window.cover(disc), _mix(colour, WHITE, 0.45))


def _body(canvas: Canvas, skin: np.ndarray, shirt: np.ndarray) -> None:
    window = canvas.window(-32, 44, 32, 64)
    x, y = window.x, window.y
    shoulders = _superellipse(x, y - 72, 26, 16.2, 2.5)
    window.paint(window.cover(shoulders), shirt)
    neck_line = _ellipse(x, y - 54, 8.4, 6.6)
    window.paint(window.cover(np.maximum(shoulders, neck_line - 1.5)), _shade(shirt, 0.2))
    neck = np.minimum(_box(x, y - 50, 5.4, 9, 1), neck_line)
    window.paint(window.cover(neck), skin)
    chin = _ellipse(x, y - 47, 12, 8.2)
    window.paint(window.cover(np.maximum(neck, chin)), _shade(skin, 0.22))


def _ears(canvas: Canvas, skin: np.ndarray, half: np.ndarray) -> None:
    window = canvas.window(-25, 26, 25, 44)
    x, y = np.abs(window.x) - half, window.y - 35
    window.paint(window.cover(_ellipse(x - 0.2, y, 3.2, 4.4)), _shade(skin, 0.05))
    window.paint(window.cover(_ellipse(x - 0.7, y, 1.6, 2.7)), _shade(skin, 0.22))


def _face(canvas: Canvas, skin: np.ndarray, half: np.ndarray) -> None:
    window = canvas.window(-21, 11, 21, 54)
    shape = _face_shape(window.x, window.y, half)
    window.paint(window.cover(shape), skin)
    # it turns away from the light at its rim
    window.paint(0.5 * window.cover(shape) * _ease(-6, 1, shape), _shade(skin, 0.16))


def _cheeks(canvas: Canvas, skin: np.ndarray, half: np.ndarray, smile: np.ndarray) -> None:
    window = canvas.window(-19, 33, 19, 48)
    x = np.abs(window.x) - (half - 4.8)
    y = window.y - (41.0 - 0.8 * smile)
    blush = np.exp(-(x**2 + (1.2 * y) ** 2) / 8.0)
    window.paint((0.3 + 0.35 * smile) * blush, _mix(skin, BLUSH, 0.7))


def _beard(canvas: Canvas, skin: np.ndarray, hair: np.ndarray, half: np.ndarray, worn: np.ndarray) -> None:
    window = canvas.window(-21, 30, 21, 56)
    x, y = window.x, window.y
    outline = _face_shape(x, y, half) - 1.1
    # the cheek line: up to the ears, and arched over the mouth for a moustache
    across = np.abs(x) / half
    line = 44.5 - 14.0 * across**4 - 4.2 * np.exp(-((x / 7.0) ** 4))
    beard = _round_max(outline, (line - y) * 0.85, 1.5)
    # darker where hair and skin are of one colour, or it would not show
    alike = np.exp(-((hair - skin) ** 2).sum(axis=1, keepdims=True) / 0.04)
    window.paint(worn * window.cover(beard), _shade(hair, 0.12 + 0.3 * alike))


def _nose(canvas: Canvas, skin: np.ndarray) -> None:
    window = canvas.window(-5, 32, 5, 43)
    x, y = window.x, window.y - NOSE_Y
    window.paint(window.cover(_ellipse(x, y, 2.5, 1.9)), _shade(skin, 0.22))
    window.paint(window.cover(_ellipse(x, y + 0.9, 2.3, 1.9)), _mix(skin, WHITE, 0.10))


def _mouth(canvas: Canvas, skin: np.ndarray, smile: np.ndarray) -> None:
    window = canvas.window(-11, 38, 11, 52)
    x, y = np.abs(window.x), window.y
    width = _lerp(4.4, 8.2, smile)  # half of it
    bend = _lerp(-1.3, 3.8, smile)  # how far the middle hangs below the corners
    gape = 5.0 * _ease(0.42, 1, smile)  # how far the lips part in the middle
    inside = np.minimum(x, width)
    arch = 1 - (inside / width) ** 2
    upper = MOUTH_Y - 0.4 * bend + bend * arch - 0.4 * gape
    middle = upper + 0.5 * gape * arch
    # distance to the strip between the lips: straight down within the corners, round beyond them
    slope = 2 * inside / width**2 * (bend + 0.5 * gape)
    strip = (np.abs(y - middle) - 0.5 * gape * arch) / np.sqrt(1 + slope**2)
    mouth = np.where(x > width, np.sqrt((x - width) ** 2 + (y - middle) ** 2), strip)
    window.paint(window.cover(mouth - 0.8), _mix(_shade(skin, 0.5), LIPS, 0.65))
    hollow = window.cover(mouth + 0.1) * _ease(0.2, 1.2, gape)
    window.paint(hollow, MOUTH)
    window.paint(hollow * window.cover(_ellipse(x, y - (MOUTH_Y + 5.4), 4.6, 2.9)), TONGUE)
    window.paint(hollow * window.cover(y - upper - 0.42 * gape), WHITE)


def _eyes(canvas: Canvas, skin: np.ndarray, apart: np.ndarray, open_: np.ndarray, gaze: np.ndarray) -> None:
    width, above, below = 4.9, 5.0, 4.0
    look = _lerp(-2.3, 2.3, gaze)
    # the edge of the upper lid: an arc that hangs on the lower rim (closed), then rises to the upper one.
    # It rises fast at first, so that a face drawn by chance rarely looks sleepy.
    sag = _lerp(below, -above, 1 - (1 - open_) ** 1.6)
    for hand in (-1, 1):
        window = canvas.window(8.5 * hand - 7.5, EYE_Y - 7, 8.5 * hand + 7.5, EYE_Y + 6)
        x, y = window.x - hand * apart, window.y - EYE_Y
        rim = np.maximum(-_arc(x, y, width, -above), _arc(x, y, width, below))
        lid = _arc(x, y, width, sag)
        window.paint(window.cover(rim), _shade(skin, 0.08))
        seen = window.cover(np.maximum(rim, -lid)) * _ease(0, 0.06, open_)  # none when closed
        window.paint(seen, WHITE)
        iris = np.sqrt((x - look) ** 2 + y**2)
        window.paint(seen * window.cover(iris - 3.4), IRIS)
        window.paint(seen * window.cover(iris - 2.2), DARK)
        shine = np.sqrt((x - look) ** 2 + (y + 1.6) ** 2) - 1.05
        window.paint(seen * window.cover(shine), WHITE)
        # only the arc itself, not the rest of its circle
        ends = np.maximum(np.where(sag < 0, y, -y), rim)
        window.paint(window.cover(np.maximum(np.abs(lid), ends) - 0.7), DARK)


def _hair_outline(x: np.ndarray, y: np.ndarray, half: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The whole mass of hair: a round cap, and sides that fall to the hair's length and curl in."""
    reach = half + _lerp(1.4, 3.4, length)
    cap = _superellipse(x, y - 27, reach, 21.8, 2.3)
    bottom = _lerp(31.5, 61.0, length)
    swell = 1 - np.cos(2 * np.pi * np.clip((y - 27) / (bottom - 27), 0, 1))
    fall = np.abs(x) - reach - 1.3 * length * swell
    sides = _round_max(fall, y - bottom, _lerp(2.0, 9.0, _ease(-0.2, 0.6, length)))
    return np.where(y < 27, cap, sides)


PART = -5.5  # where the hair is parted


def _fringe(x: np.ndarray, y: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Distance to the hair's lower edge over the forehead, swept from the part to both temples."""
    away = np.where(x > PART, (x - PART) / (half - PART), (PART - x) / (half + PART))
    away = np.clip(away, 0.01, 1.2)
    line = 14.5 + 11.0 * away**0.8
    slope = 0.8 * 11.0 * away**-0.2 / np.where(x > PART, half - PART, half + PART)
    return (y - line) / np.sqrt(1 + slope**2)


def _back_hair(canvas: Canvas, hair: np.ndarray, half: np.ndarray, length: np.ndarray) -> None:
    window = canvas.window(-29, 4, 29, 64)
    window.paint(window.cover(_hair_outline(window.x, window.y, half, length)), _shade(hair, 0.22))


def _front_hair(
    canvas: Canvas, skin: np.ndarray, hair: np.ndarray, half: np.ndarray, length: np.ndarray
) -> None:
    window = canvas.window(-29, 4, 29, 64)
    x, y = window.x, window.y
    outline = _hair_outline(x, y, half, length)
    # locks beside the face, thinner towards their ends
    beside = (half - 1.0) + 0.004 * np.maximum(y - 30, 0) ** 2 - np.abs(x)
    fringe = _fringe(x, y, half)
    shadow = np.maximum(_face_shape(x, y, half), _round_min(fringe - 1.6, beside - 0.8, 5.0))
    window.paint(0.6 * window.cover(shadow, 0.8), _shade(skin, 0.3))
    front = np.maximum(outline, _round_min(fringe, beside, 5.0))
    window.paint(window.cover(front), hair)
    # darker towards the ends, and along the parting
    window.paint(0.7 * window.cover(front) * _ease(22, 58, y), _shade(hair, 0.22))
    strand = np.abs(_arc(x - PART - 5.0, y - 14.0, 5.0, -9.0))
    parting = np.maximum(strand - 0.3, np.maximum(x - PART - 4.0, y - 15.5))
    window.paint(0.4 * window.cover(np.maximum(front, parting)), _shade(hair, 0.35))
    # a sheen around the crown
    ring = np.abs(_superellipse(x, y - 29, half - 1.0, 18.3, 2.2)) - 0.8
    sheen = window.cover(np.maximum(front, ring), 1.2) * _ease(21, 13, y)
    window.paint(0.5 * sheen, _mix(hair, WHITE, 0.45))


def _brows(canvas: Canvas, hair: np.ndarray, apart: np.ndarray) -> None:
    window = canvas.window(-18, 20, 18, 29)
    x, y = np.abs(window.x) - apart, window.y
    along = np.clip(x, -3.4, 3.4)
    curve = BROW_Y + 0.09 * (along + 0.5) ** 2
    brow = np.sqrt((x - along) ** 2 + (y - curve) ** 2) - _lerp(0.85, 0.65, (along + 3.4) / 6.8)
    window.paint(window.cover(brow), _shade(hair, 0.3))


def _glasses(canvas: Canvas, half: np.ndarray, apart: np.ndarray, worn: np.ndarray) -> None:
    window = canvas.window(-22, 24, 22, 42)
    x, y = np.abs(window.x), window.y - EYE_Y - 0.2
    lens = _box(x - apart, y, 6.7, 6.3, 5.0)
    window.paint(worn * 0.10 * window.cover(lens), WHITE)
    bridge = _box(x, y + 1.2, apart - 6.3, 0.5, 0.4)
    outer = apart + 6.7
    temple = _box(x - 0.5 * (half + outer), y + 1.8, 0.5 * (half - outer) + 0.4, 0.5, 0.4)
    frame = np.minimum(np.abs(lens) - 0.6, np.minimum(bridge, temple))
    window.paint(worn * window.cover(frame), DARK)
