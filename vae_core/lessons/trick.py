"""Lesson 3, the reparameterisation trick: why noise comes in from the side."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_core.lessons.lesson import READ, Answer, Lesson, Question, Source, Step, choose
from vae_core.lessons.material import Material
from vae_core.lessons.shown import channels_last, minus, of_hundred

if TYPE_CHECKING:
    from torch import Tensor

MANY, SOME = 400, 60  # draws of what is measured, of small pictures and of large ones
SMALL = 1024  # pixel values of a small picture
FAR = 2.0  # spreads to either side


@dataclass(frozen=True)
class Gradients:
    """Estimates of d E[f(z)] / dμ, z ~ N(μ, σ²), each from one draw of noise.

    eps (N, D): the noise. f (N,). pathwise (N, D): ∇f at z = μ + σε. score (N, D): f(z) ε/σ, which is f ∇ log q.
    baseline (N, D): the same with the mean of the other draws' f taken off, which leaves the mean as it is. float64.

    Mohamed, Rosca, Figurnov & Mnih 2020, "Monte Carlo Gradient Estimation in Machine Learning".
    """

    eps: np.ndarray
    f: np.ndarray
    pathwise: np.ndarray

    std: np.ndarray

    @property
    def score(self) -> np.ndarray:
        found: np.ndarray = self.f[:, None] * self.eps / self.std
        return found

    @property
    def baseline(self) -> np.ndarray:
        n = len(self.f)
        others = (self.f.sum() - self.f) / (n - 1)
        found: np.ndarray = (self.f - others)[:, None] * self.eps / self.std
        return found


def gradients(
    f: Callable[[Tensor], Tensor], mean: np.ndarray, std: np.ndarray, draws: int, seed: int = 0
) -> Gradients:
    """Both estimators on the same noise. f: (N, D) -> (N,), each of its own row alone; mean, std (D,)."""
    import torch

    eps = np.random.default_rng(seed).standard_normal((draws, len(mean)))
    z = torch.from_numpy((mean + std * eps).astype(np.float32)).requires_grad_()
    with torch.enable_grad():
        values = f(z)
        slopes = torch.autograd.grad(values.sum(), z)[0]
    return Gradients(
        eps, values.detach().cpu().numpy().astype(float), slopes.cpu().numpy().astype(float), std.astype(float)
    )  # fmt: skip


def distortion_of(material: Material, i: int) -> Callable[[Tensor], Tensor]:
    """The distortion of image i as a function of codes: (N, D) -> (N,), with gradients."""
    import torch

    model, objective = material.model, material.model.config.objective
    network, likelihood = model.vae, objective.likelihood_entry
    x = torch.from_numpy(material.images[i : i + 1].copy()).to(model.device) / 255
    sigma = network.log_sigma if likelihood.learns_sigma else None

    def found(z: Tensor) -> Tensor:
        z = z.to(model.device)
        return likelihood.of(
            network.logits(z), x.expand(len(z), *x.shape[1:]), objective.likelihood.params, sigma, network.features
        )  # fmt: skip

    return found


def draws_for(material: Material) -> int:
    """So many that the lesson opens at once."""
    return MANY if np.prod(material.model.shape) <= SMALL else SOME


def reached(material: Material, i: int, *, sampled: bool) -> dict[str, tuple[int, int]]:
    """Of encoder and decoder, how many arrays of weights the distortion's gradient reaches, and how many there are.

    sampled: z is drawn from N(μ, σ²) as one node; else z = μ + σε. One image, one draw, by torch's autograd.
    """
    import torch

    network = copy.deepcopy(material.model.vae).requires_grad_(True)
    objective = material.model.config.objective
    likelihood = objective.likelihood_entry
    x = torch.from_numpy(material.images[i : i + 1].copy()).to(material.model.device) / 255
    sigma = network.log_sigma if likelihood.learns_sigma else None
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        posterior = network.encode(x)
        q = torch.distributions.Normal(posterior.mean, (0.5 * posterior.log_var).exp())
        z = q.sample() if sampled else q.rsample()  # type: ignore[no-untyped-call]
        logits = network.logits(z)
        loss = likelihood.of(logits, x, objective.likelihood.params, sigma, network.features).sum()
        loss.backward()  # type: ignore[no-untyped-call]
    found = {}
    for name in ("encoder", "decoder"):
        weights = list(network.get_submodule(name).parameters())
        met = sum(w.grad is not None and bool(w.grad.abs().sum() > 0) for w in weights)
        found[name] = (met, len(weights))
    return found


# ---------------------------------------------------------------- the lesson


def build(material: Material, pair: tuple[Material, Material]) -> Lesson:
    """The lesson on a run with a posterior."""
    i = int(material.chosen[0])
    codes = material.codes
    found = gradients(distortion_of(material, i), codes.mean[i], codes.std[i], draws_for(material))
    return Lesson(
        steps=(
            noise(material, i),
            paths(material, i, found),
            two_ways(material, found),
            baseline(material, found),
            log_variance(material, i),
            *read_off(material, i, found),
        ),
        sources=(
            Source("Kingma & Welling 2014, Auto-Encoding Variational Bayes", "https://arxiv.org/abs/1312.6114"),
            Source("Rezende, Mohamed & Wierstra 2014, Stochastic Backpropagation and Approximate Inference in Deep Generative "
                   "Models", "https://arxiv.org/abs/1401.4082"),
            Source("Mohamed, Rosca, Figurnov & Mnih 2020, Monte Carlo Gradient Estimation in Machine Learning",
                   "https://arxiv.org/abs/1906.10652"),
            Source("Williams 1992, Simple statistical gradient-following algorithms (the score function, as REINFORCE)"),
        ),
        exercise="On paper, take f(z) = ½z². Both estimators have the mean μ. Show that one pathwise draw has variance σ², and "
        "find out at which σ the score function is least noisy. Why does neither a very small nor a very large σ suit it?",
        opens=("sliders", {}, "Move the codes of this run by hand"),
        notes=(
            "Draw one ε, ask where z lies, then show it. Only then draw fifty: the bell of z is the bell of ε, shifted and stretched.",
            "Let the hall point at the place where the gradient stops. The numbers are this run’s, from autograd.",
            "Both rows have the same mean: that is the point. Draw again until everybody has seen the score function’s mean jump.",
            "The baseline changes no mean, only the spread. Ask what is the best one can subtract.",
            "Move the output below 0: as σ it is nothing, as log σ² it is a narrow bell.",
            "The spreads stand under the figure; their ratio has to be squared.",
            "z = μ + σε, on paper.",
            "Half of log σ², then the exponential.",
        ),
        remark=material.remark,
        runs={"own": material.run},
    )  # fmt: skip


def one_image(material: Material, i: int, **more: Any) -> dict[str, Any]:
    """What figures are handed of one image: mean, std (1, D), its picture (1, H, W, C)."""
    return {
        "role": "own", "dim": material.dims[0], "name": material.word(i),
        "mean": material.codes.mean[i : i + 1], "std": material.codes.std[i : i + 1],
        "picture": channels_last(material.images[i : i + 1]),
    } | more  # fmt: skip


def noise(material: Material, i: int) -> Step:
    a = material.dims[0]
    ends = np.repeat(material.codes.mean[i : i + 1], 2, 0)
    ends[:, a] += FAR * material.codes.std[i, a] * np.array([-1, 1], np.float32)
    low, high = material.model.decode(ends).reshape(2, -1)
    found = float(((high - low) ** 2).mean() / material.spread)
    answers = (
        Answer("same", "One can hardly see it"),
        Answer("near", "The same thing, drawn a little differently"),
        Answer("far", "It becomes as different as another image"),
    )
    return Step(
        "One ε at a time",
        (
            "A code is drawn in two moves. First a number **ε** from the bell of spread 1, which knows nothing of the image. Then "
            "it is stretched and shifted: **z = μ + σ·ε**.",
            f"Here it is done in z{a}, the dimension that tells most; the other dimensions rest at their mean.",
        ),
        "epsilon", one_image(material, i),
        Question(
            f"ε goes from −{FAR:g} to {FAR:g}. How much does the picture change?",
            answers, choose(found, (0.02, 0.4), answers),
            f"σ is {material.codes.std[i, a]:.3f} here, so z moves by {2 * FAR * material.codes.std[i, a]:.2f}; the pictures at the "
            f"two ends differ by {of_hundred(found)} of what two images of the set differ by.",
        ),
        "Draw one ε a few times, then move ε from end to end, then draw fifty.",
    )  # fmt: skip


def paths(material: Material, i: int, found: Gradients) -> Step:
    a = material.dims[0]
    stopped, passed = (reached(material, i, sampled=sampled) for sampled in (True, False))
    answers = (
        Answer("both", "Those of decoder and encoder"),
        Answer("decoder", "Those of the decoder alone"),
        Answer("encoder", "Those of the encoder alone"),
        Answer("none", "None"),
    )
    met = [name for name in ("decoder", "encoder") if stopped[name][0]]
    truth = "both" if len(met) == 2 else met[0] if met else "none"
    return Step(
        "Where the gradient stops",
        (
            "To learn, a network asks how the distortion would change if a number before it were a little larger: the gradient, "
            "passed back arrow by arrow.",
            "“Draw a sample” is no arrow one can go back along. In z = μ + σ·ε there is a sum and a product, and the dice "
            "stand aside.",
        ),
        "paths",
        {
            "dim": a, "mean": float(material.codes.mean[i, a]), "log_var": float(material.codes.log_var[i, a]),
            "eps": found.eps[:50, a].astype(np.float32), "slope": found.pathwise[:50, a].astype(np.float32),
            "f": found.f[:50].astype(np.float32), "unit": unit(material),
        },
        Question(
            "If z is one sampled node, which weights does the distortion’s gradient reach?",
            answers, truth,
            f"Counted by autograd on this run: with the sampled node it reaches {told(stopped)}; with z = μ + σ·ε "
            f"{told(passed)}.",
        ),
        "Send the gradients back through both graphs.",
    )  # fmt: skip


def told(counts: dict[str, tuple[int, int]]) -> str:
    """Of each part, how many weights were met."""
    return " and ".join(f"{met} of {of} weight arrays of the {name}" for name, (met, of) in counts.items())


def unit(material: Material) -> str:
    """Of the distortion, or nothing where it has none."""
    return "nats" if material.model.config.objective.likelihood_entry.is_likelihood else ""


def estimates(material: Material, found: Gradients, **more: Any) -> dict[str, Any]:
    """What the figure `gradients` is handed: single-draw gradients (N,) by μ in the dimension that tells most."""
    a = material.dims[0]
    per = unit(material)
    return {
        "dim": a, "unit": f"{per} per unit of μ" if per else "per unit of μ",
        "pathwise": found.pathwise[:, a].astype(np.float32), "score": found.score[:, a].astype(np.float32),
        "baseline": found.baseline[:, a].astype(np.float32),
    } | more  # fmt: skip


def ratio(top: np.ndarray, under: np.ndarray) -> float:
    """Spread of one estimator over that of another."""
    return float(top.std(ddof=1) / max(under.std(ddof=1), 1e-12))


def mean_and_error(draws: np.ndarray) -> str:
    """Their mean, with its standard error."""
    return f"{three(draws.mean())} ± {three(draws.std(ddof=1) / np.sqrt(len(draws)))}"


def three(value: float) -> str:
    """With three figures, thousands apart and whole, a minus for a hyphen."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    places = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return minus(f"{value:,.{places}f}")


