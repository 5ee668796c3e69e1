"""How many numbers stand at each layer of a network, between an image and the picture it is redrawn as."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_core.models.vae import Vae

IMAGE, ENCODER, CODE, DECODER, PICTURE = "image", "encoder", "code", "decoder", "picture"


@dataclass(frozen=True)
class Size:
    """What stands at one place of the way: part is one of the five above; shape of one image there, without a batch."""

    part: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@torch.inference_mode()
def layer_sizes(model: Vae) -> tuple[Size, ...]:
    """The image, what each layer with weights makes of it, the code, and the way back, in order.

    The encoder's last layer gives 2 D numbers, mean and log variance; the decoder's last is the picture. Normalisations
    change no size and are left out. Measured: an empty image goes through.
    """
    device = next(model.parameters()).device
    found = [Size(IMAGE, model.shape)]
    found += _through(model.encoder, ENCODER, torch.zeros(1, *model.shape, device=device))
    found.append(Size(CODE, (model.latent_dim,)))
    found += _through(model.decoder, DECODER, torch.zeros(1, model.latent_dim, device=device))
    return (*found[:-1], Size(PICTURE, model.shape))


def _through(network: nn.Module, part: str, x: Tensor) -> list[Size]:
    found = []
    for layer in network.children():
        x = layer(x)
        if any(True for _ in layer.parameters()) and not isinstance(layer, nn.GroupNorm):
            found.append(Size(part, tuple(x.shape[1:])))
    return found
