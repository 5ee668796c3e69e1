"""Small networks that metrics ask for: trained once on a dataset's training images, and kept for all runs on the same.

<home>/derived/<kind>s/<fingerprint>-<split>.safetensors
<assets>/<kind>s/<fingerprint>-<split>.safetensors, where one is shipped
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.options import to_json
from vae_core.places import Places, assets, write_atomically

MOST_IMAGES = 10_000  # of the training split, evenly taken
BATCH = 64
SEED = 0
T = TypeVar("T")


def convolutions(channels: int, side: int, *, normalised: bool = False) -> tuple[list[nn.Module], int]:
    """(layers, features): three convolutions of stride 2, (N, C, side, side) -> (N, features).

    normalised: with batch normalisation, without which small shapes on black are not learned to be told apart.
    """
    layers: list[nn.Module] = []
    for before, after in ((channels, 16), (16, 32), (32, 64)):
        layers.append(nn.Conv2d(before, after, 3, stride=2, padding=1))
        layers += [nn.BatchNorm2d(after), nn.ReLU()] if normalised else [nn.ReLU()]
        side = -(-side // 2)
    return [*layers, nn.Flatten()], 64 * side * side


def fitted(
    make: Callable[[], nn.Module], images: np.ndarray, loss: Callable[[Tensor, Tensor], Tensor], steps: int,
    rate: Callable[[int], float], progress: Callable[[float], object],
) -> nn.Module:  # fmt: skip
    """What `make` gives, trained with Adam on batches of 64 images (N, C, H, W); the same images give the same network.

    loss: of the network's outputs for some images and the numbers (B,) of these; rate: of learning at a step; progress
    hears shares.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = make()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate(0))
    rng = np.random.default_rng(SEED)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate(step)
        rows = rng.integers(len(images), size=min(BATCH, len(images)))
        found = loss(network(floats(images[rows])), torch.from_numpy(rows))
        optimiser.zero_grad()
        torch.autograd.backward(found)
        optimiser.step()
        if step % 20 == 0:
            progress(step / steps)
    return network.eval().requires_grad_(False)


def outputs(network: nn.Module, images: np.ndarray, width: int) -> Tensor:
    """What a network says of images (N, C, H, W), uint8 or floats in [0, 1]: (N, width)."""
    x = np.asarray(images)
    with torch.inference_mode():
        parts = [network(floats(x[i : i + 256])) for i in range(0, len(x), 256)]
    return torch.cat(parts) if parts else torch.zeros(0, width)


def kept_or_trained(
    kind: str, version: int, places: Places, config: RunConfig, data: ImageSet,
    build: Callable[[Mapping[str, Any], Mapping[str, Tensor]], T], train: Callable[[], T],
    describe: Callable[[T], tuple[nn.Module, dict[str, Any]]], *, beside: str = "",
) -> T:  # fmt: skip
    """What is shipped for these images and split, or was kept; else what `train` gives, which is kept.

    A shipped one goes first: then all homes measure with the same. build: from what `describe` said of it and its weights. Which images are for training is part of the file's name: none
    must have seen another run's test images; so is `beside`, what else tells networks of a kind apart.
    """
    name = file_name(config, data, beside)
    found = kept(kind, version, places, name, build)
    if found is None:
        found = train()
        write(places.derived_file(f"{kind}s", name, write=True), kind, version, *describe(found))
    return found


def kept(
    kind: str, version: int, places: Places, name: str, build: Callable[[Mapping[str, Any], Mapping[str, Tensor]], T]
) -> T | None:  # fmt: skip
    """The network of a file's name, shipped or kept; None where it is not there yet."""
    for path in (assets() / f"{kind}s" / name, places.derived_file(f"{kind}s", name)):
        if (found := _read(path, kind, version, build)) is not None:
            return found
    return None


def file_name(config: RunConfig, data: ImageSet, beside: str = "") -> str:
    """Of a network that learned a run's training images."""
    beside = beside and f"-{beside}"
    split = hashlib.sha256(json.dumps(to_json(config.data), sort_keys=True).encode()).hexdigest()[:8]
    return f"{data.fingerprint}-{split}{beside}.safetensors"


def write(path: Path, kind: str, version: int, network: nn.Module, described: Mapping[str, Any]) -> None:
    """Keep a network with what is said of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {key: value.contiguous() for key, value in network.state_dict().items()}
    text = json.dumps({"version": version} | dict(described))
    write_atomically(path, safetensors.torch.save(weights, {kind: text}), durable=False)


def _read(
    path: Path, kind: str, version: int, build: Callable[[Mapping[str, Any], Mapping[str, Tensor]], T]
) -> T | None:
    """None where it is missing, damaged or of another version: it can be trained again."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            described: dict[str, Any] = json.loads((file.metadata() or {})[kind])
            weights: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return build(described, weights) if described["version"] == version else None
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError):
        return None


def loaded(make: Callable[[], nn.Module], weights: Mapping[str, Tensor]) -> nn.Module:
    """A network with these weights, not to be trained. Raises RuntimeError when they are another's."""
    with torch.random.fork_rng(devices=[]):
        network = make()
    network.load_state_dict(dict(weights))
    return network.eval().requires_grad_(False)


def floats(images: np.ndarray) -> Tensor:
    """Images as floats in [0, 1]."""
    x = torch.from_numpy(np.array(images))  # a copy: rows of a memory-mapped file cannot be written to
    return x.float() / 255 if x.dtype == torch.uint8 else x.float()


def evenly(count: int, most: int) -> np.ndarray:
    """At most `most` of the numbers below `count`, evenly spaced."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def spaced(values: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the rows of `values` (N, ...), evenly spaced."""
    found: np.ndarray = values[evenly(len(values), most)]
    return found
