"""A sweep's curve in sentences: where dimensions collapse, where reconstruction suffers, which β is best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.evaluation.rate_distortion import ALIKE, Curve

LEAST_SPAN = 1.0  # nats between best and worst distortion, below which nothing suffers
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
        f" {_count(waiting, 'run')} still {'has' if waiting == 1 else 'have'} to finish." if waiting else ""
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
    active, betas = curve.active.mean, curve.betas
    gone = active < 0.5
    dead = None
    if gone[-1]:
        dead = float(betas[len(betas) - int(np.argmin(gone[::-1])) if not gone.all() else 0])
    if gone.all():
        return None, dead, "Every dimension has collapsed at every β: the code carries nothing."
    falls = active[:-1] - active[1:]
    i = int(np.argmax(falls))
    if falls[i] < 0.5:
        if round(active.max()) == round(active.min()):
            kept = (
                f"all {latent_dim}" if round(active[0]) == latent_dim else f"{active[0]:.0f} of {latent_dim}"
            )
            return None, dead, f"No dimension collapses: {kept} are active at every β."
        return (
            None,
            dead,
            f"Active dimensions rise from {active[0]:.0f} to {active[-1]:.0f} of {latent_dim} with β.",
        )
    pair = (float(betas[i]), float(betas[i + 1]))
    ends = f"from {active[0]:.0f} of {latent_dim} at β {betas[0]:g} to {active[-1]:.0f} at β {betas[-1]:g}"
    if active[0] - active[-1] < 0.5:
        ends = f"between {active.max():.0f} and {active.min():.0f} of {latent_dim}"
        text = f"Active dimensions go up and down {ends}"
    else:
        text = f"Active dimensions fall {ends}"
    if len(betas) > 2:
        same = int((falls > falls[i] - 0.5).sum()) > 1
        text += f", {'nowhere faster than' if same else 'fastest'} between β {pair[0]:g} and {pair[1]:g}"
    if dead is not None:
        text += (
            f"; from β {dead:g} on the code carries nothing"
            if dead < betas[-1]
            else "; there the code carries nothing"
        )
    return pair, dead, text + "."


def _knee(curve: Curve) -> tuple[float | None, str]:
    some = curve.betas > 0  # log β
    distortion, betas = curve.distortion.mean[some], curve.betas[some]
    if len(betas) < 2:
        return None, "One β above 0 does not show where reconstruction suffers."
    x = np.log(betas)
    span = float(distortion.max() - distortion.min())
    if span < LEAST_SPAN:
        return None, f"Reconstruction hardly changes: distortion stays within {span:.1f} nats."
    rise = float(distortion[-1] - distortion[0])
    if rise < LEAST_SPAN:
        return None, "Reconstruction does not suffer from a larger β here."
    ends = f"distortion rises by {rise:.1f} nats from β {betas[0]:g} to {betas[-1]:g}"
    if len(betas) == 2:
        return None, f"Reconstruction suffers: {ends} (two values show no knee)."
    across = (x - x[0]) / (x[-1] - x[0])
    under = across - (distortion - distortion[0]) / rise
    i = int(np.argmax(under))
    if under[i] >= LEAST_BEND:
        lost = distortion[i] - distortion[0]
        return float(betas[i]), (
            f"Reconstruction starts to suffer beyond β {betas[i]:g}: {ends}, of which {max(0.0, lost):.1f} "
            "come before."
        )
    if -under.min() >= LEAST_BEND:
        return None, f"Reconstruction suffers from the smallest β on: {ends}, most of it at first."
    return None, f"Reconstruction suffers steadily, without a knee: {ends}."


def _best_elbo(curve: Curve) -> tuple[tuple[float, ...], str]:
    total = curve.total
    i = int(np.argmin(total.mean))
    alike = np.flatnonzero(total.mean <= total.mean[i] + ALIKE)
    best = tuple(curve.betas[alike].tolist())
    value = f"ELBO {_signed(-total.mean[i])} nats"
    if len(best) == len(curve):
        return best, f"Every β does equally well by the ELBO ({value})."
    text = f"{named(best)} {'gives' if len(best) == 1 else 'give'} the best {value}"
    near = [j for j in range(len(curve)) if j not in alike and total.low[j] <= total.high[i]]
    if near:
        text += (
            f"; {named(curve.betas[near])} {'lies' if len(near) == 1 else 'lie'} within the spread of seeds"
        )
    if (alike[0] == 0) != (alike[-1] == len(curve) - 1):
        side = "smaller" if alike[0] == 0 else "larger"
        text += f"; at the end of the range, a {side} β may do better still"
    return best, text + "."


def _best_score(
    curve: Curve, score: str, title: str, higher_is_better: bool
) -> tuple[tuple[float, ...], str]:
    band = curve.scores.get(score)
    if band is None or not band.known.any():
        return (), f"{title} is not known for these runs."
    most = float(np.nanmax(band.mean) if higher_is_better else np.nanmin(band.mean))
    alike = np.abs(band.mean - most) <= 0.0005
    best = tuple(curve.betas[alike].tolist())
    known = int(band.known.sum())
    if known > 1 and len(best) == known:
        text = f"{title} is the same at every β ({most:.3f})"
    else:
        text = f"{title} is best at {named(best)} ({most:.3f})"
    return best, text + (
        f", of the {known} of {len(curve)} βs for which it is known." if known < len(curve) else "."
    )


def named(values: Iterable[float]) -> str:
    """β 1, 2 and 4."""
    words = [f"{v:g}" for v in values]
    return f"β {words[0]}" if len(words) == 1 else f"β {', '.join(words[:-1])} and {words[-1]}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")
