"""The β dial of a multi-rate network: which βs it answers for, and how its gates turn with them.

Bae et al. 2023, "Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve". There a gate multiplies each
pre-activation by a squashed linear function of log β; here a gate scales and shifts, both polynomials in log β, so
that it folds into the weights of its layer and a network at one β is a plain one. A gate on the code too lets the
decoder close dimensions that a large β has emptied: else their noise reaches it. No torch: the browser's form of a
network is made without it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vae_core.errors import BadConfig

DEGREE = 3  # of the polynomials
GAIN = (
    4.0  # of their terms: Adam moves every number alike, and gates that move further settle on a better fit
)
MARGIN = 2.0  # how far beyond each end of the dial training draws β: at the end of a range a fit is worst


@dataclass(frozen=True)
class Dial:
    """From `lowest` to `highest` β."""

    lowest: float
    highest: float

    @property
    def sampled(self) -> tuple[float, float]:
        """The βs between which training draws, somewhat beyond the dial's own."""
        return self.lowest / MARGIN, self.highest * MARGIN

    @property
    def middle(self) -> float:
        """log β at which t = 0."""
        low, high = self.sampled
        return (math.log(low) + math.log(high)) / 2

    @property
    def reach(self) -> float:
        """Nats of log β from there to t = ±1, the ends of what is drawn."""
        low, high = self.sampled
        return (math.log(high) - math.log(low)) / 2

    def powers(self, log_beta: Any) -> list[Any]:
        """GAIN t, GAIN t², ... up to DEGREE, t = (log β - middle) / reach: numbers of a number, arrays of an array."""
        t = (log_beta - self.middle) / self.reach
        return [GAIN * t**k for k in range(1, DEGREE + 1)]

    def at(self, share: Any) -> Any:
        """log β at a share in [0, 1] of what is sampled."""
        return self.middle + (2 * share - 1) * self.reach

    def check(self, beta: float) -> float:
        """Raises BadConfig for a β that is not on the dial."""
        if not self.lowest <= beta <= self.highest:
            raise BadConfig(
                f"beta: {beta:g} is not on this dial, which goes from {self.lowest:g} to {self.highest:g}"
            )
        return beta


GATE = re.compile(r"(?:code_gate|(?:encoder|decoder)_gates\.\d+)\.(?:scale|shift)")


def layers_of(weights: Mapping[str, Any], network: str) -> list[str]:
    """Names "encoder.1", "encoder.3", ... of a network's layers with weights, in order."""
    places = sorted(int(m[1]) for name in weights if (m := re.fullmatch(rf"{network}\.(\d+)\.weight", name)))
    return [f"{network}.{i}" for i in places]


def folded(weights: Mapping[str, Any], dial: Dial, beta: float) -> dict[str, Any]:
    """The plain network that a gated one is at one β: W' = s W and b' = s b + t for the units' s and t there.

    The code's gate goes into the decoder's first layer: W (s z + t) + b. `weights` are named arrays or tensors; so is
    what is returned, without the gates.
    """
    powers = dial.powers(math.log(beta))

    def gate(name: str) -> tuple[Any, Any]:
        scale, shift = (
            sum(p * row for p, row in zip(powers, weights[f"{name}.{part}"], strict=True))
            for part in ("scale", "shift")
        )
        return 1 + scale, shift

    found = {name: value for name, value in weights.items() if not GATE.fullmatch(name)}
    first = layers_of(weights, "decoder")[0]
    scale, shift = gate("code_gate")
    found[f"{first}.bias"] = found[f"{first}.bias"] + found[f"{first}.weight"] @ shift
    found[f"{first}.weight"] = found[f"{first}.weight"] * scale
    for network in ("encoder", "decoder"):
        for i, layer in enumerate(layers_of(weights, network)):
            scale, shift = gate(f"{network}_gates.{i}")
            weight = found[f"{layer}.weight"]
            transposed = network == "decoder" and weight.ndim == 4  # (inputs, outputs, 4, 4)
            along = (1, -1, 1, 1) if transposed else (-1,) + (1,) * (weight.ndim - 1)
            found[f"{layer}.weight"] = weight * scale.reshape(along)
            found[f"{layer}.bias"] = found[f"{layer}.bias"] * scale + shift
    return found
