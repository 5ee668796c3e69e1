"""What a sweep over β says: the rate-distortion curve, which dimensions live, which of them are the same, in words.

Pure functions of the runs' numbers. A β may have several runs, one per seed: their mean is a curve's point, their
least and most its band.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints

ALIKE = 0.05  # nats: less than what is printed
LEAST_SPAN = 1.0  # nats between best and worst distortion, below which nothing suffers
LEAST_BEND = 0.1  # of the curve's height, below which a line bends nowhere
LEAST_CORRELATION = 0.2  # |r| below which two dimensions have nothing in common, if either has another place
SHARPNESS = (
    "variance over the pixels of the Laplacian (4 neighbours, borders left out, colours averaged), mean over images, "
    "of decoded prior samples divided by that of real images: 1 is as sharp as they are"
)


@dataclass(frozen=True)
class Numbers:
    """One run of a sweep, evaluated. distortion, rate in nats per image, kl (D,) nats, active (D,) bool.

    sharpness: see SHARPNESS, None where it is not known; scores: name -> value.
    """

    beta: float
    seed: int
    distortion: float
    rate: float
    kl: np.ndarray
    active: np.ndarray
    sharpness: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """-ELBO, nats per image: distortion + rate, whatever β weighed it."""
        return self.distortion + self.rate


# ---------------------------------------------------------------- the curve


@dataclass(frozen=True)
class Band:
    """A number per β, over its seeds: mean, low (least) and high (most), (B,); NaN where none is known. count (B,)."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """(B,) bool."""
        return self.count > 0


@dataclass(frozen=True)
class Curve:
    """A sweep by ascending β, (B,) each. total: -ELBO; active: number of active dimensions.

    odd (B,): points that break what an optimum cannot break, see `out_of_order`.
    """

    betas: np.ndarray
    distortion: Band
    rate: Band
    total: Band
    active: Band
    sharpness: Band
    scores: dict[str, Band]
    odd: np.ndarray

    def __len__(self) -> int:
        return len(self.betas)


def curve_of(numbers: Iterable[Numbers]) -> Curve:
    """The curve of evaluated runs, in any order; none make an empty one. Raises BadCodes for a number that is none."""
    runs = sorted(numbers, key=lambda n: (n.beta, n.seed))
    for run in runs:
        if not all(map(math.isfinite, (run.beta, run.distortion, run.rate))):
            raise BadCodes(f"β {run.beta:g}, seed {run.seed}: distortion and rate must be finite numbers")
    betas = np.unique(np.array([run.beta for run in runs], np.float64))
    names = dict.fromkeys(name for run in runs for name in run.scores)

    def band(number: Callable[[Numbers], float | None]) -> Band:
        return _band(betas, [(run.beta, number(run)) for run in runs])

    distortion, rate = band(lambda n: n.distortion), band(lambda n: n.rate)
    return Curve(
        betas=betas,
        distortion=distortion,
        rate=rate,
        total=band(lambda n: n.total),
        active=band(lambda n: float(n.active.sum())),
        sharpness=band(lambda n: n.sharpness),
        scores={name: band(lambda n, name=name: n.scores.get(name)) for name in names},  # type: ignore[misc]
        odd=out_of_order(distortion, rate),
    )


def _band(betas: np.ndarray, pairs: Sequence[tuple[float, float | None]]) -> Band:
    rows = [[v for b, v in pairs if b == beta and v is not None and math.isfinite(v)] for beta in betas]

    def each(f: Callable[[list[float]], float]) -> np.ndarray:
        return np.array([f(row) if row else math.nan for row in rows], np.float64)

    return Band(
        each(lambda r: sum(r) / len(r)), each(min), each(max), np.array([len(r) for r in rows], np.int64)
    )


def out_of_order(distortion: Band, rate: Band) -> np.ndarray:
    """Points (B,) bool that no optimum explains: with β, rate must not rise and distortion must not fall.

    Of min D + β R: for a < b, D_a + a R_a <= D_b + a R_b and D_b + b R_b <= D_a + b R_a add up to R_a >= R_b, whence
    D_a <= D_b. So a point off that order was not trained to its optimum. The fewest points are named whose removal
    leaves the rest in order; bands of seeds that overlap, or differ by under 0.05 nats, are in order.
    """
    count = len(distortion.mean)

    def follows(a: int, b: int) -> bool:
        return bool(rate.low[b] <= rate.high[a] + ALIKE and distortion.high[b] >= distortion.low[a] - ALIKE)

    # the longest chain in which each follows every one before it; overlap is not transitive, so all are asked
    chains: list[list[int]] = []
    for b in range(count):
        before = [c for c in chains if all(follows(a, b) for a in c)]
        partial = [[a for a in c if follows(a, b)] for c in chains if c not in before]
        chains.append([*max([*before, *partial, []], key=len), b])
    kept = max(chains, key=len, default=[])
    odd = np.ones(count, bool)
    odd[kept] = False
    return odd


@dataclass(frozen=True)
class Tangent:
    """The line distortion + rate = total that touches the curve: total is the least -ELBO, at `beta`'s point."""

    total: float
    beta: float
    rate: float
    distortion: float

    def line(self, rates: np.ndarray) -> np.ndarray:
        """Distortions on the line at rates (R,), (R,) nats."""
        return self.total - np.asarray(rates, np.float64)


