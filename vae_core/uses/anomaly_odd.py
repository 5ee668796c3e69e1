"""What is odd: a label or a factor's value that the network never learned, another data set, or a folder of images."""

from __future__ import annotations

import operator
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vae_core.data import find_spec, list_specs, open_images
from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.data.registry import factor_words
from vae_core.errors import UnknownDataset, VaeCoreError
from vae_core.evaluation.small_network import spaced
from vae_core.uses.subject import Subject
from vae_core.words import listed

EACH = "each"
EMPTY = "empty"  # images of one colour
CONDITION = re.compile(r"(?P<factor>[^=<>]+?)\s*(?P<sign>>=|<=|=|>|<)\s*(?P<value>[^=<>]+)")
SIGNS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "=": np.isclose,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
FEW = 20  # distinct values of a factor that stands in steps
SHARE = 0.1  # of the images, whose highest values of a factor that does not are odd by default


class NothingOdd(VaeCoreError):  # noqa: N818
    """What is to be odd names no image, or leaves none to be usual."""


@dataclass(frozen=True, eq=False)
class Odd:
    """name: in words; rows: numbers of the odd images in the run's own set, (M,), which a network must then learn without; or
    images: uint8 (M, C, H, W) from elsewhere, which the run has never seen."""

    name: str
    rows: np.ndarray | None = None
    images: np.ndarray | None = None

    def chosen(self, data: ImageSet, first: np.ndarray, most: int) -> np.ndarray:
        """At most `most` odd images, uint8; of the run's own set those of `first`, its test images, come first."""
        if self.images is not None:
            return spaced(self.images, most)
        assert self.rows is not None
        tested = self.rows[np.isin(self.rows, first)]
        others = self.rows[~np.isin(self.rows, first)]
        rows = spaced(tested, most)
        rows = np.sort(np.concatenate((rows, spaced(others, most - len(rows)))))
        return np.asarray(data.images[rows])


def find(subject: Subject, said: str, most: int, progress: Progress = silent) -> list[Odd]:
    """What `said` asks for: one, or with `each` one for every label. Empty takes what suits the images, see `usual_choice`.

    Raises NoLabels, NothingOdd, or BadImages for a folder that cannot be read.
    """
    data = subject.data
    said = said.strip() or usual_choice(subject)
    if said == EACH:
        return [_label(subject, int(label)) for label in _labels_there(subject)]
    if (label := _label_named(data, said)) is not None:
        return [_label(subject, label)]
    condition = CONDITION.fullmatch(said)
    if condition and condition["factor"] in data.factor_names:
        return [_factor(subject, condition["factor"], condition["sign"], condition["value"].strip())]
    return [elsewhere(subject, said, most, progress)]


def usual_choice(subject: Subject) -> str:
    """The label of most images; without labels the first factor's first value or highest tenth; else another built-in set."""
    data = subject.data
    if data.labels is not None and len(there := _labels_there(subject, check=False)) > 1:
        counts = np.bincount(np.asarray(data.labels)[np.asarray(data.labels) >= 0])
        return str(int(there[counts[there].argmax()]))
    if data.factors is not None and data.factor_names:
        for i, name in enumerate(data.factor_names):
            values = np.asarray(data.factors[:, i])
            distinct = np.unique(values)
            if 2 <= len(distinct) <= FEW:
                return f"{name}={distinct[0]:g}"
            if len(distinct) > FEW:
                return f"{name}>{np.quantile(values, 1 - SHARE):.6g}"
    return "shapes" if data.name.startswith("digits") else "digits"


def _labels_there(subject: Subject, check: bool = True) -> np.ndarray:
    labels = subject.labels() if check else np.asarray(subject.data.labels)
    found: np.ndarray = np.unique(labels[labels >= 0])
    return found


def _label_named(data: ImageSet, said: str) -> int | None:
    names = [name.casefold() for name in data.label_names]
    if said.casefold() in names:
        return names.index(said.casefold())
    return int(said) if said.isdigit() else None


def _label(subject: Subject, label: int) -> Odd:
    labels, data = subject.labels(), subject.data
    name = data.label_names[label] if label < len(data.label_names) else str(label)
    rows = np.flatnonzero(labels == label)
    if not len(rows):
        known = listed(
            str(data.label_of(int(np.flatnonzero(labels == one)[0]))) for one in _labels_there(subject)[:20]
        )
        raise NothingOdd(f"no image of {data.name} has the label {name}; there are {known}")
    return Odd(f"label {name}", rows)


