"""What the numbers of denoising say, computed from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vae_core.objectives.noises import Noise
from vae_core.uses.denoise_filters import BRIGHTENED, GAIN, NOISY
from vae_core.uses.found import Row, best
from vae_core.words import counted

if TYPE_CHECKING:
    from vae_core.config import ObjectiveConfig
    from vae_core.uses.components import Components


def sentences(
    rows: Sequence[Row], noise: Noise, levels: Sequence[float], parts: Components, count: int, own: ObjectiveConfig, *,
    ours: Sequence[str], dims: int, samples: int,
) -> list[str]:  # fmt: skip
    """Who wins where; a VAE's loss is said as plainly as its gain. `dims` were asked of PCA, `samples` averaged, `count` images tested."""
    mean, *between, trained = ours
    found = [of_method(rows, noise, levels, trained, "The VAE trained to denoise")]
    found += _of_line(rows, noise, levels, trained)
    kind = "a VAE" if between else "an autoencoder"
    who = "This run's posterior mean" if between else "This run's reconstruction"
    who += ", of noisy images as it was trained on," if own.denoises else f", of {kind} that never saw noise,"
    found.append(of_method(rows, noise, levels, mean, who))
    if between:
        found.append(_of_samples(rows, noise, levels, mean, between[0], samples))
    else:
        found.append("An autoencoder has no posterior, so no samples of it are averaged.")
    if len(parts.axes) < dims:
        found.append(
            f"PCA has {counted(len(parts.axes), 'component')} and not {dims}: the training images differ in no more."
        )
    found.append(
        f"{counted(count, 'test image')}; noisy images are clipped to a pixel's range and rounded, as a file is. Filters know the "
        "level: their settings are the best on validation images with the same noise. The VAE trained to denoise does not."
    )
    return found


def of_method(rows: Sequence[Row], noise: Noise, levels: Sequence[float], method: str, who: str) -> str:
    """Over which levels a method beats the best baseline, and by how much, image by image."""
    gains = [(level, row) for level in levels if (row := _row(rows, GAIN, method, noise, level)) is not None]
    wins = [(level, row) for level, row in gains if row.low is not None and row.low > 0]
    losses = [(level, row) for level, row in gains if row.high is not None and row.high < 0]
    parts = []
    if wins:
        parts.append(f"beats the best baseline {_where(noise, wins, levels)}, by {_span(wins)}")
    if losses:
        names = {_best_baseline(rows, noise, level) for level, _ in losses}
        to = names.pop() if len(names) == 1 else "the best baseline"
        parts.append(f"loses to {to} {_where(noise, losses, levels)}, by {_span(losses)}")
    if len(wins) + len(losses) < len(gains):
        rest = [pair for pair in gains if pair not in wins and pair not in losses]
        parts.append(f"is level with it {_where(noise, rest, levels)}")
    return f"{who} {', and '.join(parts)}." if parts else f"{who} could not be compared."


def _of_samples(
    rows: Sequence[Row], noise: Noise, levels: Sequence[float], mean: str, samples: str, count: int
) -> str:
    differences = [
        float(a.value) - float(b.value)
        for level in levels
        if (a := _row(rows, "PSNR", samples, noise, level)) is not None and a.value is not None
        and (b := _row(rows, "PSNR", mean, noise, level)) is not None and b.value is not None
    ]  # fmt: skip
    low, high = min(differences), max(differences)
    return f"Averaging the pictures of {count} posterior samples changes the posterior mean's PSNR by {low:+.1f} to {high:+.1f} dB."


def _of_line(rows: Sequence[Row], noise: Noise, levels: Sequence[float], trained: str) -> list[str]:
    """Where the best filter with its brightness put right comes before the VAE trained to denoise."""
    ahead = []
    for level in levels:
        a, b = (_row(rows, "PSNR", name, noise, level) for name in (BRIGHTENED, trained))
        if (
            a is not None
            and b is not None
            and a.value is not None
            and b.value is not None
            and a.value > b.value
        ):
            ahead.append(level)
    if not ahead:
        return [
            "Not even the best filter with its brightness put right, by a line fitted on clean images, comes before it."
        ]
    said = ", ".join(f"{level:g}" for level in ahead)
    return [
        f"With its brightness put right, by a line fitted on clean images, the best filter comes before the VAE trained to denoise "
        f"at {noise.symbol} {said}."
    ]


def _where(noise: Noise, some: Sequence[tuple[float, Row]], levels: Sequence[float]) -> str:
    """ "at every level", "from σ 0.25 on", "up to σ 0.15" or the levels one by one."""
    which = [level for level, _ in some]
    if len(which) == len(levels):
        return "at every level"
    if len(which) > 1 and which == list(levels[-len(which) :]):
        return f"from {noise.symbol} {which[0]:g} on"
    if len(which) > 1 and which == list(levels[: len(which)]):
        return f"up to {noise.symbol} {which[-1]:g}"
    return f"at {noise.symbol} {', '.join(f'{level:g}' for level in which)}"


def _span(some: Sequence[tuple[float, Row]]) -> str:
    values = sorted(abs(float(row.value)) for _, row in some if row.value is not None)
    low, high = f"{values[0]:.1f}", f"{values[-1]:.1f}"
    return f"{low} dB" if low == high else f"{low} to {high} dB"


def _best_baseline(rows: Sequence[Row], noise: Noise, level: float) -> str:
    some = [
        r
        for r in rows
        if r.metric == "PSNR" and not r.ours and r.method != BRIGHTENED and r.at[noise.symbol] == level
    ]
    found = best(some)
    return (
        "the best baseline"
        if found is None
        else f"the {NOISY} itself"
        if found.method == NOISY
        else found.method
    )


def _row(rows: Sequence[Row], metric: str, method: str, noise: Noise, level: float) -> Row | None:
    return next(
        (r for r in rows if r.metric == metric and r.method == method and r.at.get(noise.symbol) == level),
        None,
    )
