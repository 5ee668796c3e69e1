"""Attributes of images: probes that read them off a code, and groups that a direction separates."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.services.cache import LruCache
from app.widgets.image_picker import class_names
from vae_core.errors import TooFewPoints

if TYPE_CHECKING:
    from vae_core.data.factor_words import FactorWords

_probes: LruCache[dict[str, Any]] = LruCache(8)


def probes(stamp: str, found: Any) -> dict[str, Any]:
    """Probes on stored codes by what they tell: "label", and each factor. Those that cannot be fitted are left out."""
    return _probes.get_or_make((stamp, found.split, len(found)), lambda: _fit(found))


def _fit(found: Any) -> dict[str, Any]:
    from vae_core.latent.probes import fit_probe, fit_probes_for_factors

    fitted: dict[str, Any] = {}
    if found.labels is not None:
        with contextlib.suppress(TooFewPoints):  # the page says of what there are too few
            fitted["label"] = fit_probe(found.mean, found.labels, class_names(found))
    if found.factors is not None:
        fitted |= fit_probes_for_factors(found.factors, found.factor_names, found.mean)
    return fitted


REST = "the rest"


@dataclass(frozen=True)
class Groups:
    """Two groups of images by bool masks (N,), and what they are called."""

    a: np.ndarray
    b: np.ndarray
    words: str


Saved = Mapping[str, np.ndarray]  # a person's groups: image numbers (N,) by name


SAVED = "saved group"


def attributes(found: Any, saved: Saved) -> list[str]:
    """What two groups may differ in: the label, every factor that varies, and what a person picked out."""
    names = ["label"] if found.labels is not None and len(np.unique(found.labels)) > 1 else []
    if found.factors is not None:
        names += [n for n, f in zip(found.factor_names, found.factors.T, strict=True) if np.ptp(f) > 0]
    return names + ([SAVED] if _known(found, saved) else [])


def _known(found: Any, saved: Saved) -> list[str]:
    """Groups that hold an image whose code is known."""
    return [name for name, images in saved.items() if np.isin(images, found.index).any()]


HIGH, LOW = (
    ("the higher value", "top third", "yes", "above median", "at median"),
    ("the lower value", "bottom third", "no", "below median", "up to median"),
)


def said(side: str, known: FactorWords | None) -> str:
    """A side of a factor, as a group or a probe names it, with what its values are called where they have words."""
    end = int(side in HIGH) if side in HIGH or side in LOW else -1
    if known is None or end < 0:
        return side
    if known.each:  # of more than two, the ends of what varies are not known here
        return known.each[end] if len(known.each) == 2 else side
    return f"{side} ({known.high if end else known.low})"


def sides(found: Any, attribute: str, saved: Saved) -> tuple[Sequence[str], Sequence[str]]:
    """What groups A and B may be, the usual choice first."""
    if attribute == SAVED:
        names = _known(found, saved)
        return names, [REST, *(name for name in names if name != REST)]
    if attribute == "label":
        present = [n for i, n in enumerate(class_names(found)) if (found.labels == i).any()]
        return present, [REST, *present]
    values = found.factors[:, list(found.factor_names).index(attribute)]
    if len(np.unique(values)) == 2:
        return ["the higher value", "the lower value"], ["the lower value", "the higher value"]
    return ["top third", "bottom third"], ["bottom third", "top third"]


def groups(
    found: Any, attribute: str, a: str, b: str, saved: Saved, known: FactorWords | None = None
) -> Groups:
    """The images of groups A and B. `known` are what the values of the attribute are called."""
    if attribute == SAVED:
        first = np.isin(found.index, saved[a])
        second = ~first if b == REST else np.isin(found.index, saved[b])
        return Groups(first, second, f"{a} against {b}")
    if attribute == "label":
        names = class_names(found)
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
    return Groups(of[a], of[b], f"{attribute}: {said(a, known)} against {said(b, known)}")


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
