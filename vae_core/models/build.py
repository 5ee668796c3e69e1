"""The model of a config, its size and its cost. Looking at a run needs this and not training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.errors import BadConfig
from vae_core.models.gan import Gan
from vae_core.models.networks import Shape
from vae_core.models.vae import Vae


def make_model(config: RunConfig, shape: Shape, *, gated: bool = True) -> Vae | Gan:
    """The model of a config with fresh weights from torch's global generator, for images of `shape`.

    `gated=False` leaves out the gates of a β dial. Raises BadConfig when the architecture cannot take the images or
    the gates.
    """
    if not config.objective.entry.has_encoder:
        return Gan(
            config.model.architecture.name,
            config.model.architecture.params,
            shape,
            config.model.latent_dim,
            spectral=getattr(config.objective.objective.params, "spectral", False),
        )
    dial = config.objective.dial if gated else None
    if dial is not None and not config.model.entry.gateable:
        raise BadConfig(
            f"objective: {config.objective.entry.title} puts gates between the layers of a network, and "
            f"{config.model.entry.title} cannot take them; choose another model"
        )
    return Vae(
        config.model.architecture.name,
        config.model.architecture.params,
        shape,
        config.model.latent_dim,
        stochastic=config.objective.entry.has_posterior,
        dial=dial,
        features=config.objective.needs_features,
    )


def layout_of(config: RunConfig) -> torch.memory_format:
    """How weights and images lie in memory, where that is fastest for the architecture."""
    return torch.channels_last if config.model.entry.channels_last else torch.contiguous_format


def choose_side(config: RunConfig, sides: tuple[int, ...]) -> int:
    """The image side to train at: the asked one, or the dataset's first that the architecture accepts.

    Raises BadConfig when it accepts none.
    """
    if config.data.side:
        return config.data.side
    entry = config.model.entry
    fitting = [side for side in sides if entry.accepts(side)]
    if not fitting:
        raise BadConfig(f"{entry.name} takes none of this dataset's sides ({', '.join(map(str, sides))})")
    return fitting[0]


def count_parameters(config: RunConfig, shape: Shape) -> int:
    """Number of weights."""
    with torch.random.fork_rng(devices=[]):
        return sum(p.numel() for p in make_model(config, shape).parameters())


def forward_flops(config: RunConfig, shape: Shape) -> int:
    """Floating-point operations of one image through both networks, biases left out.

    Hooks count them: torch's own counter takes a second to import.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = getattr(layer, "weight", None)
        if weight is not None:
            places = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
            total += 2 * weight.numel() * math.prod(places.shape[2:])

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model = make_model(config, shape)
        for layer in model.modules():
            layer.register_forward_hook(count)
        if isinstance(model, Gan):
            model.judge(torch.zeros(1, *shape))
            model.decode(torch.zeros(1, model.latent_dim))
        else:
            model.decode(model.encode(torch.zeros(1, *shape)).mean)
    return total