def tangent(curve: Curve) -> Tangent:
    """The ELBO's tangent: slope -1, as at β = 1. Alemi et al. 2018, "Fixing a Broken ELBO", fig. 1.

    Raises TooFewPoints for a curve without points.
    """
    if not len(curve):
        raise TooFewPoints("a tangent needs a curve; no run of this sweep has been evaluated")
    i = int(np.argmin(curve.total.mean))
    return Tangent(
        float(curve.total.mean[i]),
        float(curve.betas[i]),
        float(curve.rate.mean[i]),
        float(curve.distortion.mean[i]),
    )


def kl_over_beta(numbers: Iterable[Numbers]) -> tuple[np.ndarray, np.ndarray]:
    """(βs ascending (B,), KL per dimension (B, D) nats): a row sorted from most to least used, mean over its seeds.

    Sorted, since the dimensions of two runs are not the same ones (see `align`). Raises BadCodes when runs have
    different numbers of dimensions.
    """
    runs = list(numbers)
    if len({run.kl.shape for run in runs}) > 1:
        raise BadCodes("the runs of one sweep have one number of latent dimensions; these have several")
    betas = sorted({run.beta for run in runs})
    rows = [np.mean([np.sort(run.kl)[::-1] for run in runs if run.beta == beta], 0) for beta in betas]
    return np.array(betas), np.array(rows, np.float64) if rows else np.zeros((0, 0))


# ---------------------------------------------------------------- sharpness


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
    """Of decoded prior samples (N, C, H, W) beside real images (M, C, H, W), both in [0, 1]: see SHARPNESS.

    None where the real images are flat.
    """
    of_real = laplacian_variance(real)
    return laplacian_variance(samples) / of_real if of_real > 0 else None


# ---------------------------------------------------------------- which dimension is which


