"""What the folders above a person's images say: which split each image is of, and which class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.data.user.budgets import cleaned, counted, listed
from vae_core.errors import BadConfig

Path = tuple[str, ...]  # a file's folders and name

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_WORDS = {
    TRAIN: ("train", "training", "trn", "trainval"),
    VALIDATION: ("val", "valid", "validation", "validate", "dev", "development"),
    TEST: ("test", "testing", "tst", "holdout", "heldout"),
}
SPLIT_OF_WORD = {word: split for split, words in _WORDS.items() for word in words}
_FILLING = {"set", "data", "dataset", "split", "images", "image", "imgs", "img", "folder", "seg", "cropped"}
_DOMAIN = re.compile(
    r"(train|val|test)[_-]?([ab])", re.I
)  # trainA, testB: two classes in two splits (CycleGAN)
_DEEPEST = 6
NO_FOLDER = "(no folder)"


@dataclass(frozen=True)
class Folders:
    """What folders say of N images: labels int64 (N,) or None, and sorted image numbers of the splits or None."""

    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    test: np.ndarray | None = None
    validation: np.ndarray | None = None
    split_folders: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def natural(text: str) -> tuple[object, ...]:
    """A key that sorts as people do: 2.png before 10.png, whatever the case."""
    parts = re.split(r"(\d+)", text.casefold())
    # digits by length and then by text: as numbers, and of any length
    numbers = [(len(d.lstrip("0")), d.lstrip("0")) if i % 2 else d for i, d in enumerate(parts)]
    return (*numbers, text)


def split_of(folder: str) -> tuple[str, str] | None:
    """(split, class) that a folder's name says, the class mostly ""; None for any other name."""
    if domain := _DOMAIN.fullmatch(folder):
        return SPLIT_OF_WORD[domain[1].lower()], domain[2].upper()
    name = re.sub(r"(?<=[a-z])set\b", "", folder.casefold())  # trainset
    words = {word for word in re.findall(r"[^\W\d_]+", name) if word not in _FILLING}
    split = SPLIT_OF_WORD.get(next(iter(words))) if len(words) == 1 else None
    return (split, "") if split else None


def read_folders(paths: Sequence[Path], splits: str = "auto") -> Folders:
    """Splits, then classes, of images at these paths.

    Folders named for splits count as such where one of them is for training and holds or lies beside another for
    validation or test; they may lie above or below the class folders. `splits` is one of SPLITS.
    """
    depth = _split_depth(paths)
    if depth is None or splits == "labels":
        labels, names, notes = label_by_folder(paths)
        folders = _split_names(paths, depth)
        if folders:
            notes = [f"The folders {', '.join(folders)} are taken as classes.", *notes]
        return Folders(labels, names, split_folders=folders, notes=tuple(notes))
    of = [split_of(path[depth]) if len(path) > depth + 1 else None for path in paths]
    # without the split's own folder; a domain such as A stands in its place
    rest = [
        path if found is None else (*path[:depth], *filter(None, found[1:]), *path[depth + 1 :])
        for path, found in zip(paths, of, strict=True)
    ]
    split = np.array([TRAIN if found is None else found[0] for found in of])
    labels, names, notes = label_by_folder(rest, split == TRAIN)
    folders = _split_names(paths, depth)
    if splits == "none":
        return Folders(
            labels,
            names,
            None,
            None,
            folders,
            (f"The folders {', '.join(folders)} count for nothing.", *notes),
        )
    test, validation = (np.flatnonzero(split == kind) for kind in (TEST, VALIDATION))
    parts = [
        f"{(split == kind).sum():,} {kind}" for kind in (TRAIN, VALIDATION, TEST) if (split == kind).any()
    ]
    told = [f"The folders {', '.join(folders)} are splits: {', '.join(parts)} images."]
    outside = [cleaned("/".join(path)) for path, found in zip(paths, of, strict=True) if found is None]
    if outside:
        told.append(
            f"{counted(len(outside))} outside of them {'counts' if len(outside) == 1 else 'count'} to train: {listed(outside)}."
        )
    return Folders(
        labels,
        names,
        test if len(test) else None,
        validation if len(validation) else None,
        folders,
        (*told, *notes),
    )


