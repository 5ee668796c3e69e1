"""Pixel models. Each gives the distortion of an image: -log p(x|z) in nats, summed over pixels and channels.

Every normalising constant is in. To add one: a function, a parameter dataclass if it needs one, one entry below.
torch is imported inside functions: forms and help texts want the registry long before anything trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_core.options import Entry, NoParams, Options, option

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class GaussianParams(Options):
    sigma: float = option(
        0.1,
        help="standard deviation of the pixel noise, on the [0, 1] scale",
        unit="pixel value",
        minimum=0.001,
        maximum=10.0,
        advanced=True,
    )


@dataclass(frozen=True)
class LaplaceParams(Options):
    scale: float = option(
        0.1,
        help="scale b of the pixel noise, on the [0, 1] scale",
        unit="pixel value",
        minimum=0.001,
        maximum=10.0,
        advanced=True,
    )


def bernoulli(logits: Tensor, x: Tensor, params: Options, log_sigma: Tensor | None = None) -> Tensor:
    """Cross-entropy, -sum_i [x_i log p_i + (1 - x_i) log(1 - p_i)], p = sigmoid(logits) -> (B,).

    On grey values this is a cross-entropy, not -log p(x): a likelihood needs binarised data.
    """
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def gaussian(logits: Tensor, x: Tensor, params: GaussianParams, log_sigma: Tensor | None = None) -> Tensor:
    """-log N(x; sigmoid(logits), sigma^2 I) = sum_i (x_i - mu_i)^2 / (2 sigma^2) + n/2 log(2 pi sigma^2)."""
    squares = (logits.sigmoid() - x).square().flatten(1)
    n = squares.shape[1]
    constant = 0.5 * n * math.log(2 * math.pi * params.sigma**2)
    return squares.sum(1) / (2 * params.sigma**2) + constant


def gaussian_optimal(logits: Tensor, x: Tensor, params: Options, log_sigma: Tensor | None = None) -> Tensor:
    """Gaussian whose sigma^2 is the batch's mean squared error, its maximum-likelihood value.

    Rybkin, Daniilidis & Levine 2021, "Simple and Effective VAE Training with Calibrated Decoders". The
    optimum is taken inside the graph, as there: then d/d mu of n/2 log(MSE) is the calibrated gradient.
    Given `log_sigma`, () nats of scale, that value is used instead (evaluation: sigma of the training data).
    """
    squares = (logits.sigmoid() - x).square().flatten(1)
    n = squares.shape[1]
    if log_sigma is None:
        # the floor is half a grey level squared: images cannot be known better than their quantisation
        log_sigma = 0.5 * squares.mean().clamp_min((0.5 / 255) ** 2).log()
    return 0.5 * squares.sum(1) * (-2 * log_sigma).exp() + n * (log_sigma + 0.5 * math.log(2 * math.pi))


def laplace(logits: Tensor, x: Tensor, params: LaplaceParams, log_sigma: Tensor | None = None) -> Tensor:
    """-log Laplace(x; sigmoid(logits), b) = sum_i |x_i - mu_i| / b + n log(2 b)."""
    errors = (logits.sigmoid() - x).abs().flatten(1)
    return errors.sum(1) / params.scale + errors.shape[1] * math.log(2 * params.scale)


@dataclass(frozen=True)
class Likelihood(Entry):
    """`distortion(logits, x, params, log_sigma)` -> (B,) nats. `density`: nats may be negative."""

    distortion: Callable[..., Tensor]
    formula: str
    density: bool
    learns_sigma: bool = False


BERNOULLI = Likelihood(
    "bernoulli", "Bernoulli (cross-entropy)", "Each pixel is a coin. Right for black-and-white images.",
    NoParams, bernoulli, "−Σ x log p + (1−x) log(1−p)", density=False,
)  # fmt: skip
GAUSSIAN = Likelihood(
    "gaussian", "Gaussian, fixed σ (squared error)", "Squared error over 2σ². A smaller σ asks for sharper pictures.",
    GaussianParams, gaussian, "Σ (x−μ)²/2σ² + n/2 log 2πσ²", density=True,
)  # fmt: skip
GAUSSIAN_OPTIMAL = Likelihood(
    "gaussian_optimal", "Gaussian, σ learned (σ-VAE)", "σ is set to its best value, which balances the two terms by itself.",
    NoParams, gaussian_optimal, "n/2 log 2πσ² + n/2, σ² = mean (x−μ)²", density=True, learns_sigma=True,
)  # fmt: skip
LAPLACE = Likelihood(
    "laplace", "Laplace (absolute error)", "Absolute error over b. Forgives single wrong pixels, keeps edges.",
    LaplaceParams, laplace, "Σ |x−μ|/b + n log 2b", density=True,
)  # fmt: skip
LIKELIHOODS = {entry.name: entry for entry in (BERNOULLI, GAUSSIAN, GAUSSIAN_OPTIMAL, LAPLACE)}
