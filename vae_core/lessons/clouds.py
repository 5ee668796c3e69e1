"""Lesson 2, points become clouds: posterior, prior, overlap."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_core.latent.statistics import kl_from_prior, nearest
from vae_core.lessons.lesson import READ, Answer, Lesson, Question, Source, Step, choose
from vae_core.lessons.material import Material
from vae_core.lessons.shown import channels_last, of_hundred
from vae_core.words import counted

DRAWS = 200  # codes drawn for what is measured
WIDER = 5.0  # times as wide as learned
GAPS = 200  # places without codes, of which pictures are measured


def build(material: Material, pair: tuple[Material, Material]) -> Lesson:
    """The lesson on a run with a posterior."""
    first = int(material.chosen[0])
    return Lesson(
        steps=(
            alike(material, first),
            wider(material, first),
            to_points(*pair),
            overlap(material),
            *read_off(material, first),
        ),
        sources=(
            Source("Kingma & Welling 2014, Auto-Encoding Variational Bayes", "https://arxiv.org/abs/1312.6114"),
            Source("Doersch 2016, Tutorial on Variational Autoencoders", "https://arxiv.org/abs/1606.05908"),
            Source("Hoffman & Johnson 2016, ELBO surgery: yet another way to carve up the ELBO"),
        ),
        exercise="Train the same run twice on Train, with β 0.1 and β 10. Which has the wider clouds? Look at both on Latent map.",
        opens=("map", {}, "Open this run on the latent map"),
        notes=(
            "Ask the hall before anyone drags: is a picture one point? Draw the twenty pictures, then say the word posterior.",
            "Let somebody choose the width. The class that the pictures change to first is the neighbour on the map: show it.",
            "Both networks have the same layers, seed and images. Only the objective differs. Stay with the points in between.",
            "The prior is the one bell towards which all clouds are drawn. Where clouds leave gaps, samples from the prior fail.",
            "Read σ off the figure together: the longer axis of the ellipse is the less certain dimension.",
            "KL is a sum over dimensions; the two that are shown may not be all.",
            "Turn the width until pictures change, and count aloud.",
        ),
        remark=material.remark,
        runs={"own": material.run, "ae": pair[0].run, "vae": pair[1].run},
    )  # fmt: skip


# ---------------------------------------------------------------- what is measured


def difference_of_draws(material: Material, i: int, width: float, seed: int = 0) -> float:
    """How much pictures of codes drawn from image i's posterior differ: mean squared difference of a pixel between two of
    them, over that between two images. `width` multiplies σ."""
    pictures = material.model.decode(draw(material, i, width, seed)).reshape(DRAWS, -1)
    return float(2 * pictures.var(0).mean() / material.spread)


def share_of_its_own(material: Material, i: int, width: float, seed: int = 0) -> float:
    """Of codes drawn from image i's posterior with σ times `width`, the share whose nearest code of an image is of its class;
    of images without labels, whose nearest is among the ten nearest to image i's own code."""
    codes = material.codes.mean
    found = nearest(draw(material, i, width, seed), codes, 1)[0][:, 0]
    if material.labels is not None and material.labels[i] >= 0:
        return float((material.labels[found] == material.labels[i]).mean())
    own = nearest(codes[i], codes, 10)[0][0]
    return float(np.isin(found, own).mean())


def draw(material: Material, i: int, width: float, seed: int = 0) -> np.ndarray:
    """DRAWS codes of image i's posterior with σ times `width`, (DRAWS, D) float32."""
    noise = np.random.default_rng(seed).standard_normal((DRAWS, material.codes.mean.shape[1]))
    found: np.ndarray = (material.codes.mean[i] + width * material.codes.std[i] * noise).astype(np.float32)
    return found


def gaps(material: Material, seed: int = 0) -> np.ndarray:
    """(GAPS, D): of points spread evenly over the box that holds all codes, the half that lies farther from any code."""
    codes = material.codes.mean
    spread = np.random.default_rng(seed).uniform(codes.min(0), codes.max(0), (2 * GAPS, codes.shape[1]))
    far = np.argsort(-nearest(spread, codes, 1)[1][:, 0], kind="stable")[:GAPS]
    found: np.ndarray = spread[far].astype(np.float32)
    return found


