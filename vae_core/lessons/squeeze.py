"""Lesson 1, squeeze and rebuild: the autoencoder, its bottleneck, and what lies between the codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_core.inference import LoadedModel, load_run
from vae_core.latent.statistics import nearest
from vae_core.lessons import clouds
from vae_core.lessons.lesson import READ, Answer, Lesson, Question, Source, Step, choose
from vae_core.lessons.material import Material, widened
from vae_core.lessons.shown import channels_last, in_bytes, of_hundred
from vae_core.models.sizes import CODE, IMAGE, PICTURE, Size, layer_sizes
from vae_core.runs.store import Store
from vae_core.words import counted

LONGER = "digits-beta1"  # as the pair, with a longer code
MEASURED, STEPS = 6, 8  # images redrawn at each of so many lengths of the code
STRANGE = 3  # images of which strange ones are made
BESIDE = 60  # images and places measured on the shipped pair
ENOUGH, HALF = 1.25, 0.5


def build(material: Material, pair: tuple[Material, Material]) -> Lesson:
    """The lesson on a run with an encoder."""
    material = widened(material)
    first = int(material.chosen[0])
    return Lesson(
        steps=(
            through(material),
            strange(material),
            shorter(material, first),
            trained_for_it(pair[1]),
            between(*pair),
            *read_off(material, first),
        ),
        sources=(
            Source("Hinton & Salakhutdinov 2006, Reducing the dimensionality of data with neural networks", "https://doi.org/10.1126/science.1127647"),
            Source("Goodfellow, Bengio & Courville 2016, Deep Learning, chapter 14: Autoencoders", "https://www.deeplearningbook.org/contents/autoencoders.html"),
            Source("Kingma & Welling 2019, An introduction to variational autoencoders", "https://arxiv.org/abs/1906.02691"),
        ),
        exercise="Train the same images twice on Train, once with 2 latent dimensions and once with 16. How much more comes back, and "
        "what happens to the pictures of random codes? Compare shows both side by side.",
        opens=("sliders", {}, "Open this run’s decoder with a slider for each number"),
        notes=(
            "Ask where the network is widest before anybody sees it. Then press “to scale”: the code is a hairline.",
            "Let somebody draw a house or a face. The network answers with what it knows; that is how odd images are found.",
            "Move the slider slowly. Say that cutting numbers off a finished code is not the same as training a shorter one.",
            "Two networks, same layers and images. The one that had to live with two numbers uses them better.",
            "Stay with an empty place of the left map. Nothing ever asked this decoder to draw anything there.",
            "The two numbers stand under the image and under the code: divide.",
            "Press each of the images and read its loss aloud.",
            "Move the slider from the left until the loss is below 50 %.",
        ),
        remark=material.remark,
        runs={"own": material.run, "ae": pair[0].run, "vae": pair[1].run},
    )  # fmt: skip


# ---------------------------------------------------------------- what is measured


def lost(images: np.ndarray, redrawn: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Squared error of each redrawn image over that of the average image in its place, (N,); all are (N, C·H·W) in [0, 1].

    0 is a perfect copy; 1 is no better than the average image: one less the share of variance that is explained.
    """
    error = ((images - redrawn) ** 2).sum(1)
    found: np.ndarray = error / np.maximum(((images - mean) ** 2).sum(1), 1e-3)
    return found


def kept(codes: np.ndarray, order: np.ndarray, k: int, fill: np.ndarray) -> np.ndarray:
    """Codes (N, D) of which the first `k` dimensions of `order` stand and the others are `fill` (D,)."""
    found = np.broadcast_to(fill, codes.shape).astype(np.float32)
    found[:, order[:k]] = codes[:, order[:k]]
    return found


def lengths(dims: int) -> tuple[int, ...]:
    """Up to STEPS numbers of dimensions from 0 to all, closer together at the beginning."""
    found = {round(k) for k in np.geomspace(1, dims, STEPS - 1)} if dims > STEPS - 1 else set(range(dims + 1))
    return tuple(sorted({0, *found}))


def lost_by_length(material: Material) -> tuple[tuple[int, ...], np.ndarray]:
    """Lengths of the code, and what is lost on average over up to MEASURED images at each."""
    rows = np.arange(len(material.images))[:MEASURED]
    counts = lengths(material.model.latent_dim)
    codes = np.concatenate(
        [kept(material.codes.mean[rows], material.order, k, _fill(material)) for k in counts]
    )
    redrawn = material.model.decode(codes).reshape(len(counts), len(rows), -1)
    mean = material.average
    return counts, np.array([lost(material.floats[rows], one, mean).mean() for one in redrawn])