def _factor(subject: Subject, factor: str, sign: str, value: str) -> Odd:
    data = subject.data
    assert data.factors is not None
    values = np.asarray(data.factors[:, data.factor_names.index(factor)], np.float64)
    words = factor_words(data.name, factor)
    named = [name.casefold() for name in words.each] if words is not None else []
    try:
        number = float(named.index(value.casefold())) if value.casefold() in named else float(value)
    except ValueError:
        raise NothingOdd(f"{factor}{sign}{value}: {value} is no value of {factor}; give a number") from None
    rows = np.flatnonzero(SIGNS[sign](values, number))
    if not len(rows) or len(rows) == len(values):
        which = "no image" if not len(rows) else "every image"
        raise NothingOdd(
            f"{factor}{sign}{value} holds for {which} of {data.name}; {factor} goes from {values.min():.4g} to "
            f"{values.max():.4g}"
        )
    shown = (
        words.each[int(number)]
        if words is not None and sign == "=" and int(number) < len(words.each)
        else value
    )
    return Odd(f"{factor} {'' if sign == '=' else sign + ' '}{shown}", rows)


# ---------------------------------------------------------------- from elsewhere


def elsewhere(subject: Subject, said: str, most: int, progress: Progress = silent) -> Odd:
    """Images of another data set by name, of a folder, .zip, .npy or .npz by path, or the ground of its own test images by `empty`; brought to the
    shape the run takes. Raises NothingOdd where it is none of these, BadImages where it cannot be read."""
    if said == EMPTY:
        usual = subject.test if len(subject.test) else subject.splits.validation
        return Odd("empty images", images=emptied(subject.images(spaced(usual, most))))
    places = subject.run.places
    path = Path(said).expanduser()
    try:
        spec = find_spec(said, places)
    except UnknownDataset:
        if path.exists():
            return Odd(
                f"images of {path.name}",
                images=subject.model.prepare(_of_path(path, subject, most, progress)),
            )
        raise NothingOdd(_unknown(subject, said)) from None
    if spec.name == subject.data.name:
        raise NothingOdd(
            f"{said} is what the run learned from; name another data set, a label or a factor's value"
        )
    side = min(spec.sides, key=lambda one: (abs(one - subject.data.shape[1]), one))
    other = open_images(spec.name, side, places, progress)
    return Odd(
        f"images of {spec.name}",
        images=subject.model.prepare(np.asarray(other.images[spaced(other.test, most)])),
    )


def emptied(images: np.ndarray) -> np.ndarray:
    """Each image (N, C, H, W) uint8 as its ground alone, the commonest value of each channel: the simplest images there are."""
    n, c = images.shape[:2]
    planes = images.reshape(n * c, -1).astype(np.int64) + 256 * np.arange(n * c)[:, None]
    counts = np.bincount(planes.ravel(), minlength=256 * n * c).reshape(n, c, 256)
    ground = counts.argmax(2).astype(np.uint8)[:, :, None, None]
    return np.ascontiguousarray(np.broadcast_to(ground, images.shape))


def _of_path(path: Path, subject: Subject, most: int, progress: Progress) -> np.ndarray:
    from vae_core.data.user import SIDES, accept, inspect
    from vae_core.places import Places

    plan = inspect(path, progress=progress)
    channels, side, _ = subject.data.shape
    with tempfile.TemporaryDirectory() as folder:
        places = Places(Path(folder), Path(folder))
        at = min(SIDES, key=lambda one: (abs(one - side), one))
        limit = most if plan.count > most else 0
        accept(
            plan, "odd", places, side=at, colour="grey" if channels == 1 else "colour", splits="none", labels="none",
            skip_broken=True, limit=limit,
        )  # fmt: skip
        return np.array(open_images("odd", at, places).images)


def _unknown(subject: Subject, said: str) -> str:
    data = subject.data
    ways = []
    if data.labels is not None and data.label_names:
        ways.append(f"a label ({', '.join(data.label_names[:10])})")
    if data.factor_names:
        ways.append(f"a factor's value ({data.factor_names[0]}=1)")
    sets = [spec.name for spec in list_specs(subject.run.places) if spec.name != data.name]
    ways += [f"a data set ({', '.join(sets[:6])})", "a folder of images by its path"]
    return f"nothing is known of {said!r} that could be odd: name {', '.join(ways[:-1])} or {ways[-1]}"


def of_what_sort(usual: np.ndarray, odd: np.ndarray) -> tuple[float, float]:
    """How complex usual and odd images are: the root mean square by which neighbouring pixels differ, in [0, 1]."""

    def roughness(images: np.ndarray) -> float:
        x = np.asarray(images, np.float32) / 255
        steps = (np.diff(x, axis=2) ** 2).mean() + (np.diff(x, axis=3) ** 2).mean()
        return float(np.sqrt(steps / 2))

    return roughness(usual), roughness(odd)
