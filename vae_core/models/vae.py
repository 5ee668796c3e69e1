"""The variational autoencoder: an encoder to a posterior, a decoder to pixels, and nothing else.

The model computes no loss, and sampling is explicit. Kingma & Welling 2014, "Auto-Encoding Variational
Bayes"; Rezende et al. 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_core.models.networks import Shape, build
from vae_core.options import Options


@dataclass(frozen=True)
class Posterior:
    """q(z|x) = N(mean, diag(exp(log_var))). Both (B, D); log_var is -inf for a plain autoencoder."""

    mean: Tensor
    log_var: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """z = mean + std * noise, noise ~ N(0, I): reparameterised, so gradients reach mean and log_var."""
        noise = torch.empty_like(self.mean, dtype=torch.float32).normal_(generator=generator)
        return self.mean + (0.5 * self.log_var).exp() * noise


class Vae(nn.Module):
    """`stochastic=False` makes it a plain autoencoder: the code is a point, log_var is -inf.

    `log_sigma` is the observation noise of a Gaussian likelihood whose sigma is learned at its optimum
    (set from training data by the trainer); other likelihoods leave it at zero.
    """

    log_sigma: Tensor

    def __init__(
        self, architecture: str, params: Options, shape: Shape, latent_dim: int, *, stochastic: bool = True
    ) -> None:
        super().__init__()
        self.shape = shape
        self.latent_dim = latent_dim
        self.stochastic = stochastic
        self.encoder, self.decoder = build(architecture, params, shape, latent_dim)
        self.register_buffer("log_sigma", torch.zeros(()))

    def encode(self, x: Tensor) -> Posterior:
        """x (B, C, H, W) in [0, 1] -> Posterior, float32 also under autocast."""
        mean, log_var = self.encoder(x).float().chunk(2, dim=1)
        if not self.stochastic:
            log_var = torch.full_like(log_var, -torch.inf)
        return Posterior(mean, log_var)

    def logits(self, z: Tensor) -> Tensor:
        """z (B, D) -> logits (B, C, H, W), float32 also under autocast."""
        return self.decoder(z).float()

    def decode(self, z: Tensor) -> Tensor:
        """z (B, D) -> the likelihood's mean image (B, C, H, W) in [0, 1]."""
        return self.logits(z).sigmoid()
