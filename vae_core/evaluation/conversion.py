"""Conversion of another project's KL weight to β and back: the two differ by what each loss was averaged over.

Ours: loss = distortion + β · rate, both summed (over pixels and channels, over dimensions) and averaged over images,
the distortion with the likelihood's own factor. Theirs: loss = a · error + weight · b · rate, where `a` and `b` say what
each was averaged over and `error` may lack the factor. Only the ratio of the two terms decides what is learnt:

    β = weight · (b / a) · c,   c = nats of our distortion per unit of their error

Of squared errors between pixels that span s (1, 2 or 255), which they divide by the square of a σ of theirs in those pixels,
and our Gaussian of σ on the [0, 1] scale:

    c = σ_their² / (2 σ² s²), of half squared errors twice that;   of absolute errors and our Laplace's b: b_their / (b s)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vae_core.errors import BadConfig

ERRORS = ("cross-entropy", "squared error", "half squared error", "absolute error")
OVER = ("sum", "mean over pixels", "mean over dimensions")
THEIR_PIXELS, OF_255 = "their pixels", "1/255 of the range"
UNITS = (THEIR_PIXELS, OF_255)


@dataclass(frozen=True)
class Convention:
    """How another project adds up its loss.

    error: one of ERRORS. error_over, rate_over: what its sum was divided by, of OVER; averaging both terms over the
    batch changes nothing, and `batch` says how many images were summed in the rate where only the error was averaged
    (or below 1, the reverse). pixels: numbers of an image, C·H·W; dims: latent dimensions D. scale: our σ of a
    Gaussian or b of a Laplace likelihood, on the [0, 1] scale; span: their pixel range (1 for [0, 1], 2 for [−1, 1],
    255 for bytes). their_scale: the σ by whose square they divide squared errors (of absolute ones the b by which), in
    `their_unit`, one of UNITS; 0 where they divide by none.
    """

    error: str
    pixels: int
    dims: int
    error_over: str = "mean over pixels"
    rate_over: str = "sum"
    scale: float = 0.1
    span: float = 1.0
    batch: float = 1.0
    their_scale: float = 0.0
    their_unit: str = THEIR_PIXELS

    def __post_init__(self) -> None:
        if self.error not in ERRORS:
            raise BadConfig(f"error: {self.error!r} is none of {', '.join(ERRORS)}")
        for name in ("error_over", "rate_over"):
            if getattr(self, name) not in OVER:
                raise BadConfig(f"{name}: {getattr(self, name)!r} is none of {', '.join(OVER)}")
        if self.their_unit not in UNITS:
            raise BadConfig(f"their_unit: {self.their_unit!r} is none of {', '.join(UNITS)}")
        if not (math.isfinite(self.their_scale) and self.their_scale >= 0):
            raise BadConfig(f"their_scale: expected a number of 0 or more, got {self.their_scale}")
        for name in ("pixels", "dims", "scale", "span", "batch"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise BadConfig(f"{name}: expected a number above 0, got {value}")

    @property
    def their_sigma(self) -> float:
        """The σ or b they divide by, in their pixels; 1 where they divide by none, or a cross-entropy has none."""
        if self.error == "cross-entropy" or not self.their_scale:
            return 1.0
        return self.their_scale * (self.span / 255 if self.their_unit == OF_255 else 1.0)

    @property
    def factor(self) -> float:
        """β for a weight of 1."""
        share = {"sum": 1.0, "mean over pixels": 1 / self.pixels, "mean over dimensions": 1 / self.dims}
        # nats of our distortion per unit of their error: theirs is in units of their σ, or of span, ours of 1
        ratio = self.their_sigma / (self.scale * self.span)
        nats = {
            "cross-entropy": 1.0,
            "squared error": ratio**2 / 2,
            "half squared error": ratio**2,
            "absolute error": ratio,
        }
        return share[self.rate_over] / share[self.error_over] * nats[self.error] * self.batch


def beta_of_weight(weight: float, convention: Convention) -> float:
    """Convert another project's KL weight to the β that trains the same model here.

    Raises BadConfig for a weight that is negative or not finite.
    """
    return _checked("weight", weight) * convention.factor


def weight_of_beta(beta: float, convention: Convention) -> float:
    """Convert a β to the KL weight that trains the same model in another project.

    Raises BadConfig for a β that is negative or not finite.
    """
    return _checked("β", beta) / convention.factor


def _checked(name: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise BadConfig(f"{name}: expected a number of 0 or more, got {value}")
    return float(value)