def _split_names(paths: Sequence[Path], depth: int | None) -> tuple[str, ...]:
    """The split folders' own names, for training first."""
    if depth is None:
        return ()
    found = {path[depth] for path in paths if len(path) > depth + 1}
    order = (TRAIN, VALIDATION, TEST)
    named = sorted(
        (order.index(split[0]), natural(name), name)
        for name in found
        if (split := split_of(name)) is not None
    )
    return tuple(cleaned(name) for _, _, name in named)


def _split_depth(paths: Sequence[Path]) -> int | None:
    """How deep the folders lie that name splits; None where there are none."""
    for depth in range(min(_DEEPEST, max((len(path) for path in paths), default=1) - 1)):
        here = Counter(path[depth] for path in paths if len(path) > depth + 1)
        kinds: Counter[str] = Counter()
        for name, count in here.items():
            if (found := split_of(name)) is not None:
                kinds[found[0]] += count
        # a class may be called train; two such names over most of the images are no chance
        if kinds[TRAIN] and len(kinds) > 1 and 2 * sum(kinds.values()) > len(paths):
            return depth
    return None


def label_by_folder(
    paths: Sequence[Path], trained: np.ndarray | None = None
) -> tuple[np.ndarray | None, tuple[str, ...], list[str]]:
    """Each image's first folder below what they share: labels int64 (N,) or None, names, notes.

    A few images that lie beside the class folders get a label of their own; where most do, none is given. `trained`
    bool (N,) says which images decide that: a test split often comes without classes.
    """
    rest = [path[:-1] for path in paths]
    counts = np.ones(len(paths), bool) if trained is None or not trained.any() else trained
    while True:
        below = {folders[0] for folders in rest if folders}
        loose = np.array([not folders for folders in rest])
        if not below:
            return None, (), []
        if 2 * loose[counts].sum() > counts.sum():
            named = [cleaned("/".join(path)) for path, out in zip(paths, loose, strict=True) if out]
            return None, (), [f"No labels, for most images lie beside the class folders: {listed(named)}."]
        if len(below) > 1:
            break
        rest = [folders[1:] for folders in rest]
    names = sorted(below, key=natural)
    place = {name: i for i, name in enumerate(names)}
    labels = np.array([place[folders[0]] if folders else len(names) for folders in rest], np.int64)
    notes = []
    if any(len(folders) > 1 for folders in rest):
        notes.append("Folders inside a class folder count to that class.")
    if loose.any():
        named = [cleaned("/".join(path)) for path, out in zip(paths, loose, strict=True) if out]
        notes.append(
            f"{counted(len(named))} beside the class folders {'has' if len(named) == 1 else 'have'} the label {NO_FOLDER}: {listed(named)}."
        )
        names.append(NO_FOLDER)
    return labels, tuple(map(cleaned, names)), notes


_SIDE_WORDS = {
    "mask", "label", "annotation", "segmentation", "trimap", "groundtruth", "gt", "thumb", "thumbnail", "preview",
}  # fmt: skip


def side_folders(paths: Sequence[Path]) -> list[tuple[str, str]]:
    """Folders that go with others: (name, that of the images) where masks or thumbnails are named as the images are."""
    stems: dict[str, set[str]] = {}
    for path in paths:
        for folder in path[:-1]:
            stems.setdefault(folder, set()).add(path[-1].rsplit(".", 1)[0])
    found = []
    for name in sorted(stems, key=natural):
        word = re.sub(r"[\W_\d]", "", name.casefold())
        if word not in _SIDE_WORDS and word.removesuffix("s") not in _SIDE_WORDS:
            continue
        alike = [
            other
            for other in stems
            if other != name and 2 * len(stems[name] & stems[other]) >= len(stems[name])
        ]
        beside = next((other for other in alike if not _within(other, name, paths)), None)
        if beside is not None:
            found.append((cleaned(name), cleaned(beside)))
    return found


def _within(one: str, other: str, paths: Sequence[Path]) -> bool:
    """Whether some file lies in both folders."""
    return any(one in path[:-1] and other in path[:-1] for path in paths)


def left_out_folders(paths: Sequence[Path], names: Sequence[str]) -> np.ndarray:
    """Numbers of the images in none of the named folders. Raises BadConfig for a folder that is not there."""
    known = {cleaned(folder) for path in paths for folder in path[:-1]}
    if missing := [name for name in names if name not in known]:
        raise BadConfig(f"leave_out: there is no folder {missing[0]!r}; there are {listed(sorted(known))}")
    return np.array(
        [i for i, path in enumerate(paths) if not {cleaned(part) for part in path[:-1]} & set(names)],
        np.int64,
    )
