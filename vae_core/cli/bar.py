"""Progress on a terminal, and the line that says how a run ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

from vae_core.config import RunConfig
from vae_core.errors import VaeCoreError
from vae_core.events import EpochDone, Event, Live, Started, StepDone
from vae_core.objectives import Term
from vae_core.runs.record import FAILED, INTERRUPTED, Status
from vae_core.runs.run import Run
from vae_core.words import counted


class Bar:
    """One line that is rewritten on a terminal; a line an epoch elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.drawn = 0.0

    def show(self, text: str, *, force: bool = False) -> None:
        """Rewrite the line, on a terminal alone and at most ten times a second unless forced."""
        now = time.monotonic()
        if self.live and (force or now - self.drawn > 0.1):
            self.drawn = now
            width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            sys.stderr.write("\r" + text[:width].ljust(width))
            sys.stderr.flush()

    def clear(self) -> None:
        """Empty the line, so that what is printed next starts at its left edge."""
        if self.live:
            self.show("", force=True)
            sys.stderr.write("\r")

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def watch(self, run: Run, before: str = "") -> Callable[[Event], None]:
        """A function that shows every event of `run` it is given; `before` leads the line of an epoch.

        Before the first step it says what was chosen for the images, and that a run is too short to learn.
        """
        asked = run.record().config

        def see(event: Event) -> None:
            if isinstance(event, Started):
                for note in _before_it_learns(event, asked, run.record().effective):
                    self.line(f"{before}{note}")
            elif isinstance(event, (StepDone, Live)):
                point = event.newest if isinstance(event, Live) else event
                status = run.status()
                total = max(1, status.steps_total)
                done = point.step / total
                eta = "" if status.eta is None else f" · {clock(status.eta)} left"
                self.show(
                    f"{'█' * round(20 * done):░<20} {done:4.0%} · epoch {point.epoch} · loss {point.terms.loss:.2f}"
                    f"{unit} · {point.images_per_second:,.0f} images/s{eta}"
                )
            elif isinstance(event, EpochDone):
                self.line(f"{before}{epoch_words(event, terms)}")

        terms = asked.objective.terms
        unit = "" if asked.objective.no_elbo else " nats"
        return see


def _before_it_learns(event: Started, asked: RunConfig, config: RunConfig) -> list[str]:
    from vae_core.training.defaults import chosen_words, too_short

    chosen, short = chosen_words(asked, config, event.train_images), too_short(event.steps_total)
    return [f"chosen by the images: {chosen}"] * bool(chosen) + [f"note: {short}"] * bool(short)


def epoch_words(event: EpochDone, terms: Sequence[Term]) -> str:
    """How an epoch ended: every term that the objective declares, on the validation images."""
    v = event.validation
    shown = [f"{t.label} {v.values[t.name]:.2f}" for t in terms if t.name in v.values]
    if v.rate is not None:
        shown.append(f"{event.active_units} active")
    best = "  best" if event.best else ""
    return f"epoch {event.epoch}: {', '.join([f'validation objective {v.objective:.2f}', *shown])}{best}"


def clock(seconds: float) -> str:
    """Minutes and seconds, such as 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def report_end(run: Run, status: Status, bar: Bar) -> int:
    """Say how a run ended; returns the exit code. Raises VaeCoreError when it failed."""
    if status.state in (FAILED, INTERRUPTED):
        raise VaeCoreError(
            f"{run.name} {'failed' if status.state == FAILED else 'was interrupted'}: {status.error}"
        )
    bar.line(f"{run.name} {status.state} after {counted(status.step, 'step')}")
    return 0
