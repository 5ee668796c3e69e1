"""How far each dimension of a code stands for one generating factor. Pure functions of arrays.

Every score is f(codes (N, D), factors (N, K) integers, rng) -> float in [0, 1]: 0 is what codes that know nothing get,
1 the best. Codes are taken as given: hand over posterior means, as every number on the page, or samples. Published
implementations differ in bins, estimators and in what they divide by, for MIG by orders of magnitude, so DEFINITIONS
says in a sentence what each number here is. Factors and dimensions that are constant are left out; where no dimension
varies every score is 0. Raises BadCodes for arrays that are no codes and factors, TooFewPoints for too few images or
factors.

Images with one factor held fixed, which two scores need, are drawn from the given codes by the value of that factor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from vae_core.data.imageset import Progress, silent
from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.statistics import active_units

BINS = 20  # of a code, as in disentanglement_lib (Locatello et al. 2019)
TAILS = 0.5  # per cent of a code's images at either end that may not stretch its bins
# bins reach this share of the range further out: edges that fell on the values of an evenly spaced code would
# split the images of one value between two bins
MARGIN = 0.0137
SHUFFLES = 10
SIGNIFICANT = (
    5.0  # standard deviations above a shuffled factor's information from which a dimension knows a factor
)
LEAST_IMAGES = 100
LEAST_OF_A_VALUE = (
    5  # images that share a value, in either half of the images, for that value to be held fixed
)
VOTES = 2_000
DRAWN = 64  # images, or pairs of images, behind a vote
TREES = 20
SURE = 4.0  # standard errors of an importance that do not count: a code of noise has 40 chances to seem important

_INFORMATION = (
    f"mutual information is the plug-in estimate in {BINS} equal bins between the {TAILS}th and {100 - TAILS}th "
    "percentile of a code, less what a shuffled factor gives"
)
_GUESSING = "accuracy on the other half of the images, rescaled from 1/K … 1 to 0 … 1"
TITLES = {
    "mig": "MIG", "aam": "AAM", "dci_disentanglement": "DCI disentanglement", "dci_completeness": "DCI completeness",
    "dci_informativeness": "DCI informativeness", "sap": "SAP", "factor_vae": "FactorVAE score", "beta_vae": "β-VAE score",
    "modularity": "modularity",
}  # fmt: skip
DEFINITIONS = {
    "mig": "Mutual information gap (Chen et al. 2018): the information of the most telling dimension about a factor "
    f"less that of the second, over min(H(factor), log {BINS}), averaged over factors; {_INFORMATION}.",
    "aam": "Axis alignment metric (Dubois et al. 2019): the information of the most telling dimension about a factor "
    "less that of all others together, not below 0, over that of the most telling, averaged over factors; "
    f"{_INFORMATION}.",
    "dci_disentanglement": "DCI disentanglement (Eastwood & Williams 2018): 1 − the entropy, base K, of a dimension's "
    "importances for the K factors, averaged with the dimension's share of all importance as weight; an importance is "
    f"the R² that a random forest of {TREES} regression trees per factor loses on a third of the images held out when "
    f"the dimension is shuffled among them, less {SURE:g} standard errors.",
    "dci_completeness": "DCI completeness (Eastwood & Williams 2018): 1 − the entropy, base D, of the importances of "
    "the D dimensions for a factor, averaged with the factor's share of all importance as weight; the same "
    "importances.",
    "dci_informativeness": "DCI informativeness (Eastwood & Williams 2018): R², not below 0, with which the same "
    "forests predict a factor's number on a third of the images held out, averaged over factors.",
    "sap": "Separated attribute predictability (Kumar et al. 2018), for ordered factors: the squared correlation of a "
    "factor's number with its best dimension less that with its second best, averaged over factors.",
    "factor_vae": f"FactorVAE score (Kim & Mnih 2018): of {DRAWN} images that share one factor's value, the dimension "
    f"of least variance (over its variance in all images) names the factor by majority vote; {_GUESSING}.",
    "beta_vae": f"β-VAE score (Higgins et al. 2017): from |z₁ − z₂| averaged over {DRAWN} pairs of images that share "
    f"one factor's value, a logistic regression names the factor; {_GUESSING}.",
    "modularity": "Modularity (Ridgeway & Mozer 2018): 1 − the squared information of a dimension about all factors "
    "but its best, over (K − 1) times that about its best squared, averaged over the dimensions that know any factor; "
    f"{_INFORMATION}.",
}


@dataclass(frozen=True)
class Dci:
    """The three parts of DCI, each in [0, 1]."""

    disentanglement: float
    completeness: float
    informativeness: float


def mig(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS) -> float:
    """Mutual information gap. Chen, Li, Grosse & Duvenaud 2018, "Isolating Sources of Disentanglement", eq. 6:

        mean_k (I(z_1; v_k) - I(z_2; v_k)) / min(H(v_k), log bins)

    z_1, z_2 the dimensions of most information about v_k, as `mutual_information` estimates it. The paper divides by
    H(v_k), the same for factors of up to `bins` values; a code cut into bins cannot tell more than log bins. There
    I is of samples from q(z|x); here of the codes given. Where a factor's values are no fewer than the bins, or nearly
    so, some edges fall within the images of one value: of 2 to 64 values, a code that equals its factor gets 0.92 at
    worst (30 values: every other edge halves one), at any number of images.
    """
    information, most = mutual_information(codes, factors, rng, bins=bins)
    if not len(information):
        return 0.0
    ranked = _ranked(information)
    return _unit(((ranked[0] - ranked[1]) / most).mean())


def aam(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS) -> float:
    """Axis alignment metric. Dubois, Kastanos, Lines & Melman 2019, "Disentangling VAE" (YannDubs/disentangling-vae):

        mean_k max(0, I(z_1; v_k) - sum_{j > 1} I(z_j; v_k)) / I(z_1; v_k)

    dimensions ranked by information about v_k, as `mutual_information` estimates it; a factor no dimension knows
    counts 0. There I is of samples from q(z|x); here of the codes given.
    """
    information, _ = mutual_information(codes, factors, rng, bins=bins)
    if not len(information):
        return 0.0
    ranked = _ranked(information)
    gap = np.maximum(0, ranked[0] - ranked[1:].sum(0))
    return _unit(np.divide(gap, ranked[0], out=np.zeros(len(gap)), where=ranked[0] > 0).mean())


def modularity(
    codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS
) -> float:
    """Modularity. Ridgeway & Mozer 2018, "Learning Deep Disentangled Embeddings with the F-Statistic Loss", sec. 3:

        mean_j 1 - sum_{k != k_j} I(z_j; v_k)^2 / ((K - 1) I(z_j; v_{k_j})^2),   k_j = argmax_k I(z_j; v_k)

    I in nats, as `mutual_information` estimates it; the mean is over dimensions that know any factor (0 where none
    does). Whether several dimensions share a factor, or none has it, plays no part. Raises TooFewPoints below two
    factors that vary.
    """
    information, most = mutual_information(codes, factors, rng, bins=bins)
    if len(most) < 2:
        raise TooFewPoints("modularity needs two factors that vary among these images; there is one")
    squares = np.square(information[information.any(1)])
    if not len(squares):
        return 0.0
    best = squares.max(1)
    return _unit((1 - (squares.sum(1) - best) / (best * (squares.shape[1] - 1))).mean())


def sap(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """Separated attribute predictability. Kumar, Sattigeri & Balakrishnan 2018, "Variational Inference of
    Disentangled Latent Concepts from Unlabeled Observations", sec. 3, in the form for ordered factors:

        mean_k S_1k - S_2k,   S_jk = cov(z_j, v_k)^2 / (var z_j var v_k),   ranked over j

    Every factor counts as evenly spaced in its order: kinds and angles correlate little with any dimension. Nothing
    is drawn.
    """
    z, v = _checked(codes, factors)
    if not z.shape[1]:
        return 0.0
    ranked = _ranked(np.square(_standardised(z).T @ _standardised(v.astype(np.float64)) / len(z)))
    return _unit((ranked[0] - ranked[1]).mean())


def dci(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> Dci:
    """Disentanglement, completeness, informativeness. Eastwood & Williams 2018, "A Framework for the Quantitative
    Evaluation of Disentangled Representations", sec. 2.

    R (D, K): importance of a dimension in predicting a factor:

        disentanglement = sum_j rho_j (1 - H_K(R_j / sum_k R_jk)),  rho_j = sum_k R_jk / sum R
        completeness    = sum_k rho_k (1 - H_D(R_k / sum_j R_jk)),  rho_k = sum_j R_jk / sum R

    A random forest, their second choice of predictor, as a regression on the factor's number: it finds any shape of
    dependence. Informativeness is its R^2 on a third of the images where they give a root mean squared error, so that
    1 is best. R is how far that R^2 falls when the dimension is shuffled (Breiman 2001, "Random Forests", sec. 10), less
    4 standard errors, not below 0. The usual decrease in variance within the trees says too much of dimensions
    that tell nothing: trees fit the noise with them, and codes that are their factors and as much noise get 0.5 for
    both parts, not 1. The paper's mean over factors lets one hardly known, its R mostly chance, weigh as the others.
    A lone dimension, or factor, has an entropy of 0.
    """
    from sklearn.ensemble import RandomForestRegressor

    z, v = _checked(codes, factors)
    if not z.shape[1]:
        return Dci(0.0, 0.0, 0.0)
    order = rng.permutation(len(z))
    held, rest = order[: len(z) // 3], order[len(z) // 3 :]
    importance = np.zeros((z.shape[1], v.shape[1]))
    known = np.zeros(v.shape[1])
    for k, values in enumerate(v.T):
        forest = RandomForestRegressor(TREES, min_samples_leaf=3, random_state=int(rng.integers(2**31)))
        forest.fit(z[rest], values[rest])
        spread = np.square(values[held] - values[held].mean()).mean()
        if not spread:  # all held out have one value
            continue
        errors = np.square(forest.predict(z[held]) - values[held])
        known[k] = 1 - errors.mean() / spread
        for dims, copies in _shuffled(z[held], rng):
            guesses = forest.predict(copies.reshape(-1, z.shape[1])).reshape(len(copies), -1)
            loss = np.square(guesses - values[held]) - errors
            fall = loss.mean(1) - SURE * loss.std(1) / np.sqrt(len(held))
            importance[dims, k] = fall / spread
    importance, known = np.maximum(importance, 0), np.maximum(known, 0)
    if not importance.any():
        return Dci(0.0, 0.0, _unit(known.mean()))
    per_dim = 1 - _nats(_shares(importance)) / np.log(max(2, v.shape[1]))
    per_factor = 1 - _nats(_shares(importance.T)) / np.log(max(2, z.shape[1]))
    return Dci(
        _unit((importance.sum(1) * per_dim).sum() / importance.sum()),
        _unit((importance.sum(0) * per_factor).sum() / importance.sum()),
        _unit(known.mean()),
    )


def _shuffled(z: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[slice, np.ndarray]]:
    """Codes (N, D), once for each dimension with that one shuffled: some dimensions and their copies (P, N, D), float32
    as trees take them. As many at a time as 32 MB hold: a call of a small forest takes longer than its trees do.
    """
    most = max(1, (32 << 20) // (4 * z.size))
    for first in range(0, z.shape[1], most):
        dims = np.arange(first, min(first + most, z.shape[1]))
        copies = np.repeat(z[None].astype(np.float32), len(dims), 0)
        for copy, j in zip(copies, dims, strict=True):
            copy[:, j] = rng.permutation(copy[:, j])
        yield slice(first, first + len(dims)), copies


def factor_vae(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """The FactorVAE score. Kim & Mnih 2018, "Disentangling by Factorising", sec. 4.

    A vote: hold one factor at the value of a random image, draw 64 images that share it, and take the dimension of
    least variance among them, over its variance in all images. 2,000 votes on one half of the images say which factor
    each dimension stands for (the majority's), 2,000 on the other half test it, evenly spread over the K factors. The
    paper's accuracy is 1/K + (1 - 1/K) times this score, so that guessing gives 0. A factor without 5 images of one
    value in either half is left out. Raises TooFewPoints below two factors to tell apart.
    """
    z, v = _checked(codes, factors)
    halves = _halves(v, rng)
    if not z.shape[1]:
        return 0.0
    z = _standardised(z)
    count = len(halves[0])
    votes = np.zeros((2, z.shape[1], count), int)
    for half, groups in enumerate(halves):
        for k, group in enumerate(groups):
            for n in _portions(VOTES // count, z.shape[1]):
                least = z[group.alike(n, rng)].var(1).argmin(1)
                votes[half, :, k] += np.bincount(least, minlength=z.shape[1])
    named = votes[0].argmax(1)
    right = votes[1][np.arange(len(named)), named].sum()
    return _above_chance(right / votes[1].sum(), count)


def beta_vae(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """The β-VAE score. Higgins et al. 2017, "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
    Framework", sec. 3.

    A point: choose a factor, draw 64 pairs of images that share its value (each pair its own), average |z_1 - z_2|
    over them, dimensions standardised. A linear classifier (logistic regression) names the factor; it is fitted to
    2,000 points of one half of the images and tested on 2,000 of the other, evenly spread over the K factors. The
    paper's accuracy is 1/K + (1 - 1/K) times this score, so that guessing gives 0. A factor without 5 images of one
    value in either half is left out. Raises TooFewPoints below two factors to tell apart.
    """
    from sklearn.linear_model import LogisticRegression

    z, v = _checked(codes, factors)
    halves = _halves(v, rng)
    if not z.shape[1]:
        return 0.0
    z = _standardised(z)
    count = len(halves[0])
    points = []
    for groups in halves:
        drawn = []
        for group in groups:
            for n in _portions(VOTES // count, z.shape[1]):
                one, other = group.pairs(n, rng)
                drawn.append(np.abs(z[one] - z[other]).mean(1))
        points.append(np.concatenate(drawn))
    names = np.repeat(np.arange(count), VOTES // count)
    mean, spread = points[0].mean(0), points[0].std(0)
    scale = np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(max_iter=1000).fit((points[0] - mean) / scale, names)
    return _above_chance(model.score((points[1] - mean) / scale, names), count)


def scores(
    codes: np.ndarray,
    factors: np.ndarray,
    rng: np.random.Generator,
    *,
    most: int = 10_000,
    progress: Progress = silent,
) -> dict[str, float]:
    """Every score of DEFINITIONS by name, of at most `most` images, drawn where there are more.

    codes (N, D) on the prior's scale, factors (N, K) integers. Dimensions whose variance is at most 0.01 (inactive,
    see `active_units`) are left out: what their means still tell, the posterior's noise drowns; a plain autoencoder's
    codes have no such scale, so standardise them first. Scores that tell factors apart (factor_vae, beta_vae,
    modularity) are missing where the factors do not allow it. 5,000 images × 8 × 5 factors take 1 to 2 s on one core.
    """
    _checked(codes, factors)
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
    if len(codes) > most:
        rows = np.sort(rng.choice(len(codes), most, replace=False))
        codes, factors = codes[rows], factors[rows]
    active = active_units(codes)
    codes = codes[:, active] if active.any() else np.zeros((len(codes), 1))
    # no score's draws depend on those before it
    own = {name: np.random.default_rng(rng.integers(2**63)) for name in (*SINGLE, "dci")}
    found: dict[str, float] = {}
    for i, (name, score) in enumerate(SINGLE.items()):
        progress(i / (len(SINGLE) + 1), name)
        try:
            found[name] = score(codes, factors, own[name])
        except TooFewPoints:
            if name not in TELL_APART:
                raise
    progress(len(SINGLE) / (len(SINGLE) + 1), "dci")
    found |= {f"dci_{part}": value for part, value in vars(dci(codes, factors, own["dci"])).items()}
    progress(1.0, f"{len(found)} scores")
    return {name: found[name] for name in DEFINITIONS if name in found}


# ---------------------------------------------------------------- information


def mutual_information(
    codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray]:
    """I(z_j; v_k) (D, K) in nats, and the most that could be, min(H(v_k), log bins) (K,); constants left out.

    Codes are cut into `bins` equal bins between their 0.5th and 99.5th percentile, what lies beyond falls into the
    outermost; I is the plug-in estimate of the table of counts. Its bias under independence E, the mean over ten
    shuffles of the factor, is taken out as in adjusted mutual information (Vinh, Epps & Bailey 2010), with C the most
    that could be: max(0, C (I - E) / (C - E)). A dimension, or a factor, none of whose I exceed E by 5 standard
    deviations, those of the chi-squared law of 2 N I, has none at all.
    """
    z, v = _checked(codes, factors)
    if bins < 2:
        raise BadCodes(f"codes are cut into 2 bins or more, not {bins}")
    cut = _cut(z, bins)
    information, most = np.zeros((z.shape[1], v.shape[1])), np.zeros(v.shape[1])
    clear = np.zeros(information.shape, bool)
    for k, values in enumerate(v.T):
        share = np.bincount(values) / len(values)
        most[k] = min(_nats(share), np.log(bins))
        found, filled = _plug_in(cut, values, bins)
        chance = np.mean([_plug_in(cut, rng.permutation(values), bins)[0] for _ in range(SHUFFLES)], axis=0)
        # 2 N I is chi-squared with (rows - 1)(columns - 1) degrees of freedom, of variance twice as many
        spread = np.sqrt((filled - 1) * (len(share) - 1) / 2) / len(values)
        some = (found > chance) & (chance < most[k])
        clear[:, k] = some & (found > chance + SIGNIFICANT * spread)
        information[some, k] = most[k] * (found - chance)[some] / (most[k] - chance[some])
    information[~clear.any(1)] = 0
    information[:, ~clear.any(0)] = 0
    return np.minimum(information, most), most


def _cut(z: np.ndarray, bins: int) -> np.ndarray:
    """Codes (N, D) -> the number of their bin, int (N, D)."""
    low, high = np.percentile(z, (TAILS, 100 - TAILS), axis=0)
    flat = high - low <= 1e-6 * np.ptp(z, 0)  # all but a few images have one value
    low, high = np.where(flat, z.min(0), low), np.where(flat, z.max(0), high)
    place = (z - low) / (high - low)  # 0 to 1 between the tails
    return np.clip(np.floor(bins * (place + MARGIN) / (1 + 2 * MARGIN)), 0, bins - 1).astype(int)


def _plug_in(cut: np.ndarray, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """I of each dimension's bins (N, D) and factor values (N,), nats (D,), and how many bins are filled (D,)."""
    dims, count = cut.shape[1], int(values.max()) + 1
    cell = (np.arange(dims) * bins + cut) * count + values[:, None]
    joint = np.bincount(cell.ravel(), minlength=dims * bins * count).reshape(dims, bins, count) / len(cut)
    of_z, of_v = joint.sum(2), joint.sum(1)
    # I = H(z) + H(v) - H(z, v)
    return _nats(of_z) + _nats(of_v) - _nats(joint.reshape(dims, bins * count)), (of_z > 0).sum(1)


