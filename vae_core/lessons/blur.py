"""Lesson 6, why blurry, and what a GAN does instead: the mean of what is plausible, likelihoods, sharpness and coverage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from vae_core.evaluation.metrics.sharpness import sharpness
from vae_core.evaluation.samples import PRIOR, Sampled, stored_samples
from vae_core.latent.statistics import nearest
from vae_core.lessons.lesson import READ, Answer, Lesson, Question, Source, Step, choose
from vae_core.lessons.material import Material
from vae_core.lessons.shown import channels_last, in_bytes
from vae_core.objectives.likelihoods import LIKELIHOODS
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.words import counted, percent

NEAREST = 16  # images whose mean can be taken
AVERAGED = 10  # of them, behind what is asked
CHOICE = 6  # images to choose from
COMPARED = ("bernoulli", "gaussian", "laplace")
PREDICTIONS = np.linspace(0, 1, 101)  # of one pixel
EDGE = 0.002  # what 0 and 1 are taken for, whose cross-entropy is infinite
MAKERS = {"ae": "Plain autoencoder", "vae": "VAE", "gan": "GAN"}
WHOSE = (Answer("ae", "The plain autoencoder’s"), Answer("vae", "The VAE’s"), Answer("gan", "The GAN’s"))
TRIOS = (
    "digits",
    "faces",
)  # sets of which a plain autoencoder, a VAE and a GAN are shipped, of equal size and budget


def build(material: Material, pair: tuple[Material, Material]) -> Lesson:
    """The lesson on a run with a posterior. Raises RunNotFound where the three networks that it compares are not shipped."""
    runs, measured = makers(material)
    near = neighbours(material)
    shown, priced = blend(material, near), price(material, near)
    return Lesson(
        steps=(
            mean_of_plausible(material, near, shown),
            costs(priced),
            sharpest(runs, measured),
            covered(runs, measured),
            *read_off(material, near, shown, priced, runs, measured),
        ),
        sources=(
            Source("Goodfellow et al. 2014, Generative Adversarial Nets", "https://arxiv.org/abs/1406.2661"),
            Source("Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric", "https://arxiv.org/abs/1512.09300"),
            Source("Kynkäänniemi et al. 2019, Improved Precision and Recall Metric", "https://arxiv.org/abs/1904.06991"),
            Source("Pech-Pacheco et al. 2000, Diatom autofocusing in brightfield microscopy (the sharpness)"),
        ),
        exercise="Open Compare, screen Why blurry, and train a small VAE under Laplace beside your own. Is it as much sharper as the "
        "second screen promises? What else changed?",
        opens=("compare", {}, "Compare models on the same images"),
        notes=(
            "Go from one image to two, to ten. Ask what is lost first. No network drew this: it is arithmetic.",
            "Put the slider at a half and ask each corner of the hall for a prediction. Only Laplace has an opinion, off the half.",
            "Draw again a few times before showing the numbers. A sharp picture need not be a good one: sharper than real is wrong too.",
            "Drawing well and drawing everything are two things. Precision asks for the first, recall for the second.",
            "Let the hall find the number with the slider.",
            "Read the three minima aloud; the mean and the median are the whole story.",
            "Precision less recall: high where few kinds are drawn well.",
        ),
        remark=material.remark,
        runs={"own": material.run} | runs,
    )  # fmt: skip


# ---------------------------------------------------------------- what is measured


def neighbours(material: Material) -> np.ndarray:
    """Of each image to choose from, the images whose codes are nearest to its own, itself first: (n, up to NEAREST)."""
    chosen = material.chosen[:CHOICE]
    codes = material.codes.mean
    rows = []
    for i in chosen:
        order = [int(k) for k in nearest(codes[i], codes, NEAREST)[0][0] if k != i]
        rows.append([int(i), *order][: min(NEAREST, len(codes))])
    return np.array(rows)


def mean_sharpness(material: Material, rows: np.ndarray) -> np.ndarray:
    """Of the mean of the first 1, 2, ... of some images: its sharpness over that of the first alone, (K,)."""
    images = _pictures(material, rows)
    means = np.cumsum(images, 0, dtype=np.float64) / np.arange(1, len(rows) + 1)[:, None, None, None]
    return np.array([sharp_of(mean, images[0]) for mean in means])


def sharp_of(picture: np.ndarray, image: np.ndarray) -> float:
    """Sharpness of a picture over an image's, (C, H, W) both in [0, 1]; 1 where the image is flat."""
    found = sharpness(picture[None], image[None])
    return 1.0 if found is None else found


