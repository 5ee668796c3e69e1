"""A sweep's curve in sentences: where dimensions collapse, where reconstruction suffers, which β is best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.evaluation.curve_shape import Shape, shape_of, with_equals
from vae_core.evaluation.rate_distortion import ALIKE, Band, Curve
from vae_core.words import counted, listed, mean_count, one_decimal, span

LEAST_SPAN = 1.0  # nats between best and worst distortion, below which nothing suffers
LEAST_DIMENSIONS = 0.5  # active dimensions, mean over seeds, below which their number does not change
LEAST_BEND = 0.1  # of the curve's height, below which a line bends nowhere


@dataclass(frozen=True)
class Reading:
    """What a curve shows, as values of β (None or empty where it does not), and `text` that says it.

    collapse: from the first of the pair to the second most active dimensions are lost; dead: the least β from which
    on every dimension has collapsed; knee: the last β before reconstruction suffers; elbo and score: the βs that do
    best, several when they are alike.
    """

    text: str
    collapse: tuple[float, float] | None = None
    dead: float | None = None
    knee: float | None = None
    elbo: tuple[float, ...] = ()
    score: tuple[float, ...] = ()


def read(
    curve: Curve,
    *,
    latent_dim: int,
    score: str = "",
    title: str = "",
    higher_is_better: bool = True,
    waiting: int = 0,
    apart: Sequence[str] = (),
) -> Reading:
    """Put a curve into words. `score` names one of its scores, `title` is how to call it; `waiting` runs are
    yet to be in it, and `apart` are sentences on those that will not be.

    The knee is where distortion over log β, both scaled to 0 ... 1, lies farthest under the line between its ends
    (Satopää et al. 2011, "Finding a Kneedle in a Haystack"), if that is a tenth or more.
    """
    missing = (
        f" {counted(waiting, 'run')} still {'has' if waiting == 1 else 'have'} to finish." if waiting else ""
    ) + "".join(f" {sentence}" for sentence in apart)
    if len(curve) < 2:
        text = "One β does not make a curve yet." if len(curve) else "No run of this sweep has finished yet."
        return Reading(text + missing, elbo=tuple(curve.betas.tolist()))
    collapse, dead, about_dims = _collapse(curve, latent_dim)
    knee, about_distortion = _knee(curve)
    elbo, about_elbo = _best_elbo(curve)
    sentences = [about_dims, about_distortion, about_elbo]
    best: tuple[float, ...] = ()
    if score:
        best, about_score = _best_score(curve, score, title or score, higher_is_better)
        sentences.append(about_score)
    if curve.odd.any():
        odd = curve.betas[curve.odd]
        sentences.append(
            f"{named(odd)} {'lies' if len(odd) == 1 else 'lie'} off the order that fully trained runs would have "
            "(less rate and more distortion with every β): longer training or more seeds would tell."
        )
    return Reading(" ".join(sentences) + missing, collapse, dead, knee, elbo, best)


def _collapse(curve: Curve, latent_dim: int) -> tuple[tuple[float, float] | None, float | None, str]:
    active, betas = curve.active, curve.betas
    gone = active.high < 0.5  # in every seed
    if gone.all():
        return None, float(betas[0]), "Every dimension has collapsed at every β: the code carries nothing."
    dead, nothing = None, ""
    if gone[-1]:
        dead = float(betas[len(betas) - int(np.argmin(gone[::-1]))])
        where = f"from β {dead:g} on" if dead < betas[-1] else f"at β {dead:g}"
        nothing = f"; {where} the code carries nothing"
    words = [mean_count(v) for v in active.mean]
    shape = shape_of(active, LEAST_DIMENSIONS)
    if not shape.turns:
        return None, dead, _level(active, words, latent_dim) + nothing + "."
    turns = with_equals(words, shape.turns)
    text = f"Active dimensions {_moves(turns, shape, words, betas, f' of {latent_dim}')}"
    falls = active.mean[:-1] - active.mean[1:]
    falling = [
        i
        for start, end, step in zip(turns[:-1], turns[1:], shape.step, strict=True)
        for i in range(start, end)
        if step < 0
    ]
    if not falling:
        return None, dead, text + nothing + "."
    i = max(falling, key=falls.__getitem__)
    pair = (float(betas[i]), float(betas[i + 1]))
    if len(betas) > 2:
        same = sum(bool(falls[j] > falls[i] - LEAST_DIMENSIONS) for j in falling) > 1
        fall = "" if shape.falls else " falling"
        text += (
            f",{fall} {'nowhere faster than' if same else 'fastest'} between β {pair[0]:g} and {pair[1]:g}"
        )
    return pair, dead, text + nothing + "."


def _level(active: Band, words: list[str], latent_dim: int) -> str:
    """Active dimensions where their number neither rises nor falls."""
    if len(set(words)) == 1:
        if words[0] == str(latent_dim):
            everyone = f"all {latent_dim} are" if latent_dim > 1 else "the one there is is"
            return f"No dimension collapses: {everyone} active at every β"
        verb = "is" if words[0] == "1" else "are"
        return f"{words[0]} of {latent_dim} dimensions {verb} active at every β"
    least, most = float(active.mean.min()), float(active.mean.max())
    chance = ", no more apart than seeds alone make them" if most - least >= LEAST_DIMENSIONS else ""
    return f"Between {mean_count(least)} and {mean_count(most)} of {latent_dim} dimensions are active at every β{chance}"


def _moves(turns: tuple[int, ...], shape: Shape, words: list[str], betas: np.ndarray, of: str) -> str:
    """Rise from 2 of 10 at β 0.5 to 8 at β 1, then fall to 1 at β 4; with more turns, the extremes."""
    first, last = turns[0], turns[-1]
    ways = ["rise" if step > 0 else "fall" for step in shape.step]
    text = f"{ways[0]} from {words[first]}{of} at β {betas[first]:g} to {words[turns[1]]} at β {betas[turns[1]]:g}"
    if len(ways) == 1:
        return text
    if len(ways) == 2:
        return f"{text}, then {ways[1]} to {words[last]} at β {betas[last]:g}"
    values = [float(words[i]) for i in turns]
    low, high = turns[int(np.argmin(values))], turns[int(np.argmax(values))]
    return (
        f"go up and down, from {words[first]}{of} at β {betas[first]:g} to {words[last]} at β {betas[last]:g}: "
        f"most at β {betas[high]:g} ({words[high]}), fewest at β {betas[low]:g} ({words[low]})"
    )


def _knee(curve: Curve) -> tuple[float | None, str]:
    some = curve.betas > 0  # log β
    whole, betas = curve.distortion, curve.betas[some]
    band = Band(whole.mean[some], whole.low[some], whole.high[some], whole.count[some])
    distortion = band.mean
    if len(betas) < 2:
        return None, "One β above 0 does not show where reconstruction suffers."
    shape = shape_of(band, LEAST_SPAN)
    if not shape.turns:
        width = float(distortion.max() - distortion.min())
        if width < LEAST_SPAN:
            return None, f"Reconstruction hardly changes: distortion stays within {span(width)} nats."
        return None, (
            f"Reconstruction changes no more than by the chance of seeds: distortion stays within {span(width)} nats."
        )
    turns = with_equals([one_decimal(v) for v in distortion], shape.turns)
    at = [f"{betas[i]:g}" for i in turns]
    fell = f"by {span(-shape.step[0])} nats from β {at[0]} to {at[1]}"
    if shape.falls:
        return None, f"Reconstruction does not suffer from a larger β here: distortion falls {fell}."
    if shape.rises:
        return _bend(betas, distortion, turns[0], turns[1])
    if len(shape.step) == 2 and shape.step[0] < 0:
        knee, text = _bend(betas, distortion, turns[1], turns[2])
        return knee, f"Distortion first falls {fell}. {text}"
    if len(shape.step) == 2:
        return None, (
            f"Reconstruction is worst at β {at[1]}: distortion rises by {span(shape.step[0])} nats from β {at[0]} on, "
            f"then falls by {span(-shape.step[1])} to β {at[2]}."
        )
    low, high = min(turns, key=distortion.__getitem__), max(turns, key=distortion.__getitem__)
    return None, (
        f"Distortion goes up and down, between {one_decimal(distortion[low])} nats at β {betas[low]:g} and "
        f"{one_decimal(distortion[high])} at β {betas[high]:g}: no single β from which on reconstruction suffers."
    )


def _bend(betas: np.ndarray, distortion: np.ndarray, start: int, end: int) -> tuple[float | None, str]:
    """The knee of a rise from point `start` to `end`, and the rise in words."""
    part = slice(start, end + 1)
    x, d, b = np.log(betas[part]), distortion[part], betas[part]
    rise = float(d[-1] - d[0])
    ends = f"distortion rises by {span(rise)} nats from β {b[0]:g} to {b[-1]:g}"
    if len(b) == 2:
        return None, f"Reconstruction suffers: {ends} (two values show no knee)."
    under = (x - x[0]) / (x[-1] - x[0]) - (d - d[0]) / rise
    i = int(np.argmax(under))
    if under[i] >= LEAST_BEND:
        lost = max(0.0, float(d[i] - d[0]))
        before = f"of which {span(lost)} come before" if lost else "none of it before"
        return float(b[i]), f"Reconstruction starts to suffer beyond β {b[i]:g}: {ends}, {before}."
    if -under.min() >= LEAST_BEND:
        first = "the smallest β" if start == 0 else f"β {b[0]:g}"
        return None, f"Reconstruction suffers from {first} on: {ends}, faster at first than later."
    return None, f"Reconstruction suffers steadily, without a knee: {ends}."


def _best_elbo(curve: Curve) -> tuple[tuple[float, ...], str]:
    total = curve.total
    i = int(np.argmin(total.mean))
    alike = np.flatnonzero(total.mean <= total.mean[i] + ALIKE)
    best = tuple(curve.betas[alike].tolist())
    value = f"ELBO {one_decimal(-float(total.mean[i]))} nats"
    if len(best) == len(curve):
        return best, f"Every β does equally well by the ELBO ({value})."
    text = f"{named(best)} {'gives' if len(best) == 1 else 'give'} the best {value}"
    text += _as_good(curve.betas, [j for j in range(len(curve)) if j not in alike and total.low[j] <= total.high[i]])  # fmt: skip
    at_start, at_end = alike[0] == 0 and curve.betas[0] > 0, alike[-1] == len(curve) - 1
    if at_start != at_end:
        side = "smaller" if at_start else "larger"
        text += f"; at the end of the range, a {side} β may do better still"
    return best, text + "."


def _as_good(betas: np.ndarray, near: list[int]) -> str:
    if not near:
        return ""
    return f"; {named(betas[near])} {'lies' if len(near) == 1 else 'lie'} within the spread of seeds"


def _best_score(
    curve: Curve, score: str, title: str, higher_is_better: bool
) -> tuple[tuple[float, ...], str]:
    band = curve.scores.get(score)
    if band is None or not band.known.any():
        return (), f"{title} is not known for these runs."
    sign = 1.0 if higher_is_better else -1.0
    i = int(np.nanargmax(sign * band.mean))
    most = f"{band.mean[i] + 0.0:.3f}"
    alike = np.abs(band.mean - band.mean[i]) <= 0.0005
    best = tuple(curve.betas[alike].tolist())
    known = int(band.known.sum())
    if known > 1 and len(best) == known:
        text = f"{title} is the same at every β ({most})"
    else:
        text = f"{title} is best at {named(best)} ({most})"
        near = band.known & ~alike & (band.high >= band.low[i]) & (band.low <= band.high[i])
        text += _as_good(curve.betas, [int(j) for j in np.flatnonzero(near)])
    return best, text + (
        f", of the {known} of {len(curve)} βs for which it is known." if known < len(curve) else "."
    )


def named(values: Iterable[float]) -> str:
    """β 1, 2 and 4."""
    return f"β {listed(f'{v:g}' for v in values)}"
