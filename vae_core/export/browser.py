"""A run's networks as the list of layers that the browser's code runs.

numpy alone: the start page sends it before torch, which takes seconds to import, is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.errors import BadConfig, BadRun
from vae_core.models.multi_rate import DEGREE, GAIN, Dial, folded, layers_of
from vae_core.models.networks import ARCHITECTURES
from vae_core.models.norms import NORM_EPSILON, SPREAD, groups_of
from vae_core.runs.record import Record


class UnknownToBrowser(BadRun):
    """A network of a kind that the browser's code does not decode; the server does."""


@dataclass(frozen=True)
class BrowserDecoder:
    """A list of layers and one float32 buffer they point into.

    Layers: {"kind": "linear", "inputs", "outputs", "weight", "bias"}, {"kind": "relu"}, {"kind": "sigmoid"}
    and {"kind": "up", "inputs", "outputs", "side", "weight", "bias"}, a 4×4 transposed convolution of stride
    2 and padding 1 on (side, side, inputs). Numbers named weight and bias are offsets in floats. Pictures
    are channels-last throughout. A linear weight is (outputs, inputs); an `up` weight is (4, 4, inputs,
    outputs), kernel row and column first.

    Networks of residual blocks have {"kind": "silu"} in place of relu and, besides, {"kind": "conv", "inputs",
    "outputs", "side", "size", "weight", "bias"}, a convolution of stride 1 by an odd kernel, `size` across, that
    keeps the side, its weight (size, size, inputs, outputs); {"kind": "norm", "channels", "groups", "epsilon", "weight", "bias"}, group normalisation; and {"kind":
    "residual", "layers"}, which adds what its layers make of a picture to the picture.
    """

    layers: list[dict[str, Any]]
    weights: np.ndarray
    shape: tuple[int, int, int]
    latent_dim: int

    @property
    def products(self) -> int:
        """Multiplications of one picture."""
        return _products(self.layers)

    def header(self) -> dict[str, Any]:
        """All but the weights, as JSON."""
        channels, height, width = self.shape
        return {
            "layers": self.layers, "channels": channels, "height": height, "width": width,
            "latent_dim": self.latent_dim, "floats": int(self.weights.size),
        }  # fmt: skip


@dataclass(frozen=True)
class BrowserDial:
    """Both networks of a β dial with their gates, and one float32 buffer that both lists point into.

    Besides BrowserDecoder's layers there are: {"kind": "down", "inputs", "outputs", "side", "weight", "bias"}, a 4×4
    convolution of stride 2 and padding 1 on (side, side, inputs), its weight (4, 4, inputs, outputs) as of `up`; and
    {"kind": "gate", "units", "degree", "scale", "shift"}, first of the decoder's and right after each layer with
    weights. A gate takes unit or channel u of all that comes to s_u x + b_u, where

        t = (log β - middle) / reach
        s_u = 1 + sum_k t^k floats[scale + (k - 1) units + u],  b_u = sum_k t^k floats[shift + (k - 1) units + u]

    with k from 1 to degree. So for a fixed β the layer before it may as well take s_u times its weights to output u,
    and s_u bias_u + b_u for its bias. The encoder takes a picture, (height, width, channels) in [0, 1], and gives 2 D
    numbers: the means, then the log variances. `lowest` and `highest` are the ends of the dial, βs themselves.
    """

    encoder: list[dict[str, Any]]
    decoder: list[dict[str, Any]]
    weights: np.ndarray
    shape: tuple[int, int, int]
    latent_dim: int
    dial: Dial

    @property
    def products(self) -> int:
        """Multiplications of one picture encoded and decoded."""
        return _products(self.encoder) + _products(self.decoder)

    def header(self) -> dict[str, Any]:
        """All but the weights, as JSON."""
        channels, height, width = self.shape
        return {
            "encoder": self.encoder, "decoder": self.decoder, "channels": channels, "height": height, "width": width,
            "latent_dim": self.latent_dim, "floats": int(self.weights.size), "lowest": self.dial.lowest,
            "highest": self.dial.highest, "middle": self.dial.middle, "reach": self.dial.reach,
        }  # fmt: skip


