"""What a set of images looks like: a few numbers by which defaults are chosen. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAMPLE = 512  # images that are looked at


@dataclass(frozen=True)
class Look:
    """Numbers of a sample of a set's images, whose pixel values are taken to [0, 1].

    Attributes:
        channels: 1 for grey, 3 for colour.
        binary: 1 for values that are all 0 or 1, 0 for a constant: variance over mean · (1 − mean).
        spread: root mean square of what an image differs by from the mean image.
        explained: cumulative shares of that variance by principal component.
    """

    channels: int
    binary: float
    spread: float
    explained: tuple[float, ...]

    def components(self, share: float) -> int:
        """How many principal components explain that share of the variance; 0 where there is none."""
        return 0 if not self.explained else int(np.searchsorted(self.explained, share - 1e-9)) + 1

    def residual(self, components: int) -> float:
        """Root mean square error of the best linear code of so many numbers."""
        if not self.explained:
            return 0.0
        left = 1 - self.explained[min(components, len(self.explained)) - 1] if components else 1.0
        return self.spread * float(np.sqrt(max(0.0, left)))


def look_at(images: np.ndarray) -> Look:
    """The look of uint8 images (N, C, H, W), from up to 512 of them, evenly chosen."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), SAMPLE)).astype(int))
    x = np.asarray(images[chosen], np.float32).reshape(len(chosen), -1) / 255
    mean = float(x.mean(dtype=np.float64))
    full = mean * (1 - mean)  # the variance of values that are 0 or 1 and have this mean
    centred = x - x.mean(0)
    # the eigenvalues of the images' own Gram matrix are those of the pixels' covariance, and it is small
    gram = (centred @ centred.T).astype(np.float64) / x.size
    values = np.maximum(0.0, np.linalg.eigvalsh(gram)[::-1])
    total = float(values.sum())
    explained = tuple(np.cumsum(values) / total) if total > 1e-12 else ()
    return Look(
        images.shape[1],
        float(x.var(dtype=np.float64)) / full if full > 1e-12 else 0.0,
        float(np.sqrt(total)),
        tuple(map(float, explained)),
    )
