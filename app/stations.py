"""The stations of a path, as an address names them, and what is computed along the path once.

A station is a short text: `i7` the eighth image of the set, `i3.12` the thirteenth of class 3, else a code as
`app.state.code_format.pack` writes it. An upload is named by its code; its picture stays with the session.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.services.cache import LruCache
from app.state import code_format
from app.widgets import image_picker
from vae_core import pictures
from vae_core.data.imageset import Progress, silent
from vae_core.errors import TooFewPoints
from vae_core.latent.paths import through

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.runs.store import Run

LEAST, MOST = 2, 8
PER_UNIT = 96  # codes of a line or an arc over t in [0, 1], at least
OVER = 0.5  # how far the handle goes past either end of a line or an arc
LARGEST = 1e6  # of a code's numbers, as app.state.code_format.unpack takes them
FRAMES_AT_ONCE = 32  # decoded for a file between two words on how far it is
KINDS = ("linear", "spherical", "geodesic")

IMAGE = re.compile(r"i(?:(\d{1,6})\.)?(\d{1,9})")


# ---------------------------------------------------------------- as an address names them


def image_token(place: int, label: int | None = None) -> str:
    """The image at a place of the set, or at a place among those of one class."""
    return f"i{place}" if label is None else f"i{label}.{place}"


def image_of(token: str) -> tuple[int | None, int] | None:
    """(class or None, place) of an image's token; None for a code's."""
    found = IMAGE.fullmatch(token)
    return None if found is None else (None if found[1] is None else int(found[1]), int(found[2]))


def code_of(text: str, dim: int) -> np.ndarray | None:
    """A code as a person pastes it, with or without brackets and spaces, or as an address carries it."""
    plain = re.sub(r"np\.array|[\s\[\]()]", "", text)
    return code_format.unpack(plain, dim) if plain else None


def written(code: np.ndarray) -> str:
    """A code for reading and copying: the shortest decimals that parse to the very float32 numbers."""
    numbers = np.asarray(code, np.float32) + np.float32(0)
    return ", ".join(np.format_float_positional(v, unique=True, trim="-") for v in numbers)


def drawing_of(told: Any, shape: tuple[int, int, int], dim: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The pad's report as a page gets it -> code (D,) float32, picture uint8 (C, H, W); None where either is none
    of a run with such codes and images of that shape (C, H, W).
    """
    if not isinstance(told, dict) or not isinstance(told.get("picture"), str):
        return None
    numbers = told.get("code")
    if not isinstance(numbers, list) or any(type(v) not in (int, float) for v in numbers):
        return None
    channels, height, width = shape
    try:
        code = np.array(numbers, np.float64)
        pixels = np.frombuffer(base64.b64decode(told["picture"], validate=True), np.uint8)
    except (ValueError, OverflowError):  # binascii.Error is a ValueError
        return None
    # false for NaN
    if (
        code.shape != (dim,)
        or not (np.abs(code) <= LARGEST).all()
        or pixels.size != channels * height * width
    ):
        return None
    return code.astype(np.float32), pixels.reshape(height, width, channels).transpose(2, 0, 1).copy()


def decoded(model: LoadedModel, path: np.ndarray, progress: Progress = silent) -> np.ndarray:
    """Codes (S, D) -> uint8 (S, C, H, W), a batch at a time."""
    parts = []
    for start in range(0, len(path), FRAMES_AT_ONCE):
        parts.append(model.decode_uint8(path[start : start + FRAMES_AT_ONCE]))
        done = min(start + FRAMES_AT_ONCE, len(path))
        progress(done / len(path), f"decoded {done:,} of {len(path):,} frames")
    return np.concatenate(parts)


def rows_of(found: image_picker.Gallery, label: int | None) -> np.ndarray:
    """Rows of the set with one class; all of them where the set has no such class."""
    rows = np.arange(len(found.index))
    if label is None or found.labels is None:
        return rows
    chosen = rows[found.labels == label]
    return chosen if len(chosen) else rows


def anchor_of(
    token: str, run: Run, model: LoadedModel, found: image_picker.Gallery | None, words: str = "a code"
) -> image_picker.EncodedImage | None:
    """What a token names, or None where this run has no such thing."""
    image = image_of(token)
    if image is None:
        code = code_format.unpack(token, model.latent_dim)
        return None if code is None else image_picker.EncodedImage(code, None, words)
    if found is None or not len(found.index):
        return None
    rows = rows_of(found, image[0])
    return image_picker.encoded_image(run, model, int(rows[image[1] % len(rows)]), found)


# ---------------------------------------------------------------- the path between them


