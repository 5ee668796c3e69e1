"""What the curves of a run warn of: the cause that is seen, and a remedy a student can act on.

Losses of densities have no zero of their own, so no threshold is a share of a loss. A change counts when it is large in
nats per pixel value, or against the curve's own noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.config import ENOUGH_STEPS, RunConfig
from vae_core.events import Controlled, EpochDone, Event, Failed, Started, StepDone

PATIENCE = 3  # epochs without a better validation objective before overfitting is named, and
PATIENT_SHARE = 0.2  # of all that are planned: of a small set's many epochs, three are a moment
OVERFIT = 0.002  # nats per pixel value that validation must have risen by, and
OVERFIT_SHARE = 0.03  # of all that it had fallen by: less is the wander of a high learning rate
RISEN = 0.06  # nats per pixel value by which a loss has risen whatever its noise
DRIFTED = 0.005  # the same, for a rise that stands out of the curve's noise
SHARE_OF_FALL = 0.25  # of all that a loss had fallen by: less is no divergence
NOISES = 3.0  # standard deviations of a curve's noise that a rise must stand out by
EMPTY_RATE = 0.1  # nats: the whole code says nothing below it
FEW_IMAGES = 500
HIGH_RATE, LOW_RATE = 0.02, 1e-4  # learning rates that Adam seldom learns at: units die, or nothing moves
OFF_BY = 3.0  # times a fixed σ: what pictures may be off by before σ is named
GAME_EPOCHS = 3  # of a game that must show a fault before it is named
COLLAPSED = 0.4  # of what real images differ by
WON = 0.95  # of real images taken for real, with as few of the made ones
SWING = 0.3  # of made images taken for real, from one epoch to the next
TOO_SHARP = 1.2  # sharpness of drawn images over that of real ones
ALIKE = 1 / 255  # pixel values: images that differ by no more are the same


@dataclass(frozen=True)
class Advice:
    """kind: collapse, overfitting, divergence, sigma, won, oscillation or noise. `fault` says what is seen, `remedy` what to try."""

    kind: str
    fault: str
    remedy: str


@dataclass(frozen=True)
class Seen:
    """What is looked at: events that count, sorted by kind, and what is known of the images.

    Attributes:
        values: pixel values of an image, over which nats are spread.
        spread: root mean square of what images differ by from their mean, [0, 1]; None where it was not recorded.
    """

    config: RunConfig
    epochs: list[EpochDone]
    steps: list[StepDone]
    started: Started | None
    failed: Failed | None
    beta_set: float | None
    rate_factor: float
    values: int
    spread: float | None


def diagnose(
    events: Sequence[Event], config: RunConfig, data: Mapping[str, Any] | None = None
) -> list[Advice]:
    """Warnings about a run so far, from the events that count (Run.history).

    `data` is what the run's record remembers of its images: their shape (C, H, W) and their spread.
    """
    seen = _seen(events, config, data or {})
    found = [
        _divergence(seen),
        _collapse(seen),
        _overfitting(seen),
        _sigma_too_small(seen),
        *_of_a_game(seen),
        _too_sharp(seen),
    ]
    return [advice for advice in found if advice is not None]


def _seen(events: Sequence[Event], config: RunConfig, data: Mapping[str, Any]) -> Seen:
    asked = {e.command: e.value for e in events if isinstance(e, Controlled)}
    side = config.data.side or 32
    return Seen(
        config,
        [e for e in events if isinstance(e, EpochDone)],
        [e for e in events if isinstance(e, StepDone)],
        next((e for e in events if isinstance(e, Started)), None),
        next((e for e in events if isinstance(e, Failed)), None),
        asked.get("beta"),
        asked.get("learning_rate") or 1.0,
        math.prod(data["shape"]) if data.get("shape") else side * side,
        data.get("spread"),
    )


def _nats(seen: Seen) -> str:
    """The unit after a loss, where it has one."""
    return "" if seen.config.objective.no_elbo else " nats"


def noise_of(curve: Sequence[float]) -> float:
    """Standard deviation of a curve's noise, in its own unit; 0 for fewer than three points.

    From its second differences, which a straight rise or fall does not enter: of independent noise they have six times
    its variance. The median keeps one bend from counting.
    """
    if len(curve) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(np.asarray(curve, np.float64), 2)))) / (0.6745 * math.sqrt(6))


# ---------------------------------------------------------------- divergence


def _divergence(seen: Seen) -> Advice | None:
    if seen.failed is not None:
        return Advice(
            "divergence", f"Training ended: {seen.failed.reason}.", "Start again with a lower learning rate."
        )
    losses = [e.train.objective for e in seen.epochs]
    if len(losses) < 3 or not seen.config.objective.entry.ranks_epochs:
        return None
    best = int(np.argmin(losses))
    rise, fall = losses[-1] - losses[best], losses[0] - losses[best]
    stands_out = rise > DRIFTED * seen.values and rise > NOISES * noise_of(losses[best:]) > 0
    if rise < SHARE_OF_FALL * fall or not (rise > RISEN * seen.values or stands_out):
        return None
    fault = f"The loss has risen to {losses[-1]:.1f}{_nats(seen)} after it had been {losses[best]:.1f}."
    if seen.beta_set is not None and _beta_at(seen, seen.epochs[best]) != seen.beta_set:
        return Advice("divergence", f"{fault} β was set to {seen.beta_set:g} by hand since.", "Set β back.")
    return Advice(
        "divergence", fault, "Lower the learning rate (live lr ×0.3), or start again with a tenth of it."
    )


def _beta_at(seen: Seen, epoch: EpochDone) -> float | None:
    """β of the last step of an epoch."""
    until = [s.coefficients.get("beta") for s in seen.steps if s.step <= epoch.step]
    return until[-1] if until else None


# ---------------------------------------------------------------- collapse


def _collapse(seen: Seen) -> Advice | None:
    config, epochs = seen.config, seen.epochs
    if len(epochs) < 2 or not config.objective.entry.has_posterior:
        return None
    last = epochs[-1]
    rate = last.validation.rate
    if rate is None or last.active_units is None or (last.active_units > 0 and rate > EMPTY_RATE):
        return None
    planned = seen.started.steps_total if seen.started else 0
    if last.step < min(planned, ENOUGH_STEPS):
        return None  # it has only begun
    cause, remedy = _cause_of_collapse(seen)
    return Advice(
        "collapse",
        f"Posterior collapse: {last.active_units} of {config.model.latent_dim} dimensions are active and the rate "
        f"is {rate:.2f} nats, so every image gets the same code.{cause and ' '}{cause}",
        remedy,
    )


def _cause_of_collapse(seen: Seen) -> tuple[str, str]:
    """(what is seen to cause it, what to try); the cause is empty where none is seen."""
    for look in (
        _same_images,
        _beta_by_hand,
        _learning_rate,
        _beta_came_in,
        _sigma_too_large,
        _too_few_steps,
    ):
        if (found := look(seen)) is not None:
            return found
    objective = seen.config.objective
    beta = _beta_at(seen, seen.epochs[-1])
    cause = f"β is {beta:g}." if beta is not None and beta > 1 else ""
    remedy = objective.entry.collapse_remedy
    if objective.entry.name == "vae" and seen.config.model.architecture.name == "mlp":
        remedy += " The conv model sees more."
    return cause, remedy


def _same_images(seen: Seen) -> tuple[str, str] | None:
    if seen.spread is None or seen.spread > ALIKE:
        return None
    return (
        f"The images are all but the same: they differ by {255 * seen.spread:.1f} of 255 grey levels.",
        "Check the images: there is nothing to tell apart. A wrong scale makes dark scans look alike too.",
    )


def _beta_by_hand(seen: Seen) -> tuple[str, str] | None:
    planned = seen.config.objective.beta
    if seen.beta_set is None or seen.beta_set <= (planned or 0.0):
        return None
    return (
        f"β was set to {seen.beta_set:g} by hand.",
        f"Set β back{'' if planned is None else f' to {planned:g}'}.",
    )


def _learning_rate(seen: Seen) -> tuple[str, str] | None:
    training, entry = seen.config.training, seen.config.objective.entry
    peak = (training.learning_rate or entry.learning_rate) * seen.rate_factor
    if peak >= HIGH_RATE:
        return (
            f"The learning rate reaches {peak:g}, at which units die.",
            "Start again with a learning rate of 0.004 or less.",
        )
    if peak <= LOW_RATE:
        return (
            f"The learning rate is at most {peak:g}, so little has been learned.",
            "Raise the learning rate to about 0.004.",
        )
    return None


def _beta_came_in(seen: Seen) -> tuple[str, str] | None:
    """Dimensions were active while a schedule held the weight low, and went with its rise."""
    final = _beta_at(seen, seen.epochs[-1])
    if seen.config.objective.schedule.name == "constant" or final is None:
        return None
    alive = [e for e in seen.epochs if e.active_units]
    before = _beta_at(seen, alive[-1]) if alive else None
    if before is None or before >= final:
        return None
    return (
        f"{alive[-1].active_units} were active in epoch {alive[-1].epoch}, at β {before:.3g}; the schedule has raised it "
        f"to {final:.3g} since.",
        f"Lower β to about {before:.2g}, or let it rise more slowly.",
    )


def _sigma_too_large(seen: Seen) -> tuple[str, str] | None:
    sigma = _fixed_sigma(seen.config)
    if sigma is None or seen.spread is None or sigma <= seen.spread:
        return None
    return (
        f"σ is fixed at {sigma:g}, and the images differ by {seen.spread:.2g}: to this likelihood that is noise.",
        f"Let σ be learned (gaussian_optimal), or fix it at {_nice(seen.spread / 3)}.",
    )


def _too_few_steps(seen: Seen) -> tuple[str, str] | None:
    step = seen.epochs[-1].step
    if step >= ENOUGH_STEPS:
        return None
    per_epoch = seen.started.steps_per_epoch if seen.started else max(1, step // seen.epochs[-1].epoch)
    more = math.ceil((ENOUGH_STEPS - step) / per_epoch)
    return (
        f"It has learned for {step} steps; a model needs {ENOUGH_STEPS} or more.",
        f"Continue for {more:,} epochs or more, or start again with epochs at 0, which takes enough.",
    )


# ---------------------------------------------------------------- overfitting


def _overfitting(seen: Seen) -> Advice | None:
    epochs = seen.epochs
    if len(epochs) <= PATIENCE or not seen.config.objective.entry.ranks_epochs:
        return None
    # while a schedule still moves the weight, the final objective may rise for good reasons
    if seen.config.objective.schedule.name != "constant" and epochs[-1].epoch < seen.config.training.epochs:
        return None
    values = [e.validation.objective for e in epochs]
    best = int(np.argmin(values))
    rise = values[-1] - values[best]
    train_falls = epochs[-1].train.objective < epochs[best].train.objective
    planned = seen.started.epochs if seen.started else len(epochs)
    patient = len(values) - 1 - best >= max(PATIENCE, PATIENT_SHARE * planned)
    least = max(
        OVERFIT * seen.values, OVERFIT_SHARE * (values[0] - values[best]), NOISES * noise_of(values[best:])
    )
    if rise < least or not patient or not train_falls:
        return None
    images = seen.started.train_images if seen.started else None
    few = images is not None and images < FEW_IMAGES
    return Advice(
        "overfitting",
        f"Overfitting: validation was best in epoch {epochs[best].epoch} and has risen by {rise:.1f}{_nats(seen)} since, "
        "while training still falls." + (f" {images} images are few to learn from." if few else ""),
        "Stop here (the best weights are kept), "
        + (
            "use more images, or augmentation (flips, shifts)."
            if few
            else "use fewer dimensions or a smaller model."
        ),
    )


# ---------------------------------------------------------------- a game of two networks


def _of_a_game(seen: Seen) -> list[Advice]:
    """What an objective with a generator and a discriminator can suffer from; nothing of any other."""
    config, epochs = seen.config, seen.epochs
    if len(epochs) < GAME_EPOCHS or not {"spread", "made_output"} <= {t.name for t in config.objective.terms}:
        return []
    rows = [e.validation.values for e in epochs]
    late, remedy = rows[-GAME_EPOCHS:], config.objective.entry.collapse_remedy
    widest = max(r["spread"] for r in rows[:-1]) if seen.spread is None else seen.spread
    found = []
    if max(r["spread"] for r in late) < COLLAPSED * widest:
        found.append(Advice(
            "collapse", f"Collapse: made images differ by {late[-1]['spread']:.2g}, real ones by {widest:.2g}, so codes all "
            "give nearly the same image.", remedy,
        ))  # fmt: skip
    if min(r["real_output"] for r in late) > WON and max(r["made_output"] for r in late) < 1 - WON:
        found.append(Advice(
            "won", f"The discriminator has won: it takes {late[-1]['real_output']:.0%} of real images for real and "
            f"{late[-1]['made_output']:.0%} of made ones, so the generator is told little.",
            "Raise the R1 weight γ, add instance noise (0.1), or lower the learning rate (live lr ×0.3).",
        ))  # fmt: skip
    swings = np.abs(np.diff([r["made_output"] for r in rows[-2 * GAME_EPOCHS :]]))
    if len(swings) >= GAME_EPOCHS and np.median(swings) > SWING:
        found.append(Advice(
            "oscillation", f"The two networks chase each other: what the discriminator makes of made images swings by "
            f"{np.median(swings):.2f} from epoch to epoch.",
            "Lower the learning rate (live lr ×0.3), or raise the R1 weight γ.",
        ))  # fmt: skip
    return found


def _too_sharp(seen: Seen) -> Advice | None:
    """Drawn images with more detail than real ones have: what is added is noise."""
    if not seen.epochs or not seen.config.objective.entry.goes_on:
        return None
    sharp = seen.epochs[-1].validation.values["drawn_sharpness"]
    if sharp < TOO_SHARP:
        return None
    return Advice(
        "noise",
        f"Drawn images are {sharp:.2f} times as sharp as real ones: what is added is noise, not detail.",
        "Lower λ (live), or sharpen again with a smaller λ or for fewer steps.",
    )


# ---------------------------------------------------------------- a fixed σ


def _fixed_sigma(config: RunConfig) -> float | None:
    """σ of a Gaussian, or the scale of another density, that does not move."""
    params = config.objective.likelihood.params
    found = getattr(params, "sigma", getattr(params, "scale", None))
    return None if found is None else float(found)


def _sigma_too_small(seen: Seen) -> Advice | None:
    """Pictures are off by several times what a fixed σ allows, once there were steps enough to learn."""
    config, sigma = seen.config, _fixed_sigma(seen.config)
    if sigma is None or not seen.epochs or seen.epochs[-1].step < ENOUGH_STEPS:
        return None
    distortion = seen.epochs[-1].validation.distortion
    if distortion is None or config.objective.likelihood.name not in ERRORS:
        return None
    off = ERRORS[config.objective.likelihood.name](distortion / seen.values, sigma)
    if off < OFF_BY * sigma:
        return None
    return Advice(
        "sigma",
        f"σ is fixed at {sigma:g}, and pictures are off by {off:.2g}: every error is overrated, so the code is hardly "
        "charged for what it says, and samples look unlike the images.",
        f"Let σ be learned (gaussian_optimal), or fix it near {_nice(off)}.",
    )


def _gaussian_error(nats: float, sigma: float) -> float:
    """Root mean square error from a distortion in nats per pixel value: e²/2σ² + ½ log 2πσ²."""
    return sigma * math.sqrt(max(0.0, 2 * nats - math.log(2 * math.pi * sigma**2)))


def _laplace_error(nats: float, scale: float) -> float:
    """Mean absolute error from a distortion in nats per pixel value: |e|/b + log 2b."""
    return scale * max(0.0, nats - math.log(2 * scale))


ERRORS = {"gaussian": _gaussian_error, "laplace": _laplace_error}


def _nice(value: float) -> str:
    return f"{max(0.001, value):.1g}"
