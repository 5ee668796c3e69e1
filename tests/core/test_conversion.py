"""Conversion of KL weights: the gradients of the two losses must be parallel."""

import itertools

import pytest
import torch

from vae_core.errors import BadConfig
from vae_core.evaluation.conversion import (
    ERRORS,
    OF_255,
    OVER,
    THEIR_PIXELS,
    Convention,
    beta_of_weight,
    weight_of_beta,
)

PIXELS, DIMS, BATCH = 12, 3, 5


def theirs(x, mu, kl, weight, convention):
    """Another project's loss as it would be written there, on its own pixel scale."""
    x, mu = x * convention.span, mu * convention.span
    sigma = convention.their_scale or 1.0
    if convention.their_unit == OF_255 and convention.their_scale:
        sigma = convention.their_scale / 255 * convention.span
    error = {
        "cross-entropy": lambda: torch.nn.functional.binary_cross_entropy(mu, x, reduction="none"),
        "squared error": lambda: (x - mu) ** 2 / sigma**2,
        "half squared error": lambda: (x - mu) ** 2 / sigma**2 / 2,
        "absolute error": lambda: (x - mu).abs() / sigma,
    }[convention.error]()
    over = {"sum": 1, "mean over pixels": PIXELS, "mean over dimensions": DIMS}
    return (
        error.sum(1).mean() / over[convention.error_over]
        + weight * kl.sum(1).sum() / over[convention.rate_over] * convention.batch / BATCH
    )


def ours(x, mu, kl, beta, convention):
    """distortion + β · rate with the likelihoods of vae_core.objectives, constants left out."""
    s = convention.scale
    distortion = {
        "cross-entropy": lambda: torch.nn.functional.binary_cross_entropy(mu, x, reduction="none"),
        "squared error": lambda: (x - mu) ** 2 / (2 * s**2),
        "half squared error": lambda: (x - mu) ** 2 / (2 * s**2),
        "absolute error": lambda: (x - mu).abs() / s,
    }[convention.error]()
    return distortion.sum(1).mean() + beta * kl.sum(1).mean()


@pytest.mark.parametrize(
    ("error", "error_over", "rate_over", "span"),
    [c for c in itertools.product(ERRORS, OVER, OVER, (1.0, 255.0)) if c[0] != "cross-entropy" or c[3] == 1],
)
@pytest.mark.parametrize(
    ("batch", "their_scale", "unit"), [(1.0, 0.0, THEIR_PIXELS), (float(BATCH), 10.0, THEIR_PIXELS), (1.0, 7.0, OF_255)]
)  # fmt: skip
def test_both_losses_pull_the_same_way(error, error_over, rate_over, span, batch, their_scale, unit):
    convention = Convention(
        error, PIXELS, DIMS, error_over=error_over, rate_over=rate_over, scale=0.3, span=span, batch=batch,
        their_scale=their_scale, their_unit=unit,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(BATCH, PIXELS, generator=generator, dtype=torch.float64)

    def pull(loss, weight):
        mu = torch.full((BATCH, PIXELS), 0.4, dtype=torch.float64, requires_grad=True)
        kl = torch.full((BATCH, DIMS), 0.7, dtype=torch.float64, requires_grad=True)
        loss(x, mu, kl, weight, convention).backward()
        return torch.cat((mu.grad.flatten(), kl.grad.flatten()))

    weight = 0.02
    beta = beta_of_weight(weight, convention)
    a, b = pull(theirs, weight), pull(ours, beta)
    assert torch.nn.functional.cosine_similarity(a, b, dim=0) == pytest.approx(1, abs=1e-12)
    assert weight_of_beta(beta, convention) == pytest.approx(weight)


def test_the_usual_case_in_numbers():
    """Mean squared error per pixel of 28×28 images and a KL summed over dimensions, weight 0.00025."""
    convention = Convention(
        "squared error", 784, 20, scale=0.5**0.5
    )  # our Gaussian at σ² = 1/2 is their error
    assert beta_of_weight(0.00025, convention) == pytest.approx(0.196)


def test_a_sigma_in_bytes_in_numbers():
    """Half squared errors of pixels of 0 to 255, summed, over a σ of 10: a Gaussian of σ = 10/255, whose weight is β."""
    sums = {"error_over": "sum", "span": 255.0}
    same = Convention("half squared error", 784, 20, scale=10 / 255, their_scale=10.0, **sums)
    assert beta_of_weight(4.0, same) == pytest.approx(4.0)
    # at our σ of 0.1 it is four times (10 / 25.5)²
    ours = Convention("half squared error", 784, 20, scale=0.1, their_scale=10.0, **sums)
    assert beta_of_weight(4.0, ours) == pytest.approx(4 * (10 / 25.5) ** 2) == pytest.approx(0.615148)
    # bare sums of squared bytes are a σ of 1 with a factor of 2
    bare = Convention("squared error", 784, 20, scale=0.1, **sums)
    assert beta_of_weight(1.0, bare) == pytest.approx(1 / (2 * 25.5**2))
    # the same σ in 1/255 of the range, of pixels that span 2
    wide = Convention(
        "squared error", 784, 20, "sum", scale=10 / 255, span=2.0, their_scale=10.0, their_unit=OF_255
    )
    assert beta_of_weight(4.0, wide) == pytest.approx(2.0)
    assert Convention("cross-entropy", 784, 20, "sum", their_scale=10.0).factor == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [({"error": "magic"}, "none of cross-entropy"), ({"pixels": 0}, "pixels"), ({"scale": float("nan")}, "scale"),
     ({"rate_over": "mean"}, "rate_over"), ({"their_scale": -1.0}, "their_scale"), ({"their_unit": "inch"}, "inch")],
)  # fmt: skip
def test_bad_conventions_name_the_fault(change, said):
    with pytest.raises(BadConfig, match=said):
        Convention(**({"error": "cross-entropy", "pixels": 784, "dims": 10} | change))


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_bad_weights_name_the_fault(value):
    convention = Convention("cross-entropy", 784, 10)
    with pytest.raises(BadConfig, match="weight"):
        beta_of_weight(value, convention)
    with pytest.raises(BadConfig, match="β"):
        weight_of_beta(value, convention)
