"""A face, painted layer by layer from its attributes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vae_core.data.sets.faces.canvas import (
    BLUSH,
    DARK,
    LIPS,
    MOUTH,
    SKIN,
    TONGUE,
    WHITE,
    Canvas,
    arc,
    box,
    ease,
    ellipse,
    lerp,
    mix,
    pick,
    round_max,
    round_min,
    shade,
    superellipse,
)
from vae_core.data.sets.faces.style import Style


def draw(column: Mapping[str, np.ndarray], side: int, style: Style) -> np.ndarray:
    """Paint N faces: attributes by name, float32 (N,) each -> float32 (N, 3, side, side), 0 to 1 where in range."""
    value = {name: values[:, None, None] for name, values in column.items()}
    canvas = Canvas(len(column["skin"]), side)
    skin = pick(SKIN, column["skin"])
    hair = pick(style.hair, column["hair_colour"])
    half = lerp(14.8, 20.0, value["face_width"])  # half the face's width
    apart = style.apart[0] + style.apart[1] * half  # from the middle to an eye

    _background(canvas, pick(style.background, column["background"]))
    _back_hair(canvas, hair, half, value["hair_length"])
    _body(canvas, skin, pick(style.shirt, column["background"]))
    _ears(canvas, skin, half)
    _face(canvas, skin, half)
    _cheeks(canvas, skin, half, value["smile"])
    _beard(canvas, skin, hair, half, value["beard"])
    _nose(canvas, skin)
    _mouth(canvas, skin, value["smile"])
    _eyes(canvas, skin, apart, value["eyes"], value["gaze"], style)
    _front_hair(canvas, skin, hair, half, value["hair_length"])
    _brows(canvas, hair, apart)
    _glasses(canvas, half, apart, value["glasses"], style)
    return canvas.pixels


FACE_Y, FACE_UP, FACE_DOWN = 32.0, 19.0, 19.0
BROW_Y, EYE_Y, NOSE_Y, MOUTH_Y = 24.3, 32.5, 38.8, 44.2


def _face_shape(x: np.ndarray, y: np.ndarray, half: np.ndarray) -> np.ndarray:
    """An egg, its broad end up, with cheeks a little fuller than an ellipse's."""
    v = y - FACE_Y
    narrowed = x / (1 - 0.10 * np.maximum(v, 0) / FACE_DOWN)
    b = np.where(v > 0, np.float32(FACE_DOWN), np.float32(FACE_UP))
    return superellipse(narrowed, v, half, b, 2.35)


def _background(canvas: Canvas, colour: np.ndarray) -> None:
    canvas.pixels[:] = colour[:, :, None, None]
    window = canvas.window(-32, 0, 32, 64)
    # a lighter disc behind the head, as on a portrait medal
    disc = np.sqrt(window.x**2 + (window.y - 32) ** 2) - 29
    window.paint(window.cover(disc), mix(colour, WHITE, 0.45))


def _body(canvas: Canvas, skin: np.ndarray, shirt: np.ndarray) -> None:
    window = canvas.window(-32, 44, 32, 64)
    x, y = window.x, window.y
    shoulders = superellipse(x, y - 72, 26, 16.2, 2.5)
    window.paint(window.cover(shoulders), shirt)
    neck_line = ellipse(x, y - 54, 8.4, 6.6)
    window.paint(window.cover(np.maximum(shoulders, neck_line - 1.5)), shade(shirt, 0.2))
    neck = np.minimum(box(x, y - 50, 5.4, 9, 1), neck_line)
    window.paint(window.cover(neck), skin)
    chin = ellipse(x, y - 47, 12, 8.2)
    window.paint(window.cover(np.maximum(neck, chin)), shade(skin, 0.22))


def _ears(canvas: Canvas, skin: np.ndarray, half: np.ndarray) -> None:
    window = canvas.window(-25, 26, 25, 44)
    x, y = np.abs(window.x) - half, window.y - 35
    window.paint(window.cover(ellipse(x - 0.2, y, 3.2, 4.4)), shade(skin, 0.05))
    window.paint(window.cover(ellipse(x - 0.7, y, 1.6, 2.7)), shade(skin, 0.22))


def _face(canvas: Canvas, skin: np.ndarray, half: np.ndarray) -> None:
    window = canvas.window(-21, 11, 21, 54)
    shape = _face_shape(window.x, window.y, half)
    window.paint(window.cover(shape), skin)
    # it turns away from the light at its rim
    window.paint(0.5 * window.cover(shape) * ease(-6, 1, shape), shade(skin, 0.16))


