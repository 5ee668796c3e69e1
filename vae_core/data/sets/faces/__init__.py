"""Cartoon faces with known attributes, drawn from signed distances: 64×64 or 32×32, in colour.

Ten attributes determine a face (ATTRIBUTES): each in [0, 1], two of them either 0 or 1. A picture is a smooth
function of the other eight, without texture or chance, and each of the ten can be seen at 64×64. The first version of
the set, `build_first`, has the same attributes in another style; runs that learned from it are looked at with it.

The drawing is measured in units of 1/64 of the picture's side, x from the middle rightwards, y from the top
downwards. Everything but the hair, which is parted on one side, is mirrored about x = 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from vae_core.data.factor_words import FactorWords
from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.data.sets.faces.face import draw
from vae_core.data.sets.faces.style import FIRST, SECOND, Style
from vae_core.errors import BadConfig, BadFactors
from vae_core.places import Places

__all__ = [
    "ATTRIBUTES",
    "FIRST",
    "NAMES",
    "SECOND",
    "WORDS",
    "Attribute",
    "build",
    "build_first",
    "default_set",
    "render",
    "sample",
]


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
    Attribute("eyes", "Eyes", "half closed", "wide open"),
    Attribute("gaze", "Gaze", "left", "right"),
    Attribute("glasses", "Glasses", "none", "worn", binary=True),
    Attribute("hair_colour", "Hair colour", "black", "blond"),
    Attribute("hair_length", "Hair length", "short", "long"),
    Attribute("skin", "Skin tone", "light", "deep"),
    Attribute("face_width", "Face width", "narrow", "wide"),
    Attribute("beard", "Beard", "none", "full", binary=True),
    Attribute("background", "Background", "sand", "blue"),
)
NAMES = tuple(attribute.name for attribute in ATTRIBUTES)
WORDS = {
    a.name: FactorWords((a.low, a.high)) if a.binary else FactorWords(low=a.low, high=a.high)
    for a in ATTRIBUTES
}
LABEL_NAMES = ("plain", "glasses", "beard", "glasses and beard")
SIDES = (64, 32)

COUNT = 10_000  # images of the dataset
CHUNK = 500
SET_SEED = 19661686  # whose first faces, those that a page opens on, smile with open eyes
FIRST_SEED = 19660409
BATCH = 32  # faces drawn at once: few enough to stay in the processor's cache


def render(attributes: np.ndarray, side: int = 64, style: Style = SECOND) -> np.ndarray:
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
        painted = draw(dict(zip(NAMES, batch.T, strict=True)), side, style)
        images[start : start + BATCH] = np.rint(255 * np.clip(painted, 0, 1))
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


def default_set(seed: int = SET_SEED) -> np.ndarray:
    """The attribute vectors of the dataset, float64 (COUNT, 10): always the same."""
    return sample(np.random.default_rng(seed), COUNT)


def build(side: int, places: Places, progress: Progress) -> Source:
    """The dataset as a Source: labels index LABEL_NAMES, factors are the attributes.

    Raises BadConfig for a side not in SIDES.
    """
    return _source(side, default_set(), SECOND)


def build_first(side: int, places: Places, progress: Progress) -> Source:
    """The dataset as it was first, for runs that learned from it. Raises BadConfig for a side not in SIDES."""
    return _source(side, default_set(FIRST_SEED), FIRST)


def _source(side: int, attributes: np.ndarray, style: Style) -> Source:
    if side not in SIDES:
        raise BadConfig(f"faces comes at side {', '.join(map(str, SIDES))}, not {side}")
    labels = attributes[:, NAMES.index("glasses")] + 2 * attributes[:, NAMES.index("beard")]

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(attributes), CHUNK):
            part = slice(start, start + CHUNK)
            yield Chunk(
                render(attributes[part], side, style), labels[part], attributes[part].astype(np.float32)
            )

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
