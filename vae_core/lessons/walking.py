"""Lesson 5, walking the space: traversals, lines and arcs, attribute vectors, and what stands beside every picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vae_core.latent.aggregate import Aggregate, aggregate
from vae_core.latent.directions import attribute_direction
from vae_core.latent.paths import lerp, slerp
from vae_core.latent.statistics import nearest
from vae_core.lessons.lesson import READ, Answer, Lesson, Question, Source, Step, choose
from vae_core.lessons.material import Material, widened
from vae_core.lessons.shown import channels_last, of_hundred
from vae_core.words import counted, listed

KNOWN_BYTES = 1_500_000  # of the real images that a page compares pictures with
ROWS = 6  # dimensions shown at most
BASES, PAIRS, FAR, MOVED = (
    4,
    24,
    24,
    10,
)  # images walked from, pairs, codes far out, images that the arrow moves
LEAST = 0.005  # of what two images differ by: less is no difference
OUT = 3.0  # times as far out as usual
HALF = np.array([0.5])


def build(material: Material, pair: tuple[Material, Material]) -> Lesson:
    """The lesson on a run with a posterior."""
    ground = Ground(widened(material))
    return Lesson(
        steps=(
            one_at_a_time(ground), line_or_arc(ground), far_out(ground), arrow(ground), between(ground),
            busiest(ground), longer_middle(ground), how_usual(ground),
        ),
        sources=(
            Source("White 2016, Sampling generative networks", "https://arxiv.org/abs/1609.04468"),
            Source("Larsen, Sønderby, Larochelle & Winther 2016, Autoencoding beyond pixels using a learned similarity metric", "https://arxiv.org/abs/1512.09300"),
            Source("Arvanitidis, Hansen & Hauberg 2018, Latent space oddity: on the curvature of deep generative models", "https://arxiv.org/abs/1710.11379"),
        ),
        exercise="On Interpolate, take two images that have nothing to do with each other and walk between them along a line, an arc and a "
        "geodesic. Where does the picture change fastest, and how far from real codes is it there?",
        opens=("interpolate", {}, "Open this run on Interpolate"),
        notes=(
            "Have the hall vote which row will move most; the nats stand beside each. Move that slider first.",
            "Draw a circle and a chord on the board. In many dimensions nearly all codes lie near the circle.",
            "Draw ten codes far out. The picture looks sure of itself; only the two numbers beside it say that nothing backs it.",
            "The arrow is a difference of two means. Ask what else differs between the two groups.",
            "The path is smooth because the decoder is. It is no film of something that happened.",
            "Change is read beside each row.",
            "Both lengths stand under the pictures at the middle.",
            "Choose the image, then read its percentile.",
        ),
        remark=ground.material.remark,
        runs={"own": material.run},
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ground:
    """Material, and what is measured on it more than once."""

    material: Material

    @cached_property
    def usual(self) -> Aggregate:
        codes = self.material.codes
        rows = np.resize(np.arange(len(codes)), max(3, len(codes)))
        return aggregate(codes.mean[rows], codes.log_var[rows])

    @cached_property
    def known(self) -> int:
        """How many images pictures are compared with, the first of the material's."""
        return max(
            1, min(len(self.material.images), KNOWN_BYTES // math.prod(self.material.images.shape[1:]))
        )

    @property
    def dims(self) -> np.ndarray:
        """The dimensions shown, those that tell most first."""
        return self.material.order[:ROWS]

    @property
    def start(self) -> np.ndarray:
        """The code (D,) of the first image to choose from."""
        code: np.ndarray = self.material.codes.mean[self.material.chosen[0]]
        return code

    def changes(self, codes: np.ndarray) -> np.ndarray:
        """How much each dimension of `dims` changes the pictures of codes (N, D) between the 1st and 99th percentile of what it
        takes, (N, ROWS): mean squared difference of a pixel, over that between two images."""
        ends = np.repeat(codes[:, None, None].astype(np.float32), len(self.dims), 1).repeat(2, 2)
        for k, d in enumerate(self.dims):
            ends[:, k, 0, d], ends[:, k, 1, d] = self.usual.low[d], self.usual.high[d]
        pictures = self.material.model.decode(ends.reshape(-1, codes.shape[1]))
        pictures = pictures.reshape(len(codes), len(self.dims), 2, -1)
        found: np.ndarray = ((pictures[:, :, 0] - pictures[:, :, 1]) ** 2).mean(2) / self.material.spread
        return found

    @cached_property
    def pairs(self) -> np.ndarray:
        """(PAIRS, 2) numbers of images, none with itself where there are two."""
        rng = np.random.default_rng(0)
        first = rng.integers(0, self.known, PAIRS)
        return np.stack((first, (first + rng.integers(1, max(2, self.known), PAIRS)) % self.known), 1)

    def middles(self, kind: Any) -> np.ndarray:
        """The codes (PAIRS, D) halfway between the pairs, by `lerp` or `slerp`."""
        mean = self.material.codes.mean
        return np.concatenate([kind(mean[a], mean[b], HALF) for a, b in self.pairs])

    def from_real(self, pictures: np.ndarray) -> np.ndarray:
        """Mean squared pixel difference of flat pictures (N, C·H·W) to the nearest known image, over that between two, (N,)."""
        real = self.material.floats[: self.known]
        found: np.ndarray = nearest(pictures, real, 1)[1][:, 0] ** 2 / real.shape[1] / self.material.spread
        return found

    def decoded(self, codes: np.ndarray) -> np.ndarray:
        """(N, D) -> (N, C·H·W)."""
        return self.material.model.decode(codes).reshape(len(codes), -1)

    def data(self, **more: Any) -> dict[str, Any]:
        """What every figure of the lesson is handed: images to choose from, and what tells how usual a code is."""
        one, usual = self.material, self.usual
        return {
            "role": "own", "names": [one.word(i) for i in one.chosen], "pictures": channels_last(one.images[one.chosen]),
            "codes": one.codes.mean[one.chosen], "spread": one.spread,
            "known": {"codes": one.codes.mean[: self.known], "pictures": channels_last(one.images[: self.known])},
            "usual": {
                "mean": usual.mean.tolist(), "whiten": usual.whiten.tolist(), "quantiles": usual.quantiles.tolist(),
            },
        } | more  # fmt: skip


# ---------------------------------------------------------------- screens


def strips(ground: Ground) -> dict[str, Any]:
    """What the figure `strips` is handed."""
    kl = ground.material.codes.kl_per_dim
    return ground.data(
        dims=[int(d) for d in ground.dims],
        nats=[float(kl[d]) for d in ground.dims],
        low=[float(ground.usual.low[d]) for d in ground.dims],
        high=[float(ground.usual.high[d]) for d in ground.dims],
    )


def one_at_a_time(ground: Ground) -> Step:
    changes = ground.changes(ground.material.codes.mean[ground.material.chosen[:BASES]]).mean(0)
    rank = int((changes > changes[0]).sum())
    dims = ground.dims
    answers = (
        Answer("same", "Yes, the same one"),
        Answer("near", "No, but it is second or third"),
        Answer("other", "No, at least three others change it more"),
    )
    most = int(changes.argmax())
    return Step(
        "One number at a time",
        (
            "A **traversal** holds all numbers of a code but one, and moves that one from end to end of what images take. Each row "
            "is one dimension, those that cost most **nats** (KL) first.",
        ),
        "strips", strips(ground),
        Question(
            "Does the dimension that the encoder spends most nats on also change the picture most?", answers,
            choose(rank, (1, 3), answers),
            f"z{dims[0]} costs most and changes the picture by {of_hundred(changes[0])} of what two images differ by"
            + (", more than any other" if not most else f"; z{dims[most]} changes it by {of_hundred(changes[most])}")
            + f" (mean of {counted(min(BASES, len(ground.material.chosen)))}, {counted(len(dims), 'dimension')}).",
        ),
        "Move the slider of each row.",
    )  # fmt: skip


def line_or_arc(ground: Ground) -> Step:
    mean = ground.material.codes.mean
    ends = np.linalg.norm(mean[ground.pairs], axis=2).mean()
    middles = {name: ground.middles(kind) for name, kind in (("line", lerp), ("arc", slerp))}
    length = {
        name: float(np.linalg.norm(codes, axis=1).mean() / max(ends, 1e-9)) for name, codes in middles.items()
    }
    usual = {name: float(np.median(ground.usual.percentile(codes))) for name, codes in middles.items()}
    at_ends = float(np.median(ground.usual.percentile(mean[ground.pairs[:, 0]])))
    dims = ground.material.model.latent_dim
    answers = (
        Answer("shorter", "Clearly nearer to the origin than the ends"),
        Answer("like", "About as far as the ends"),
        Answer("longer", "Clearly farther than the ends"),
    )
    return Step(
        "Along a line or along an arc",
        (
            "Two images are two codes. The straight **line** between them is the mean of both, weighed. The **arc** keeps to the "
            f"length of the codes instead. Codes of the prior in {dims} dimensions are about √{dims} = {math.sqrt(dims):.1f} long."
            + (" With one dimension there is no arc: it is the line." if dims == 1 else ""),
        ),
        "between", ground.data(mode="arc"),
        Question(
            "Halfway along the straight line: how far from the origin is the code?", answers,
            choose(length["line"], (0.93, 1.07), answers),
            f"Middle over ends, {PAIRS} pairs: {length['line']:.2f} on the line, {length['arc']:.2f} on the arc. Median percentile: images "
            f"{at_ends:.0f}, middle of the line {usual['line']:.0f}, of the arc {usual['arc']:.0f}.",
        ),
        "Move the handle to the middle, then choose another image to walk to.",
    )  # fmt: skip


def far_out(ground: Ground) -> Step:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((FAR, ground.material.model.latent_dim)).astype(np.float32)
    near, far = (ground.from_real(ground.decoded(noise * scale)).mean() for scale in (1.0, OUT))
    ratio = float(far / max(near, 1e-9))
    percentiles = [float(np.median(ground.usual.percentile(noise * scale))) for scale in (1.0, OUT)]
    answers = (
        Answer("like", "As like a real image as any sample"),
        Answer("odd", "Somewhat farther from any real image"),
        Answer("far", "More than twice as far from any real image"),
    )
    return Step(
        "Far out, and still a picture",
        (
            "A decoder draws something for every code, whether or not any image ever was near. So two things stand beside each "
            "picture: its **percentile** (the share of this set’s codes that lie nearer to the middle) and the **nearest "
            "image**.",
        ),
        "usual", ground.data(scale=OUT, mode="draw"),
        Question(
            f"Codes are drawn from the prior and put {OUT:g} times as far out. What do they decode to?", answers,
            choose(ratio, (1.25, 2), answers),
            f"They lie {ratio:.1f} times as far from the nearest of {ground.known} real images as samples of the prior do. Median percentile: "
            f"{percentiles[1]:.0f}, of samples {percentiles[0]:.0f}.",
        ),
        "Draw codes, and read the two numbers before you believe the picture.",
    )  # fmt: skip


@dataclass(frozen=True)
class Groups:
    """Two groups of images, (N,) bool each, and what they are called."""

    without: np.ndarray
    having: np.ndarray
    names: tuple[str, str]
    why: str


def groups(material: Material) -> Groups:
    """By the first factor that varies, else the first two classes, else how bright the images are."""
    factors, rows = material.subject.data.factors, material.rows
    if factors is not None and rows is not None:
        values = np.asarray(factors)[rows]
        for name, column in zip(material.subject.data.factor_names, values.T, strict=True):
            if np.ptp(column) > 0:
                word = name.replace("_", " ")
                return _thirds(column, (f"low in “{word}”", f"high in “{word}”"), f"by their factor “{word}”")
    if material.labels is not None:
        classes = [c for c in np.unique(material.labels) if c >= 0]
        if len(classes) > 1:
            a, b = (material.labels == c for c in classes[:2])
            names = (
                f"labelled {material.word(int(np.argmax(a)))}",
                f"labelled {material.word(int(np.argmax(b)))}",
            )
            return Groups(a, b, names, "by their labels")
    return _thirds(material.floats.mean(1), ("dark", "bright"), "by their brightness, as they have no labels")


def _thirds(values: np.ndarray, names: tuple[str, str], why: str) -> Groups:
    """The lowest and the highest third of values (N,); of equal ones, those at the very ends."""
    low, high = np.quantile(values, (1 / 3, 2 / 3))
    if low == high:
        low, high = values.min(), values.max()
    return Groups(values <= low, values >= high, names, why)


def arrow(ground: Ground) -> Step:
    material = ground.material
    found = groups(material)
    codes = material.codes.mean
    direction = attribute_direction(codes, found.having, found.without).astype(np.float32)
    rows = np.flatnonzero(found.without)[:MOVED]
    near = nearest(codes[rows] + direction, codes, 1)[0][:, 0]
    count = int(found.having[near].sum())
    belongs = np.where(found.having, 1, np.where(found.without, 0, -1)).astype(np.int32)
    answers = (
        Answer("few", "Fewer than a third"),
        Answer("some", "Between a third and two thirds"),
        Answer("most", "More than two thirds"),
    )
    a, b = found.names
    return Step(
        "An arrow for an attribute",
        (
            f"Take the mean code of the images that are {b}, less the mean code of those that are {a}: an **attribute vector**. The "
            f"images are grouped {found.why}. Added to a code, it should add the attribute and leave the rest.",
        ),
        "arrow",
        ground.data(
            moved=codes[rows], direction=direction[None], belongs=belongs, all=codes, groups=list(found.names),
            sent=channels_last(material.images[rows]),
        ),
        Question(
            f"The arrow is added to {len(rows)} images that are {a}. How many then lie nearest to an image that is {b}?", answers,
            choose(count / len(rows), (1 / 3, 2 / 3 + 1e-9), answers),
            f"{count} of {len(rows)}. The arrow is {np.linalg.norm(direction):.2f} long; the codes are {np.linalg.norm(codes, axis=1).mean():.2f} "
            "long on average.",
        ),
        "Move the slider: 1 is the whole arrow.",
    )  # fmt: skip


def between(ground: Ground) -> Step:
    pixels = ground.material.floats[ground.pairs].mean(1)
    fade = ground.from_real(pixels)
    walk = ground.from_real(ground.decoded(ground.middles(lerp)))
    gain = fade - walk
    error = float(gain.std(ddof=1) / math.sqrt(len(gain)))
    sure = max(2 * error, LEAST)
    answers = (
        Answer("walk", "The decoded middle"),
        Answer("alike", "Both about equally"),
        Answer("fade", "The blend of the pixels"),
    )
    return Step(
        "What a path can show, and what it cannot",
        (
            "Pixels can be blended without any network. A walk through codes does something else: its middle is the decoder’s guess "
            "at what has half of each.",
            "That the path is smooth says that the decoder is. It does not say that the one image ever becomes the other, and a path "
            "can be drawn between any two.",
        ),
        "between", ground.data(mode="fade"),
        Question(
            "Halfway between two images: which is nearer to a real image?", answers,
            choose(float(gain.mean()), (-sure, sure), (answers[2], answers[1], answers[0])),
            f"Distance to the nearest of {ground.known} real images, of what two images differ by: decoded {of_hundred(walk.mean())}, blended "
            f"{of_hundred(fade.mean())} ({PAIRS} pairs, standard error of the difference {100 * error:.1f} %).",
        ),
        "Move the handle, and look for two pictures at once in the lower row.",
    )  # fmt: skip


# ---------------------------------------------------------------- read off the screen


def busiest(ground: Ground) -> Step:
    """Of up to three dimensions, the one that changes the first image most; of a single one, whether it does."""
    found = ground.changes(ground.start[None])[0]
    best = int(found.argmax())
    # those that can be told from it at a glance
    others = [k for k in range(len(found)) if k != best and found[k] < 0.95 * found[best]][:2]
    rows = sorted([best, *others])
    changes, dims = found[rows], [int(d) for d in ground.dims[rows]]
    if len(dims) > 1:
        text = f"Which of {listed(f'z{d}' for d in dims)} changes this picture most from end to end?"
        answers = tuple(Answer(str(d), f"z{d}") for d in dims)
        truth = str(dims[int(changes.argmax())])
    else:
        text = f"Does z{dims[0]} change this picture by more than half of what two images differ by?"
        answers = (Answer("no", "No"), Answer("yes", "Yes"))
        truth = choose(float(changes[0]), (0.5,), answers)
    said = ", ".join(f"z{d}: {of_hundred(change)}" for d, change in zip(dims, changes, strict=True))
    return Step(
        "Read it off: the busiest number", ("Beside each row stands how much its two ends differ.",), "strips", strips(ground),
        Question(text, answers, truth, f"{said}."), kind=READ,
    )  # fmt: skip


def longer_middle(ground: Ground) -> Step:
    codes = ground.material.codes.mean[ground.material.chosen]
    a, b = codes[0], codes[min(1, len(codes) - 1)]
    line, arc = (float(np.linalg.norm(kind(a, b, HALF))) for kind in (lerp, slerp))
    answers = (
        Answer("line", "The line’s"),
        Answer("same", "Neither: they differ by less than a twentieth"),
        Answer("arc", "The arc’s"),
    )
    return Step(
        "Read it off: the middle of the way", ("Put the handle in the middle.",), "between", ground.data(mode="arc"),
        Question(
            "Which code is longer in the middle of this path?", answers,
            choose(arc / max(line, 1e-9), (0.95, 1.05), answers),
            f"|z| is {line:.2f} on the line and {arc:.2f} on the arc.",
        ),
        kind=READ,
    )  # fmt: skip


def how_usual(ground: Ground) -> Step:
    percentile = float(ground.usual.percentile(ground.start)[0])
    answers = (
        Answer("low", "The inner third"),
        Answer("middle", "The middle third"),
        Answer("high", "The outer third"),
    )
    return Step(
        "Read it off: how usual a code is", ("The slider moves the code away from the middle of all codes.",), "usual",
        ground.data(scale=1.0, mode="image"),
        Question(
            "At slider 1 this is the image’s own code. In which third of all codes does it lie?", answers,
            choose(percentile, (100 / 3, 200 / 3), answers),
            f"Its percentile is {percentile:.0f}.",
        ),
        kind=READ,
    )  # fmt: skip