def browser_decoder(record: Record, weights: dict[str, np.ndarray]) -> BrowserDecoder:
    """Take a run's decoder apart; `weights` are Run.arrays. A β dial's is that of β = 1. Raises UnknownToBrowser."""
    shape = _known(record)
    if (dial := record.effective.objective.dial) is not None:
        weights = folded(weights, dial, 1.0)
    buffer = _Buffer()
    if _BLOCKS.search("\n".join(weights)):
        layers = _residual_decoder(weights, buffer)
    else:
        layers = _decoder(weights, shape, buffer, gated=False)
    return BrowserDecoder(layers, buffer.floats(), shape, record.effective.model.latent_dim)


def browser_dial(record: Record, weights: dict[str, np.ndarray]) -> BrowserDial:
    """Take both networks of a β dial apart; `weights` are Run.arrays.

    Raises UnknownToBrowser, or BadConfig for a run without a dial.
    """
    shape, dial = _known(record), record.effective.objective.dial
    if dial is None:
        raise BadConfig(f"the run {record.name} has no β dial: its objective is not multi_rate")
    buffer = _Buffer()
    encoder = _encoder(weights, shape, buffer)
    decoder = _decoder(weights, shape, buffer, gated=True)
    return BrowserDial(encoder, decoder, buffer.floats(), shape, record.effective.model.latent_dim, dial)


def _known(record: Record) -> tuple[int, int, int]:
    """The shape of a record's images, where the browser knows its networks."""
    entry = record.effective.model.entry
    if not entry.browser_decodable or record.shape is None:
        able = " and ".join(e.name for e in ARCHITECTURES.values() if e.browser_decodable)
        raise UnknownToBrowser(f"the browser cannot decode {entry.name}; it knows {able}")
    return record.shape


