"""What metrics may ask for, of one model and some images: worked out when first asked for, and only then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import Any, Protocol

import numpy as np

from vae_core.data.imageset import ImageSet

ENCODED = 1_024  # images at a time
CUT = 10  # bins of a factor that is no whole number


class Decoder(Protocol):
    """What a metric may use of a model: `inference.LoadedModel` is one."""

    @property
    def latent_dim(self) -> int: ...

    @property
    def stochastic(self) -> bool: ...

    @property
    def has_encoder(self) -> bool: ...

    def encode(self, images: Any) -> Any:
        """Images (N, C, H, W) -> posteriors with `mean` and `log_var` (N, D)."""

    def decode(self, codes: Any) -> np.ndarray:
        """Codes (N, D) -> images (N, C, H, W) float32 in [0, 1]."""


class Inputs:
    """What is there for a metric, by name, of the same N images:

    mean, log_var (N, D) of the posteriors; factors (N, K) whole numbers, see `numbered`; labels (N,) whole numbers; images
    (N, C, H, W) uint8; model: a Decoder; classifier: a `classifier.Classifier` of the labels; regressor: a
    `regressor.Regressor` of the factors.
    """

    def __init__(self, offers: Mapping[str, Callable[[], Any]], missing: Mapping[str, str]) -> None:
        """`offers`: how to get each; `missing`: a sentence for each that is not there."""
        self._offers, self._missing = dict(offers), dict(missing)
        self._known: dict[str, Any] = {}

    @classmethod
    def of_arrays(cls, **arrays: Any) -> Inputs:
        """Exactly what is given, by name."""
        return cls({name: partial(_same, value) for name, value in arrays.items()}, {})

    @classmethod
    def of_model(
        cls,
        model: Decoder,
        data: ImageSet,
        index: np.ndarray,
        *,
        classifier: Callable[[], Any] | None = None,
        regressor: Callable[[], Any] | None = None,
        codes: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Inputs:
        """Of a model and the images of `data` at `index` (N,).

        `classifier` and `regressor` make one when asked; `codes` are mean and log_var (N, D) where they are known already.
        """

        def encoded() -> tuple[np.ndarray, np.ndarray]:
            parts = [model.encode(data.images[index[i : i + ENCODED]]) for i in range(0, len(index), ENCODED)]
            return np.concatenate([p.mean for p in parts]), np.concatenate([p.log_var for p in parts])

        offers: dict[str, Callable[[], Any]] = {
            "mean": lambda: inputs.one("codes")[0],
            "log_var": lambda: inputs.one("codes")[1],
            "codes": encoded if codes is None else lambda: codes,
            "factors": lambda: numbered(np.asarray(data.factors[index])),  # type: ignore[index]
            "labels": lambda: np.asarray(data.labels[index]).astype(np.int64),  # type: ignore[index]
            "images": lambda: np.asarray(data.images[index]),
            "model": lambda: model,
        }
        if classifier is not None:
            offers["classifier"] = classifier
        if regressor is not None:
            offers["regressor"] = regressor
        inputs = cls(offers, _missing_of(model, data, index, classifier is not None))
        return inputs

    def why_not(self, needs: Set[str]) -> str:
        """A sentence on what is needed and not there, or an empty one. Computes nothing."""
        for need in sorted(needs):
            if need in self._missing:
                return self._missing[need]
            if need not in self._offers:
                return f"no {need} were given"
        return ""

    def give(self, needs: Set[str]) -> dict[str, Any]:
        """What is needed, by name."""
        return {need: self.one(need) for need in needs}

    def one(self, need: str) -> Any:
        if need not in self._known:
            self._known[need] = self._offers[need]()
        return self._known[need]


def _same(value: Any) -> Any:
    return value


def _missing_of(model: Decoder, data: ImageSet, index: np.ndarray, can_classify: bool) -> dict[str, str]:
    missing: dict[str, str] = {}
    if not model.has_encoder:
        missing |= dict.fromkeys(("mean", "log_var", "codes"), "without an encoder images have no codes")
    elif not model.stochastic:
        missing["log_var"] = "a plain autoencoder's codes have no scale to tell active dimensions by"
    if data.factors is None:
        why_not = f"the factors of {data.name} are not known; shapes and faces have some"
        missing["factors"] = missing["regressor"] = why_not
    elif not np.isfinite(np.asarray(data.factors[index])).all():
        missing["factors"] = f"the factors of some images of {data.name} are not known"
    if data.labels is None:
        missing["labels"] = missing["classifier"] = f"the images of {data.name} have no labels"
    elif not can_classify:
        missing["classifier"] = "there is no classifier of these images"
    return missing


def numbered(factors: np.ndarray) -> np.ndarray:
    """Factors (N, K), finite, as whole numbers int64: a factor of other values is cut into ten bins of equally many images.

    Scores of disentanglement count images by a factor's value, of which places, angles and shades have too many.
    """
    found = np.zeros(factors.shape, np.int64)
    for k, column in enumerate(factors.T):
        if (column == np.rint(column)).all():
            found[:, k] = column
        else:
            edges = np.quantile(column, np.arange(1, CUT) / CUT)
            found[:, k] = np.searchsorted(edges, column, side="right")
    return found
