"""What a dial is compared with: runs of its network and budget that were trained for one β."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.services import datasets, measuring, runs
from app.widgets.prepare_dataset import offer_images
from app.widgets.work import follow
from vae_core.config import RunConfig
from vae_core.evaluation.dial_curve import DialCurve
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.words import counted


@dataclass(frozen=True)
class SingleBeta:
    """Runs with a dial's network and budget that were trained for one β: means over their seeds, nats per image."""

    beta: float
    rate: float
    distortion: float
    names: tuple[str, ...]


@dataclass(frozen=True)
class SingleBetaRuns:
    """What a dial is compared with: the runs as they were measured, those yet to be, and how many had another budget."""

    alone: tuple[SingleBeta, ...]
    unmeasured: tuple[Run, ...]
    otherwise: int


def single_beta_runs(run: Run, fingerprint: str) -> SingleBetaRuns:
    """Finished runs of one β within the dial, measured on the images of that fingerprint, by ascending β.

    Their settings are the dial's but for the objective and the seed: what it gives away must not be what less or more
    training would have.
    """
    from vae_core.evaluation.run_metrics import stored
    from vae_core.sweep import turned_by_hand

    mine = run.record().effective
    dial = mine.objective.dial
    assert dial is not None
    found: dict[float, list[tuple[str, float, float]]] = {}
    unmeasured, otherwise = [], 0
    for other in runs.store().readable():
        theirs = other.record().effective
        same = (theirs.data, theirs.model, theirs.objective.likelihood, theirs.objective.input_noise) == (mine.data, mine.model, mine.objective.likelihood, mine.objective.input_noise)  # fmt: skip
        beta = theirs.objective.beta
        if not same or not theirs.objective.entry.beta_vae or beta is None:
            continue
        if (
            not dial.lowest <= beta <= dial.highest
            or other.status().state != FINISHED
            or turned_by_hand(other)
        ):
            continue
        if budget(theirs) != budget(mine):
            otherwise += 1
            continue
        measured = stored(other)
        if measured is None or measured.fingerprint != fingerprint:
            unmeasured.append(other)
        elif measured.evaluation.rate is not None:
            e = measured.evaluation
            found.setdefault(beta, []).append((other.name, measured.evaluation.rate, e.distortion))
    alone = (
        SingleBeta(beta, float(np.mean([r for _, r, _ in runs])), float(np.mean([d for _, _, d in runs])), tuple(n for n, _, _ in runs))
        for beta, runs in sorted(found.items())
    )  # fmt: skip
    return SingleBetaRuns(tuple(alone), tuple(unmeasured), otherwise)


def budget(config: RunConfig) -> tuple[Any, ...]:
    """What decides how far a network is trained, besides its objective: not the seed, nor where or how it ran."""
    training = dataclasses.replace(
        config.training, seed=0, device="auto", threads=0, gpus=1, precision="auto", checkpoint_every=0, log_every=0,
        most_minutes=1.0,  # epochs were chosen within it, and are compared themselves
    )  # fmt: skip
    return training, config.objective.schedule, config.objective.free_bits


def against_single_betas(run: Run, found: DialCurve, others: SingleBetaRuns) -> None:
    """What the dial costs: the same network trained as long for one β alone, measured on the same images."""
    data = datasets.images_of(run)
    if others.unmeasured and data is None:
        offer_images(run)
    elif others.unmeasured and data is not None and data.fingerprint == found.fingerprint:
        follow([measuring.measure_run(other, data) for other in others.unmeasured])
    training = run.record().effective.training
    epochs = training.epochs + sum(training.continued)
    otherwise = (
        f" {others.otherwise} of this network trained otherwise (epochs, learning rate, batch or schedule) and "
        f"{'is' if others.otherwise == 1 else 'are'} not compared." if others.otherwise else ""
    )  # fmt: skip
    if not others.alone:
        if not others.unmeasured:
            st.caption(f"Train the same network at single βs (a sweep, {counted(epochs, 'epoch')}) to see here what the dial gives away.{otherwise}")  # fmt: skip
        return
    # nats of a density may be of either sign: there is no share of them
    density = run.record().effective.objective.likelihood.name != "bernoulli"
    rows = []
    for a in others.alone:
        distortion, rate = found.at(a.beta)
        mine, alone = distortion + a.beta * rate, a.distortion + a.beta * a.rate
        more = f"{mine - alone:+.2f} nats" if density else f"{100 * (mine / alone - 1):+.1f} %"
        rows.append({"β": a.beta, "dial, nats": mine, "alone, nats": alone, "dial − alone": more, "runs": ", ".join(a.names)})  # fmt: skip
    st.subheader("Against runs of one β alone", anchor=False)
    st.dataframe(rows, hide_index=True, column_config={n: st.column_config.NumberColumn(format="%.2f") for n in ("dial, nats", "alone, nats")})  # fmt: skip
    st.caption(
        "distortion + β · rate on the test images, nats per image; the dial between its nine βs, the others as means over "
        f"their seeds. Network, images, epochs ({epochs} each) and all else but the objective are the same; one dial cost "
        f"as many epochs as one of them.{otherwise}"
    )
