"""What the curves of a run warn of, each with a remedy a student can act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vae_core.config import RunConfig
from vae_core.events import EpochDone, Event, Failed

PATIENCE = 3  # epochs without a better validation objective before overfitting is named
RISE = 0.01  # of the best objective's size: how far it must have risen


@dataclass(frozen=True)
class Advice:
    """kind: collapse, overfitting or divergence. `fault` says what is seen, `remedy` what to try."""

    kind: str
    fault: str
    remedy: str


def diagnose(events: Sequence[Event], config: RunConfig) -> list[Advice]:
    """Warnings about a run so far, from the events that count (Run.history)."""
    epochs = [e for e in events if isinstance(e, EpochDone)]
    failed = next((e for e in events if isinstance(e, Failed)), None)
    found = [_divergence(epochs, failed), _collapse(epochs, config), _overfitting(epochs, config)]
    return [advice for advice in found if advice is not None]


def _divergence(epochs: list[EpochDone], failed: Failed | None) -> Advice | None:
    if failed is not None:
        return Advice(
            "divergence", f"Training ended: {failed.reason}.", "Start again with a lower learning rate."
        )
    if len(epochs) < 3:
        return None
    first, best, last = (
        epochs[0].train.objective, min(e.train.objective for e in epochs), epochs[-1].train.objective
    )  # fmt: skip
    if last > first and last - best > 0.5 * abs(best):
        return Advice(
            "divergence",
            f"The loss has risen to {last:.1f} nats after it had been {best:.1f}.",
            "Lower the learning rate (live lr ×0.3), or start again with a tenth of it.",
        )
    return None


def _collapse(epochs: list[EpochDone], config: RunConfig) -> Advice | None:
    if len(epochs) < 2 or not config.objective.entry.has_posterior:
        return None
    last = epochs[-1]
    rate = last.validation.rate
    if rate is None or last.active_units is None or (last.active_units > 0 and rate > 0.1):
        return None
    return Advice(
        "collapse",
        f"Posterior collapse: {last.active_units} of {config.model.latent_dim} dimensions are active and the rate "
        f"is {rate:.2f} nats, so every image gets the same code.",
        config.objective.entry.collapse_remedy,
    )


def _overfitting(epochs: list[EpochDone], config: RunConfig) -> Advice | None:
    if len(epochs) <= PATIENCE:
        return None
    # while a schedule still moves the weight, the final objective may rise for good reasons
    if config.objective.schedule.name != "constant" and epochs[-1].epoch < config.training.epochs:
        return None
    values = [e.validation.objective for e in epochs]
    best = min(range(len(values)), key=values.__getitem__)
    rise = values[-1] - values[best]
    train_falls = epochs[-1].train.objective < epochs[best].train.objective
    if len(values) - 1 - best < PATIENCE or rise < RISE * abs(values[best]) or not train_falls:
        return None
    return Advice(
        "overfitting",
        f"Overfitting: validation was best in epoch {epochs[best].epoch} and has risen by {rise:.1f} nats since, "
        "while training still falls.",
        "Stop here (the best weights are kept), use more images, fewer dimensions or a smaller model.",
    )
