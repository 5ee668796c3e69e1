"""Sharpness of samples: are images decoded from the prior as detailed as real ones?"""

from __future__ import annotations

import numpy as np

from vae_core.errors import BadCodes
from vae_core.evaluation.metrics.inputs import Decoder
from vae_core.evaluation.metrics.metric import Metric, Value

SAMPLES = 256  # from the prior, and as many real images


def laplacian_variance(images: np.ndarray) -> float:
    """Mean over images (N, C, H, W) in [0, 1] of the variance of their Laplacian.

    Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy"; used for samples of autoencoders by
    Tolstikhin et al. 2018, "Wasserstein Auto-Encoders". Raises BadCodes for other shapes or sides below 3.
    """
    x = np.asarray(images)
    if x.ndim != 4 or not len(x) or min(x.shape[2:]) < 3:
        raise BadCodes(f"images are expected as (N, C, H, W) of side 3 or more, got {x.shape}")
    grey = x.mean(1, dtype=np.float64)
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return float((around - 4 * grey[:, 1:-1, 1:-1]).var((1, 2)).mean())


def sharpness(samples: np.ndarray, real: np.ndarray) -> float | None:
    """Laplacian variance of samples (N, C, H, W) over that of real images (M, C, H, W), both in [0, 1].

    None where the real images are flat.
    """
    of_real = laplacian_variance(real)
    return laplacian_variance(samples) / of_real if of_real > 0 else None


def _of_run(model: Decoder, images: np.ndarray, rng: np.random.Generator) -> float | None:
    noise = rng.standard_normal((SAMPLES, model.latent_dim)).astype(np.float32)
    rows = np.linspace(0, len(images) - 1, min(SAMPLES, len(images))).astype(np.int64)
    return sharpness(model.decode(noise), images[rows] / np.float32(255))


SHARPNESS = Metric(
    "sharpness",
    version=1,
    compute=_of_run,
    needs={"model", "images"},
    values=(
        Value(
            "sharpness",
            "Sharpness of samples",
            "Sharpness (Pech-Pacheco et al. 2000): variance over the pixels of the Laplacian (4 neighbours, borders left "
            "out, colours averaged), mean over images, of decoded prior samples divided by that of real images: 1 is as "
            "sharp as they are.",
            unit="of real images' = 1",
            high=None,
            higher_is_better=None,
        ),
    ),
    group="samples",
)