class _Buffer:
    """The one float32 buffer that all layers point into, as it grows."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def put(self, array: np.ndarray) -> int:
        """The offset, in floats, at which the array now lies."""
        self.parts.append(np.ascontiguousarray(array, np.float32).ravel())
        self.size += self.parts[-1].size
        return self.size - self.parts[-1].size

    def floats(self) -> np.ndarray:
        return np.concatenate(self.parts)


def _decoder(
    weights: dict[str, np.ndarray], shape: tuple[int, int, int], buffer: _Buffer, *, gated: bool
) -> list[dict[str, Any]]:
    layers = [_gate(weights, "code_gate", slice(None), buffer)] if gated else []
    names = layers_of(weights, "decoder")
    dense = [i for i, name in enumerate(names) if weights[f"{name}.weight"].ndim == 2]
    # what the last dense layer's outputs are as a picture: (channels, side, side)
    picture = shape
    if len(names) > len(dense):
        picture = (weights[f"{names[dense[-1] + 1]}.weight"].shape[0], 4, 4)
    side = picture[1]
    for i, name in enumerate(names):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        order: slice | np.ndarray = slice(None)
        if weight.ndim == 2:
            if i == dense[-1]:
                order = _channels_last(picture)
            layers.append(_linear(weight[order], bias[order], buffer))
        else:
            # (in, out, ky, kx) -> (ky, kx, in, out)
            layers.append(_convolution("up", weight.transpose(2, 3, 0, 1), bias, side, buffer))
            side *= 2
        if gated:
            layers.append(_gate(weights, f"decoder_gates.{i}", order, buffer))
        layers.append({"kind": "relu" if i + 1 < len(names) else "sigmoid"})
    return layers


_BLOCKS = re.compile(r"^decoder\.\d+\.\d+\.weight$", re.MULTILINE)  # a layer within a block


def _residual_decoder(weights: dict[str, np.ndarray], buffer: _Buffer) -> list[dict[str, Any]]:
    """Layers of a decoder of residual blocks: dense, then blocks and enlargements, a norm, the last enlargement."""
    places = {
        tuple(map(int, m[1].split(".")))
        for n in weights
        if (m := re.fullmatch(r"decoder\.([\d.]+)\.weight", n))
    }
    dense = [name for name in layers_of(weights, "decoder") if weights[f"{name}.weight"].ndim == 2]
    layers: list[dict[str, Any]] = []
    side, block = 0, -1
    for place in sorted(places):
        name = "decoder." + ".".join(map(str, place))
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        into = layers
        if len(place) == 2:
            if place[0] != block:
                layers.append({"kind": "residual", "layers": []})
            block, into = place[0], layers[-1]["layers"]
        if name == dense[-1]:
            side = 4
            order = _channels_last((len(weight) // side**2, side, side))
            into.append(_linear(weight[order], bias[order], buffer))
        elif weight.ndim == 2:
            into += [_linear(weight, bias, buffer), {"kind": "silu"}]
        elif weight.ndim == 1:
            into += [_norm(weight, bias, buffer), {"kind": "silu"}]
        elif into is not layers:
            if into[-1]["kind"] == "conv":
                into.append({"kind": "silu"})
            conv = _convolution("conv", weight.transpose(2, 3, 1, 0), bias, side, buffer)
            into.append(conv | {"size": len(weight[0, 0])})
        else:
            if weight.shape[2] == 3:
                taps = np.asarray(SPREAD, np.float32)
                weight = taps @ weight @ taps.T
            layers.append(_convolution("up", weight.transpose(2, 3, 0, 1), bias, side, buffer))
            side *= 2
    return [*layers, {"kind": "sigmoid"}]


def _norm(weight: np.ndarray, bias: np.ndarray, buffer: _Buffer) -> dict[str, Any]:
    channels = len(weight)
    return {
        "kind": "norm", "channels": channels, "groups": groups_of(channels), "epsilon": NORM_EPSILON,
        "weight": buffer.put(weight), "bias": buffer.put(bias),
    }  # fmt: skip


def _encoder(
    weights: dict[str, np.ndarray], shape: tuple[int, int, int], buffer: _Buffer
) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = []
    picture: tuple[int, int, int] | None = shape  # what comes to the next layer, while it is a picture
    names = layers_of(weights, "encoder")
    for i, name in enumerate(names):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        if weight.ndim == 2:
            if picture is not None:
                weight, picture = weight[:, _channels_last(picture)], None
            layers.append(_linear(weight, bias, buffer))
        else:
            assert picture is not None
            # (out, in, ky, kx) -> (ky, kx, in, out)
            layers.append(_convolution("down", weight.transpose(2, 3, 1, 0), bias, picture[1], buffer))
            picture = (len(bias), picture[1] // 2, picture[2] // 2)
        layers.append(_gate(weights, f"encoder_gates.{i}", slice(None), buffer))
        if i + 1 < len(names):
            layers.append({"kind": "relu"})
    return layers


def _channels_last(picture: tuple[int, int, int]) -> np.ndarray:
    """For each number of a channels-last picture its place in the channels-first one."""
    return np.arange(np.prod(picture)).reshape(picture).transpose(1, 2, 0).ravel()


def _linear(weight: np.ndarray, bias: np.ndarray, buffer: _Buffer) -> dict[str, Any]:
    outputs, inputs = weight.shape
    return {
        "kind": "linear", "inputs": inputs, "outputs": outputs, "weight": buffer.put(weight), "bias": buffer.put(bias),
    }  # fmt: skip


def _convolution(
    kind: str, weight: np.ndarray, bias: np.ndarray, side: int, buffer: _Buffer
) -> dict[str, Any]:
    """weight (ky, kx, in, out)."""
    if kind != "conv" and weight.shape[:2] != (4, 4):
        what = {"up": "decodes 4×4 transposed convolutions", "down": "encodes by 4×4 convolutions"}[kind]
        raise UnknownToBrowser(f"the browser {what} only")
    return {
        "kind": kind, "inputs": weight.shape[2], "outputs": weight.shape[3], "side": side,
        "weight": buffer.put(weight), "bias": buffer.put(bias),
    }  # fmt: skip


def _gate(
    weights: dict[str, np.ndarray], name: str, order: slice | np.ndarray, buffer: _Buffer
) -> dict[str, Any]:
    """A gate of the weights `name`; `order` is that of the outputs of the layer before it."""
    scale, shift = GAIN * weights[f"{name}.scale"], GAIN * weights[f"{name}.shift"]
    return {
        "kind": "gate", "units": scale.shape[1], "degree": DEGREE,
        "scale": buffer.put(scale[:, order]), "shift": buffer.put(shift[:, order]),
    }  # fmt: skip


def _products(layers: list[dict[str, Any]]) -> int:
    """Multiplications. A layer multiplies its inputs by its outputs at each of so many pixels."""
    # up: 4 of the kernel's 16 weights reach each of 4 outputs a pixel; down: all 16 for a quarter of an output
    taps = {"up": 16, "down": 4}  # per pixel of the input
    total = 0
    for layer in layers:
        if layer["kind"] == "residual":
            total += _products(layer["layers"])
        if "inputs" in layer:
            kernel = layer["size"] ** 2 if "size" in layer else taps.get(layer["kind"], 1)
            pixels = kernel * layer.get("side", 1) ** 2
            total += layer["inputs"] * layer["outputs"] * pixels
    return total
