"""What the numbers of Synthesize say, computed from its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vae_core.uses.found import LOSES, WINS, Row, best, verdict

MEMORY = 0.15  # share of copies, where 0.05 is what images have that no one learned from, from which memorising is suspected


def sentences(rows: Sequence[Row], more: Mapping[str, Any]) -> list[str]:
    """Which way draws best and how PCA does, whether images are copies, what temperature does, what a class asks for."""
    usual = min(more["temperatures"], key=lambda t: abs(t - 1))
    found = [
        *_alike(rows, usual),
        *_copies(rows, more, usual),
        *_classes(rows, more, usual),
        *_warmth(rows, more),
    ]
    if not more["prior"]:
        found.append(
            "A plain autoencoder has no prior and no posteriors: nothing says where its codes lie, so it is drawn from "
            "densities fitted to the codes of its training images alone."
        )
    if more["without features"]:
        found.append(more["without features"])
    return found


def _alike(rows: Sequence[Row], usual: float) -> list[str]:
    # posterior neighbours are training images nearly: their distance says nothing of drawing
    mine = [r for r in _at(rows, "Fréchet distance", usual) if r.ours and r.method != "posterior neighbours"]
    ours, theirs = best(mine), best([r for r in _at(rows, "Fréchet distance", usual) if not r.ours])
    real = next((r for r in rows if r.metric == "Fréchet distance" and r.method == "real test images"), None)
    if ours is None:
        return []
    found = [
        f"At temperature {usual:g} what is most like the training images is drawn from the {_said(ours)}: Fréchet distance {_span(ours)}"
    ]
    if real is not None:
        found[0] += f"; real test images have {_span(real)}"
    found[0] += "."
    if theirs is not None:
        so = verdict(ours, theirs)
        words = {
            WINS: "is further from them", LOSES: "is nearer to them, so the network loses to it",
        }.get(so, "is as near, as far as these intervals tell")  # fmt: skip
        found.append(f"{theirs.method}, without a network, {words}: {_span(theirs)}.")
    prior = next((r for r in mine if r.method == "prior"), None)
    if prior is not None and ours is not prior and verdict(ours, prior) == WINS:
        found.append(
            f"The prior draws worse than that ({_span(prior)}): the codes of the images do not fill it, and between them the decoder guesses."
        )
    return found


def _copies(rows: Sequence[Row], more: Mapping[str, Any], usual: float) -> list[str]:
    if more["line"] is None:
        return [
            "Fewer than 20 test images say nothing of how near a new image comes to a training image, so copies are not counted."
        ]
    found = []
    drawn = [r for r in _at(rows, "copies, blur allowed", usual) if r.method != "posterior neighbours"]
    worst = max(drawn, key=lambda r: r.value or 0, default=None)
    if worst is not None:
        verb = "no sign that training images are kept by heart"
        if worst.low is not None and worst.low > MEMORY:
            verb = "more than chance: some training images are drawn again"
        elif worst.low is not None and worst.low > 0.05:
            verb = "a little more than chance: look at the nearest images"
        found.append(
            f"Of samples from the {_said(worst)}, {_percent(worst)} lie nearer to a training image than the nearest 5 % of "
            f"reconstructions of test images do, which are as blurred and cannot be copies: {verb}."
        )
    plain = next(
        (r for r in _at(rows, "copies", usual) if worst is not None and r.method == worst.method), None
    )
    if plain is not None and worst is not None and (plain.low or 0) > (worst.high or 1):
        found.append(
            f"Against real test images it would be {_percent(plain)}: a blurred image is nearer to every image, which is no copying."
        )
    beside = next(
        (r for r in _at(rows, "copies, blur allowed", usual) if r.method == "posterior neighbours"), None
    )
    if beside is not None:
        found.append(
            f"Posterior neighbours begin at training images, and {_percent(beside)} of them stay that near to one: they vary what is there."
        )
    return found


def _classes(rows: Sequence[Row], more: Mapping[str, Any], usual: float) -> list[str]:
    if not more["labels"]:
        return ["These images have no labels, or too few of each, so none is asked for by its class."]
    asked = _at(rows, "right class", usual)
    ours, theirs = best([r for r in asked if r.ours]), best([r for r in asked if not r.ours])
    if ours is None:
        return []
    found = f"Asked for a class, {_percent(ours)} of its images are named as that class by a small classifier"
    real = next((r for r in rows if r.metric == "right class" and r.method == "real test images"), None)
    if real is not None:
        found += f", which names {_percent(real)} of real test images rightly"
    if theirs is None:
        return [found + "."]
    words = {WINS: "fewer", LOSES: "more: the network loses"}.get(
        verdict(ours, theirs), "no clear difference"
    )
    return [f"{found}; a Gaussian a class in principal components has {_percent(theirs)}, {words}."]


def _warmth(rows: Sequence[Row], more: Mapping[str, Any]) -> list[str]:
    known = [
        r
        for r in rows
        if r.metric == "Fréchet distance" and r.method == ("prior" if more["prior"] else "mixture")
    ]
    known = [r for r in known if isinstance(r.at.get("temperature"), float)]
    if len(known) < 2:
        return []
    known = sorted(known, key=lambda r: float(r.at["temperature"]))
    lead, cold, hot = best(known), known[0], known[-1]
    assert lead is not None
    found = f"Of the temperatures, {lead.at['temperature']:g} draws most like the images from the {_said(lead)} ({_span(lead)})"
    if lead is not cold and verdict(lead, cold) == WINS:
        found += f"; at {cold.at['temperature']:g} there is less variety ({_span(cold)})"
    if lead is not hot and verdict(lead, hot) == WINS:
        found += (
            f"; at {hot.at['temperature']:g} codes lie where the decoder has learned little ({_span(hot)})"
        )
    return [found + "."]


def _at(rows: Sequence[Row], metric: str, temperature: float) -> list[Row]:
    return [r for r in rows if r.metric == metric and r.at.get("temperature") == temperature]


def _said(row: Row) -> str:
    return row.method


def _span(row: Row) -> str:
    if row.value is None:
        return "unknown"
    apart = "" if row.low is None or row.high is None else f" ({row.low:.3g} to {row.high:.3g})"
    return f"{row.value:.3g}{apart}"


def _percent(row: Row) -> str:
    if row.value is None:
        return "an unknown share"
    apart = "" if row.low is None or row.high is None else f" ({row.low:.1%} to {row.high:.1%})"
    return f"{row.value:.1%}{apart}"
