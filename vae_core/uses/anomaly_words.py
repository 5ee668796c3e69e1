"""What the numbers of anomalies say, in sentences computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vae_core.uses.anomaly_case import BASELINES, BOUND, DEFAULT, ELBO, KL, PIXELS, REGRET, Case
from vae_core.uses.anomaly_curves import interval, mean_of
from vae_core.uses.anomaly_odd import of_what_sort
from vae_core.words import counted, listed

AUROC, PRECISION = "AUROC", "average precision"
LIKELIHOODS = (ELBO, BOUND)
SURE = 0.99  # AUROC of a score that hardly ever fails


def sentences(cases: Sequence[Case], simple: Case | None, stochastic: bool) -> list[str]:
    """The default against the baselines, which scores fail, what becomes of simple images, and what is missing."""
    if len(cases) == 1:
        areas, name = cases[0].areas, cases[0].name
    else:
        shared = [score for score in cases[0].areas if all(score in case.areas for case in cases)]
        areas = {score: mean_of([case.areas[score] for case in cases]) for score in shared}
        name = f"each of {len(cases)} labels in turn"
    count = sum(len(case.images) for case in cases)
    found = [_default(areas, name, count), *_wrong_way(areas)]
    if simple is not None:
        found.append(_simple(simple))
    if ELBO not in areas:
        found.append(_no_elbo(areas, stochastic))
    notes = dict.fromkeys(
        note for case in (*cases, *([simple] if simple else [])) for note in case.judged.notes
    )
    return [*found, _counts(cases), *notes]


def _default(areas: Mapping[str, np.ndarray], name: str, count: int) -> str:
    """How the default score and the best baseline do, and whether their paired difference is clear."""
    baselines = {score: areas[score] for score in BASELINES if score in areas}
    best = max(baselines, key=lambda score: float(baselines[score][0]))
    said = f"Odd: {name}. The default score, {DEFAULT}, has AUROC {_told(areas[DEFAULT], count)}"
    parts = [_against(areas, PIXELS, count)]
    if best != PIXELS:
        parts.append(_against(areas, best, count))
    return f"{said}. {' '.join(parts)}"


def _against(areas: Mapping[str, np.ndarray], baseline: str, count: int) -> str:
    gain = interval(areas[DEFAULT] - areas[baseline], count)
    value, with_it = float(areas[baseline][0]), ""
    if gain.low is None or gain.high is None or gain.low <= 0 <= gain.high:
        verdict = "there is no clear difference"
    else:
        verdict = "the VAE wins" if gain.low > 0 else "the VAE loses"
        with_it = f" by {abs(float(gain.value or 0)):.2f} ({_pair(gain.low, gain.high)})"
    return f"Against {baseline}, which needs no network and has {value:.2f}, {verdict}{with_it}."


def _pair(low: float, high: float) -> str:
    a, b = sorted((abs(low), abs(high)))
    return f"{a:.2f} to {b:.2f}"


def _wrong_way(areas: Mapping[str, np.ndarray]) -> list[str]:
    """Scores that take odd images for more usual than the usual ones."""
    wrong = [score for score, values in areas.items() if np.quantile(values[1:], 0.975) < 0.5]
    if not wrong:
        return []
    parts = listed(f"{score} ({float(areas[score][0]):.2f})" for score in wrong)
    why = ""
    if any(score in LIKELIHOODS for score in wrong):
        why = " A likelihood is higher for images that are easy to draw: it says nothing of what they show."
    return [f"Worse than a coin, since odd images score lower than usual ones: {parts}.{why}"]


def _simple(case: Case) -> str:
    """Whether the likelihood prefers simple images, and which scores survive."""
    count = len(case.images)
    parts = []
    if ELBO in case.areas:
        area, high = float(case.areas[ELBO][0]), float(np.quantile(case.areas[ELBO][1:], 0.975))
        judged = (
            "the likelihood prefers the simple images, the failure that Nalisnick et al. (2019) describe"
            if high < 0.5
            else "here the likelihood does not prefer them, as it does elsewhere (Nalisnick et al. 2019)"
            if area > 0.5
            else "the likelihood cannot tell them from usual ones"
        )
        parts.append(f"{ELBO} has AUROC {_told(case.areas[ELBO], count)}: {judged}")
    low = {s: float(np.quantile(values[1:], 0.025)) for s, values in case.areas.items() if s != ELBO}
    order = sorted(low, key=lambda score: -float(case.areas[score][0]))
    for words, some in (
        (f"surviving, {SURE:g} or more: ", [s for s in order if low[s] >= SURE]),
        ("weaker: ", [s for s in order if 0.5 < low[s] < SURE]),
        ("no better than a coin: ", [s for s in order if low[s] <= 0.5]),
    ):
        if some and low[some[0]] >= SURE:
            parts.append(words + listed(some))
        elif some:
            parts.append(words + listed(f"{s} ({float(case.areas[s][0]):.2f})" for s in some))
    usual, other = of_what_sort(case.images[: case.usual], case.images[case.usual :])
    which = "Simpler" if other < usual else "Not simpler"
    return (
        f"{which} images than the usual ones ({case.name}, whose neighbouring pixels differ by {other:.2f}, not {usual:.2f}): "
        f"{'; '.join(parts)}."
    )


def _no_elbo(areas: Mapping[str, np.ndarray], stochastic: bool) -> str:
    left = listed(score for score in areas if score not in BASELINES)
    if stochastic:
        return f"This run's distance of pictures is no likelihood: there is no {ELBO}, no bound and no {REGRET}. What remains: {left}."
    return f"An autoencoder has no posterior: there is no {ELBO}, no {KL}, no bound and no {REGRET}. What remains: {left}."


def _counts(cases: Sequence[Case]) -> str:
    usual, odd = sum(case.usual for case in cases), sum(len(case.images) - case.usual for case in cases)
    share = odd / (usual + odd)
    return (
        f"Judged: {counted(usual, 'usual image')} and {counted(odd, 'odd one')}, so that an {PRECISION} of {share:.2f} is what "
        "chance gives. No score was fitted to odd images."
    )


def _told(values: np.ndarray, count: int) -> str:
    found = interval(values, count)
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