def _nats(p: np.ndarray) -> np.ndarray:
    """Entropy of probabilities along the last axis, nats."""
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(-1)


# ---------------------------------------------------------------- images that share a value


@dataclass(frozen=True)
class _Group:
    """Images ordered by a factor's value: rows (M,) into the codes; where the images of each one's value begin in
    `rows` and how many they are, (M,)."""

    rows: np.ndarray
    start: np.ndarray
    size: np.ndarray

    def alike(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n times DRAWN images that share a random image's value, (n, DRAWN)."""
        first = rng.integers(len(self.rows), size=(n, 1))
        return self.rows[self.start[first] + rng.integers(self.size[first], size=(n, DRAWN))]

    def pairs(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n times DRAWN pairs of two images that share a value, twice (n, DRAWN)."""
        first = rng.integers(len(self.rows), size=(n, DRAWN))
        start, size = self.start[first], self.size[first]
        other = start + (first - start + rng.integers(1, size)) % size
        return self.rows[first], self.rows[other]


def _halves(v: np.ndarray, rng: np.random.Generator) -> tuple[list[_Group], list[_Group]]:
    """The images split in two, grouped by each factor that can be held fixed in both halves.

    What chance makes alike in one half is not alike in the other, so that noise earns nothing.
    """
    order = rng.permutation(len(v))
    one, other = np.sort(order[: len(v) // 2]), np.sort(order[len(v) // 2 :])
    both = [(_group(values, one), _group(values, other)) for values in v.T]
    both = [(a, b) for a, b in both if len(a.rows) and len(b.rows)]
    if len(both) < 2:
        raise TooFewPoints(
            "telling factors apart needs two that vary and have a value shared by "
            f"{LEAST_OF_A_VALUE} images in either half; there {'is' if len(both) == 1 else 'are'} {len(both)}"
        )
    return [a for a, _ in both], [b for _, b in both]


def _group(values: np.ndarray, rows: np.ndarray) -> _Group:
    """The images at `rows` whose value, of values (N,), at least LEAST_OF_A_VALUE of them share."""
    rows = rows[np.argsort(values[rows], kind="stable")]
    count = np.bincount(values[rows])
    rows = rows[count[values[rows]] >= LEAST_OF_A_VALUE]
    _, start, place, size = np.unique(
        values[rows], return_index=True, return_inverse=True, return_counts=True
    )
    return _Group(rows, start[place], size[place])


def _portions(n: int, dims: int) -> Iterator[int]:
    """n votes in parts whose DRAWN codes each take 32 MB at most."""
    most = max(1, (32 << 20) // (8 * DRAWN * dims))
    while n > 0:
        yield min(n, most)
        n -= most


def _above_chance(accuracy: float, count: int) -> float:
    """Accuracy among `count` kinds -> 0 for guessing, 1 for no mistake."""
    return _unit((accuracy - 1 / count) / (1 - 1 / count))


# ---------------------------------------------------------------- small helpers


def _checked(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The dimensions that vary, float64 (N, D'), and the factors that vary, their values numbered from 0 in order, int (N, K').

    Raises BadCodes, and TooFewPoints when no factor varies.
    """
    z, v = np.asarray(codes), np.asarray(factors)
    if z.ndim != 2 or v.ndim != 2 or len(z) != len(v) or 0 in (z.shape[1], v.shape[1]):
        raise BadCodes(f"codes (N, D) and factors (N, K) are expected, got {z.shape} and {v.shape}")
    if z.dtype.kind not in "fiu" or v.dtype.kind not in "fiub":
        raise BadCodes(f"codes are expected as numbers and factors as integers, got {z.dtype} and {v.dtype}")
    if not np.isfinite(z).all():
        raise BadCodes("codes must be finite numbers")
    if v.dtype.kind == "f" and not (np.isfinite(v).all() and (v == np.rint(v)).all()):
        raise BadCodes("factors must be whole numbers, the index of each value")
    if len(z) < LEAST_IMAGES:
        raise TooFewPoints(f"scores need {LEAST_IMAGES} images with known factors; there are {len(z)}")
    z = z.astype(np.float64)
    z = z[:, np.ptp(z, 0) > 1e-6 * np.abs(z).max(0)]
    v = np.stack([np.unique(column, return_inverse=True)[1] for column in v.T], 1)
    v = v[:, v.any(0)]
    if not v.shape[1]:
        raise TooFewPoints("no factor varies among these images; scores need one that does")
    return z, v


def _standardised(x: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1."""
    return (x - x.mean(0)) / x.std(0)


def _ranked(x: np.ndarray) -> np.ndarray:
    """(D, K) -> each column from its largest on, at least two rows: what a missing dimension knows is 0."""
    return np.sort(np.vstack((x, np.zeros((1, x.shape[1])))), axis=0)[::-1]


def _shares(x: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, or hold nothing."""
    whole = x.sum(1, keepdims=True)
    return np.divide(x, whole, out=np.zeros_like(x), where=whole > 0)


def _unit(value: float) -> float:
    """Rounding may carry a score past its bounds, chance below 0."""
    return float(np.clip(value, 0.0, 1.0))


SINGLE: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], float]] = {
    "mig": mig,
    "aam": aam,
    "sap": sap,
    "factor_vae": factor_vae,
    "beta_vae": beta_vae,
    "modularity": modularity,
}
TELL_APART = ("factor_vae", "beta_vae", "modularity")