@dataclass(frozen=True)
class Track:
    """A path as the browser runs along it: codes (M, D) float32 at rising t (M,), straight between.

    The handle reaches from low to high; the stations (K,) lie at t = k / (K - 1), exactly among the codes.
    """

    kind: str
    t: np.ndarray
    codes: np.ndarray
    low: float
    high: float
    stations: np.ndarray

    def at(self, t: np.ndarray) -> np.ndarray:
        """Codes (S, D) float32 at positions t (S,); at a station its code exactly."""
        t = np.asarray(t, np.float64)
        near = self.stations[np.abs(t[:, None] - self.stations).argmin(1)]
        t = np.where(np.abs(t - near) < 1e-9, near, t)
        columns = [np.interp(t, self.t, column) for column in self.codes.T.astype(np.float64)]
        return np.stack(columns, 1).astype(np.float32)

    def frames(self, steps: int) -> np.ndarray:
        """Positions of a strip with `steps` equal pictures over [0, 1], gone on with to the handle's ends."""
        first, last = np.ceil(self.low * (steps - 1) - 1e-9), np.floor(self.high * (steps - 1) + 1e-9)
        return np.arange(int(first), int(last) + 1) / (steps - 1)


def track(kind: str, stations: np.ndarray, geodesic: np.ndarray | None = None) -> Track:
    """The line, the arc, or with its codes (1 + (K - 1) n, D) the geodesic through stations (K, D)."""
    legs = len(stations) - 1
    met = np.arange(legs + 1) / legs
    if geodesic is not None:
        t = np.linspace(0, 1, len(geodesic))
        t[:: (len(geodesic) - 1) // legs] = met
        return Track(kind, t, np.asarray(geodesic, np.float32), 0.0, 1.0, met)
    per_leg = -(-PER_UNIT // legs)
    inside = np.linspace(0, 1, legs * per_leg + 1)
    inside[::per_leg] = met
    outside = np.linspace(0, OVER, PER_UNIT // 2 + 1)[1:]
    t = np.concatenate((-outside[::-1], inside, 1 + outside))
    path = through(stations, t, kind).astype(np.float32)
    # the codes themselves: rounding twice must not move what the end frames are compared with
    path[np.searchsorted(t, met)] = stations
    return Track(kind, t, path, -OVER, 1 + OVER, met)


# ---------------------------------------------------------------- computed once


@dataclass(frozen=True)
class Measured:
    """What a path does: at positions t (S,) its support (S,), and image change (S - 1,) between them.

    length of the images over [0, 1], pixels; far, the largest support there, and mean its mean; both None, as
    support is, where no real codes are known.
    """

    t: np.ndarray
    change: np.ndarray
    support: np.ndarray | None
    length: float
    far: float | None
    mean: float | None


_measured: LruCache[Measured] = LruCache(48)


def measured(model: LoadedModel, path: Track, real: np.ndarray | None) -> Measured:
    """Decode a path finely and measure it; `real` (N, D) are the codes of real images."""
    key = (model.stamp, path.codes.tobytes(), 0 if real is None else len(real))
    return _measured.get_or_make(key, lambda: _measure(model, path, real))


def _measure(model: LoadedModel, path: Track, real: np.ndarray | None) -> Measured:
    from vae_core.latent.measures import image_change, image_length, support

    legs = len(path.stations) - 1
    steps = 1 + legs * -(-48 // legs)  # so that the stations are among the positions
    t = path.frames(steps)
    places = path.at(t)
    images = model.decode(places)
    inside = (t >= -1e-9) & (t <= 1 + 1e-9)
    away = None if real is None else support(places, real)
    return Measured(
        t, image_change(images, t), away, image_length(images[inside]),
        None if away is None else float(away[inside].max()),
        None if away is None else float(away[inside].mean()),
    )  # fmt: skip


_strips: LruCache[bytes] = LruCache(48)


def strip(model: LoadedModel, path: Track, t: np.ndarray) -> bytes:
    """PNG of the pictures at positions t (S,), side by side."""
    key = (model.stamp, path.codes.tobytes(), t.tobytes())
    return _strips.get_or_make(key, lambda: pictures.strip(model.decode_uint8(path.at(t)), 64))


_usual: LruCache[float] = LruCache(16)


def usual_distance(stamp: str, real: np.ndarray) -> float:
    """Median distance from a real code to its nearest other one: what "near" means for this run."""
    return _usual.get_or_make((stamp, len(real)), lambda: _median(real))


def _median(real: np.ndarray) -> float:
    from vae_core.latent.statistics import nearest

    if len(real) < 2:
        return 0.0
    some = real[np.linspace(0, len(real) - 1, min(1000, len(real))).astype(int)]
    return float(np.median(nearest(some, real, 2)[1][:, 1]))


_probes: LruCache[dict[str, Any]] = LruCache(8)


def probes(stamp: str, found: Any) -> dict[str, Any]:
    """Probes on stored codes by what they tell: "label", and each factor. Those that cannot be fitted are left out."""
    return _probes.get_or_make((stamp, found.split, len(found)), lambda: _fit(found))


def _fit(found: Any) -> dict[str, Any]:
    from vae_core.latent.probes import fit_probe, fit_probes_for_factors

    fitted: dict[str, Any] = {}
    if found.labels is not None:
        with contextlib.suppress(TooFewPoints):  # the page says of what there are too few
            fitted["label"] = fit_probe(found.mean, found.labels, names_of(found))
    if found.factors is not None:
        fitted |= fit_probes_for_factors(found.factors, found.factor_names, found.mean)
    return fitted


def names_of(found: Any) -> tuple[str, ...]:
    """Names of the classes, their numbers where they have none."""
    if found.label_names:
        return tuple(found.label_names)
    return tuple(str(i) for i in range(int(found.labels.max()) + 1)) if len(found.labels) else ()


REST = "the rest"


@dataclass(frozen=True)
class Groups:
    """Two groups of images by bool masks (N,), and what they are called."""

    a: np.ndarray
    b: np.ndarray
    words: str


SAVED = "saved group"
Saved = Mapping[str, np.ndarray]  # a person's groups: image numbers (N,) by name


def attributes(found: Any, saved: Saved) -> list[str]:
    """What two groups may differ in: the label, every factor that varies, and what a person picked out."""
    names = ["label"] if found.labels is not None and len(np.unique(found.labels)) > 1 else []
    if found.factors is not None:
        names += [n for n, f in zip(found.factor_names, found.factors.T, strict=True) if np.ptp(f) > 0]
    return names + ([SAVED] if _known(found, saved) else [])


def _known(found: Any, saved: Saved) -> list[str]:
    """Groups that hold an image whose code is known."""
    return [name for name, images in saved.items() if np.isin(images, found.index).any()]


def sides(found: Any, attribute: str, saved: Saved) -> tuple[Sequence[str], Sequence[str]]:
    """What groups A and B may be, the usual choice first."""
    if attribute == SAVED:
        names = _known(found, saved)
        return names, [REST, *(name for name in names if name != REST)]
    if attribute == "label":
        present = [n for i, n in enumerate(names_of(found)) if (found.labels == i).any()]
        return present, [REST, *present]
    values = found.factors[:, list(found.factor_names).index(attribute)]
    if len(np.unique(values)) == 2:
        return ["the higher value", "the lower value"], ["the lower value", "the higher value"]
    return ["top third", "bottom third"], ["bottom third", "top third"]


def groups(found: Any, attribute: str, a: str, b: str, saved: Saved) -> Groups:
    """The images of groups A and B."""
    if attribute == SAVED:
        first = np.isin(found.index, saved[a])
        second = ~first if b == REST else np.isin(found.index, saved[b])
        return Groups(first, second, f"{a} against {b}")
    if attribute == "label":
        names = names_of(found)
        first = found.labels == names.index(a)
        second = ~first if b == REST else found.labels == names.index(b)
        return Groups(first, second, f"label {a} against {b}")
    values = found.factors[:, list(found.factor_names).index(attribute)].astype(np.float64)
    low, high = (
        (values.min(), values.max()) if len(np.unique(values)) == 2 else np.quantile(values, [1 / 3, 2 / 3])
    )
    top, bottom = values >= high, values <= low
    if top.all() or bottom.all() or (top & bottom).any():  # one value fills a third: part at the middle
        top, bottom = values > np.median(values), values <= np.median(values)
    of = {"the higher value": top, "top third": top, "the lower value": bottom, "bottom third": bottom}
    return Groups(of[a], of[b], f"{attribute}: {a} against {b}")


_leaked: LruCache[tuple[np.ndarray, list[Any]]] = LruCache(32)


def leaks(stamp: str, found: Any, parts: Groups) -> tuple[np.ndarray, list[Any]]:
    """The direction (D,) from the second group to the first, and what each probe says of a step along it.

    No probes, no leaks. Raises VaeCoreError where a group is empty.
    """

    def compute() -> tuple[np.ndarray, list[Any]]:
        from vae_core.latent.directions import attribute_direction, leakage

        direction = attribute_direction(found.mean, parts.a, parts.b)
        fitted = probes(stamp, found)
        if not fitted:
            return direction, []
        return direction, list(leakage(direction, fitted, found.mean, groups=(parts.a, parts.b)))

    return _leaked.get_or_make(
        (stamp, found.split, len(found), parts.a.tobytes(), parts.b.tobytes()), compute
    )