def _cheeks(canvas: Canvas, skin: np.ndarray, half: np.ndarray, smile: np.ndarray) -> None:
    window = canvas.window(-19, 33, 19, 48)
    x = np.abs(window.x) - (half - 4.8)
    y = window.y - (41.0 - 0.8 * smile)
    blush = np.exp(-(x**2 + (1.2 * y) ** 2) / 8.0)
    window.paint((0.3 + 0.35 * smile) * blush, mix(skin, BLUSH, 0.7))


def _beard(canvas: Canvas, skin: np.ndarray, hair: np.ndarray, half: np.ndarray, worn: np.ndarray) -> None:
    window = canvas.window(-21, 30, 21, 56)
    x, y = window.x, window.y
    outline = _face_shape(x, y, half) - 1.1
    # the cheek line: up to the ears, and arched over the mouth for a moustache
    across = np.abs(x) / half
    line = 44.5 - 14.0 * across**4 - 4.2 * np.exp(-((x / 7.0) ** 4))
    beard = round_max(outline, (line - y) * 0.85, 1.5)
    # darker where hair and skin are of one colour, or it would not show
    alike = np.exp(-((hair - skin) ** 2).sum(axis=1, keepdims=True) / 0.04)
    window.paint(worn * window.cover(beard), shade(hair, 0.12 + 0.3 * alike))


def _nose(canvas: Canvas, skin: np.ndarray) -> None:
    window = canvas.window(-5, 32, 5, 43)
    x, y = window.x, window.y - NOSE_Y
    window.paint(window.cover(ellipse(x, y, 2.5, 1.9)), shade(skin, 0.22))
    window.paint(window.cover(ellipse(x, y + 0.9, 2.3, 1.9)), mix(skin, WHITE, 0.10))


def _mouth(canvas: Canvas, skin: np.ndarray, smile: np.ndarray) -> None:
    window = canvas.window(-11, 38, 11, 52)
    x, y = np.abs(window.x), window.y
    width = lerp(4.4, 8.2, smile)  # half of it
    bend = lerp(-1.3, 3.8, smile)  # how far the middle hangs below the corners
    gape = 5.0 * ease(0.42, 1, smile)  # how far the lips part in the middle
    inside = np.minimum(x, width)
    arch = 1 - (inside / width) ** 2
    upper = MOUTH_Y - 0.4 * bend + bend * arch - 0.4 * gape
    middle = upper + 0.5 * gape * arch
    # distance to the strip between the lips: straight down within the corners, round beyond them
    slope = 2 * inside / width**2 * (bend + 0.5 * gape)
    strip = (np.abs(y - middle) - 0.5 * gape * arch) / np.sqrt(1 + slope**2)
    mouth = np.where(x > width, np.sqrt((x - width) ** 2 + (y - middle) ** 2), strip)
    window.paint(window.cover(mouth - 0.8), mix(shade(skin, 0.5), LIPS, 0.65))
    hollow = window.cover(mouth + 0.1) * ease(0.2, 1.2, gape)
    window.paint(hollow, MOUTH)
    window.paint(hollow * window.cover(ellipse(x, y - (MOUTH_Y + 5.4), 4.6, 2.9)), TONGUE)
    window.paint(hollow * window.cover(y - upper - 0.42 * gape), WHITE)


def _eyes(
    canvas: Canvas, skin: np.ndarray, apart: np.ndarray, open_: np.ndarray, gaze: np.ndarray, style: Style
) -> None:
    width, above, below = style.eye
    look = lerp(-style.glance, style.glance, gaze)
    # the edge of the upper lid: an arc that rises to the upper rim
    sag = style.sag(open_)
    for hand in (-1, 1):
        window = canvas.window(
            8.5 * hand - width - 2.6, EYE_Y - above - 2, 8.5 * hand + width + 2.6, EYE_Y + below + 2
        )
        x, y = window.x - hand * apart, window.y - EYE_Y
        rim = np.maximum(-arc(x, y, width, -above), arc(x, y, width, below))
        lid = arc(x, y, width, sag)
        window.paint(window.cover(rim), shade(skin, 0.08))
        seen = window.cover(np.maximum(rim, -lid))
        if style.shuts:
            seen = seen * ease(0, 0.06, open_)
        window.paint(seen, WHITE)
        iris = np.sqrt((x - look) ** 2 + y**2)
        window.paint(seen * window.cover(iris - style.iris[0]), style.iris_colour)
        window.paint(seen * window.cover(iris - style.iris[1]), DARK)
        shine = np.sqrt((x - look) ** 2 + (y + style.shine[1]) ** 2) - style.shine[0]
        window.paint(seen * window.cover(shine), WHITE)
        # only the arc itself, not the rest of its circle
        ends = np.maximum(np.where(sag < 0, y, -y), rim)
        window.paint(window.cover(np.maximum(np.abs(lid), ends) - 0.7), DARK)


