"""Lesson 4, two forces: distortion and rate, and β that weighs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.latent.statistics import kl_from_prior
from vae_core.lessons.lesson import READ, Answer, Lesson, Question, Source, Step, choose
from vae_core.lessons.material import Material
from vae_core.lessons.shown import channels_last, minus
from vae_core.lessons.trick import distortion_of, unit

WIDTHS = 2.0 ** np.linspace(-2, 3, 11)  # times as wide as learned
MANY, SOME = 64, 12  # draws a width, of small pictures and of large ones
SMALL = 1024  # pixel values of a small picture
TINY_SIDE, TINY_IMAGES = 8, 300  # of what the network inside the lesson learns


@dataclass(frozen=True)
class Balance:
    """One image with its posterior made narrower or wider: distortion and rate at WIDTHS, (len(WIDTHS),) nats each.

    error: standard error of the difference of the distortion from that at the learned width.
    """

    distortion: np.ndarray
    rate: np.ndarray
    error: np.ndarray

    def at(self, width: float) -> tuple[float, float]:
        """Distortion and rate at a width, straight between in log width."""
        where = np.log2(width), np.log2(WIDTHS)
        return float(np.interp(*where, self.distortion)), float(np.interp(*where, self.rate))


def balance_of(material: Material, i: int, draws: int = 0, seed: int = 0) -> Balance:
    """Distortion and rate of image i as σ is multiplied by WIDTHS, on the same draws of noise; 0 draws for as many as are quick."""
    import torch

    draws = draws or (MANY if np.prod(material.model.shape) <= SMALL else SOME)
    mean, std = material.codes.mean[i], material.codes.std[i]
    half = np.random.default_rng(seed).standard_normal((draws // 2, len(mean)))
    noise = np.concatenate((half, -half))  # each with its mirror image, which steadies the mean
    codes = mean + WIDTHS[:, None, None] * std * noise
    with torch.inference_mode():
        flat = torch.from_numpy(codes.reshape(-1, len(mean)).astype(np.float32))
        found = distortion_of(material, i)(flat).cpu().numpy().astype(float).reshape(len(WIDTHS), -1)
    rates = [
        float(kl_from_prior(mean[None], (material.codes.log_var[i] + 2 * np.log(w))[None]).sum())
        for w in WIDTHS
    ]
    learned = found[int(np.argmin(np.abs(WIDTHS - 1)))]
    error = (found - learned).std(1, ddof=1) / np.sqrt(found.shape[1])
    return Balance(found.mean(1), np.array(rates), error)


def least(values: np.ndarray) -> float:
    """The width at which values (len(WIDTHS),) are least, by a parabola through the least and its neighbours."""
    k = int(np.argmin(values))
    at = np.log2(WIDTHS)
    if 0 < k < len(values) - 1:
        low, here, high = values[k - 1 : k + 2]
        bend = low - 2 * here + high
        shift = 0.5 * (low - high) / bend if bend > 0 else 0.0
        return float(2 ** (at[k] + shift * (at[1] - at[0])))
    return float(2 ** at[k])


def weight(material: Material) -> float:
    """β of the run; 1 where it has no single one."""
    if material.model.beta is not None:
        return material.model.beta
    found = material.model.config.objective.beta
    return 1.0 if found is None else found


def weighed(material: Material) -> str:
    """How the two are weighed here, and whether the run was trained so."""
    settings = material.model.config.objective
    if settings.objective.name in ("vae", "beta_vae", "multi_rate") and not settings.free_bits:
        return f"Training weighs them: distortion + β · rate, with β = {weight(material):g} in this run."
    return (
        f"They are weighed here as distortion + β · rate with β = {weight(material):g}. This run’s own loss has more to it: "
        f"{settings.entry.title}."
    )


def place_and_width(mean: float, log_var: float) -> tuple[float, float]:
    """The two parts of a bell's KL from N(0, 1), nats: of its place, ½μ², and of its width, ½(σ² − 1 − log σ²)."""
    return 0.5 * mean**2, 0.5 * (np.exp(log_var) - 1 - log_var)


def small_images(material: Material) -> np.ndarray:
    """Up to TINY_IMAGES images in grey, TINY_SIDE × TINY_SIDE, (n, TINY_SIDE²) uint8, as bright as they can be."""
    images = material.images[:TINY_IMAGES].astype(np.float32).mean(1)
    side = images.shape[1]
    edges = np.linspace(0, side, TINY_SIDE + 1)
    # averages over cells whose edges may cut pixels, by differences of the running sum
    sums = np.zeros((len(images), side + 1, side + 1))
    sums[:, 1:, 1:] = images.cumsum(1).cumsum(2)
    rows = np.apply_along_axis(lambda v: np.interp(edges, np.arange(side + 1), v), 1, sums)
    both = np.apply_along_axis(lambda v: np.interp(edges, np.arange(side + 1), v), 2, rows)
    found = np.diff(np.diff(both, axis=1), axis=2) / (side / TINY_SIDE) ** 2
    low, high = found.min(), found.max()
    shown: np.ndarray = np.rint(255 * (found - low) / max(high - low, 1e-9)).astype(np.uint8)
    return shown.reshape(len(shown), -1)


