"""The one place to add a dataset: a build function and an entry in DATASETS."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock

from vae_core.data.factor_words import EVERY, FactorWords
from vae_core.data.imageset import ImageSet, Progress, Source, read_images, read_meta, silent, write_images
from vae_core.data.sets import celeba, cifar10, digits, faces, idx, shapes, svhn
from vae_core.errors import BadConfig, BadImages, UnknownDataset
from vae_core.places import PLAIN_NAME, Places

OWN = "own"
SIDE = re.compile(r"[0-9]{1,4}")  # the name of a folder of images of that side


@dataclass(frozen=True)
class Renderer:
    """How a set draws pictures of factors that nobody has drawn yet.

    draw: (rng, count) -> factor vectors (count, K) as the set has them. render: (factors (N, K), side) -> uint8 images.
    """

    draw: Callable[[np.random.Generator, int], np.ndarray]
    render: Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class DatasetSpec:
    """What an interface needs to know of a dataset before it is opened.

    Attributes:
        kind: bundled, procedural, download or own.
        sides: image sides offered; an architecture takes the first it accepts.
        build: (side, places, progress) -> Source; may raise DataUnavailable.
        present: (places) -> bool: can it be built without a network?
        version: counts changes of what `build` makes, so that older copies are made again.
        what_shows: factors (N, K) -> what of them a picture tells (N, K), where that is not all; `hidden` says what it
            does not.
        factor_words: what the values of factors are called, by the factor's name (or EVERY), where they have words.
        renderer: draws further pictures of the set, where it can.
        replaced: earlier versions by the version that took their place: (first version that is another, name of the entry
            that still builds what was before). Runs that learned from that are looked at with it.
        listed: whether a new run is offered it.
    """

    name: str
    title: str
    blurb: str
    kind: str
    channels: int
    sides: tuple[int, ...]
    build: Callable[[int, Places, Progress], Source] | None
    present: Callable[[Places], bool] = lambda places: True
    version: int = 1
    what_shows: Callable[[np.ndarray], np.ndarray] | None = None
    hidden: str = ""
    factor_words: Mapping[str, FactorWords] = field(default_factory=dict)
    renderer: Renderer | None = None
    replaced: tuple[int, str] | None = None
    listed: bool = True


DIGITS = DatasetSpec(
    "digits", "Digits", "1,797 handwritten digits, 8×8, from scikit-learn. The quickest to train.",
    "bundled", 1, (16, 32), digits.build,
)  # fmt: skip
SHAPES = DatasetSpec(
    "shapes", "Shapes", "30,000 sprites, 64×64, with five known factors: shape, scale, orientation, x and y.",
    "procedural", 1, (64,), shapes.build, version=2, what_shows=shapes.what_shows,
    hidden="a square looks the same after a quarter turn, an ellipse after half a turn", factor_words=shapes.WORDS,
    renderer=Renderer(shapes.sample, lambda factors, side: shapes.render(factors)),
)  # fmt: skip
FACES = DatasetSpec(
    "faces", "Faces", "10,000 cartoon faces in colour with ten known attributes, from smile to background.",
    "procedural", 3, (64, 32), faces.build, version=2, renderer=Renderer(faces.sample, faces.render),
    replaced=(2, "faces_1"), factor_words=faces.WORDS,
)  # fmt: skip
FIRST_FACES = DatasetSpec(
    "faces_1", "Faces (first version)", "The faces as the first runs learned from them: colours in loops, smaller eyes that shut.",
    "procedural", 3, (64, 32), faces.build_first, listed=False, factor_words=faces.WORDS,
    renderer=Renderer(faces.sample, lambda factors, side: faces.render(factors, side, faces.FIRST)),
)  # fmt: skip
DOWNLOADS = (
    DatasetSpec(
        "mnist", "MNIST", "70,000 handwritten digits, 28×28. A download of 12 MB.",
        "download", 1, (28, 32), idx.MNIST.build, idx.MNIST.present,
    ),
    DatasetSpec(
        "fashion_mnist", "Fashion-MNIST",
        "70,000 pieces of clothing in ten kinds, 28×28 (Zalando). A download of 31 MB.",
        "download", 1, (28, 32), idx.FASHION_MNIST.build, idx.FASHION_MNIST.present,
    ),
    DatasetSpec(
        "kmnist", "KMNIST", "70,000 cursive hiragana of ten kinds, 28×28. A download of 21 MB.",
        "download", 1, (28, 32), idx.KMNIST.build, idx.KMNIST.present,
    ),
    DatasetSpec(
        "emnist_letters", "EMNIST letters",
        "145,600 handwritten letters A to Z, large and small together, 28×28. A download of 562 MB.",
        "download", 1, (28, 32), idx.EMNIST_LETTERS.build, idx.EMNIST_LETTERS.present,
    ),
    DatasetSpec(
        "cifar10", "CIFAR-10", "60,000 photographs of ten kinds of things, 32×32. A download of 170 MB.",
        "download", 3, (32,), cifar10.build, cifar10.present,
    ),
    DatasetSpec(
        "svhn", "SVHN", "99,289 digits cut from photographs of house numbers, 32×32. A download of 246 MB.",
        "download", 3, (32,), svhn.build, svhn.present,
    ),
    DatasetSpec(
        "celeba", "CelebA", "202,599 faces with 40 attributes, 64×64 or 128×128. A download of 1.4 GB.",
        "download", 3, (64, 128), celeba.build, celeba.present, factor_words=celeba.WORDS,
    ),
)  # fmt: skip
DATASETS: dict[str, DatasetSpec] = {
    spec.name: spec for spec in (DIGITS, SHAPES, FACES, *DOWNLOADS, FIRST_FACES)
}


def list_specs(places: Places) -> list[DatasetSpec]:
    """Built-in datasets that are offered, then the user's own by name."""
    own = []
    if places.datasets.is_dir():
        for folder in sorted(places.datasets.iterdir()):
            if folder.name not in DATASETS and not folder.name.startswith("."):
                spec = _own_spec(folder)
                if spec is not None:
                    own.append(spec)
    return [*(spec for spec in DATASETS.values() if spec.listed), *own]