def needed(counts: Sequence[int], losses: np.ndarray, limit: float) -> int | None:
    """The fewest dimensions that lose at most `limit`; None where all of them lose more."""
    return next((k for k, loss in zip(counts, losses, strict=True) if loss <= limit), None)


def strange_images(material: Material) -> tuple[np.ndarray, list[str]]:
    """Images the network never met, made of its own: negatives, quarter turns, halves changed over. uint8, and their names."""
    rows = material.chosen[:STRANGE]
    images = material.images[rows]
    made = [255 - images, np.rot90(images, axes=(2, 3)), np.roll(images, images.shape[2] // 2, axis=2)]
    kinds = ("as a negative", "turned", "halves changed over")
    names = [f"{material.word(i)}, {kind}" for kind in kinds for i in rows]
    return np.ascontiguousarray(np.concatenate(made)), names


# ---------------------------------------------------------------- screens


def _fill(material: Material) -> np.ndarray:
    """What stands for a number that is left out: its mean over images."""
    return np.asarray(material.codes.mean.mean(0), np.float32)


def figure(material: Material, mode: str, **more: Any) -> dict[str, Any]:
    """What the figure `squeeze` is handed: images to choose from with their codes, and the network's sizes."""
    chosen = material.chosen
    return {
        "role": "own", "mode": mode, "sizes": [size_of(size) for size in layer_sizes(material.model.vae)],
        "names": [material.word(i) for i in chosen], "pictures": channels_last(material.images[chosen]),
        "codes": material.codes.mean[chosen], "average": _last(material.average, material),
        "order": [int(d) for d in material.order], "fill": _fill(material)[None],
        "draws": material.model.shape[0] == 1,
    } | more  # fmt: skip


def _last(flat: np.ndarray, material: Material) -> np.ndarray:
    """(C·H·W,) -> (1, H·W·C), as a page holds pictures."""
    return np.moveaxis(flat.reshape(material.model.shape), 0, -1).reshape(1, -1).astype(np.float32)


def size_of(size: Size) -> dict[str, Any]:
    return {"part": size.part, "shape": list(size.shape), "count": size.count}


def through(material: Material) -> Step:
    sizes = layer_sizes(material.model.vae)
    inner = max((size for size in sizes if size.part not in (IMAGE, PICTURE)), key=lambda size: size.count)
    image, code = sizes[0].count, material.model.latent_dim
    answers = (
        Answer("image", "The image itself"),
        Answer("inner", "A layer between image and code"),
        Answer("code", "The code"),
    )
    # what the encoder gives last are the code's means and log variances
    last = sizes[[size.part for size in sizes].index(CODE) - 1]
    truth = "image" if inner.count <= image else "code" if inner == last else "inner"
    return Step(
        "Through the neck and out again",
        (
            "An **autoencoder** is two networks. The **encoder** turns an image into a few numbers, its **code**; the **decoder** "
            "redraws the image from these numbers alone. All that comes back has gone through the narrow place between them, "
            "the **bottleneck**.",
        ),
        "squeeze", figure(material, "layers"),
        Question(
            "Where does this network hold the most numbers?", answers, truth,
            f"The image is {image:,} numbers, the widest layer inside {inner.count:,}, the code {code:,}: "
            f"{_times(image / code)} fewer than the image.",
        ),
        "Send an image through: choose one" + (", or draw your own." if material.model.shape[0] == 1 else "."),
    )  # fmt: skip


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.2g} times"


def strange(material: Material) -> Step:
    images, names = strange_images(material)
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    codes = material.model.encode(images).mean
    redrawn = material.model.decode(codes).reshape(len(images), -1)
    near, far = nearest(redrawn, material.floats, 1)
    own = float((far[:, 0] < np.linalg.norm(redrawn - flat, axis=1)).mean())
    usual = material.chosen[:STRANGE]
    mean = material.average
    strangely = float(lost(flat, redrawn, mean).mean())
    usually = float(
        lost(
            material.floats[usual],
            material.model.reconstruct(material.images[usual]).reshape(len(usual), -1),
            mean,
        ).mean()
    )
    answers = (
        Answer("well", "The picture, about as well as any other"),
        Answer("worse", "The picture, clearly worse"),
        Answer("own", "Something more like the images it knows"),
    )
    truth = "own" if own > 0.5 else "worse" if strangely > 1.5 * usually else "well"
    return Step(
        "A picture it has never met",
        (
            "The bottleneck is too narrow for every picture there could be. The network can only spend its few numbers on what "
            "the images it learned from differ in.",
        ),
        "squeeze",
        figure(material, "strange", names=names, pictures=channels_last(images), codes=codes,
               nearest=channels_last(material.images[near[:, 0]])),
        Question(
            "The network is sent a negative, a turned picture, two halves changed over. What comes back?", answers, truth,
            f"{own * len(images):.0f} of {len(images)} came back nearer to an image of the set than to what was sent. Lost: "
            f"{of_hundred(strangely)}; of usual images {of_hundred(usually)}.",
        ),
        "Send some of them" + (", or draw what you like." if material.model.shape[0] == 1 else "."),
    )  # fmt: skip


def shorter(material: Material, i: int) -> Step:
    counts, losses = lost_by_length(material)
    dims = material.model.latent_dim
    enough = needed(counts, losses, ENOUGH * float(losses[-1])) or 0
    answers = (
        Answer("few", f"A third of its {dims} or fewer"),
        Answer("some", "More than a third, but not all"),
        Answer("all", "All of them"),
    )
    return Step(
        "Fewer numbers in the code",
        (
            "The dimensions of a code are not used alike. Here those used least are left out first: their place is taken by their "
            "mean. **Lost** is the squared error, as a share of what the average image in its place would have.",
            "This cuts numbers off a finished code. A network trained for fewer uses them better: that comes next.",
        ),
        "squeeze", figure(material, "cut", stops=list(counts)),
        Question(
            f"Of the numbers on the slider, which is the least that loses at most a quarter more than all {dims}?",
            answers, "all" if enough >= dims else choose(enough, (dims / 3 + 1e-9, dims), answers),
            f"On the slider it is {enough} of {dims}: they lose {of_hundred(losses[counts.index(enough)])}, all lose {of_hundred(losses[-1])}, none "
            f"{of_hundred(losses[0])} (mean of {counted(min(MEASURED, len(material.images)))}).",
        ),
        "Move the slider from the right to the left.",
    )  # fmt: skip


def trained_for_it(vae: Material, longer: LoadedModel | None = None) -> Step:
    """The shipped VAE of the pair against one with a longer code, of which as many numbers stand."""
    longer = load_run(Store(vae.run.places).find(LONGER)) if longer is None else longer
    rows = np.unique(np.concatenate((np.arange(len(vae.images))[:BESIDE], vae.chosen)))
    images, own = vae.floats[rows], vae.codes.mean[rows]
    codes = longer.encode(vae.images[rows])
    order = np.argsort(-np.nan_to_num(codes.kl_per_dim), kind="stable")
    few, many = vae.model.latent_dim, longer.latent_dim
    cut = kept(codes.mean, order, few, codes.mean.mean(0))
    redrawn = [vae.model.decode(own), longer.decode(cut), longer.decode(codes.mean)]
    losses = [lost(images, one.reshape(len(rows), -1), vae.average) for one in redrawn]
    gain = losses[1] - losses[0]
    error = float(gain.std() / math.sqrt(len(gain)))
    answers = (
        Answer("trained", f"The one that was trained with {few}"),
        Answer("alike", "Both about equally well"),
        Answer("cut", f"The best {few} of the {many}"),
    )
    shown = np.searchsorted(rows, vae.chosen)
    epochs = [model.config.training.epochs for model in (vae.model, longer)]
    return Step(
        "Trained for a short code",
        (
            f"Two shipped networks on digits, of the same layers: one was trained with a code of {few} numbers ({epochs[0]} epochs), "
            f"the other with {many} ({epochs[1]} epochs). The second is also shown with its {few} most used numbers alone.",
        ),
        "compared",
        {
            "names": [vae.word(i) for i in vae.chosen], "pictures": channels_last(vae.images[vae.chosen]),
            "columns": [
                {"name": name, "pictures": channels_last(in_bytes(made[shown])), "lost": [float(loss[i]) for i in shown]}
                for name, made, loss in zip(
                    (f"trained with {few}", f"best {few} of {many}", f"all {many}"), redrawn, losses, strict=True)
            ],
        },
        Question(
            f"Which redraws a digit better from {few} numbers?", answers,
            choose(float(gain.mean()), (-2 * error, 2 * error), (answers[2], answers[1], answers[0])),
            f"Trained with {few}: {of_hundred(losses[0].mean())} lost. The best {few} of {many}: {of_hundred(losses[1].mean())}. All {many}: "
            f"{of_hundred(losses[2].mean())} ({len(gain)} images, standard error of the difference {100 * error:.1f} %).",
        ),
        "Go through the images under the pictures.",
    )  # fmt: skip


def between(ae: Material, vae: Material) -> Step:
    places = [clouds.gaps(one)[:BESIDE] for one in (ae, vae)]
    there = [
        float(clouds.distance_to_images(one, at).mean()) for one, at in zip((ae, vae), places, strict=True)
    ]
    own = [float(clouds.distance_to_images(one, one.codes.mean[:BESIDE]).mean()) for one in (ae, vae)]
    ink = float(ae.model.decode(places[0][:STEPS]).std() / ae.floats.std())
    answers = (
        Answer("blank", "Nothing: an even grey"),
        Answer("like", "A digit as good as where the dots are"),
        Answer("far", "Something farther from any real digit"),
    )
    return Step(
        "What is between the dots",
        (
            "Each dot is the code of one digit, two numbers long. Between the dots no image has ever been. The plain autoencoder "
            "was only asked to redraw its images; the VAE beside it was also asked to keep its codes together.",
        ),
        "gaps", {"ae": clouds.plane(ae, "ae", mode="gap"), "vae": clouds.plane(vae, "vae", mode="gap"), "together": True},
        Question(
            "You point at an empty place of the plain autoencoder’s map. What will its decoder draw?", answers,
            "blank" if ink < 0.25 else choose(there[0] / max(own[0], 1e-9), (1.25,), answers[1:]),
            f"At {BESIDE} places far from dots its pictures lie {there[0] / max(own[0], 1e-9):.1f} times as far from a real digit as at dots; "
            f"the VAE’s {there[1] / max(own[1], 1e-9):.1f} times.",
        ),
        "Point at gaps of the left map. The cross on the right stands at the same place of the other.",
    )  # fmt: skip


def read_off(material: Material, i: int) -> tuple[Step, ...]:
    """Three questions that are answered from the screen."""
    sizes = layer_sizes(material.model.vae)
    ratio = sizes[0].count / material.model.latent_dim
    some = material.chosen[:4]
    mean = material.average
    losses = lost(
        material.floats[some], material.model.decode(material.codes.mean[some]).reshape(len(some), -1), mean
    )
    return (
        Step(
            "Read it off: the neck", ("Under each layer stands how many numbers it holds.",), "squeeze", figure(material, "layers"),
            Question(
                "How many numbers of the image come to one number of the code?",
                tuple(Answer(key, _number(value)) for key, value in (("low", ratio / 3), ("right", ratio), ("high", 4 * ratio))),
                "right", f"{sizes[0].count:,} / {material.model.latent_dim:,} = {_number(ratio)}.",
            ),
            kind=READ,
        ),
        worst(material, some, losses),
        enough(material, i),
    )  # fmt: skip


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def worst(material: Material, some: np.ndarray, losses: np.ndarray) -> Step:
    """Which image loses most; of a single one, whether it loses more than a tenth."""
    if len(some) > 1:
        text = "Which of these images loses most?"
        answers = tuple(Answer(str(k), f"{k + 1}: {material.word(i)}") for k, i in enumerate(some))
        truth = str(int(losses.argmax()))
    else:
        text = "Does this image lose more than a tenth?"
        answers = (Answer("0", "No"), Answer("1", "Yes"))
        truth = choose(float(losses[0]), (0.1,), answers)
    return Step(
        "Read it off: what is hard to redraw",
        ("Send the images through, one after the other. The loss stands under what came back.",),
        "squeeze",
        figure(material, "back", names=[f"{k + 1}: {material.word(i)}" for k, i in enumerate(some)],
               pictures=channels_last(material.images[some]), codes=material.codes.mean[some]),
        Question(
            text, answers, truth,
            "Lost: " + ", ".join(f"{k + 1}: {of_hundred(loss)}" for k, loss in enumerate(losses)) + ".",
        ),
        kind=READ,
    )  # fmt: skip


def enough(material: Material, i: int) -> Step:
    """How many numbers one image takes."""
    dims = material.model.latent_dim
    counts = range(dims + 1) if dims <= STEPS else lengths(dims)
    codes = np.concatenate(
        [kept(material.codes.mean[[i]], material.order, k, _fill(material)) for k in counts]
    )
    redrawn = material.model.decode(codes).reshape(len(codes), -1)
    losses = lost(material.floats[[i]], redrawn, material.average)
    found = needed(tuple(counts), losses, HALF)
    others = [k for k in counts if k != found]
    near = sorted(others, key=lambda k: abs(k - (dims if found is None else found)))[
        : 3 if found is None else 2
    ]
    offered = sorted({*near, *([] if found is None else [found])})
    answers = (*(Answer(str(k), str(k)) for k in offered), Answer("never", "All of them lose more than half"))
    return Step(
        "Read it off: how many numbers are enough",
        ("Move the slider. The dimensions used most are kept.",),
        "squeeze", figure(material, "cut", stops=list(counts)),
        Question(
            "What is the smallest number on the slider at which this image loses at most half?", answers,
            "never" if found is None else str(found),
            "Lost: " + ", ".join(f"{k} kept: {of_hundred(loss)}" for k, loss in zip(counts, losses, strict=True)) + ".",
        ),
        kind=READ,
    )  # fmt: skip