def prices(predictions: np.ndarray, values: np.ndarray) -> Mapping[str, np.ndarray]:
    """By likelihood, the nats that a prediction (P,) of a pixel costs where the pixel has a value (V,): (P, V)."""
    import torch

    p = torch.from_numpy(np.clip(predictions, EDGE, 1 - EDGE)).double()
    shape = (len(predictions), len(values))
    logits = (p.log() - (1 - p).log())[:, None].expand(shape).reshape(-1, 1)
    x = torch.from_numpy(np.asarray(values, np.float64))[None].expand(shape).reshape(-1, 1)
    found = {}
    for name in COMPARED:
        entry = LIKELIHOODS[name]
        found[name] = entry.distortion(logits, x, entry.params(), None).numpy().reshape(shape)
    return found


def cheapest(images: np.ndarray) -> dict[str, np.ndarray]:
    """By likelihood, the one picture that costs least in sum where each of `images` (k, C, H, W) uint8 is as likely: (C, H, W)."""
    tables = prices(PREDICTIONS, np.arange(256) / 255)
    flat = images.reshape(len(images), -1)
    found = {}
    for name, table in tables.items():
        by_value = np.ascontiguousarray(table.T, np.float32)  # (256, P)
        total = by_value[flat[0]]
        for image in flat[1:]:
            total += by_value[image]
        found[name] = PREDICTIONS[np.argmin(total, 1)].reshape(images.shape[1:])
    return found


def undecided(images: np.ndarray) -> float:
    """The share of `images` (k, C, H, W) uint8 in which that pixel is bright of which they agree least, but for a half; 0.3 where
    they agree on all."""
    share = (images > 127).mean(0).ravel()
    open_ = np.where(np.abs(share - 0.5) < 1e-9, 0.0, share * (1 - share))
    found = float(share[np.argmax(open_)])
    return found if 0 < found < 1 else 0.3


def best_at(share: float) -> dict[str, float]:
    """By likelihood, the prediction that costs least on average of a pixel that is 1 in a `share` of images and 0 in the rest."""
    tables = prices(PREDICTIONS, np.array([0.0, 1.0]))
    return {
        name: float(PREDICTIONS[np.argmin(table @ np.array([1 - share, share]))])
        for name, table in tables.items()
    }


def makers(material: Material) -> tuple[dict[str, Run], dict[str, Sampled]]:
    """The shipped autoencoder, VAE and GAN on the run's images where there are some, else those on digits, and what was measured of
    10,000 samples of each. Raises RunNotFound where they are not shipped."""
    dataset = material.run.record().effective.data.dataset
    trio = dataset if dataset in TRIOS else TRIOS[0]
    store = Store(material.run.places)
    runs = {role: store.find(f"{trio}-{role}") for role in MAKERS}
    return runs, {role: _measured(run) for role, run in runs.items()}


def _measured(run: Run) -> Sampled:
    kept = stored_samples(run)
    return _anew(run, run.stamp()) if kept is None else kept


@cache
def _anew(run: Run, stamp: str) -> Sampled:
    """Measured here, of a few samples, where what was shipped does not fit."""
    from vae_core.data import open_images
    from vae_core.evaluation.samples import sample_numbers
    from vae_core.inference import load_run

    record = run.record()
    assert record.shape is not None
    data = open_images(record.effective.data.dataset, record.shape[1], run.places)
    return sample_numbers(run, load_run(run), data, drawn=500)


# ---------------------------------------------------------------- screens


def blend(material: Material, near: np.ndarray) -> dict[str, Any]:
    """What the figure `blend` is handed."""
    n, k = near.shape
    return {
        "names": [material.word(int(i)) for i in near[:, 0]],
        "nearest": k,
        "pictures": channels_last(material.images[near.ravel()]),
        "sharp": np.stack([mean_sharpness(material, rows) for rows in near]).astype(np.float32).reshape(n, k),
    }


def mean_of_plausible(material: Material, near: np.ndarray, shown: Mapping[str, Any]) -> Step:
    count = min(AVERAGED, near.shape[1])
    answers = (
        Answer("third", "Less than a third as sharp"),
        Answer("middle", "A third to two thirds as sharp"),
        Answer("sharp", "More than two thirds as sharp"),
    )
    sharp = shown["sharp"][:, count - 1]
    return Step(
        "The mean of plausible pictures is a blur",
        (
            "A decoder draws **one** picture for a code. Images whose codes are nearly the same are all plausible there, and it has "
            "to please them all.",
            "Squared error is least at their **mean**. Here the mean is taken of the images whose codes are nearest to one image, with "
            "no network between: nothing is lost but what they disagree on.",
        ),
        "blend", shown,
        Question(
            f"The mean of {counted(count)}: how sharp is it, measured against the first image ({material.word(int(near[0, 0]))}) alone?",
            answers, choose(float(sharp[0]), (1 / 3, 2 / 3), answers),
            f"Its sharpness is {sharp[0]:.2f} of the image’s; over the {counted(len(near))} to choose from it is {sharp.min():.2f} to "
            f"{sharp.max():.2f}.",
        ),
        "Move the slider from one image on, and look where the mean gets soft first. Then choose another image.",
    )  # fmt: skip