def _hair_outline(x: np.ndarray, y: np.ndarray, half: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The whole mass of hair: a round cap, and sides that fall to the hair's length and curl in."""
    reach = half + lerp(1.4, 3.4, length)
    cap = superellipse(x, y - 27, reach, 21.8, 2.3)
    bottom = lerp(31.5, 61.0, length)
    swell = 1 - np.cos(2 * np.pi * np.clip((y - 27) / (bottom - 27), 0, 1))
    fall = np.abs(x) - reach - 1.3 * length * swell
    sides = round_max(fall, y - bottom, lerp(2.0, 9.0, ease(-0.2, 0.6, length)))
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
    window.paint(window.cover(_hair_outline(window.x, window.y, half, length)), shade(hair, 0.22))


def _front_hair(
    canvas: Canvas, skin: np.ndarray, hair: np.ndarray, half: np.ndarray, length: np.ndarray
) -> None:
    window = canvas.window(-29, 4, 29, 64)
    x, y = window.x, window.y
    outline = _hair_outline(x, y, half, length)
    # locks beside the face, thinner towards their ends
    beside = (half - 1.0) + 0.004 * np.maximum(y - 30, 0) ** 2 - np.abs(x)
    fringe = _fringe(x, y, half)
    shadow = np.maximum(_face_shape(x, y, half), round_min(fringe - 1.6, beside - 0.8, 5.0))
    window.paint(0.6 * window.cover(shadow, 0.8), shade(skin, 0.3))
    front = np.maximum(outline, round_min(fringe, beside, 5.0))
    window.paint(window.cover(front), hair)
    # darker towards the ends, and along the parting
    window.paint(0.7 * window.cover(front) * ease(22, 58, y), shade(hair, 0.22))
    strand = np.abs(arc(x - PART - 5.0, y - 14.0, 5.0, -9.0))
    parting = np.maximum(strand - 0.3, np.maximum(x - PART - 4.0, y - 15.5))
    window.paint(0.4 * window.cover(np.maximum(front, parting)), shade(hair, 0.35))
    # a sheen around the crown
    ring = np.abs(superellipse(x, y - 29, half - 1.0, 18.3, 2.2)) - 0.8
    sheen = window.cover(np.maximum(front, ring), 1.2) * ease(21, 13, y)
    window.paint(0.5 * sheen, mix(hair, WHITE, 0.45))


def _brows(canvas: Canvas, hair: np.ndarray, apart: np.ndarray) -> None:
    window = canvas.window(-18, 20, 18, 29)
    x, y = np.abs(window.x) - apart, window.y
    along = np.clip(x, -3.4, 3.4)
    curve = BROW_Y + 0.09 * (along + 0.5) ** 2
    brow = np.sqrt((x - along) ** 2 + (y - curve) ** 2) - lerp(0.85, 0.65, (along + 3.4) / 6.8)
    window.paint(window.cover(brow), shade(hair, 0.3))


def _glasses(canvas: Canvas, half: np.ndarray, apart: np.ndarray, worn: np.ndarray, style: Style) -> None:
    window = canvas.window(-22, 24, 22, 42)
    x, y = np.abs(window.x), window.y - EYE_Y - 0.2
    wide, high, corner = style.lens
    lens = box(x - apart, y, wide, high, corner)
    window.paint(worn * 0.10 * window.cover(lens), WHITE)
    bridge = box(x, y + 1.2, apart - (wide - 0.4), 0.5, 0.4)
    outer = apart + wide
    temple = box(x - 0.5 * (half + outer), y + 1.8, 0.5 * (half - outer) + 0.4, 0.5, 0.4)
    frame = np.minimum(np.abs(lens) - 0.6, np.minimum(bridge, temple))
    window.paint(worn * window.cover(frame), DARK)
