"""Layers as the browser computes them, several numbers at a time or one after the other, against torch's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from playwright.sync_api import Page

from app.components import module_url

COMPUTE = """
async ([url, layer, weights, x, able]) => {
  let made = 0;
  if (able) {
    const Real = WebAssembly.Instance;
    WebAssembly.Instance = function (...given) { made++; return new Real(...given); };
  } else globalThis.WebAssembly = undefined;
  const { Decoder } = await import(url);
  const decoder = new Decoder({ layers: [layer], floats: weights.length }, Float32Array.from(weights));
  decoder.decode(x.map((v) => 3 - v));  // of which nothing may be left
  return [made, [...decoder.decode(x)]];
}
"""


@pytest.mark.parametrize("able", [True, False], ids=["together", "alone"])
@pytest.mark.parametrize(
    ("kind", "inputs", "outputs", "side", "together"),
    [
        ("up", 16, 16, 4, True), ("up", 6, 5, 4, True), ("up", 8, 3, 8, True), ("up", 2, 1, 4, True), ("up", 4, 12, 8, True),
        ("up", 3, 4, 4, False), ("up", 4, 4, 6, False),
        ("down", 3, 8, 16, True), ("down", 1, 5, 8, True), ("down", 8, 16, 8, True), ("down", 2, 4, 12, False),
    ],
)  # fmt: skip
def test_a_layer_is_torchs(
    visit: Callable[..., Page], kind: str, inputs: int, outputs: int, side: int, together: bool, able: bool
) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((4, 4, inputs, outputs)).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    # as after a ReLU, and as a picture: half of them nothing, and none
    x = rng.standard_normal((side, side, inputs)).astype(np.float32)
    x[: side // 2] = np.maximum(x[: side // 2], 0)
    layer = {
        "kind": kind,
        "inputs": inputs,
        "outputs": outputs,
        "side": side,
        "weight": 0,
        "bias": kernel.size,
    }
    weights = np.concatenate((kernel.ravel(), bias))
    made, found = visit("/healthz").evaluate(
        COMPUTE, [module_url("shared/decoder.js"), layer, weights.tolist(), x.ravel().tolist(), able]
    )
    assert made == (able and together), "what can be computed together is"
    image = torch.tensor(x).permute(2, 0, 1)[None]
    if kind == "up":
        wanted = torch.nn.functional.conv_transpose2d(
            image, torch.tensor(kernel).permute(2, 3, 0, 1), torch.tensor(bias), stride=2, padding=1
        )
    else:
        wanted = torch.nn.functional.conv2d(
            image, torch.tensor(kernel).permute(3, 2, 0, 1), torch.tensor(bias), stride=2, padding=1
        )
    np.testing.assert_allclose(found, wanted[0].permute(1, 2, 0).ravel().numpy(), atol=1e-4)
