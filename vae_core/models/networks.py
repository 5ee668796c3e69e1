"""Encoders and decoders. An encoder gives 2 D numbers per image, a decoder one logit per pixel.

To add an architecture: a parameter dataclass, two build functions, one entry in ARCHITECTURES. torch is imported
where layers are made: settings, lists and help texts are wanted long before, and torch takes seconds to import.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vae_core.errors import BadConfig
from vae_core.options import Entry, Options, option

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True)
class MlpParams(Options):
    hidden: tuple[int, ...] = option(
        (400,),
        help="units of each hidden layer, encoder order; the decoder mirrors them",
        unit="units",
        minimum=1,
        maximum=4096,
        advanced=True,
    )


@dataclass(frozen=True)
class ConvParams(Options):
    width: int = option(
        32,
        help="channels of the first convolution; later ones have twice as many",
        unit="channels",
        minimum=4,
        maximum=256,
        advanced=True,
    )
    units: int = option(
        256,
        help="units of the dense layer before and after the code",
        unit="units",
        minimum=8,
        maximum=2048,
        advanced=True,
    )


@dataclass(frozen=True)
class ResnetParams(ConvParams):
    blocks: int = option(
        1, help="residual blocks at each side of the decoder's pictures", unit="blocks", minimum=1, maximum=8,
        advanced=True,
    )  # fmt: skip


@dataclass(frozen=True)
class Architecture(Entry):
    """A registry entry: how its two networks are built, and what they can.

    Attributes:
        encoder: (parameters, image shape, D) -> a network from images (B, C, H, W) to (B, 2 D).
        decoder: (parameters, image shape, D) -> a network from codes (B, D) to logits (B, C, H, W).
        sides: the image sides it accepts; empty for any.
        channels_last: its weights and images lie channels-last in memory, which is faster for convolutions.
        gateable: both networks are `Sequential`s, so a β dial can put a gate after each layer with weights.
        stackable: several of its networks can be trained as one (see training/stacked.py).
        stacks_on_cpu: doing so was measured to be faster on a processor (tests/bench/stacked.py).
        browser_decodable: the page's script can run it: its layers are of kinds that export/browser.py knows.
    """

    encoder: Callable[[Any, Shape, int], nn.Module]
    decoder: Callable[[Any, Shape, int], nn.Module]
    sides: tuple[int, ...] = ()
    channels_last: bool = False
    gateable: bool = False
    stackable: bool = False
    stacks_on_cpu: bool = False
    browser_decodable: bool = False

    def accepts(self, side: int) -> bool:
        return not self.sides or side in self.sides


def _mlp_encoder(params: MlpParams, shape: Shape, latent_dim: int) -> nn.Module:
    from torch import nn

    from vae_core.models.layers import start_alive

    sizes = (math.prod(shape), *params.hidden)
    layers: list[nn.Module] = [nn.Flatten()]
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU(inplace=True)]
    return start_alive(nn.Sequential(*layers, nn.Linear(sizes[-1], 2 * latent_dim)))


def _mlp_decoder(params: MlpParams, shape: Shape, latent_dim: int) -> nn.Module:
    from torch import nn

    from vae_core.models.layers import start_alive

    sizes = (latent_dim, *reversed(params.hidden))
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU(inplace=True)]
    layers += [nn.Linear(sizes[-1], math.prod(shape)), nn.Unflatten(1, shape)]
    return start_alive(nn.Sequential(*layers))


def _conv_channels(params: ConvParams, shape: Shape) -> list[int]:
    """Channels after each halving from the image's side down to 4: width, then twice the width."""
    halvings = int(math.log2(shape[1])) - 2
    return [params.width] + [2 * params.width] * (halvings - 1)


def _conv_encoder(params: ConvParams, shape: Shape, latent_dim: int) -> nn.Module:
    from torch import nn

    from vae_core.models.layers import start_alive

    channels = _conv_channels(params, shape)
    layers: list[nn.Module] = []
    for a, b in pairwise([shape[0], *channels]):
        layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
    layers += [nn.Flatten(), nn.Linear(channels[-1] * 16, params.units), nn.ReLU(inplace=True)]
    return start_alive(nn.Sequential(*layers, nn.Linear(params.units, 2 * latent_dim)))