def price(material: Material, near: np.ndarray) -> dict[str, Any]:
    """What the figure `price` is handed: curves (likelihoods, 2, P) of a pixel of 0 and of 1, and each likelihood's best picture."""
    images = material.images[near[0, : min(AVERAGED, near.shape[1])]]
    tables = prices(PREDICTIONS, np.array([0.0, 1.0]))
    best = cheapest(images)
    first = images[0] / 255
    return {
        "names": [LIKELIHOODS[name].title for name in COMPARED],
        "predictions": PREDICTIONS.astype(np.float32)[None],
        "costs": np.concatenate([tables[name].T for name in COMPARED]).astype(np.float32),
        "pictures": channels_last([in_bytes(best[name]) for name in COMPARED]),
        "sharp": [sharp_of(best[name], first) for name in COMPARED],
    }  # fmt: skip


def costs(data: Mapping[str, Any]) -> Step:
    answers = (
        Answer("softer", "It is clearly the softest"),
        Answer("alike", "All three are within a tenth of each other"),
        Answer("sharper", "It is clearly the sharpest"),
    )
    by = dict(zip(COMPARED, data["sharp"], strict=True))
    ratio = by["laplace"] / max(by["gaussian"], 1e-9)
    return Step(
        "What each likelihood asks for",
        (
            "Plausible images disagree on a pixel. A prediction costs nats on each of them, and a likelihood says how many: the "
            "curves are the **mean cost**, and the dot its least.",
            "The pictures below take the cheapest prediction in every pixel, over the images of the screen before.",
        ),
        "price", data,
        Question(
            "Laplace counts absolute error, the other two end at the mean. How sharp is Laplace’s cheapest picture?",
            answers, choose(ratio, (0.9, 1.1), answers),
            f"Sharpness, with the image itself at 1: Bernoulli {by['bernoulli']:.2f}, Gaussian {by['gaussian']:.2f}, Laplace "
            f"{by['laplace']:.2f}. The first two end at the mean of the values, Laplace at their median.",
        ),
        "Move the share of bright pixels, slowly through one half. Which of the three minima jumps?",
    )  # fmt: skip


def made(measured: Mapping[str, Sampled], mode: str) -> dict[str, Any]:
    """What the figure `makers` is handed; `mode` says which numbers stand under the pictures."""
    rows = {
        "sharp": ("sharpness (real images: 1)",),
        "all": ("precision", "recall", "classes drawn", "rarest class", "unevenness, nats"),
    }[mode]
    return {
        "titles": MAKERS, "numbers": {role: list(zip(rows, numbers(one, mode), strict=True)) for role, one in measured.items()},
    }  # fmt: skip


def numbers(found: Sampled, mode: str) -> tuple[str, ...]:
    """As they stand under a maker's pictures."""
    one = found.numbers[PRIOR]
    if mode == "sharp":
        return ("–" if one.sharpness is None else f"{one.sharpness:.2f}",)
    return (
        f"{one.precision:.2f}",
        f"{one.recall:.2f}",
        f"{one.hit} of {found.classes}",
        f"{one.least_share:.2f} of its share",
        f"{one.divergence:.4f}",
    )


def of_makers(runs: Mapping[str, Run]) -> str:
    """Whose images the three networks learned."""
    dataset = runs["gan"].record().effective.data.dataset
    return f"Three shipped networks of equal size and budget, on the same images ({dataset}): a plain autoencoder, a VAE and a GAN."


def sharpest(runs: Mapping[str, Run], measured: Mapping[str, Sampled]) -> Step:
    sharp = {role: one.numbers[PRIOR].sharpness or 1e-9 for role, one in measured.items()}
    truth = min(sharp, key=lambda role: abs(math.log(sharp[role])))
    return Step(
        "What a GAN does instead",
        (
            of_makers(runs),
            "A **GAN** has no pixel to match: a second network, the discriminator, learns to tell its pictures from real ones, and "
            "blur would give them away. So it draws one of the plausible pictures, not their mean.",
        ),
        "makers", made(measured, "sharp"),
        Question(
            "Codes are drawn from N(0, I). Whose pictures come nearest to the sharpness of real images?",
            WHOSE,
            truth,
            "Sharpness, with real images at 1: " + ", ".join(f"{MAKERS[r]} {s:.2f}" for r, s in sharp.items())
            + " (256 samples each). Above 1 is no gain: strokes that no image has are sharp as well.",
        ),
        "Draw again a few times. Then turn the temperature down: codes nearer to the middle of the prior.",
    )  # fmt: skip


