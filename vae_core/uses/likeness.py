"""How like two images are, as every use says it: PSNR and SSIM."""

from __future__ import annotations

import numpy as np

from vae_core.evaluation.small_network import floats

LEAST_ERROR = 1e-6  # mean squared, of an image that is the same: 60 dB, less than rounding to a byte leaves
AT_ONCE = 256  # images of which SSIM is taken together
LEAST_SIDE = 3  # pixels of SSIM's smallest window


def psnr(found: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of images (N, C, H, W), uint8 or floats in [0, 1]: −10 log₁₀ of the mean squared error, (N,)
    dB, 60 where they are the same."""
    errors = np.square(_shares(found) - _shares(clean)).reshape(len(clean), -1).mean(1, dtype=np.float64)
    return np.asarray(-10 * np.log10(np.maximum(errors, LEAST_ERROR)))


def ssim(found: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004, see objectives/similarity.py) of images (N, C, H, H), uint8 or floats in [0, 1]:
    (N,), the mean over places and channels. NaN for images below 3 × 3 pixels."""
    from vae_core.objectives.similarity import ssim as of_tensors

    if clean.shape[-1] < LEAST_SIDE:
        return np.full(len(clean), np.nan)
    parts = [
        of_tensors(floats(found[at : at + AT_ONCE]), floats(clean[at : at + AT_ONCE])).double().numpy()
        for at in range(0, len(clean), AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _shares(images: np.ndarray) -> np.ndarray:
    """As shares of a pixel's range, float32."""
    return images / np.float32(255) if images.dtype == np.uint8 else np.asarray(images, np.float32)
