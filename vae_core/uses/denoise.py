"""Denoise: noise is put on test images, and a VAE and filters take it off; how near each comes to the clean image.

Four ways with a VAE: the run's posterior mean and the mean of pictures of its posterior samples, and a small VAE that was trained
to denoise (noise on its input, clean target). The filters stand in denoise_filters.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.data.imageset import Progress
from vae_core.data.splits import Splits
from vae_core.errors import BadConfig, BadImages
from vae_core.evaluation.small_network import evenly
from vae_core.inference import LoadedModel
from vae_core.objectives.noises import NOISES, Noise
from vae_core.options import option
from vae_core.uses import denoiser
from vae_core.uses.denoise_filters import (
    BRIGHTENED,
    GAIN,
    MOST_FITTED,
    NOISY,
    Denoise,
    brightened,
    candidates,
    in_use,
    tuned,
)
from vae_core.uses.denoise_words import sentences
from vae_core.uses.found import Found, Row
from vae_core.uses.intervals import DRAWS, LEVEL, Interval
from vae_core.uses.likeness import psnr, ssim
from vae_core.uses.registry import UseSettings
from vae_core.uses.subject import Subject

VERSION = 1
LEVELS: Mapping[
    str, tuple[float, ...]
] = {  # that are measured unless others are asked for; the last is the network's highest
    "gaussian": (0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75),
    "salt_pepper": (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    "square": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    "downscale": (0.25, 0.5, 0.625, 0.75, 0.8125, 0.875),
}
TUNING = 48  # images that filters are tuned on
SHOWN, SHOWN_BYTES = (5, 10), 650_000  # pictures of each method and level, and bytes of all
MEAN, SAMPLES, TRAINED = "posterior mean", "averaged samples", "VAE trained to denoise"


@dataclass(frozen=True)
class DenoiseSettings(UseSettings):
    noise: str = option("gaussian", help="what is put on the images", values=tuple(LEVELS), order=0)
    images: int = option(
        200,
        help="test images, at most",
        unit="images",
        minimum=2,
        maximum=5_000,
        order=1,
        title="test images",
    )
    latent_dim: int = option(
        64, help="D of the VAE that is trained to denoise, and of PCA", unit="dimensions", minimum=1, maximum=512, order=2,
        title="latent dimensions D",
    )  # fmt: skip
    samples: int = option(
        16,
        help="posterior samples whose pictures are averaged",
        unit="samples",
        minimum=2,
        maximum=256,
        advanced=True,
    )
    levels: tuple[float, ...] = option(
        (), help="levels to measure at instead of the usual ones: σ or a share, as the noise is measured", minimum=0.001,
        maximum=2.0, advanced=True,
    )  # fmt: skip
    steps: int = option(
        6_000, help="training steps of the VAE that is trained to denoise", unit="steps", minimum=10, maximum=100_000,
        advanced=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        highest = LEVELS[self.noise][-1]
        if self.noise != "gaussian" and any(level >= 1 for level in self.levels):
            raise BadConfig(
                f"levels: of {NOISES[self.noise].title.lower()} a level is a share below 1, e.g. {highest:g}"
            )

    @property
    def stops(self) -> tuple[float, ...]:
        """The levels that are measured, in order."""
        return tuple(sorted(set(self.levels))) or LEVELS[self.noise]


SETTINGS = DenoiseSettings


@dataclass(frozen=True)
class Method:
    """A way to take noise off; `apply` maps (N, C, H, W) floats in [0, 1] and a level to the same."""

    name: str
    ours: bool
    apply: Callable[[np.ndarray, float], np.ndarray]


# ---------------------------------------------------------------- formulas


def with_noise(images: np.ndarray, noise: Noise, level: float, rng: np.random.Generator) -> np.ndarray:
    """Images (N, C, H, W) floats in [0, 1] with a noise at one level, rounded to bytes as a file would: float32, the same shape."""
    levels = torch.full((len(images),), float(level))
    found = noise.apply(torch.from_numpy(np.ascontiguousarray(images, np.float32)), levels, rng).numpy()
    return np.asarray(np.rint(found * 255) / np.float32(255), np.float32)


def posterior_mean(model: LoadedModel, noisy: np.ndarray) -> np.ndarray:
    """The picture of the mean of q(z|x) of noisy images (N, C, H, W): the same shape."""
    return model.reconstruct(noisy)


def averaged_samples(
    model: LoadedModel, noisy: np.ndarray, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """The mean of the pictures of `samples` draws from q(z|x): by squared error better than any one of them (E_q[x|z])."""
    codes = model.encode(noisy)
    total = np.zeros(noisy.shape, np.float64)
    std = np.exp(0.5 * codes.log_var)
    for _ in range(samples):
        total += model.decode(codes.mean + std * rng.standard_normal(codes.mean.shape, dtype=np.float32))
    return np.asarray(total / samples, np.float32)


def mean_interval(values: np.ndarray, drawn: np.ndarray) -> Interval:
    """The mean of values (N,) of images, with the percentile bootstrap over images (Efron 1979) of given draws (K, N): one set of
    draws for all methods and levels."""
    low, high = np.quantile(values[drawn].mean(1), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(values.mean()), float(low), float(high), len(values))


def tuning_images(splits: Splits) -> np.ndarray:
    """Numbers (at most TUNING,) of images that filters are tuned on: of validation, and of training where those are too few."""
    validation = splits.validation[evenly(len(splits.validation), TUNING)]
    return np.concatenate((validation, splits.train[evenly(len(splits.train), TUNING - len(validation))]))


# ---------------------------------------------------------------- measuring


def measure(subject: Subject, settings: DenoiseSettings, progress: Progress) -> Found:
    """PSNR and SSIM of each method at each level, with bootstrap intervals over images; the same noise for all.

    more: `noise` (title, unit, symbol), `levels` (S,), `tuned` (level -> what each filter chose), `denoiser` (its file's name),
    `shown` numbers of the images. pictures: "clean" (n, C, H, W) and "0", "1", ...: the methods of `more["methods"]`, the noisy
    image first, (S, n, C, H, W), but for the filter with its brightness fitted. Raises BadImages where fewer than two test images are there.
    """
    if len(subject.test) < 2 or not len(subject.train):
        raise BadImages(
            f"{subject.data.name} has fewer than two test images, so nothing can be measured on what {subject.run.name} never "
            "saw; import more images"
        )
    noise, levels = NOISES[settings.noise], settings.stops
    rows = subject.test[evenly(len(subject.test), settings.images)]
    clean = subject.images(rows).astype(np.float32) / 255
    highest = LEVELS[settings.noise][-1]
    places, config = subject.run.places, subject.model.config
    trained = denoiser.denoiser_of(
        places, config, subject.data, settings.noise, highest, settings.latent_dim, settings.steps,
        progress=lambda share, words: progress(0.6 * share, words),
    )  # fmt: skip
    fitted = subject.images(subject.train[evenly(len(subject.train), MOST_FITTED)]).astype(np.float32) / 255
    parts = in_use(fitted, settings.latent_dim)
    tuning = subject.images(tuning_images(subject.splits)).astype(np.float32) / 255
    ours = _ours(subject, trained, settings)
    filtered = candidates(parts)
    names = [NOISY, *(m.name for m in ours), *filtered, BRIGHTENED]
    mine = {m.name for m in ours}
    shown = _shown(len(rows), len(levels) * (len(names) - 1), clean[0].size)
    scores: list[dict[str, np.ndarray]] = []
    likeness: list[dict[str, np.ndarray]] = []
    pictures: dict[str, list[np.ndarray]] = {name: [] for name in names if name != BRIGHTENED}
    chosen: dict[str, dict[str, str]] = {}
    for place, level in enumerate(levels):

        def tell(share: float, words: str, place: int = place) -> None:
            progress(0.6 + 0.35 * (place + share) / len(levels), words)

        said = f"{noise.symbol} {level:g}"
        rng = np.random.default_rng((settings.seed, place))
        noisy = with_noise(clean, noise, level, rng)
        methods = [Method(NOISY, False, lambda x, _: x), *ours]
        tell(0.0, f"tuning filters at {said}")
        best, words = _filters(filtered, tuning, with_noise(tuning, noise, level, rng))
        methods += [_blind(name, apply) for name, apply in best.items()]
        chosen[f"{level:g}"] = words
        found = {}
        for k, method in enumerate(methods):
            tell((k + 1) / (len(methods) + 1), f"{method.name} at {said}")
            found[method.name] = np.clip(method.apply(noisy, level), 0, 1)
            if method.name in pictures:
                pictures[method.name].append(np.rint(255 * found[method.name][:shown]).astype(np.uint8))
        scores.append({name: psnr(x, clean) for name, x in found.items()})
        likeness.append({name: ssim(x, clean) for name, x in found.items()})
    progress(0.96, "intervals")
    rows_ = _rows(names, mine, noise, levels, scores, likeness, settings.seed)
    own = subject.model.config.objective
    return Found(
        rows_,
        sentences(
            rows_,
            noise,
            levels,
            parts,
            len(clean),
            own,
            ours=[m.name for m in ours],
            dims=settings.latent_dim,
            samples=settings.samples,
        ),
        {
            "noise": {"title": noise.title, "unit": noise.unit, "symbol": noise.symbol},
            "levels": list(levels),
            "methods": names,
            "tuned": chosen,
            "shown": [int(i) for i in rows[:shown]],
            "denoiser": denoiser.name_of(
                config, subject.data, settings.noise, highest, settings.latent_dim, settings.steps
            ),
        },
        {"clean": subject.images(rows[:shown])}
        | {str(k): np.stack(pictures[n]) for k, n in enumerate(names) if n in pictures},
    )


def _blind(name: str, apply: Denoise) -> Method:
    """A filter as a method: it was tuned for the level already."""
    return Method(name, False, lambda noisy, _: apply(noisy))


def _ours(subject: Subject, trained: LoadedModel, settings: DenoiseSettings) -> list[Method]:
    model = subject.model
    found = [Method(MEAN, True, lambda x, level: posterior_mean(model, x))]
    if model.stochastic:
        found.append(
            Method(
                SAMPLES,
                True,
                lambda x, level: averaged_samples(
                    model, x, settings.samples, np.random.default_rng((settings.seed, round(1e6 * level)))
                ),
            )
        )
    return [*found, Method(TRAINED, True, lambda x, level: posterior_mean(trained, x))]


def _filters(
    options: Mapping[str, Sequence[tuple[str, Denoise]]], clean: np.ndarray, noisy: np.ndarray
) -> tuple[dict[str, Denoise], dict[str, str]]:
    """Each filter at its best on tuning images, and the best of all with its brightness put right; what each chose."""
    best: dict[str, Denoise] = {}
    words: dict[str, str] = {}
    lines = {}
    for name, some in options.items():
        plain, line = tuned(some, noisy, clean)
        best[name], words[name] = plain.apply, plain.said
        lines[name] = line
    name, line = max(lines.items(), key=lambda item: item[1].value)
    best[BRIGHTENED] = brightened(line)
    words[BRIGHTENED] = f"{name}, {line.said}, times {line.scale:.2f} plus {line.shift:.2f}"
    return best, words


def _rows(
    names: Sequence[str], mine: set[str], noise: Noise, levels: Sequence[float], scores: Sequence[Mapping[str, np.ndarray]],
    likeness: Sequence[Mapping[str, np.ndarray]], seed: int,
) -> list[Row]:  # fmt: skip
    """PSNR and SSIM by level and method; of each VAE its gain over the best baseline at the level, image by image."""
    count = len(scores[0][NOISY])
    drawn = np.random.default_rng((seed, 1)).integers(count, size=(DRAWS, count))

    def row(name: str, metric: str, unit: str, values: np.ndarray) -> Row:
        return Row.of(name, name in mine, metric, unit, mean_interval(values, drawn), at)

    rows = []
    for level, each, alike in zip(levels, scores, likeness, strict=True):
        at = {noise.symbol: float(level)}
        best = max(
            (n for n in names if n not in mine and n != BRIGHTENED), key=lambda n: float(each[n].mean())
        )
        for name in names:
            rows += [row(name, "PSNR", "dB", each[name]), row(name, "SSIM", "", alike[name])]
            if name in mine or name == BRIGHTENED:
                rows.append(row(name, GAIN, "dB", each[name] - each[best]))
    return rows


def _shown(count: int, frames: int, size: int) -> int:
    least, most = SHOWN
    return min(count, max(least, min(most, SHOWN_BYTES // max(1, frames * size))))


__all__ = ["LEVELS", "SETTINGS", "VERSION", "DenoiseSettings", "measure"]
