"""Attribute directions: what separates two groups of images, and what else changes along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.probes import Probe, softmax

MOST_IMAGES = 2000


def attribute_direction(codes: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """mean(a) - mean(b): from the images without to those with it (Larsen et al. 2016).

    codes (N, D), a and b bool (N,) -> (D,) float64. Raises TooFewPoints when a group has no image.
    """
    codes = _finite(codes)
    a, b = _group(a, len(codes), "first"), _group(b, len(codes), "second")
    direction: np.ndarray = codes[a].mean(0) - codes[b].mean(0)
    return direction


@dataclass(frozen=True)
class Leakage:
    """By how much a step along a direction changes what the probe `name` reads; 95 % interval low ... high."""

    name: str
    change: float
    low: float
    high: float


def leakage(
    direction: np.ndarray, probes: dict[str, Probe], codes: np.ndarray, *, size: float = 1.0, boots: int = 200,
    seed: int = 0, groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[Leakage]:  # fmt: skip
    """What else changes when `size * direction` is added to codes (N, D), strongest first.

    The change a probe sees in one image is that of the probability of its second class (the yes) if it has two,
    from -1 to 1; with more classes it is the total variation 1/2 sum_k |p_k(z + step) - p_k(z)|, which is never
    negative. `change` is the mean over at most 2,000 of the codes.

    Intervals are percentiles of `boots` bootstrap resamples of those images (Efron 1979). With `groups`, the two
    masks (N,) whose means the direction came from, those are resampled as well and the direction with them, so
    that the uncertainty of a direction from few images is in; `direction` may be theirs times any factor. A total
    variation grows with whatever noise the direction has, in the resamples more than in the direction itself: its
    interval is the percentiles mirrored at the change, which takes that bias out, and reaches down to 0 unless the
    change exceeds that of 95 % of directions whose groups are dealt at random from the same images. What the
    probes themselves have wrong is not in. Raises BadCodes, and TooFewPoints for no codes or an empty group.
    """
    codes, direction = _finite(codes), np.asarray(direction, np.float64)
    if direction.shape != codes.shape[1:] or not np.isfinite(direction).all() or not np.isfinite(size):
        raise BadCodes(
            f"a direction is expected as ({codes.shape[1]},) finite numbers, got {direction.shape}"
        )
    if boots < 1:
        raise BadCodes("an interval needs at least one resample")
    if not probes or not len(codes):
        if len(codes):
            return []
        raise TooFewPoints("a change needs codes to be measured on; there are none")
    rng = np.random.default_rng(seed)
    rows = codes
    if len(rows) > MOST_IMAGES:
        rows = codes[np.sort(rng.choice(len(codes), MOST_IMAGES, replace=False))]
    masks = None
    if groups is not None:
        masks = _group(groups[0], len(codes), "first"), _group(groups[1], len(codes), "second")
    draws = _draw(rows, codes, size * direction, masks, boots, rng, probes)
    found = [_leak(name, probe, rows, draws) for name, probe in probes.items()]
    return sorted(found, key=lambda leak: -abs(leak.change))


@dataclass(frozen=True)
class _Draws:
    """The step (D,) and its resamples: of the images, shares (boots, N) of how often each is drawn; of the groups,
    steps (boots, D), None where they are not resampled; by_chance (boots, D) between groups dealt at random.
    """

    step: np.ndarray
    shares: np.ndarray
    steps: np.ndarray | None
    by_chance: np.ndarray | None


def _draw(
    rows: np.ndarray, codes: np.ndarray, step: np.ndarray, masks: tuple[np.ndarray, np.ndarray] | None, boots: int,
    rng: np.random.Generator, probes: dict[str, Probe],
) -> _Draws:  # fmt: skip
    steps = None if masks is None else _resampled(codes, step, masks, boots, rng)
    # how often each image is in each resample, (boots, N), over N
    shares = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), boots) / len(rows)
    several = any(len(probe.names) > 2 for probe in probes.values())
    by_chance = _dealt(codes, step, masks, boots, rng) if masks is not None and several else None
    return _Draws(step, shares, steps, by_chance)


def _leak(name: str, probe: Probe, rows: np.ndarray, draws: _Draws) -> Leakage:
    """What one probe reads of the step in codes (N, D), with its interval: see `leakage`."""
    logits = probe.logits(rows)
    changes = _change(logits, probe.weights @ draws.step)
    mean = float(changes.mean())
    if draws.steps is None:
        means = draws.shares @ changes
    else:
        pairs = zip(draws.shares, draws.steps, strict=True)
        means = np.array([share @ _change(logits, probe.weights @ step) for share, step in pairs])
    low, high = np.quantile(means, (0.025, 0.975))
    if draws.by_chance is not None and len(probe.names) > 2:
        by_chance = [_change(logits, probe.weights @ step).mean() for step in draws.by_chance]
        sure = mean > np.quantile(by_chance, 0.95)
        low, high = (min(mean, max(0.0, 2 * mean - high)) if sure else 0.0), max(mean, 2 * mean - low)
    return Leakage(name, mean, float(low), float(high))


def _change(logits: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """What `leakage` calls the change in one image: logits (N, K), shift (K,) -> (N,)."""
    change = softmax(logits + shift) - softmax(logits)
    size: np.ndarray = change[:, 1] if change.shape[1] == 2 else np.abs(change).sum(1) / 2
    return size


def _resampled(
    codes: np.ndarray, direction: np.ndarray, masks: tuple[np.ndarray, np.ndarray], boots: int, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """The direction as resamples of its two groups give it, (boots, D); each group keeps its size."""
    means = []
    for mask in masks:
        count = int(mask.sum())
        means.append(rng.multinomial(count, np.full(count, 1 / count), boots) / count @ codes[mask])
    found: np.ndarray = _factor(codes, direction, masks) * (means[0] - means[1])
    return found


def _dealt(
    codes: np.ndarray, direction: np.ndarray, masks: tuple[np.ndarray, np.ndarray], deals: int, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """Directions between groups of the same sizes, dealt at random from the images of both, (deals, D)."""
    images = np.concatenate([codes[mask] for mask in masks])
    count, total = int(masks[0].sum()), images.sum(0)
    first = np.stack([images[rng.permutation(len(images))[:count]].sum(0) for _ in range(deals)])
    found: np.ndarray = _factor(codes, direction, masks) * (
        first / count - (total - first) / (len(images) - count)
    )
    return found


def _factor(codes: np.ndarray, direction: np.ndarray, masks: tuple[np.ndarray, np.ndarray]) -> float:
    """The caller's direction, over the difference of the groups' means."""
    plain = codes[masks[0]].mean(0) - codes[masks[1]].mean(0)
    return float(direction @ plain / max(plain @ plain, 1e-300))


def _finite(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not np.isfinite(codes).all():
        raise BadCodes(f"codes are expected as finite numbers (N, D), got {codes.dtype} {codes.shape}")
    return codes


def _group(mask: np.ndarray, count: int, name: str) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.shape != (count,) or mask.dtype != bool:
        raise BadCodes(f"the {name} group is expected as {count} truth values, got {mask.dtype} {mask.shape}")
    if not mask.any():
        raise TooFewPoints(f"the {name} group has no image: choose groups that both have some")
    return mask