def _own_spec(folder: Path) -> DatasetSpec | None:
    sides = sorted(int(f.name) for f in folder.iterdir() if SIDE.fullmatch(f.name)) if folder.is_dir() else []
    metas = [(side, read_meta(folder / str(side))) for side in sides]
    metas = [(side, meta) for side, meta in metas if meta and meta.get("own") is True]
    if not metas:
        return None
    try:
        images = read_images(folder / str(metas[0][0]))
    except BadImages:
        return None  # one damaged dataset must not hide the others; find_spec says what is wrong with it
    return DatasetSpec(
        folder.name, images.title, f"{len(images):,} images of yours.", OWN, images.shape[0],
        tuple(side for side, _ in metas), None,
    )  # fmt: skip


def find_spec(name: str, places: Places) -> DatasetSpec:
    """The spec of a built-in or imported dataset. Raises UnknownDataset, or BadImages when it is damaged."""
    if name in DATASETS:
        return DATASETS[name]
    folder = places.datasets / name
    if PLAIN_NAME.fullmatch(name) and folder.is_dir():
        if (spec := _own_spec(folder)) is not None:
            return spec
        for side in sorted(f for f in folder.iterdir() if SIDE.fullmatch(f.name)):
            read_images(side)  # raises with what is damaged
    known = ", ".join(spec.name for spec in list_specs(places))
    raise UnknownDataset(
        f"there is no dataset {name!r}; known are {known}. `vae-core data add` imports your own"
    )


def as_it_was(name: str, version: int) -> str:
    """The name of the entry that builds a built-in dataset as it was at a version."""
    replaced = DATASETS[name].replaced if name in DATASETS else None
    return replaced[1] if replaced is not None and version < replaced[0] else name


def factor_words(dataset: str, factor: str) -> FactorWords | None:
    """What the values of a dataset's factor are called; None where they have no words, as those of an imported set."""
    found = DATASETS[dataset].factor_words if dataset in DATASETS else {}
    return found.get(factor, found.get(EVERY))


def open_images(name: str, side: int, places: Places, progress: Progress = silent) -> ImageSet:
    """Open a dataset at a side, building its one form first where that is missing.

    Raises UnknownDataset, BadConfig for a side it does not come in, DataUnavailable, BadImages.
    """
    spec = find_spec(name, places)
    if side not in spec.sides:
        raise BadConfig(f"{name} comes at side {', '.join(map(str, spec.sides))}, not {side}")
    folder = places.datasets / name / str(side)
    if spec.build is None or _is_current(folder, spec):
        return read_images(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{side}.lock"):
        if not _is_current(folder, spec):  # another process may have built it while we waited
            source = spec.build(side, places, progress)
            write_images(folder, name, spec.title, source, progress=progress, version=spec.version)
    return read_images(folder)


def is_built(name: str, side: int, places: Places) -> bool:
    """Whether `open_images` would only read."""
    spec = find_spec(name, places)
    return spec.build is None or _is_current(places.datasets / name / str(side), spec)


def _is_current(folder: Path, spec: DatasetSpec) -> bool:
    meta = read_meta(folder)
    return meta is not None and meta.get("version") == spec.version
