"""The variational autoencoder: an encoder to a posterior, a decoder to pixels, and nothing else.

The model computes no loss, and sampling is explicit. Kingma & Welling 2014, "Auto-Encoding Variational
Bayes"; Rezende et al. 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_core.models.features import Features
from vae_core.models.layers import Gate
from vae_core.models.multi_rate import Dial
from vae_core.models.networks import Shape, build
from vae_core.options import Options


@dataclass(frozen=True)
class Posterior:
    """q(z|x) = N(mean, diag(exp(log_var))). Both (B, D); log_var is -inf for a plain autoencoder."""

    mean: Tensor
    log_var: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """z = mean + std * noise, noise ~ N(0, I): reparameterised, so gradients reach mean and log_var."""
        return self.moved(torch.empty_like(self.mean, dtype=torch.float32).normal_(generator=generator))

    def moved(self, noise: Tensor) -> Tensor:
        """The sample of this noise (B, D)."""
        return self.mean + (0.5 * self.log_var).exp() * noise


class Vae(nn.Module):
    """`stochastic=False` makes it a plain autoencoder: the code is a point, log_var is -inf.

    `log_sigma` is the observation noise of a Gaussian likelihood whose sigma is learned at its optimum
    (set from training data by the trainer); other likelihoods leave it at zero.

    `features` is what a distance of features compares pictures by, None for other likelihoods.

    With a `dial`, a gate stands before the decoder and after every layer with weights, and `encode`, `logits` and `decode` take log β of each
    image or code, (B,), nats; None is β = 1 for all. Fresh, it computes what the network without gates does.
    """

    log_sigma: Tensor

    def __init__(
        self,
        architecture: str,
        params: Options,
        shape: Shape,
        latent_dim: int,
        *,
        stochastic: bool = True,
        dial: Dial | None = None,
        features: bool = False,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.latent_dim = latent_dim
        self.stochastic = stochastic
        self.dial = dial
        self.encoder, self.decoder = build(architecture, params, shape, latent_dim)
        if dial is not None:
            self.encoder_gates, self.decoder_gates = gates_of(self.encoder), gates_of(self.decoder)
            self.code_gate = Gate(latent_dim)
        self.register_buffer("log_sigma", torch.zeros(()))
        self.features = Features(shape[0]) if features else None

    def encode(self, x: Tensor, log_beta: Tensor | None = None) -> Posterior:
        """x (B, C, H, W) in [0, 1] -> Posterior, float32 also under autocast."""
        mean, log_var = self._through("encoder", x, log_beta).float().chunk(2, dim=1)
        if not self.stochastic:
            log_var = torch.full_like(log_var, -torch.inf)
        return Posterior(mean, log_var)

    def logits(self, z: Tensor, log_beta: Tensor | None = None) -> Tensor:
        """z (B, D) -> logits (B, C, H, W), float32 also under autocast."""
        return self._through("decoder", z, log_beta).float()

    def decode(self, z: Tensor, log_beta: Tensor | None = None) -> Tensor:
        """z (B, D) -> the likelihood's mean image (B, C, H, W) in [0, 1]."""
        return self.logits(z, log_beta).sigmoid()

    def _through(self, network: str, x: Tensor, log_beta: Tensor | None) -> Tensor:
        layers = self.get_submodule(network)
        if self.dial is None:
            if log_beta is not None:
                raise ValueError("a network without gates is the same at every β")
            found: Tensor = layers(x)
            return found
        if log_beta is None:
            log_beta = x.new_zeros(len(x))
        powers = torch.stack(self.dial.powers(log_beta), 1)
        gates = self.get_submodule(f"{network}_gates").children()
        if network == "decoder":
            x = self.code_gate(x, powers)
        for layer in layers.children():
            x = layer(x)
            if has_weights(layer):
                x = next(gates)(x, powers)
        return x


def has_weights(layer: nn.Module) -> bool:
    return getattr(layer, "weight", None) is not None


def gates_of(network: nn.Module) -> nn.ModuleList:
    """A fresh gate for the units or channels of each layer with weights."""
    return nn.ModuleList(
        Gate(len(layer.get_parameter("bias"))) for layer in network.children() if has_weights(layer)
    )
