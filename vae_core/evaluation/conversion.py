"""Conversion of another project's KL weight to β and back: the two differ by what each loss was averaged over.

Ours: loss = distortion + β · rate, both summed (over pixels and channels, over dimensions) and averaged over images,
the distortion with the likelihood's own factor. Theirs: loss = a · error + weight · b · rate, where `a` and `b` say what
each was averaged over and `error` may lack the factor. Only the ratio of the two terms decides what is learnt:

    β = weight · (b / a) · c,   c = nats of our distortion per unit of their error
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vae_core.errors import BadConfig

ERRORS = ("cross-entropy", "squared error", "half squared error", "absolute error")
OVER = ("sum", "mean over pixels", "mean over dimensions")


@dataclass(frozen=True)
class Convention:
    """How another project adds up its loss.

    error: one of ERRORS. error_over, rate_over: what its sum was divided by, of OVER; averaging both terms over the
    batch changes nothing, and `batch` says how many images were summed in the rate where only the error was averaged
    (or below 1, the reverse). pixels: numbers of an image, C·H·W; dims: latent dimensions D. scale: our σ of a
    Gaussian or b of a Laplace likelihood, on the [0, 1] scale; span: their pixel range (1 for [0, 1], 2 for [−1, 1],
    255 for bytes).
    """

    error: str
    pixels: int
    dims: int
    error_over: str = "mean over pixels"
    rate_over: str = "sum"
    scale: float = 0.1
    span: float = 1.0
    batch: float = 1.0

    def __post_init__(self) -> None:
        if self.error not in ERRORS:
            raise BadConfig(f"error: {self.error!r} is none of {', '.join(ERRORS)}")
        for name in ("error_over", "rate_over"):
            if getattr(self, name) not in OVER:
                raise BadConfig(f"{name}: {getattr(self, name)!r} is none of {', '.join(OVER)}")
        for name in ("pixels", "dims", "scale", "span", "batch"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise BadConfig(f"{name}: expected a number above 0, got {value}")

    @property
    def factor(self) -> float:
        """β for a weight of 1."""
        share = {"sum": 1.0, "mean over pixels": 1 / self.pixels, "mean over dimensions": 1 / self.dims}
        # nats of our distortion per unit of their error: their error is in units of span, ours of 1
        nats = {
            "cross-entropy": 1.0,
            "squared error": 1 / (2 * self.scale**2 * self.span**2),
            "half squared error": 1 / (self.scale**2 * self.span**2),
            "absolute error": 1 / (self.scale * self.span),
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
