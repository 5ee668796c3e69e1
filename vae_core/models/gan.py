"""A generative adversarial network: a generator, which is an architecture's decoder, and a discriminator like its encoder.

Goodfellow et al. 2014. While it trains, the generator has batch normalisation between its layers. What a run stores is
the same network with that folded into its weights, so whatever decodes a VAE's codes decodes a GAN's.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vae_core.errors import NoEncoder
from vae_core.models.networks import Shape, build
from vae_core.models.vae import Posterior, has_weights
from vae_core.options import Options

SLOPE = 0.2  # of a leaky ReLU below zero, as in DCGAN (Radford et al. 2016)
NO_ENCODER = "a GAN has no encoder: it makes images from codes and reads no code off an image. Choose a run of a VAE or an autoencoder"
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
LEAST_BATCH = 2  # images whose mean and variance can be told


class Gan(nn.Module):
    """The discriminator, and the generator as it is shown, under the name `decoder`.

    `spectral` normalises the discriminator's layers by their largest singular value (Miyato et al. 2018).
    """

    dial = None

    def __init__(
        self, architecture: str, params: Options, shape: Shape, latent_dim: int, *, spectral: bool = False
    ) -> None:
        super().__init__()
        self.shape, self.latent_dim = shape, latent_dim
        encoder, self.decoder = build(architecture, params, shape, latent_dim)
        self.discriminator = discriminator_like(encoder, latent_dim, spectral=spectral)

    @property
    def stochastic(self) -> bool:
        """Images have no codes here, so no posterior either."""
        return False

    def encode(self, x: Tensor, log_beta: Tensor | None = None) -> Posterior:
        """Raises NoEncoder."""
        raise NoEncoder(NO_ENCODER)

    def logits(self, z: Tensor, log_beta: Tensor | None = None) -> Tensor:
        """z (B, D) -> logits (B, C, H, W), float32 also under autocast."""
        found: Tensor = self.decoder(z).float()
        return found

    def decode(self, z: Tensor, log_beta: Tensor | None = None) -> Tensor:
        """z (B, D) -> images (B, C, H, W) in [0, 1]."""
        return self.logits(z).sigmoid()

    def judge(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) -> (B,): above 0 they look real to it, below 0 made."""
        found: Tensor = self.discriminator(x).flatten()
        return found


def discriminator_like(encoder: nn.Module, latent_dim: int, *, spectral: bool = False) -> nn.Sequential:
    """A fresh encoder as a discriminator: leaky ReLUs, and one number per image instead of 2 D. Takes the encoder over."""
    _leak(encoder)
    layers = list(encoder.children()) if isinstance(encoder, nn.Sequential) else []
    if layers and isinstance(layers[-1], nn.Linear):
        found = nn.Sequential(*layers[:-1], nn.Linear(layers[-1].in_features, 1))
    else:
        found = nn.Sequential(encoder, nn.LeakyReLU(SLOPE), nn.Linear(2 * latent_dim, 1))
    if spectral:
        from torch.nn.utils.parametrizations import spectral_norm

        for layer in [m for m in found.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]:
            spectral_norm(layer)
    return found


def inner_layer(discriminator: nn.Sequential) -> int:
    """How many of its first layers give the features that images are compared by: up to the activation after the middle
    one of those with weights."""
    layers = list(discriminator.children())
    learns = [
        i for i, m in enumerate(layers) if any(isinstance(n, (nn.Linear, nn.Conv2d)) for n in m.modules())
    ]
    middle = (len(learns) - 1) // 2
    after = learns[middle + 1] if middle + 1 < len(learns) else len(layers)
    return after - 1 if isinstance(layers[after - 1], nn.Flatten) else after


def _leak(network: nn.Module) -> None:
    for name, child in network.named_children():
        if isinstance(child, nn.ReLU):
            setattr(network, name, nn.LeakyReLU(SLOPE))
        else:
            _leak(child)


# ---------------------------------------------------------------- batch normalisation, in and out


def normalised(decoder: nn.Module) -> nn.Module:
    """A copy with batch normalisation after every layer with weights but the last; one that normalises itself is copied."""
    copied = copy.deepcopy(decoder)
    if not isinstance(copied, nn.Sequential) or any(isinstance(m, nn.GroupNorm) for m in copied.modules()):
        return copied
    layers: list[nn.Module] = list(copied.children())
    weighted = [i for i, layer in enumerate(layers) if has_weights(layer)]
    found: list[nn.Module] = []
    for i, layer in enumerate(layers):
        found.append(layer)
        if i in weighted[:-1]:
            units = len(layer.get_parameter("bias"))
            flat = isinstance(layer, nn.Linear)
            # a batch's own statistics always: those of the weights' average are worked out when it is folded
            norm = nn.BatchNorm1d if flat else nn.BatchNorm2d
            found.append(norm(units, track_running_stats=False))
    return nn.Sequential(*found)


@torch.no_grad()
def fold(network: nn.Module, decoder: nn.Module, codes: Tensor) -> None:
    """Set `decoder` to what `network`, its `normalised`, computes with the statistics that `codes` (B, D) give it."""
    if not _norms(network):
        decoder.load_state_dict(network.state_dict())
        return
    x, plain = codes, iter(decoder.children())
    layers = list(network.children())
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, NORMS):
            x = layer(x)
            continue
        target = next(plain)
        x = layer(x.clone())  # a ReLU works in place
        if not has_weights(layer):
            continue
        weight: Tensor = layer.get_parameter("weight")
        bias: Tensor = layer.get_parameter("bias")
        if isinstance(after, NORMS):
            variance, mean = _statistics(x)
            scale = after.weight * (variance + after.eps).rsqrt()
            shift = after.bias - mean * scale
            across = [1] * weight.ndim
            across[1 if isinstance(layer, nn.ConvTranspose2d) else 0] = len(mean)  # where its outputs stand
            weight, bias = weight * scale.view(across), bias * scale + shift
        target.get_parameter("weight").copy_(weight)
        target.get_parameter("bias").copy_(bias)
        for name, value in layer.named_parameters():
            if name not in ("weight", "bias"):
                target.get_parameter(name).copy_(value)


def _norms(network: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    return [m for m in network.children() if isinstance(m, NORMS)]


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Variance and mean of each unit of x (B, units, ...), as batch normalisation takes them."""
    variance, mean = torch.var_mean(x.float(), [d for d in range(x.ndim) if d != 1], correction=0)
    return variance, mean


@torch.no_grad()
def unfold(decoder: nn.Module, network: nn.Module, codes: Tensor) -> None:
    """Set `network`, the `normalised` of `decoder`, to what that computes: its norms undo what they do to `codes` (B, D)."""
    if not _norms(network):
        network.load_state_dict(decoder.state_dict())
        return
    x, norms = codes, _norms(network)
    others = [m for m in network.children() if m not in norms]
    waiting = iter(norms)
    weighted = [layer for layer in decoder.children() if has_weights(layer)]
    for layer, other in zip(decoder.children(), others, strict=True):
        other.load_state_dict(layer.state_dict())
        x = layer(x.clone())
        if has_weights(layer) and layer is not weighted[-1]:
            norm = next(waiting)
            variance, mean = _statistics(x)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
