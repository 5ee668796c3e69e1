"""Likelihoods, objectives and beta schedules as pure functions. Everything in nats per image.

A likelihood gives the distortion of each image, -log p(x|z), summed over pixels and channels, with every
normalising constant. An objective weighs distortion and rate into the loss that is minimised. To add one:
a function, a parameter dataclass if it needs one, and one registry entry. torch is not imported here but where a
function cannot do without: the registries are wanted by every form and help text, long before anything trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vae_core.errors import BadConfig
from vae_core.models.dial import Dial
from vae_core.options import Entry, NoParams, Options, option

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.models.vae import Posterior

# ---------------------------------------------------------------- likelihoods


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


# ---------------------------------------------------------------- the rate


def kl_per_dim(posterior: Posterior) -> Tensor:
    """KL[q(z_d|x) || N(0, 1)] for each image and dimension, (B, D) nats."""
    mean, log_var = posterior.mean, posterior.log_var
    # 1/2 (mean^2 + var - log var - 1)
    return 0.5 * (mean.square() + log_var.exp() - log_var - 1)


def log_normal(z: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """log N(z; mean, exp(log_var)) elementwise, nats."""
    return -0.5 * ((z - mean).square() * (-log_var).exp() + log_var + math.log(2 * math.pi))


def decompose_rate(z: Tensor, posterior: Posterior, dataset_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Split the rate into index-code mutual information, total correlation and dimension-wise KL.

    Chen et al. 2018, "Isolating Sources of Disentanglement", with minibatch-stratified weights (their
    appendix C.2) for log q(z) and log q(z_d). z (B, D) sampled from `posterior`; three scalars, nats.
    """
    batch = z.shape[0]
    # (B, B, D): log q(z_i | x_j)
    pairwise = log_normal(z[:, None], posterior.mean[None], posterior.log_var[None])
    weights = z.new_tensor(stratified_log_weights(batch, dataset_size))
    log_q_z = (weights + pairwise.sum(2)).logsumexp(1)
    log_q_z_dims = (weights[:, :, None] + pairwise).logsumexp(1).sum(1)
    log_q_z_x = log_normal(z, posterior.mean, posterior.log_var).sum(1)
    log_p_z = log_normal(z, z.new_zeros(()), z.new_zeros(())).sum(1)
    return (
        (log_q_z_x - log_q_z).mean(),
        (log_q_z - log_q_z_dims).mean(),
        (log_q_z_dims - log_p_z).mean(),
    )


def stratified_log_weights(batch: int, dataset_size: int) -> np.ndarray:
    """log of the (B, B) weights of minibatch-stratified sampling.

    q(z_i) = E over batches of: 1/N for the image z_i came from, (N-M)/(N M) for one other, 1/M for each of
    the rest, M = B - 1. Rows sum to one.
    """
    if batch == 1:
        return np.zeros((1, 1))
    others = batch - 1
    size = max(dataset_size, batch)
    weights = np.full((batch, batch), 1 / others)
    np.fill_diagonal(weights, 1 / size)
    rows = np.arange(batch)
    weights[rows, (rows + 1) % batch] = (size - others) / (size * others)
    return np.log(weights)


# ---------------------------------------------------------------- objectives


@dataclass(frozen=True)
class BetaParams(Options):
    beta: float = option(
        4.0,
        help="weight of the rate (KL) term; 1 is the ELBO, more asks for fewer, cleaner dimensions",
        minimum=0.0,
        maximum=1000.0,
        title="β",
    )


@dataclass(frozen=True)
class CapacityParams(Options):
    capacity: float = option(
        25.0,
        help="rate that is asked for at the end; it grows linearly from 0",
        unit="nats per image",
        minimum=0.0,
        maximum=1000.0,
        title="final capacity C",
    )
    gamma: float = option(
        30.0,
        help="weight γ of the distance between rate and capacity",
        minimum=0.0,
        maximum=10000.0,
        title="γ",
        advanced=True,
    )
    growth: float = option(
        0.8,
        help="share of training over which the capacity grows",
        minimum=0.0,
        maximum=1.0,
        title="growth",
        advanced=True,
    )


