"""The rate, KL[q(z|x) || p(z)], per dimension and split into its parts. Nats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.models.vae import Posterior
    from vae_core.objectives.terms import ForwardPass


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
    logs: np.ndarray = np.log(weights)
    return logs


def rate_with_free_bits(forward: ForwardPass) -> Tensor:
    """The batch's mean rate, with at least `free_bits` nats granted to every dimension, () nats.

    Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", eq. 15:
    sum_d max(free_bits, mean over the batch of KL_d).
    """
    per_dim = forward.kl.mean(0)
    if forward.free_bits > 0:
        per_dim = per_dim.clamp_min(forward.free_bits)
    return per_dim.sum()
