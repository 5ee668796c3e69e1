"""A run's decoder in the form the browser's code runs. numpy only: Home shows it before torch is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.errors import BadRun
from vae_core.runs.store import Record

KNOWN = ("mlp", "conv")  # architectures whose layers are all ReLU between, and pixels at the end


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
    """

    layers: list[dict[str, Any]]
    weights: np.ndarray
    shape: tuple[int, int, int]
    latent_dim: int

    @property
    def products(self) -> int:
        """Multiplications of one picture."""
        return sum(
            layer["inputs"] * layer["outputs"] * (16 * layer["side"] ** 2 if layer["kind"] == "up" else 1)
            for layer in self.layers
            if "inputs" in layer
        )

    def header(self) -> dict[str, Any]:
        """All but the weights, as JSON."""
        channels, height, width = self.shape
        return {
            "layers": self.layers, "channels": channels, "height": height, "width": width,
            "latent_dim": self.latent_dim, "floats": int(self.weights.size),
        }  # fmt: skip


def browser_decoder(record: Record, weights: dict[str, np.ndarray]) -> BrowserDecoder:
    """Take a run's decoder apart; `weights` are Run.arrays. Raises UnknownToBrowser."""
    architecture = record.effective.model.architecture.name
    if architecture not in KNOWN or record.shape is None:
        raise UnknownToBrowser(f"the browser cannot decode {architecture}; it knows {' and '.join(KNOWN)}")
    layers: list[dict[str, Any]] = []
    parts: list[np.ndarray] = []
    offset = 0

    def put(array: np.ndarray) -> int:
        nonlocal offset
        parts.append(np.ascontiguousarray(array, np.float32).ravel())
        offset += parts[-1].size
        return offset - parts[-1].size

    decoder = _decoder_layers(weights)
    dense = [i for i, (weight, _) in enumerate(decoder) if weight.ndim == 2]
    # what the last dense layer's outputs are as a picture: (channels, side, side)
    picture = (decoder[dense[-1] + 1][0].shape[0], 4, 4) if len(decoder) > len(dense) else record.shape
    side = picture[1]
    for i, (weight, bias) in enumerate(decoder):
        if weight.ndim == 2:
            if i == dense[-1]:
                # reordered from channels-first to channels-last
                order = np.arange(len(weight)).reshape(picture).transpose(1, 2, 0).ravel()
                weight, bias = weight[order], bias[order]
            layers.append(
                {"kind": "linear", "inputs": weight.shape[1], "outputs": weight.shape[0],
                 "weight": put(weight), "bias": put(bias)}
            )  # fmt: skip
        else:
            if weight.shape[2:] != (4, 4):
                raise UnknownToBrowser("the browser decodes 4×4 transposed convolutions only")
            weight = weight.transpose(2, 3, 0, 1)  # (in, out, ky, kx) -> (ky, kx, in, out)
            layers.append(
                {"kind": "up", "inputs": weight.shape[2], "outputs": weight.shape[3], "side": side,
                 "weight": put(weight), "bias": put(bias)}
            )  # fmt: skip
            side *= 2
        layers.append({"kind": "relu" if i + 1 < len(decoder) else "sigmoid"})
    return BrowserDecoder(layers, np.concatenate(parts), record.shape, record.effective.model.latent_dim)


def _decoder_layers(weights: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(weight, bias) of the decoder's layers, in order."""
    places = sorted(int(m[1]) for name in weights if (m := re.fullmatch(r"decoder\.(\d+)\.weight", name)))
    return [(weights[f"decoder.{i}.weight"], weights[f"decoder.{i}.bias"]) for i in places]