@dataclass(frozen=True)
class MultiRateParams(Options):
    lowest_beta: float = option(
        0.1,
        help="β at the dial's lower end; training draws from half of it upwards",
        minimum=0.001,
        maximum=1.0,
        title="lowest β",
    )
    highest_beta: float = option(
        10.0,
        help="β at the dial's upper end; training draws up to twice as much",
        minimum=1.0,
        maximum=1000.0,
        title="highest β",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.highest_beta < 2 * self.lowest_beta:
            raise BadConfig(
                f"highest_beta: a dial from {self.lowest_beta:g} to {self.highest_beta:g} has nothing to turn; its "
                "ends must differ at least by a factor of 2"
            )

    @property
    def dial(self) -> Dial:
        return Dial(self.lowest_beta, self.highest_beta)


@dataclass(frozen=True)
class Batch:
    """What an objective sees of one batch. distortion (B,), kl (B, D), nats; z (B, D); beta (B,), where it differs."""

    distortion: Tensor
    kl: Tensor
    z: Tensor
    posterior: Posterior
    dataset_size: int
    free_bits: float = 0.0
    beta: Tensor | None = None


def rate_for_loss(batch: Batch) -> Tensor:
    """The batch's mean rate, with at least `free_bits` nats granted to every dimension.

    Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", eq. 15:
    sum_d max(free_bits, mean over the batch of KL_d).
    """
    per_dim = batch.kl.mean(0)
    if batch.free_bits > 0:
        per_dim = per_dim.clamp_min(batch.free_bits)
    return per_dim.sum()


Parts = tuple["Tensor", ...]


def distortion_parts(batch: Batch) -> Parts:
    """(distortion,), nats per image."""
    return (batch.distortion.mean(),)


def elbo_parts(batch: Batch) -> Parts:
    """(distortion, rate), nats per image."""
    return batch.distortion.mean(), rate_for_loss(batch)


def multi_rate_parts(batch: Batch) -> Parts:
    """(distortion, beta * rate), nats per image, each image with its own beta and weighing (1 + beta)^-1/4.

    Unweighted, the large βs pull hardest at the weights they share with the small, which then end too high.
    """
    rate = batch.kl.sum(1)
    if batch.beta is None:
        return batch.distortion.mean(), rate.mean()
    weight = (1 + batch.beta) ** -0.25
    return (weight * batch.distortion).mean(), (weight * batch.beta * rate).mean()


def tcvae_parts(batch: Batch) -> Parts:
    """(distortion, mutual information, total correlation, dimension-wise KL), nats per image."""
    return (batch.distortion.mean(), *decompose_rate(batch.z, batch.posterior, batch.dataset_size))


def autoencoder_loss(parts: Parts, weight: float, capacity: float) -> Tensor:
    """Distortion alone."""
    return parts[0]


def beta_vae_loss(parts: Parts, weight: float, capacity: float) -> Tensor:
    """distortion + beta * rate. Higgins et al. 2017; the VAE at beta = 1."""
    return parts[0] + weight * parts[1]


def capacity_loss(parts: Parts, weight: float, capacity: float) -> Tensor:
    """distortion + gamma |rate - C|. Burgess et al. 2018, "Understanding disentangling in beta-VAE"."""
    return parts[0] + weight * (parts[1] - capacity).abs()


def beta_tcvae_loss(parts: Parts, weight: float, capacity: float) -> Tensor:
    """distortion + MI + beta * TC + dimension-wise KL. Chen et al. 2018, eq. 4 with alpha = gamma = 1."""
    return parts[0] + parts[1] + weight * parts[2] + parts[3]


@dataclass(frozen=True)
class Objective(Entry):
    """What is minimised: `loss(parts(batch), weight, capacity)`, a scalar.

    Splitting it in two gives the annealed and the final loss from one pass. `weight_of(params)` is the final
    weight: beta, or gamma for `capacity`.
    """

    parts: Callable[[Batch], Parts]
    loss: Callable[[Parts, float, float], Tensor]
    formula: str
    weight_of: Callable[[Options], float]
    stochastic: bool = True

    @property
    def takes_free_bits(self) -> bool:
        return self.parts is elbo_parts


AUTOENCODER = Objective(
    "autoencoder", "Plain autoencoder", "No noise and no rate term: sharp reconstructions, a space with holes.",
    NoParams, distortion_parts, autoencoder_loss, "distortion", lambda p: 0.0, stochastic=False,
)  # fmt: skip
VAE = Objective(
    "vae", "VAE", "The evidence lower bound: distortion plus rate.",
    NoParams, elbo_parts, beta_vae_loss, "distortion + rate", lambda p: 1.0,
)  # fmt: skip
BETA_VAE = Objective(
    "beta_vae", "β-VAE", "The rate weighs β times: fewer dimensions are used, and each means more.",
    BetaParams, elbo_parts, beta_vae_loss, "distortion + β · rate", lambda p: p.beta,  # type: ignore[attr-defined]
)  # fmt: skip
CAPACITY = Objective(
    "capacity", "Capacity (β-VAE with a growing rate)", "The rate is held at a value that grows while training.",
    CapacityParams, elbo_parts, capacity_loss, "distortion + γ · |rate − C|", lambda p: p.gamma,  # type: ignore[attr-defined]
)  # fmt: skip
BETA_TCVAE = Objective(
    "beta_tcvae", "β-TCVAE", "Only the dependence between dimensions (total correlation) weighs β times.",
    BetaParams, tcvae_parts, beta_tcvae_loss, "distortion + MI + β · TC + Σ KL_d", lambda p: p.beta,  # type: ignore[attr-defined]
)  # fmt: skip
MULTI_RATE = Objective(
    "multi_rate", "Multi-rate VAE (β dial)", "One network for every β: each image is learned at a β drawn for it.",
    MultiRateParams, multi_rate_parts, beta_vae_loss, "E_β [(distortion + β · rate) / ∜(1 + β)]", lambda p: 1.0,
)  # fmt: skip
OBJECTIVES = {e.name: e for e in (VAE, BETA_VAE, MULTI_RATE, CAPACITY, BETA_TCVAE, AUTOENCODER)}


# ---------------------------------------------------------------- schedules of beta


@dataclass(frozen=True)
class WarmupParams(Options):
    warmup: float = option(
        0.2,
        help="share of training over which β rises from 0 to its value",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class CyclicalParams(Options):
    cycles: int = option(4, help="number of times β rises from 0", minimum=1, maximum=100, advanced=True)
    rise: float = option(
        0.5,
        help="share of each cycle in which β rises; it then stays",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )


def constant(progress: float, params: Options) -> float:
    """1 throughout."""
    return 1.0


def warmup(progress: float, params: WarmupParams) -> float:
    """Linear from 0 to 1 over the first `warmup` share of training (Sønderby et al. 2016)."""
    return 1.0 if params.warmup == 0 else min(1.0, progress / params.warmup)


def cyclical(progress: float, params: CyclicalParams) -> float:
    """`cycles` times linear from 0 to 1, then flat. Fu et al. 2019, "Cyclical Annealing Schedule"."""
    if progress >= 1:
        return 1.0
    phase = (progress * params.cycles) % 1.0
    return 1.0 if params.rise == 0 else min(1.0, phase / params.rise)


@dataclass(frozen=True)
class Schedule(Entry):
    """`factor(progress, params)`: progress in [0, 1) over the planned steps -> factor of the weight."""

    factor: Callable[..., float]


BETA_SCHEDULES = {
    entry.name: entry
    for entry in (
        Schedule("constant", "Constant", "β from the first step.", NoParams, constant),
        Schedule(
            "warmup",
            "Linear warm-up",
            "β rises from 0, so that the code is used first.",
            WarmupParams,
            warmup,
        ),
        Schedule("cyclical", "Cyclical", "β rises from 0 several times.", CyclicalParams, cyclical),
    )
}