def two_ways(material: Material, found: Gradients) -> Step:
    a = material.dims[0]
    path, score = found.pathwise[:, a], found.score[:, a]
    answers = (
        Answer("like", "Less than 3 times"), Answer("some", "3 to 30 times"),
        Answer("much", "30 to 300 times"), Answer("most", "More than 300 times"),
    )  # fmt: skip
    times = ratio(score, path)
    return Step(
        "Two honest estimates",
        (
            "There is another way that needs no arrow through z: try codes, and lean towards those that did well. This **score "
            "function** gradient is f(z)·ε/σ, with f the distortion. The **pathwise** gradient is the slope ∂f/∂z at the code.",
            "Both are right on average. They differ in how far one draw may be off.",
        ),
        "gradients", estimates(material, found, rows=["pathwise", "score"]),
        Question(
            f"On this image, how much wider do single draws of the score function scatter? (gradient by μ of z{a})",
            answers, choose(times, (3, 30, 300), answers),
            f"Over {len(path)} draws the spread is {three(score.std(ddof=1))} against {three(path.std(ddof=1))}: {three(times)} times. Means: "
            f"pathwise {mean_and_error(path)}, score function {mean_and_error(score)}.",
        ),
        "Press “Draw 20 again” a few times and watch the two means.",
    )  # fmt: skip