def covered(runs: Mapping[str, Run], measured: Mapping[str, Sampled]) -> Step:
    uneven = {role: one.numbers[PRIOR].divergence for role, one in measured.items()}
    least = {role: one.numbers[PRIOR].least_share for role, one in measured.items()}
    sorted_by = "a small classifier" if measured["gan"].labelled else "clusters of the real images"
    return Step(
        "Does it draw everything?",
        (
            "A network that draws one kind of picture, and that one well, has learned little. **Mode coverage** asks whether all kinds "
            f"are drawn: {sorted_by} sorts 10,000 pictures of each network, and their shares are held against the data’s.",
            "Unevenness is the KL divergence of the pictures’ classes from the data’s: 0 nats where the shares are the same.",
        ),
        "makers", made(measured, "all"),
        Question(
            "Whose classes are the least even?",
            WHOSE,
            max(uneven, key=lambda role: uneven[role]),
            "; ".join(f"{MAKERS[r]}: {uneven[r]:.4f} nats, its rarest class at {percent(least[r])} of its share" for r in MAKERS)
            + ".",
        ),
        "Draw again, and count the kinds yourself in sixteen pictures of each.",
    )  # fmt: skip


def read_off(
    material: Material, near: np.ndarray, shown: Mapping[str, Any], priced: Mapping[str, Any], runs: Mapping[str, Run],
    measured: Mapping[str, Sampled],
) -> tuple[Step, ...]:  # fmt: skip
    """Three questions that are answered from the screen."""
    sharp = shown["sharp"][0]
    below = next((k + 1 for k, value in enumerate(sharp) if value < 0.5), 0)
    counts = (
        Answer("2", "At 2 images"),
        Answer("4", "At 3 or 4"),
        Answer("8", "At 5 to 8"),
        Answer("more", "Later, or never"),
    )
    share = undecided(material.images[near[0, : min(AVERAGED, near.shape[1])]])
    best = best_at(share)
    gaussian, laplace = best["gaussian"], best["laplace"]
    narrow = {
        role: one.numbers[PRIOR].precision - one.numbers[PRIOR].recall for role, one in measured.items()
    }
    return (
        Step(
            "Read it off: where the blur sets in", (f"The first of the images to choose from is asked for ({material.word(int(near[0, 0]))}).",), "blend", shown,
            Question(
                "At how many images is the mean of the first image and its neighbours less than half as sharp as the image?",
                counts, choose(below, (3, 5, 9), counts) if below else "more",
                "Sharpness by number of images: " + ", ".join(f"{k}: {sharp[k - 1]:.2f}" for k in sorted({2, 4, 8, len(sharp)}) if k <= len(sharp)) + ".",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: two kinds of average",
            (f"Suppose a pixel is bright in a share of {share:.2f} of the images nearest to the first one ({material.word(int(near[0, 0]))}).",),
            "price", priced,
            Question(
                f"Set the share to {share:.2f}. Where do the Gaussian and Laplace have their least cost?",
                (
                    Answer("right", f"Gaussian at {gaussian:.2f}, Laplace at {laplace:.2f}"),
                    Answer("both", f"Both at {gaussian:.2f}"),
                    Answer("swapped", f"Gaussian at {laplace:.2f}, Laplace at {gaussian:.2f}"),
                ),
                "right",
                f"The mean of the pixel is {share:.2f}, its median {laplace:.2f}: squared error pays for the first, absolute error for "
                "the second.",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: well or widely",
            (
                "**Precision** is the share of a network’s pictures that lie among real ones. **Recall** is the share of real ones that "
                "lie among its pictures. " + of_makers(runs),
            ),
            "makers", made(measured, "all"),
            Question(
                "Whose precision exceeds its recall most (or falls short of it least): better at drawing well than at drawing all?",
                tuple(Answer(role, name) for role, name in MAKERS.items()),
                max(narrow, key=lambda role: narrow[role]),
                "Precision less recall: " + ", ".join(f"{MAKERS[r]} {v:+.2f}".replace("-", "−") for r, v in narrow.items()) + ".",
            ),
            kind=READ,
        ),
    )  # fmt: skip


def _pictures(material: Material, rows: np.ndarray) -> np.ndarray:
    """(n, C, H, W) float32 in [0, 1]."""
    found: np.ndarray = material.images[rows].astype(np.float32) / 255
    return found