def _conv_decoder(params: ConvParams, shape: Shape, latent_dim: int) -> nn.Module:
    from torch import nn

    from vae_core.models.layers import Up, start_alive

    channels = _conv_channels(params, shape)
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, params.units), nn.ReLU(inplace=True),
        nn.Linear(params.units, channels[-1] * 16), nn.ReLU(inplace=True),
        nn.Unflatten(1, (channels[-1], 4, 4)),
    ]  # fmt: skip
    steps = list(pairwise([*reversed(channels), shape[0]]))
    for i, (a, b) in enumerate(steps):
        layers.append(Up(a, b))
        if i + 1 < len(steps):
            layers.append(nn.ReLU(inplace=True))
    return start_alive(nn.Sequential(*layers))


def _resnet_encoder(params: ResnetParams, shape: Shape, latent_dim: int) -> nn.Module:
    from torch import nn

    from vae_core.models.residual import halving, norm

    channels = _conv_channels(params, shape)
    layers: list[nn.Module] = [halving(shape[0], channels[0])]
    for a, b in pairwise(channels):
        layers += [nn.SiLU(), halving(a, b)]
    layers += [
        norm(channels[-1]),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(channels[-1] * 16, params.units),
        nn.SiLU(),
    ]
    return nn.Sequential(*layers, nn.Linear(params.units, 2 * latent_dim))


def _resnet_decoder(params: ResnetParams, shape: Shape, latent_dim: int) -> nn.Module:
    from torch import nn

    from vae_core.models.layers import Up
    from vae_core.models.residual import NearestUp, ResidualBlock, norm

    channels = list(reversed(_conv_channels(params, shape)))
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, params.units), nn.SiLU(),
        nn.Linear(params.units, channels[0] * 16), nn.Unflatten(1, (channels[0], 4, 4)),
    ]  # fmt: skip
    for i, after in enumerate(channels):
        if i:
            layers.append(NearestUp(channels[i - 1], after))
        layers += [ResidualBlock(after) for _ in range(params.blocks)]
    return nn.Sequential(*layers, norm(channels[-1]), nn.SiLU(), Up(channels[-1], shape[0]))


MLP = Architecture(
    name="mlp",
    title="Dense layers",
    blurb="One hidden layer of 400 units on each side, as in the first VAE (Kingma & Welling 2014). Fast.",
    params=MlpParams,
    encoder=_mlp_encoder,
    decoder=_mlp_decoder,
    gateable=True,
    stackable=True,
    stacks_on_cpu=True,
    browser_decodable=True,
)
CONV = Architecture(
    name="conv",
    title="Convolutions",
    blurb="Strided 4×4 convolutions down to 4×4 and back. Fewer weights, better pictures, slower on a CPU.",
    params=ConvParams,
    encoder=_conv_encoder,
    decoder=_conv_decoder,
    sides=(16, 32, 64, 128),
    channels_last=True,
    gateable=True,
    stackable=True,
    browser_decodable=True,
)
RESNET = Architecture(
    name="resnet",
    title="Residual blocks",
    blurb="Residual blocks with group normalisation and SiLU, enlarged by nearest upsampling and convolution. "
    "As many weights as convolutions, up to twice their time, lower loss in as many steps.",
    params=ResnetParams,
    encoder=_resnet_encoder,
    decoder=_resnet_decoder,
    sides=(16, 32, 64, 128),
    channels_last=True,
    stackable=True,
    browser_decodable=True,
)
ARCHITECTURES = {entry.name: entry for entry in (MLP, CONV, RESNET)}


def build(architecture: str, params: Options, shape: Shape, latent_dim: int) -> tuple[nn.Module, nn.Module]:
    """Encoder (B, C, H, W) -> (B, 2 D) and decoder (B, D) -> logits (B, C, H, W), freshly initialised.

    Raises BadConfig when the architecture cannot take images of that side.
    """
    entry = ARCHITECTURES[architecture]
    if shape[1] != shape[2] or not entry.accepts(shape[1]):
        sides = ", ".join(map(str, entry.sides)) or "any square size"
        raise BadConfig(
            f"{architecture} takes square images of side {sides}; these are {shape[1]}×{shape[2]}"
        )
    return entry.encoder(params, shape, latent_dim), entry.decoder(params, shape, latent_dim)
