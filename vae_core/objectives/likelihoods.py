"""Pixel models. Each gives the distortion of an image: -log p(x|z) in nats, summed over pixels and channels.

Every normalising constant is in. Beside them stand distances of pictures that are no likelihoods: they sharpen, and
nothing that is learned with them has an ELBO. To add one: a function, a parameter dataclass if it needs one, one entry below.
torch is imported inside functions: forms and help texts want the registry long before anything trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vae_core.objectives.terms import NATS, NO_NATS
from vae_core.options import Entry, NoParams, Options, option

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.models.features import Features


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


@dataclass(frozen=True)
class MsSsimParams(Options):
    structure: float = option(
        0.84,
        help="share of 1 − MS-SSIM; the rest is the absolute error, which keeps brightness and colour",
        minimum=0.01,
        maximum=1.0,
        title="share of structure",
        advanced=True,
    )
    strength: float = option(
        1.0,
        help="weight of the distance against the rate; more asks for sharper pictures and a fuller code",
        minimum=0.01,
        maximum=1000.0,
        title="weight of the distance",
        advanced=True,
    )


@dataclass(frozen=True)
class FeatureParams(Options):
    perception: float = option(
        0.3,
        help="share of the distance of features; the rest is the absolute error. Too much draws strokes that no image has",
        minimum=0.01,
        maximum=1.0,
        title="share of features",
        advanced=True,
    )
    strength: float = option(
        1.0,
        help="weight of the distance against the rate; more asks for sharper pictures and a fuller code",
        minimum=0.01,
        maximum=1000.0,
        title="weight of the distance",
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
        log_sigma = best_log_sigma(squares.mean())
    return 0.5 * squares.sum(1) * (-2 * log_sigma).exp() + n * (log_sigma + 0.5 * math.log(2 * math.pi))


def best_log_sigma(error: Tensor) -> Tensor:
    """log of the likeliest σ where the mean squared error of a pixel value is `error`, () nats of scale."""
    # the floor is half a grey level squared: images cannot be known better than their quantisation
    return 0.5 * error.clamp_min((0.5 / 255) ** 2).log()


def laplace(logits: Tensor, x: Tensor, params: LaplaceParams, log_sigma: Tensor | None = None) -> Tensor:
    """-log Laplace(x; sigmoid(logits), b) = sum_i |x_i - mu_i| / b + n log(2 b)."""
    errors = (logits.sigmoid() - x).abs().flatten(1)
    return errors.sum(1) / params.scale + errors.shape[1] * math.log(2 * params.scale)


def ms_ssim_distance(
    logits: Tensor, x: Tensor, params: MsSsimParams, log_sigma: Tensor | None = None
) -> Tensor:
    """w n [a (1 - MS-SSIM) + (1 - a) mean |x - mu|], mu = sigmoid(logits), n pixel values -> (B,), in no unit.

    Zhao et al. 2016, "Loss Functions for Image Restoration with Neural Networks", sec. 3.4, whose a is 0.84; there the
    absolute error is weighed by the window too. n makes its size that of a likelihood's nats.
    """
    from vae_core.objectives.similarity import ms_ssim

    mu = logits.sigmoid()
    a = params.structure
    absolute = (mu - x).abs().flatten(1)
    return params.strength * absolute.shape[1] * (a * (1 - ms_ssim(mu, x)) + (1 - a) * absolute.mean(1))


def feature_distortion(
    logits: Tensor,
    x: Tensor,
    params: FeatureParams,
    log_sigma: Tensor | None = None,
    features: Features | None = None,
) -> Tensor:
    """w n [a distance of features + (1 - a) mean |x - mu|], as ms_ssim_distance -> (B,), in no unit."""
    from vae_core.models.features import feature_distance

    if features is None:
        raise ValueError("a distance of features needs the network that tells them")
    mu = logits.sigmoid()
    a = params.perception
    absolute = (mu - x).abs().flatten(1)
    return (
        params.strength
        * absolute.shape[1]
        * (a * feature_distance(mu, x, features) + (1 - a) * absolute.mean(1))
    )


@dataclass(frozen=True)
class Likelihood(Entry):
    """What a pixel model is.

    Attributes:
        distortion: (logits, x, params, log_sigma) -> (B,) nats; it takes `features` besides, where it needs them.
        formula: the same, as a person reads it.
        density: nats may be negative.
        learns_sigma: `distortion` takes the σ of the training images as `log_sigma` at evaluation.
        is_likelihood: `distortion` is -log p(x|z). Else it is a distance of pictures: in no nats, without an ELBO.
        needs_features: it compares features of a network that learns the images before the run does, and is kept with it.
    """

    distortion: Callable[..., Tensor]
    formula: str
    density: bool
    learns_sigma: bool = False
    is_likelihood: bool = True
    needs_features: bool = False

    def of(
        self, logits: Tensor, x: Tensor, params: Any, log_sigma: Tensor | None, features: Features | None
    ) -> Tensor:
        """The distortion of images x (B, C, H, W), by the features of a model where it needs them: (B,)."""
        if self.needs_features:
            return self.distortion(logits, x, params, log_sigma, features)
        return self.distortion(logits, x, params, log_sigma)

    @property
    def unit(self) -> str:
        """Of the distortion."""
        return NATS if self.is_likelihood else NO_NATS

    @property
    def no_elbo(self) -> str:
        """A sentence on why nothing is in nats; empty for a likelihood."""
        if self.is_likelihood:
            return ""
        return (
            f"{self.title.split(' (')[0]} is no likelihood: its distance is in no nats, so there is no ELBO."
        )


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
MS_SSIM = Likelihood(
    "ms_ssim", "MS-SSIM (structure, no likelihood)",
    "How alike pictures look in contrast and structure at several scales, with absolute error. Sharper pictures; no "
    "likelihood, so no nats and no ELBO.",
    MsSsimParams, ms_ssim_distance, "w n [a (1 − MS-SSIM) + (1 − a) mean |x−μ|]", density=False, is_likelihood=False,
)  # fmt: skip
FEATURE_DISTANCE = Likelihood(
    "feature_distance", "Distance of features (no likelihood)",
    "How alike pictures are to a small network that first learns these images without labels, with absolute error. "
    "Sharper pictures; no likelihood, so no nats and no ELBO.",
    FeatureParams, feature_distortion, "w n [a mean ‖φ(x) − φ(μ)‖² + (1 − a) mean |x−μ|]", density=False,
    is_likelihood=False, needs_features=True,
)  # fmt: skip
LIKELIHOODS = {
    entry.name: entry for entry in (BERNOULLI, GAUSSIAN, GAUSSIAN_OPTIMAL, LAPLACE, MS_SSIM, FEATURE_DISTANCE)
}