def distance_to_images(material: Material, codes: np.ndarray) -> np.ndarray:
    """Mean squared pixel difference of each code's picture to the nearest image, over that between two images, (N,)."""
    pictures = material.model.decode(codes).reshape(len(codes), -1)
    found: np.ndarray = (
        nearest(pictures, material.floats, 1)[1][:, 0] ** 2 / material.floats.shape[1] / material.spread
    )
    return found


# ---------------------------------------------------------------- screens


def plane(material: Material, role: str, **more: Any) -> dict[str, Any]:
    """What the figure `cloud` is handed of a run: codes, spreads, images to choose from, (n, H, W, C)."""
    chosen = material.chosen
    return {
        "role": role, "dims": list(material.dims), "mean": material.codes.mean, "std": material.codes.std,
        "labels": np.full(len(material.codes), -1, np.int32) if material.labels is None else material.labels.astype(np.int32),
        "chosen": [int(i) for i in chosen], "names": [material.word(i) for i in chosen], "pictures": channels_last(material.images[chosen]),
    } | more  # fmt: skip


def alike(material: Material, i: int) -> Step:
    answers = (
        Answer("same", "They can hardly be told apart"),
        Answer("near", "The same thing, drawn a little differently"),
        Answer("far", "As different as two images of the set"),
    )
    found = difference_of_draws(material, i, 1.0)
    return Step(
        "An image has a cloud, not a point",
        (
            "The encoder of a VAE says two things of an image: a mean **μ** and a spread **σ** in each dimension. Together they "
            "are its **posterior**: the codes that could have made this image.",
            "On the map each dot is an image's μ; the ellipse is one image's σ.",
        ),
        "cloud", plane(material, "own", mode="draw", start=i),
        Question(
            "Twenty codes are drawn from the ellipse and decoded. How will the twenty pictures look?",
            answers, choose(found, (0.02, 0.4), answers),
            f"Two of these pictures differ by {of_hundred(found)} of what two images of the set differ by, measured on {DRAWS} "
            "draws.",
        ),
        "Press “Draw twenty” a few times, then choose another image under the map.",
    )  # fmt: skip


def wider(material: Material, i: int) -> Step:
    share = share_of_its_own(material, i, WIDER)
    answers = (
        Answer("few", "Fewer than 7"),
        Answer("half", "7 to 13"),
        Answer("most", "14 or more"),
    )
    labelled = material.labels is not None and material.labels[i] >= 0
    whose = f"still {material.word(i)}" if labelled else "still a near neighbour of this image"
    return Step(
        "Wider clouds run into each other",
        (
            "Training weighs two wishes. A narrow cloud keeps the picture exact. A wide one is easy to say in few **nats**, and "
            "reaches its neighbours.",
            f"Now σ is made {WIDER:g} times as wide as it was learned, and twenty codes are drawn.",
        ),
        "cloud", plane(material, "own", mode="widen", start=i, width=WIDER),
        Question(
            f"Of twenty codes, how many lie nearest to an image that is {whose}?",
            answers, choose(20 * share, (6.5, 13.5), answers),
            f"With σ × {WIDER:g} it is {20 * share:.0f} in twenty; with the learned σ it is "
            f"{20 * share_of_its_own(material, i, 1.0):.0f} in twenty ({DRAWS} draws each).",
        ),
        "Drag the ellipse by its middle or its rim; or move the slider. The number under the pictures counts along.",
    )  # fmt: skip


def to_points(ae: Material, vae: Material) -> Step:
    answers = (
        Answer("vae", "The VAE’s"),
        Answer("alike", "Both draw them about equally well"),
        Answer("ae", "The plain autoencoder’s"),
    )
    far = [distance_to_images(one, gaps(one)) for one in (ae, vae)]
    gain = far[0].mean() - far[1].mean()
    error = float(np.sqrt(sum(f.var(ddof=1) / len(f) for f in far)))
    return Step(
        "With σ at 0 the space falls apart",
        (
            "A plain autoencoder is what is left when σ is 0: every image is one point, and nothing asks for order between "
            "them. These two networks have the same layers, seed and images; they differ in the objective alone.",
        ),
        "gaps", {"ae": plane(ae, "ae", mode="gap"), "vae": plane(vae, "vae", mode="gap")},
        Question(
            "You point at the gaps between the dots. Whose pictures look more like real images?",
            answers, choose(float(gain), (-2 * error, 2 * error), (answers[2], answers[1], answers[0])),
            f"In the gaps, the picture’s distance to the nearest real image is {100 * far[0].mean():.0f} % of that "
            f"between two images for the autoencoder and {100 * far[1].mean():.0f} % for the VAE ({len(far[0])} points each, "
            f"standard error of the difference {100 * error:.1f} %).",
        ),
        "Move over both maps, and stay where no dot is. The picture beside each follows.",
    )  # fmt: skip


