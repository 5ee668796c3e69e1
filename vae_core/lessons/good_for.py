"""Lesson 7, what it is good for: denoise, find the odd one out, compress, probe a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.lessons.good_for_measured import (
    LEVELS,
    ODD,
    STEPS,
    Denoised,
    OddRow,
    Packed,
    denoised,
    odd_row,
    pack,
)  # fmt: skip
from vae_core.lessons.lesson import READ, Answer, Lesson, Question, Source, Step, choose
from vae_core.lessons.material import Material
from vae_core.lessons.probe_plane import Plane, changes, plane_of
from vae_core.lessons.shown import channels_last, in_bytes
from vae_core.uses.compress import NOISE, setting_of
from vae_core.uses.likeness import psnr
from vae_core.words import counted, percent


def build(material: Material, pair: tuple[Material, Material]) -> Lesson:
    """The lesson on a run with a posterior; what needs labels is shown on the VAE of the pair where the run has too few."""
    noise, row, packed = denoised(material), odd_row(material), pack(material)
    seen, probed, remark = material, None, ""
    try:
        probed = plane_of(material)
    except TooFewPoints:
        seen, probed = pair[1], plane_of(pair[1])
        remark = "The images of this run have too few labels for a classifier, so this screen shows the shipped run on digits. "
    return Lesson(
        steps=(
            denoise(noise),
            odd_one(row),
            compress(packed),
            path(seen, probed, remark),
            unknown(seen, probed, remark),
            *read_off(noise, row, seen, probed, remark),
        ),
        sources=(
            Source("Vincent et al. 2008, Extracting and Composing Robust Features with Denoising Autoencoders"),
            Source("Nalisnick et al. 2019, Do Deep Generative Models Know What They Don’t Know?", "https://arxiv.org/abs/1810.09136"),
            Source("Townsend, Bird & Barber 2019, Practical Lossless Compression with Latent Variables", "https://arxiv.org/abs/1901.04866"),
            Source("Vanbrabant et al. 2026, LAPEX: a VAE as a space in which to probe a classifier"),
        ),
        exercise="Open Uses, tab Denoise, and compare with the VAE that was trained to denoise. At which σ does it begin to win, and at "
        "which does the one of this lesson?",
        opens=("uses", {}, "Open the uses of this run, measured"),
        notes=(
            "Let the hall shout at which σ the filter gives up. The VAE can only draw what it knows, noise or not.",
            "Click through the five kinds. Which ones does the score miss, and why is the empty image cheap?",
            "The bytes leave out the decoder, which both ends need. Ask who would pay for that, and when.",
            "Drag an end of the path. The classifier was never trained on pictures of this decoder.",
            "Where no code lies the decoder still draws, and the classifier still names. Neither says that it does not know.",
            "Read the numbers under the pictures, noisy against drawn.",
            "Count on the fingers, kind by kind.",
            "The largest colour on the plane is not the commonest class of the data.",
        ),
        remark=material.remark,
        runs={"own": material.run, "seen": seen.run},
    )  # fmt: skip


# ---------------------------------------------------------------- denoise


def denoise(found: Denoised) -> Step:
    answers = (
        Answer("all", f"Already from σ {LEVELS[0]:g} on"),
        Answer("some", f"From σ {LEVELS[1]:g} or {LEVELS[2]:g} on"),
        Answer("much", f"Only from σ {LEVELS[3]:g} or more"),
        Answer("none", "At none of them"),
    )
    vae, filtered = found.quality("vae").mean(1), found.quality("median").mean(1)
    return Step(
        "Take noise off",
        (
            "A VAE draws what its codes can say, and noise is not among it: encode a noisy picture, decode the mean, and a clean one "
            "comes out. It may be the wrong one.",
            "This run never saw noise. Against it stands a **median filter** of 3 × 3 pixels, which knows nothing of these images. "
            "PSNR says how near each comes to the clean image, in decibels; more is nearer.",
        ),
        "stages", stages_of_noise(found),
        Question(
            "From which noise on does the VAE come nearer to the clean image than the median filter?",
            answers, choose(found.wins_from, (1, 3, len(LEVELS)), answers),
            f"Mean PSNR of {counted(len(found.clean))}, VAE against filter: "
            + ", ".join(f"σ {s:g}: {a:.1f} and {b:.1f} dB" for s, a, b in zip(LEVELS, vae, filtered, strict=True)) + ".",
        ),
        "Turn the noise up step by step, and see who loses what. Then choose another image.",
    )  # fmt: skip


def stages_of_noise(found: Denoised) -> dict[str, Any]:
    """What the figure `stages` is handed: a picture and a line for each image, stop and column."""
    columns = ("noisy", "vae", "median")
    quality = {name: found.quality(name) for name in columns}
    pictures, lines = [], []
    for i, clean in enumerate(found.clean):
        for k in range(len(LEVELS)):
            pictures += [clean, *(in_bytes(getattr(found, name)[k, i]) for name in columns)]
            lines += ["", *(f"{quality[name][k, i]:.1f} dB" for name in columns)]
    return {
        "slider": "noise σ", "stops": [f"{level:g}" for level in LEVELS], "start": 2, "names": list(found.names),
        "columns": ["clean", "noisy", "the VAE’s", "median filter"], "pictures": channels_last(pictures), "lines": lines,
    }  # fmt: skip


# ---------------------------------------------------------------- the odd one out


def odd_one(row: OddRow) -> Step:
    answers = (
        Answer("both", "Both do"),
        Answer("first", f"{row.first} alone"),
        Answer("error", "The reconstruction error alone"),
        Answer("none", "Neither"),
    )
    caught = row.caught()
    return Step(
        "Find the odd one out",
        (
            f"What a model of images has seldom seen should be costly to say: a high **{row.first}**, or a large **reconstruction "
            "error**, the mean squared difference from what comes back.",
            "One image of the row is spoiled. It is odd; whether the scores notice is another matter.",
        ),
        "odd", odd_data(row),
        Question(
            f"The odd one is made of {ODD[0]}. Which score is highest for it?",
            answers, ("none", "error", "first", "both")[2 * int(caught[0, 0]) + int(caught[0, 1])],
            "; ".join(f"{kind}: found by {said(caught[k], row.first)}" for k, kind in enumerate(ODD)) + ".",
        ),
        "Press the other ways to spoil it. The longest bar is what a score would pick.",
    )  # fmt: skip


def said(caught: np.ndarray, first: str) -> str:
    """Which scores found it, in words."""
    a, b = map(bool, caught)
    return "both" if a and b else first if a else "the error" if b else "neither"


def odd_data(row: OddRow) -> dict[str, Any]:
    k, n = row.images.shape[:2]
    return {
        "kinds": list(ODD), "row": n, "places": [int(p) for p in row.places], "titles": [row.first, "error"],
        "pictures": channels_last(row.images.reshape(k * n, *row.images.shape[2:])),
        "scores": row.scores.reshape(2 * k, n).astype(np.float32),
    }  # fmt: skip


# ---------------------------------------------------------------- compress


def compress(found: Packed) -> Step:
    answers = (
        Answer("tiny", "Less than a hundredth"),
        Answer("small", "A hundredth to a twentieth"),
        Answer("some", "A twentieth to a half"),
        Answer("much", "More than a half"),
    )
    middle = STEPS.index(NOISE)
    share = found.share(middle)
    return Step(
        "Compress",
        (
            "The code is all that the decoder needs. Rounded on a grid, and written with short words for what is common, it is a file. "
            f"A step of √12 widths of the posterior ({setting_of(NOISE)}) rounds as much as the posterior spreads.",
            "A PNG keeps every pixel; what opens from a code is the decoder’s picture, and both ends need the decoder.",
        ),
        "stages", stages_of_pack(found),
        Question(
            "How many bytes does the code take, against the image’s PNG?",
            answers, choose(share, (0.01, 0.05, 0.5), answers),
            f"At {setting_of(NOISE)} {found.sizes[middle].mean():.1f} bytes against {found.files.mean():.0f} of the PNG ({percent(share)}), "
            f"mean of {counted(len(found.images))}. The decoder itself has {found.decoder / 1024:,.0f} KiB.",
        ),
        "Make the grid coarser, and see what the picture loses first.",
    )  # fmt: skip


def stages_of_pack(found: Packed) -> dict[str, Any]:
    pictures, lines = [], []
    for i, image in enumerate(found.images):
        for k in range(len(STEPS)):
            pictures += [image, found.opened[k, i]]
            quality = float(psnr(found.opened[k, i : i + 1], image[None])[0])
            lines += [f"PNG: {found.files[i]:,} bytes", f"{found.sizes[k, i]:.1f} bytes · {quality:.1f} dB"]
    stops = [setting_of(step).removeprefix("step ").removesuffix(" widths") for step in STEPS]
    return {
        "slider": "grid step", "stops": stops, "start": STEPS.index(NOISE), "names": list(found.names),
        "columns": ["the image", "opened from its code"], "pictures": channels_last(pictures), "lines": lines,
    }  # fmt: skip


# ---------------------------------------------------------------- probe a classifier


def ends(material: Material) -> np.ndarray:
    """Where on the plane the path begins and ends: two images of different classes where there are, (2, 2)."""
    a, b = material.dims
    first, last = int(material.chosen[0]), int(material.chosen[min(1, len(material.chosen) - 1)])
    found: np.ndarray = material.codes.mean[[first, last]][:, [a, b]].copy()
    if a == b:
        found[:, 1] = 0
    return found


def probe_data(material: Material, plane: Plane, *, shade: bool) -> dict[str, Any]:
    """What the figure `probe` is handed."""
    a, b = plane.dims
    xy = material.codes.mean[:, [a, b]].astype(np.float32).copy()
    if a == b:
        xy[:, 1] = 0
    return {
        "role": "seen", "dims": [a, b], "span": list(plane.span), "side": len(plane.classes), "names": list(plane.names),
        "classes": plane.classes.astype(np.int32), "sure": plane.sure.astype(np.float32), "far": plane.far.astype(np.int32),
        "xy": xy, "labels": plane.truths, "ends": ends(material).tolist(), "shade": shade,
    }  # fmt: skip


def path(material: Material, plane: Plane, remark: str) -> Step:
    found = changes(plane.along(*ends(material)))
    answers = (
        Answer("never", "Never"),
        Answer("once", "Once"),
        Answer("twice", "Twice"),
        Answer("more", "Three times or more"),
    )
    a, b = plane.dims
    first, last = (material.word(int(i)) for i in material.chosen[[0, min(1, len(material.chosen) - 1)]])
    others = " all other dimensions at 0," if material.codes.mean.shape[1] > 2 else ""
    return Step(
        "Probe a classifier",
        (
            f"{remark}A second network can be asked what it sees in the pictures that a decoder draws. Each cell of this plane (z{a}, "
            f"z{b},{others} as far as codes go) is decoded and shown to a classifier: {plane.seen_by}. Its colour is the class.",
            f"The path leads from the place of an image ({first}) to that of another ({last}).",
        ),
        "probe", probe_data(material, plane, shade=False),
        Question(
            "Along the path, how often does the classifier change its mind?",
            answers, choose(found, (1, 2, 3), answers),
            f"Seen at 41 places along the path, it changes {counted(found, 'time')}: " + ", ".join(passed(plane, material)) + ".",
        ),
        "Move along the path with the slider, then drag its ends: find a place where a small step changes the class.",
    )  # fmt: skip


def passed(plane: Plane, material: Material) -> list[str]:
    """The classes along the path, one after the other."""
    classes = plane.along(*ends(material))
    return [plane.names[c] for k, c in enumerate(classes) if k == 0 or c != classes[k - 1]]


def unknown(material: Material, plane: Plane, remark: str) -> Step:
    share = float(plane.far.mean())
    answers = (
        Answer("little", "Less than a third"),
        Answer("half", "A third to two thirds"),
        Answer("most", "More than two thirds"),
    )
    sure = {
        word: f"{100 * plane.sure[where].mean():.0f} %"
        for word, where in (("there", plane.far), ("elsewhere", ~plane.far))
        if where.any()
    }
    how = " and ".join(f"{value} {word}" for word, value in sure.items())
    return Step(
        "Where the map knows nothing",
        (
            f"{remark}The decoder draws a picture for any code, and the classifier names any picture. Neither says that it has never "
            "seen such a thing.",
            "Hatched is what lies farther from every image’s code than 95 % of these codes lie from their nearest, measured in all "
            "dimensions.",
        ),
        "probe", probe_data(material, plane, shade=True),
        Question(
            "How much of the plane is hatched?",
            answers, choose(share, (1 / 3, 2 / 3), answers),
            f"{percent(share)} of the cells. The classifier’s mean probability for the class it names is {how}: being sure is no sign "
            "of knowing.",
        ),
        "Drag the path into the hatched part and look at what is drawn there, and what it is called.",
    )  # fmt: skip


# ---------------------------------------------------------------- read off the screen


def read_off(noise: Denoised, row: OddRow, material: Material, plane: Plane, remark: str) -> tuple[Step, ...]:
    """Three questions that are answered from the screen."""
    levels = (
        Answer("first", f"σ {LEVELS[0]:g}"),
        Answer("low", f"σ {LEVELS[1]:g} or {LEVELS[2]:g}"),
        Answer("high", f"σ {LEVELS[3]:g} or more"),
        Answer("none", "At none"),
    )
    # as it stands on the screen, so that what is read there is what counts
    mine, as_is = (np.round(noise.quality(name)[:, 0], 1) for name in ("vae", "noisy"))
    gains = np.flatnonzero(mine > as_is)
    from_ = int(gains[0]) if len(gains) else len(LEVELS)
    count = int(row.caught()[:, 1].sum())
    counts = (
        Answer("few", "None or one"),
        Answer("some", "Two or three"),
        Answer("four", "Four"),
        Answer("all", "All five"),
    )
    shares = np.bincount(plane.classes.ravel(), minlength=len(plane.names)) / plane.classes.size
    order = np.argsort(-shares, kind="stable")
    offered = sorted({int(order[0]), *(int(c) for c in order[::-1][: min(3, len(order) - 1)])})
    return (
        Step(
            "Read it off: when it is worth it",
            (f"Take the first image ({noise.names[0]}). The PSNR of each picture stands under it.",),
            "stages", stages_of_noise(noise),
            Question(
                "At which noise does the VAE’s picture first come nearer to the clean image than the noisy one is itself?",
                levels, choose(from_, (1, 3, len(LEVELS)), levels),
                "VAE against noisy image: "
                + ", ".join(f"σ {s:g}: {a:.1f} and {b:.1f} dB" for s, a, b in zip(LEVELS, mine, as_is, strict=True)) + ".",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: what a score misses", ("Press the five ways to spoil an image, one after the other.",),
            "odd", odd_data(row),
            Question(
                "For how many of the five does the spoiled image have the largest reconstruction error of its row?",
                counts, choose(count, (2, 4, 5), counts),
                "; ".join(f"{kind}: {'largest' if row.caught()[k, 1] else 'not the largest'}" for k, kind in enumerate(ODD)) + ".",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: whose the plane is", (f"{remark}The colours are named under the plane.",),
            "probe", probe_data(material, plane, shade=False),
            Question(
                "Which of these classes has the largest part of the plane?",
                tuple(Answer(str(c), plane.names[c]) for c in offered), str(int(order[0])),
                "Parts of the plane: " + ", ".join(f"{plane.names[c]} {percent(shares[c])}" for c in order if shares[c] > 0) + ".",
            ),
            kind=READ,
        ),
    )  # fmt: skip
