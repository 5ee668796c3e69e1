"""Conversion of KL weights: the gradients of the two losses must be parallel."""

import itertools

import pytest
import torch

from vae_core.errors import BadConfig
from vae_core.evaluation.conversion import ERRORS, OVER, Convention, beta_of_weight, weight_of_beta

PIXELS, DIMS, BATCH = 12, 3, 5


def theirs(x, mu, kl, weight, convention):
    """Another project's loss as it would be written there, on its own pixel scale."""
    x, mu = x * convention.span, mu * convention.span
    error = {
        "cross-entropy": lambda: torch.nn.functional.binary_cross_entropy(mu, x, reduction="none"),
        "squared error": lambda: (x - mu) ** 2,
        "half squared error": lambda: (x - mu) ** 2 / 2,
        "absolute error": lambda: (x - mu).abs(),
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
@pytest.mark.parametrize("batch", [1.0, float(BATCH)])
def test_both_losses_pull_the_same_way(error, error_over, rate_over, span, batch):
    convention = Convention(
        error, PIXELS, DIMS, error_over=error_over, rate_over=rate_over, scale=0.3, span=span, batch=batch
    )
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


@pytest.mark.parametrize(
    ("change", "said"),
    [({"error": "magic"}, "none of cross-entropy"), ({"pixels": 0}, "pixels"), ({"scale": float("nan")}, "scale"),
     ({"rate_over": "mean"}, "rate_over")],
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