def overlap(material: Material) -> Step:
    a, b = material.dims
    total = material.codes.mean.var(0) + (material.codes.std**2).mean(0)
    inner = np.sqrt(total[[a, b]]).mean()
    answers = (
        Answer("smaller", "Clearly narrower than the prior"),
        Answer("like", "About as wide as the prior"),
        Answer("larger", "Clearly wider than the prior"),
    )
    return Step(
        "All clouds together, and the prior",
        (
            "The **prior** is one round bell: spread 1 in each dimension. The rate pulls every cloud towards it. All clouds "
            "together are the **aggregate posterior**; where it is like the prior, any code you draw from the prior is one that "
            "the decoder knows.",
        ),
        "cloud", plane(material, "own", mode="prior", start=int(material.chosen[0])),
        Question(
            f"How wide is the heap of all clouds along z{a} and z{b}?",
            answers, choose(float(inner), (0.85, 1.15), answers),
            f"Its spread is {np.sqrt(total[a]):.2f} along z{a} and {np.sqrt(total[b]):.2f} along z{b}; the prior’s is 1.",
        ),
        "Switch the clouds on, then sample the prior and see where its codes fall.",
    )  # fmt: skip


def read_off(material: Material, i: int) -> tuple[Step, ...]:
    """Three questions that are answered from the screen."""
    a, b = material.dims
    std, mean = material.codes.std, material.codes.mean
    picture = plane(material, "own", mode="draw", start=i)
    ratio = float(std[i, a] / std[i, b])
    wide = (
        Answer("a", f"z{a}"),
        Answer("same", "Neither: they differ by less than a tenth"),
        Answer("b", f"z{b}"),
    )
    kl = float(kl_from_prior(mean[i : i + 1], material.codes.log_var[i : i + 1])[0, [a, b]].sum())
    if a == b:
        kl /= 2
    wrong = [kl / 3, kl * 2.5]
    order = sorted([("right", kl), ("low", wrong[0]), ("high", wrong[1])], key=lambda pair: pair[1])
    counts = [share_of_its_own(material, i, width) for width in (1, 2, 4, 8)]
    below = next((k for k, share in enumerate(counts) if share < 0.75), 4)
    widths = tuple(
        Answer(str(k), text) for k, text in enumerate(("σ × 1", "σ × 2", "σ × 4", "σ × 8 or never"))
    )
    last = min(below, 3)
    return (
        Step(
            "Read it off: certainty", ("The ellipse is drawn at two σ.",), "cloud", picture,
            Question(
                "Along which dimension is the encoder less certain of this image?", wide,
                "same" if 0.9 < ratio < 1 / 0.9 else "a" if ratio > 1 else "b",
                f"σ is {std[i, a]:.3f} along z{a} and {std[i, b]:.3f} along z{b}.",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: the price",
            ("The cost of a cloud in one dimension is ½ (μ² + σ² − 1 − log σ²) nats; μ and σ stand under the map.",),
            "cloud", picture,
            Question(
                f"What do these {counted(1 if a == b else 2, 'dimension')} cost for this image?",
                tuple(Answer(key, f"{value:.2f} nats") for key, value in order), "right",
                "It is one term." if a == b else "The two terms add.",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: how far a cloud may grow", ("Move the slider and watch the count.",),
            "cloud", plane(material, "own", mode="widen", start=i, width=1.0),
            Question(
                "At which width do fewer than 15 in twenty codes lie nearest to an image of its own kind?", widths,
                str(last), "Shares over "
                f"{DRAWS} draws: " + ", ".join(f"σ × {w}: {100 * c:.0f} %" for w, c in zip((1, 2, 4, 8), counts, strict=True)) + ".",
            ),
            kind=READ,
        ),
    )  # fmt: skip