# ---------------------------------------------------------------- the lesson


def build(material: Material, pair: tuple[Material, Material]) -> Lesson:
    """The lesson on a run with a posterior."""
    i = int(material.chosen[0])
    found = balance_of(material, i)
    tiny = small_images(material)
    return Lesson(
        steps=(
            balance(material, i, found),
            area(material, i),
            exchange(tiny),
            collapse(tiny),
            *read_off(material, i, found),
        ),
        sources=(
            Source("Kingma & Welling 2014, Auto-Encoding Variational Bayes", "https://arxiv.org/abs/1312.6114"),
            Source("Higgins et al. 2017, β-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
                   "https://openreview.net/forum?id=Sy2fzU9gl"),
            Source("Alemi et al. 2018, Fixing a Broken ELBO (rate and distortion)", "https://arxiv.org/abs/1711.00464"),
            Source("Bowman et al. 2016, Generating Sentences from a Continuous Space (collapse, and a warm-up against it)",
                   "https://arxiv.org/abs/1511.06349"),
        ),
        exercise="On Train, start a run with β 4 and lower β by its live slider while it learns. Does its point go back the way it "
        "came? Then start one with a warm-up and compare where both end.",
        opens=("tune", {}, "See what β does to whole runs"),
        notes=(
            "Two forces: the decoder wants a narrow cloud, the prior a wide one. Ask where they are in balance before the slider moves.",
            "The integrand may be below zero, the area never. Let somebody move σ until the area is least.",
            "Press Train and wait for both parts. Then move β by hand while it trains, and read the slope off the trail.",
            "Say what collapse looks like before pressing: all pictures the same, all codes in one heap. Then watch whether it heals.",
            "Put μ at 0; what is left is the width’s cost.",
            "Move the slider to × 2.",
            "Compare the sum at both ends.",
        ),
        remark=material.remark,
        runs={"own": material.run},
    )  # fmt: skip


def balance_data(material: Material, i: int, found: Balance) -> dict[str, Any]:
    """What the figure `balance` is handed; pictures are decoded in the page on the noise of the browser."""
    return {
        "role": "own", "name": material.word(i), "beta": weight(material), "unit": unit(material),
        "widths": WIDTHS.astype(np.float32), "distortion": found.distortion.astype(np.float32),
        "rate": found.rate.astype(np.float32), "mean": material.codes.mean[i : i + 1],
        "std": material.codes.std[i : i + 1],
        "picture": channels_last(material.images[i : i + 1]),
    }  # fmt: skip


def balance(material: Material, i: int, found: Balance) -> Step:
    beta = weight(material)
    best = least(found.distortion + beta * found.rate)
    answers = (
        Answer("narrow", "At a clearly narrower cloud"),
        Answer("learned", "About at the learned width"),
        Answer("wide", "At a clearly wider cloud"),
    )
    half, twice = found.at(0.5), found.at(2.0)
    here = found.at(1.0)
    per = unit(material)
    return Step(
        "What one image pays",
        (
            "An image pays twice. **Distortion**: how badly its picture is drawn from codes of its cloud. **Rate**: how far the "
            "cloud is from the prior. A narrow cloud draws well and has a high rate; a wide one has a low rate and draws badly.",
            weighed(material),
        ),
        "balance", balance_data(material, i, found),
        Question(
            "The image’s σ is multiplied by one number in all dimensions. Where is the sum least?",
            answers, choose(best, (0.7, 1.45), answers),
            minus(
                f"At σ × {best:.2f}. Half as wide, distortion changes by {half[0] - here[0]:+.3g} {per} and β · rate by "
                f"{beta * (half[1] - here[1]):+.3g}; twice as wide, by {twice[0] - here[0]:+.3g} and "
                f"{beta * (twice[1] - here[1]):+.3g}."
            ),
        ),
        "Move σ from end to end; the pictures are drawn from the cloud as it then is.",
    )  # fmt: skip


def area(material: Material, i: int) -> Step:
    a = material.dims[0]
    mean, log_var = float(material.codes.mean[i, a]), float(material.codes.log_var[i, a])
    place, width = place_and_width(mean, log_var)
    share = place / max(place + width, 1e-12)
    answers = (
        Answer("width", "Its width"),
        Answer("alike", "Both about equally (neither above 60 %)"),
        Answer("place", "Its place"),
    )
    return Step(
        "The rate is an area",
        (
            "The rate in one dimension is KL = ∫ q log(q/p): at each z, how much likelier the posterior **q** makes it than the "
            "prior **p**, weighed by q. The area under that curve, what lies below zero taken off, is the rate.",
            "In closed form it has two parts: ½μ² for the place, ½(σ² − 1 − log σ²) for the width.",
        ),
        "area", {"dim": a, "mean": mean, "std": float(np.exp(0.5 * log_var)), "name": material.word(i)},
        Question(
            f"What costs this image more in z{a}: where its bell stands, or how wide it is?",
            answers, choose(share, (0.4, 0.6), answers),
            minus(
                f"μ is {mean:.2f} and σ {np.exp(0.5 * log_var):.3f}: the place costs {place:.2f} nats, the width {width:.2f}."
            ),
        ),
        "Set μ to 0, then σ to 1, and watch the area. Can you make it smaller than 0?",
    )  # fmt: skip


