"""What takes noise off without a VAE: median, non-local means, total variation and principal components.

Each filter has a few settings to choose from, and its best ones are found on validation images at the very noise and level that
it is measured at: it knows the level, which a network does not. Clipped noise makes black brighter and white darker, which a
filter's mean keeps; a line fitted on the same images puts that right, for the best filter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.uses.components import Components, components, flat
from vae_core.uses.likeness import psnr

NOISY, BRIGHTENED = (
    "noisy image",
    "best filter, brightness fitted",
)  # methods: nothing is done; a line after a filter
GAIN = "gain"  # the metric: PSNR over that of the best baseline, image by image
MOST_FITTED = 5_000  # training images that principal components are taken from
Denoise = Callable[[np.ndarray], np.ndarray]  # (N, C, H, W) float32 in [0, 1] -> the same shape


@dataclass(frozen=True)
class Tuned:
    """A filter with the settings that served it best: `said` what they are, `value` its PSNR, dB; `scale` and `shift` of the line
    that puts its brightness right, 1 and 0 where none was fitted."""

    apply: Denoise
    said: str
    value: float
    scale: float = 1.0
    shift: float = 0.0


def median(size: int) -> Denoise:
    """The median of `size` × `size` pixels around each, a colour at a time (Tukey 1977); edges are mirrored."""

    def apply(noisy: np.ndarray) -> np.ndarray:
        from scipy.ndimage import median_filter

        return np.asarray(median_filter(noisy, (1, 1, size, size), mode="mirror"))

    return apply


def non_local_means(h: float) -> Denoise:
    """Each pixel the mean of those whose surroundings look alike (Buades, Coll & Morel 2005), within 11 × 11 pixels and by
    patches of 5 × 5; h: how unlike they may be, as a share of a pixel's range."""

    def one(image: np.ndarray) -> np.ndarray:
        from skimage.restoration import denoise_nl_means

        # colours last: it takes them from no other axis, whatever it is told
        last = np.ascontiguousarray(image.transpose(1, 2, 0))
        found = denoise_nl_means(last, patch_size=5, patch_distance=5, h=h, fast_mode=True, channel_axis=-1)
        return np.asarray(found, np.float32).reshape(last.shape).transpose(2, 0, 1)

    return lambda noisy: np.stack([one(image) for image in noisy]) if len(noisy) else noisy


def total_variation(weight: float) -> Denoise:
    """The image near this one whose brightness changes least in sum (Rudin, Osher & Fatemi 1992; Chambolle 2004)."""

    def one(image: np.ndarray) -> np.ndarray:
        from skimage import restoration

        filtered: Callable[..., np.ndarray] = restoration.denoise_tv_chambolle
        found = filtered(image, weight=weight, eps=1e-3, max_num_iter=100, channel_axis=0)
        return np.asarray(found, np.float32)

    return lambda noisy: np.stack([one(image) for image in noisy]) if len(noisy) else noisy


def project(parts: Components, noise: float) -> Denoise:
    """Onto the components, each shrunk by λ / (λ + `noise`), its variance's share in that of what is seen (Wiener 1949); 0
    leaves them as they are."""

    def apply(noisy: np.ndarray) -> np.ndarray:
        shrunk = parts.of(noisy.reshape(len(noisy), -1)) * (parts.variances / (parts.variances + noise))
        found: np.ndarray = parts.back(shrunk).reshape(noisy.shape)
        return found

    return apply


def in_use(images: np.ndarray, dims: int) -> Components:
    """Of images (N, C, H, W) in [0, 1]: the `dims` components of most variance, fewer where images differ in no more."""
    found = components(flat(images), dims, exact=True)
    there = found.variances > 1e-12
    return Components(found.mean, found.axes[there], found.variances[there])


def candidates(parts: Components) -> Mapping[str, Sequence[tuple[str, Denoise]]]:
    """By filter, the settings it chooses from: (what they are, the filter)."""
    noises = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
    return {
        "median": [(f"{size} × {size} pixels", median(size)) for size in (3, 5, 7)],
        "non-local means": [(f"h {h:g}", non_local_means(h)) for h in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)],
        "total variation": [(f"weight {w:g}", total_variation(w)) for w in (0.03, 0.1, 0.2, 0.3, 0.5, 0.8)],
        f"PCA, {len(parts.axes)} components": [
            (f"shrunk for a noise of variance {n:g}" if n else "not shrunk", project(parts, n)) for n in noises
        ],
    }  # fmt: skip


def tuned(
    options: Sequence[tuple[str, Denoise]], noisy: np.ndarray, clean: np.ndarray
) -> tuple[Tuned, Tuned]:
    """The best of some settings, as they are, and with the line a y + b of least squares to the clean images.

    Best is the highest mean PSNR over images (N, C, H, W).
    """
    plain, line = [], []
    for said, apply in options:
        found = apply(noisy)
        plain.append(Tuned(apply, said, float(psnr(np.clip(found, 0, 1), clean).mean())))
        scale, shift = brightness_line(found, clean)
        value = float(psnr(_on_line(found, scale, shift), clean).mean())
        line.append(Tuned(apply, said, value, scale, shift))
    return max(plain, key=lambda t: t.value), max(line, key=lambda t: t.value)


def brightened(found: Tuned) -> Denoise:
    """A filter with its line after it."""
    return lambda noisy: _on_line(found.apply(noisy), found.scale, found.shift)


def brightness_line(found: np.ndarray, clean: np.ndarray) -> tuple[float, float]:
    """(a, b) of least squares of clean ≈ a found + b, over all pixels; (1, 0) where `found` is flat."""
    x, y = found.ravel().astype(np.float64), clean.ravel().astype(np.float64)
    spread = x.var()
    if spread < 1e-10:
        return 1.0, 0.0
    scale = float(((x - x.mean()) * (y - y.mean())).mean() / spread)
    return scale, float(y.mean() - scale * x.mean())


def _on_line(found: np.ndarray, scale: float, shift: float) -> np.ndarray:
    return np.clip(scale * found + shift, 0, 1).astype(np.float32)