@dataclass(frozen=True)
class Alignment:
    """Rows that follow one factor through B models of D dimensions; all (B, D).

    dims: the model's dimension in a row; sign: +1, or -1 where it runs the other way; collapsed: it is not active, and
    nothing is matched; agreement: |correlation| with the row's last active dimension nearer the reference, NaN for the
    reference itself, for what is collapsed and for a dimension that begins a row.
    Rows active in the reference come first, in its order of use; then those others begin; collapsed ones last.
    """

    reference: int
    dims: np.ndarray
    sign: np.ndarray
    collapsed: np.ndarray
    agreement: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows in which any model is active."""
        return int((~self.collapsed).any(0).sum())


def align(
    codes: Sequence[np.ndarray], active: Sequence[np.ndarray], *, reference: int | None = None
) -> Alignment:
    """Match the latent dimensions of models by the codes (N, D) they give the same N images.

    `active` holds a bool (D,) per model; the models stand in order of β. From the reference (the one of most active
    dimensions unless given) outward each is matched to its neighbour: the assignment of most |correlation| in all
    (Kuhn 1955; Crouse 2016). A row whose dimension collapses is remembered, so that one that comes back finds it. A
    dimension that correlates below 0.2 with its row begins another, as long as there are empty ones. Raises BadCodes
    for shapes that do not fit or codes that are not finite, TooFewPoints below three images or without a model.
    """
    z, alive = _checked(codes, active)
    models, dim = len(z), z[0].shape[1]
    if reference is None:
        reference = int(np.argmax([a.sum() for a in alive]))
    if not 0 <= reference < models:
        raise BadCodes(f"there is no model {reference} to refer to; there are {models}, counted from 0")
    dims = np.zeros((models, dim), np.int64)
    sign, agreement = np.ones((models, dim)), np.full((models, dim), np.nan)
    collapsed = np.ones((models, dim), bool)

    spread = np.where(alive[reference], np.asarray(codes[reference], np.float64).var(0), -1)
    order = np.argsort(-spread, kind="stable")
    first = int(alive[reference].sum())
    dims[reference], collapsed[reference, :first] = order, False
    begun: dict[int, np.ndarray] = {row: z[reference][:, order[row]] for row in range(first)}
    for path in (range(reference - 1, -1, -1), range(reference + 1, models)):
        carried = dict(begun)  # row -> its last active dimension, standardised and turned as the row runs
        for m in path:
            mine = np.flatnonzero(alive[m])
            rows = _assign(z[m][:, mine], carried, dim)
            for d, row in zip(mine, rows, strict=True):
                column = z[m][:, d]
                if row in carried:
                    r = float(column @ carried[row]) / len(column)
                    sign[m, row], agreement[m, row] = (-1.0 if r < 0 else 1.0), min(1.0, abs(r))
                dims[m, row], collapsed[m, row] = d, False
                carried[row] = sign[m, row] * column
                begun.setdefault(row, carried[row])
            dims[m, collapsed[m]] = np.flatnonzero(~alive[m])
    return Alignment(reference, dims, sign, collapsed, agreement)


def _assign(mine: np.ndarray, carried: Mapping[int, np.ndarray], dim: int) -> list[int]:
    """A row for each standardised column of `mine` (N, K): a carried one that correlates, else an empty one."""
    from scipy.optimize import linear_sum_assignment

    empty = [row for row in range(dim) if row not in carried]
    rows = [-1] * mine.shape[1]
    if carried and mine.shape[1]:
        taken = list(carried)
        r = np.abs(mine.T @ np.stack([carried[row] for row in taken], 1)) / len(mine)
        for k, t in zip(*linear_sum_assignment(r, maximize=True), strict=True):
            if r[k, t] >= LEAST_CORRELATION:
                rows[k] = taken[t]
        # what correlates with nothing takes an empty row, and where those run out one that nobody took
        free = empty + [row for row in taken if row not in rows]
    else:
        free = empty
    rest = iter(free)
    return [row if row >= 0 else next(rest) for row in rows]


def _checked(
    codes: Sequence[np.ndarray], active: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Standardised codes (N, D), zero where they do not vary, and active (D,) per model."""
    if not codes:
        raise TooFewPoints("there is no model to align")
    z = [np.asarray(c, np.float64) for c in codes]
    alive = [np.asarray(a, bool) for a in active]
    if any(c.ndim != 2 or c.shape != z[0].shape for c in z):
        raise BadCodes(f"codes of the same images are expected as (N, D) each, got {[c.shape for c in z]}")
    if len(alive) != len(z) or any(a.shape != z[0].shape[1:] for a in alive):
        raise BadCodes(
            f"which dimensions are active is expected as (D,) per model, got {[a.shape for a in alive]}"
        )
    if len(z[0]) < 3:
        raise TooFewPoints(f"a correlation needs the codes of three images or more, got {len(z[0])}")
    if not all(np.isfinite(c).all() for c in z):
        raise BadCodes("codes must be finite numbers")
    centred = [c - c.mean(0) for c in z]
    spread = [c.std(0) for c in z]
    # rounding of a constant is no variation
    alive = [a & (s > 1e-12 * (1 + np.abs(c).max(0))) for a, s, c in zip(alive, spread, z, strict=True)]
    return [c / np.where(a, s, 1) * a for c, s, a in zip(centred, spread, alive, strict=True)], alive


# ---------------------------------------------------------------- in words


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
    waiting: int = 0,
    apart: Sequence[str] = (),
) -> Reading:
    """Put a curve into words. `score` names one of its scores, `title` is how to call it; `waiting` runs are yet to be
    in it, and `apart` are sentences on those that will not be.

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
        best, about_score = _best_score(curve, score, title or score)
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
    told = f"ELBO {_signed(-total.mean[i])} nats"
    if len(best) == len(curve):
        return best, f"Every β does equally well by the ELBO ({told})."
    text = f"{named(best)} {'gives' if len(best) == 1 else 'give'} the best {told}"
    near = [j for j in range(len(curve)) if j not in alike and total.low[j] <= total.high[i]]
    if near:
        text += (
            f"; {named(curve.betas[near])} {'lies' if len(near) == 1 else 'lie'} within the spread of seeds"
        )
    if (alike[0] == 0) != (alike[-1] == len(curve) - 1):
        side = "smaller" if alike[0] == 0 else "larger"
        text += f"; at the end of the range, a {side} β may do better still"
    return best, text + "."


def _best_score(curve: Curve, score: str, title: str) -> tuple[tuple[float, ...], str]:
    band = curve.scores.get(score)
    if band is None or not band.known.any():
        return (), f"{title} is not known for these runs."
    most = float(np.nanmax(band.mean))
    best = tuple(curve.betas[band.mean >= most - 0.0005].tolist())
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