def baseline(material: Material, found: Gradients) -> Step:
    a = material.dims[0]
    score, less, path = found.score[:, a], found.baseline[:, a], found.pathwise[:, a]
    times = ratio(score, less)
    answers = (
        Answer("none", "By less than a factor of 2"), Answer("some", "By 2 to 10 times"),
        Answer("much", "By more than 10 times"),
    )  # fmt: skip
    return Step(
        "Can the score function be helped?",
        (
            "ε/σ has mean 0, so any constant may be taken off f(z) without changing the mean of the gradient. A good constant, a "
            "**baseline**, is the mean distortion of the other draws.",
        ),
        "gradients", estimates(material, found, rows=["pathwise", "score", "baseline"]),
        Question(
            "By how much does the spread of the score function shrink with a baseline?",
            answers, choose(times, (2, 10), answers),
            f"By {three(times)} times, from {three(score.std(ddof=1))} to {three(less.std(ddof=1))}. The pathwise gradient’s is "
            f"{three(path.std(ddof=1))}.",
        ),
        "Draw again, and use “Zoom in” to compare the narrow ones.",
    )  # fmt: skip


def log_variance(material: Material, i: int) -> Step:
    said = material.codes.log_var
    share = float((said < 0).mean())
    answers = (
        Answer("few", "Fewer than 1 in 10"),
        Answer("half", "1 to 9 in 10"),
        Answer("most", "More than 9 in 10"),
    )
    return Step(
        "Why log σ²",
        (
            "The encoder’s last layer may say any real number, and a spread must be above 0. So its output is taken as **log "
            "σ²**: every number is a bell.",
            "It also evens out the steps: a step of 0.1 changes σ by 5 %, whether σ is 0.01 or 1.",
        ),
        "logvar", outputs(material, i),
        Question(
            "If the same outputs of this encoder were taken as σ itself, how many would be no spread at all, since below 0?",
            answers, choose(share, (0.1, 0.9), answers),
            f"{100 * share:.0f} % of the outputs for {len(said)} images in {said.shape[1]} dimensions lie below 0; they run from "
            f"{said.min():.1f} to {said.max():.1f}.".replace("-", "−"),
        ),
        "Move the output from end to end. Watch σ and the two gradients of the rate.",
    )  # fmt: skip