def tiny_data(tiny: np.ndarray, mode: str) -> dict[str, Any]:
    return {"images": tiny, "side": TINY_SIDE, "mode": mode}


def exchange(tiny: np.ndarray) -> Step:
    return Step(
        "β is a rate of exchange",
        (
            "At β, one nat of rate is worth spending if it takes more than β nats off the distortion. A higher β makes codes dear.",
            f"Here a tiny VAE with a two-number code learns {len(tiny)} of this run’s images, in grey and {TINY_SIDE}×{TINY_SIDE}, "
            "in your browser. Its point moves through the plane of rate and distortion.",
        ),
        "tiny", tiny_data(tiny, "walk"),
        Question(
            "It learns at β = 0.2; then β is set to 2. Where does its point go?",
            (
                Answer("trade", "Less rate, more distortion"),
                Answer("back", "More rate"),
                Answer("both", "Less rate, less distortion"),
                Answer("stays", "It stays: the rate changes by less than a tenth"),
            ),
        ),
        "Press “Train”. Afterwards set β yourself while it trains on.",
    )  # fmt: skip


def collapse(tiny: np.ndarray) -> Step:
    return Step(
        "Collapse, and a cure",
        (
            "When rate is too dear, the cheapest code is none: every cloud becomes the prior, the rate is 0, and the decoder "
            "draws one mean picture. That is **posterior collapse**. It may also last when β is low again, since a decoder that "
            "ignores codes gives the encoder nothing to learn from.",
        ),
        "tiny", tiny_data(tiny, "collapse"),
        Question(
            "The tiny VAE learns at β = 1, then at β = 100, then at β = 1 again, as long as at first. What becomes of its rate?",
            (
                Answer("none", "It never falls below a tenth of what it was"),
                Answer("stays", "It falls to less than a tenth and stays low"),
                Answer("part", "It falls, and comes back to less than 80 %"),
                Answer("back", "It falls, and comes back to 80 % or more"),
            ),
        ),
        "Press “Provoke and cure”. If it did not heal, press “Warm up”; then try your own βs.",
    )  # fmt: skip


def options(right: float, low: float, high: float) -> tuple[Answer, ...]:
    """Three amounts to choose from, in order."""
    order = sorted([("right", right), ("low", low), ("high", high)], key=lambda pair: pair[1])
    return tuple(Answer(key, f"{value:.3g} nats") for key, value in order)


def read_off(material: Material, i: int, found: Balance) -> tuple[Step, ...]:
    """Three questions that are answered from the screen."""
    a = material.dims[0]
    mean, log_var = float(material.codes.mean[i, a]), float(material.codes.log_var[i, a])
    place, width = place_and_width(mean, log_var)
    beta = weight(material)
    rate = found.at(2.0)[1]
    ends = [d + beta * r for d, r in (found.at(0.5), found.at(2.0))]
    middle = found.at(1.0)
    margin = 0.02 * max(abs(e - middle[0] - beta * middle[1]) for e in ends)
    sides = (
        Answer("half", "σ × 0.5"),
        Answer("same", "Both the same"),
        Answer("twice", "σ × 2"),
    )
    return (
        Step(
            "Read it off: the width’s cost", ("Move μ to 0 and leave σ where it is.",),
            "area", {"dim": a, "mean": mean, "std": float(np.exp(0.5 * log_var)), "name": material.word(i)},
            Question(
                "How many nats does this bell cost when it stands in the middle?",
                options(width, width / 2 if width > 1e-3 else width + 0.4, 2 * width + 0.2), "right",
                f"Its place adds {place:.3g}.",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: the price of a wide cloud", ("The numbers stand under the curves.",),
            "balance", balance_data(material, i, found),
            Question(
                "What is this image’s rate when its cloud is twice as wide?",
                options(rate, 0.6 * rate, 1.5 * rate), "right",
                f"With the learned width it is {middle[1]:.3g}.",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: which way is dearer", ("Read the sum, distortion + β · rate, at both widths.",),
            "balance", balance_data(material, i, found),
            Question(
                "At which width is the sum higher?", sides,
                choose(ends[1] - ends[0], (-margin, margin), sides),
                minus(f"{ends[0]:.6g} at half the width, {ends[1]:.6g} at twice the width, {middle[0] + beta * middle[1]:.6g} as learned."),
            ),
            kind=READ,
        ),
    )  # fmt: skip
