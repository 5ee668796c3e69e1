"""Codes to draw new images from: the prior, warmer or cooler, or a mixture fitted to where the images' codes lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints

COMPONENTS = 10
FEWEST_EACH = 5  # codes a dimension that a component needs at least
FLOOR = 1e-4  # added to every variance: codes of a dimension that is not in use lie on a point
ROUNDS = 100  # of expectation and maximisation, at most


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of K Gaussians: weights (K,) that add up to 1, means (K, D), and roots (K, D, D) of their covariances,
    each lower triangular with covariance = root @ root.T."""

    weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    def draw(self, noise: np.ndarray, rng: np.random.Generator, temperature: float = 1.0) -> np.ndarray:
        """A code for each row of standard normal `noise` (N, D), float32; a component is drawn for each by its weight.

        temperature: factor on the distance from the component's mean.
        """
        chosen = rng.choice(len(self.weights), len(noise), p=self.weights)
        steps = np.einsum("nij,nj->ni", self.roots[chosen], temperature * noise)
        found: np.ndarray = (self.means[chosen] + steps).astype(np.float32)
        return found


def fit_mixture(codes: np.ndarray, *, components: int = COMPONENTS, seed: int = 0) -> Mixture:
    """A mixture with full covariances by expectation and maximisation, codes (N, D) -> K components.

    After Ghosh et al. 2020, "From Variational to Deterministic Autoencoders", sec. 4: fitted once a model is trained, it
    gives an autoencoder a density to sample from. Fewer components are taken where there are few codes. Raises TooFewPoints
    where there are not enough for two of them, BadCodes for what is no finite (N, D).
    """
    from sklearn.mixture import GaussianMixture

    z = np.asarray(codes, np.float64)
    if z.ndim != 2 or not np.isfinite(z).all():
        raise BadCodes(f"codes are expected as finite (N, D), got {z.shape}")
    most = len(z) // (FEWEST_EACH * max(1, z.shape[1]))
    if most < 2:
        raise TooFewPoints(
            f"a mixture in {z.shape[1]} dimensions needs {2 * FEWEST_EACH * z.shape[1]:,} codes or more; there are {len(z):,}"
        )
    fitted = GaussianMixture(
        min(components, most), covariance_type="full", reg_covar=FLOOR, max_iter=ROUNDS, random_state=seed
    ).fit(z)
    weights = fitted.weights_ / fitted.weights_.sum()
    return Mixture(weights, fitted.means_, np.linalg.cholesky(fitted.covariances_))


def mixture_if_enough(codes: np.ndarray) -> Mixture | None:
    """As `fit_mixture`; None where there are too few codes for one."""
    try:
        return fit_mixture(codes)
    except TooFewPoints:
        return None