def outputs(material: Material, i: int) -> dict[str, Any]:
    """What the figure `logvar` is handed: the encoder's outputs, and the one of image i."""
    a = material.dims[0]
    return {
        "dim": a, "outputs": material.codes.log_var.reshape(-1), "own": float(material.codes.log_var[i, a]),
        "name": material.word(i),
    }  # fmt: skip


def read_off(material: Material, i: int, found: Gradients) -> tuple[Step, ...]:
    """Three questions that are answered from the screen."""
    a = material.dims[0]
    path, score = found.pathwise[:, a], found.score[:, a]
    draws = ratio(score, path) ** 2
    mean, std = float(material.codes.mean[i, a]), float(material.codes.std[i, a])
    z = mean + 1.5 * std
    codes = sorted([("right", z), ("minus", mean - 1.5 * std), ("twice", mean + 3 * std)], key=lambda p: p[1])
    widths = sorted([("right", std), ("low", std / 2.5), ("high", std * 2.5)], key=lambda p: p[1])
    numbers = sorted([("right", draws), ("low", draws / 20), ("high", draws * 20)], key=lambda p: p[1])
    return (
        Step(
            "Read it off: what exactness costs",
            (
                "The mean of n draws has 1/n of the variance of one draw, and the variance is the square of the spread.",
            ),
            "gradients", estimates(material, found, rows=["pathwise", "score"], all=True),
            Question(
                "How many draws of the score function are worth one pathwise draw?",
                tuple(Answer(key, f"About {round_number(value)}") for key, value in numbers), "right",
                f"({three(score.std(ddof=1))} / {three(path.std(ddof=1))})² is about {round_number(draws)}.",
            ),
            kind=READ,
        ),
        Step(
            "Read it off: a draw", ("μ and σ stand under the figure.",), "epsilon", one_image(material, i),
            Question(
                "Where does z lie for ε = 1.5?",
                tuple(Answer(key, f"{value:.3f}".replace("-", "−")) for key, value in codes), "right",
                f"{mean:.3f} + 1.5 · {std:.3f} = {z:.3f}.".replace("-", "−"),
            ),
            kind=READ,
        ),
        Step(
            "Read it off: a spread", (f"The mark shows what the encoder says of this image in z{a}.",),
            "logvar", outputs(material, i),
            Question(
                f"How wide is this image’s bell in z{a}, as σ?",
                tuple(Answer(key, f"{value:.3g}") for key, value in widths), "right",
                f"exp({np.log(std**2):.2f} / 2) = {std:.3g}.".replace("-", "−"),
            ),
            kind=READ,
        ),
    )  # fmt: skip


def round_number(value: float) -> str:
    """With two figures, thousands apart; less than ten with one place behind the point."""
    if value < 10:
        return f"{value:.2g}"
    digits = int(np.floor(np.log10(value))) - 1
    return f"{round(value / 10**digits) * 10**digits:,.0f}"
