"""Pictures of a sweep's runs side by side, a column for each β."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.components.matrix import matrix
from app.services import array_store
from app.state import address, session
from app.state.address import Key
from app.views.tune.beta.run_pictures import (
    ROWS,
    Originals,
    Walk,
    aligned_walk,
    images,
    kept,
    originals,
    own_walk,
    reconstructions,
    samples,
    traversals,
)
from vae_core.evaluation.curve_sentences import named
from vae_core.evaluation.sweep_report import Report
from vae_core.runs.run import Run
from vae_core.sweep import Member
from vae_core.words import one_decimal

PICTURES = ("images", "reconstructions", "samples", "traversals")


@dataclass(frozen=True)
class PicturesByBeta:
    """Columns as the component takes them, of runs by ascending β, and what is to be said of them."""

    columns: list[dict[str, Any]]
    words: str


def pictures_by_beta(report: Report, members: Sequence[Member]) -> PicturesByBeta:
    """A column for each run that `columns_of` gives."""
    shown = columns_of(report, members)
    numbers = {row.member.run.id: row.numbers for row in report.rows}
    originals: dict[tuple[Any, ...], Originals | None] = {}  # those of a sweep are the same for all its runs
    reached = list(report.curve.betas) if len(report.curve) > 1 else []  # where the cursor goes
    columns = []
    for m, walk, matched in shown:
        found = numbers.get(m.run.id)
        columns.append({
            "beta": f"{m.beta:g}", "run": m.run.id, "name": m.run.name, "reached": m.beta in reached,
            "figures": "" if found is None else f"rate {one_decimal(found.rate)} · distortion {one_decimal(found.distortion)} · {int(found.active.sum())} active",
            "walk": walk.words + ("" if matched or report.alignment is None else " (own order)"),
            "pictures": pictures_of(m.run, walk, originals),
        })  # fmt: skip
    origin = "the first image shown" if any(originals.values()) else "the code 0"
    about = _about_rows(report, [m.beta for m, _, matched in shown if not matched])
    return PicturesByBeta(columns, f"Traversals start from {origin}. {about}")


def side_by_side(found: PicturesByBeta) -> None:
    """Columns are β; rows are images, reconstructions, samples and traversals."""
    if found.columns:
        _mounted(found.columns, address.MATRIX, only=False)
        st.caption(found.words)


def at_the_cursor(found: PicturesByBeta) -> None:
    """The pictures of the one β at which the cursor stands, or of the only one there is."""
    if found.columns:
        _mounted(
            [c for c in found.columns if c["reached"]] or found.columns, address.CURSOR_PICTURES, only=True
        )


def _mounted(columns: list[dict[str, Any]], key: Key[Any], *, only: bool) -> None:
    data = {"rows": list(PICTURES), "columns": columns}
    matrix(data, key.name, only=only, on_open=lambda: _note_opened(key))
    if (opened := session.get(address.COLUMN_OPENED)) is not None:
        session.forget(address.COLUMN_OPENED)
        if opened in [c["run"] for c in columns]:  # from the browser: it may be anything
            session.go("sliders", {address.RUN: opened})


def _note_opened(key: Key[Any]) -> None:
    """In a callback, which no other rerun of the script interrupts."""
    session.put(address.COLUMN_OPENED, (session.get(key) or {}).get("open"))


def columns_of(report: Report, members: Sequence[Member]) -> list[tuple[Member, Walk, bool]]:
    """A run per β with weights, by ascending β: with its traversals, and whether they are matched with the others'."""
    places = {m.run.id: i for i, m in enumerate(report.aligned)} if report.alignment is not None else {}
    # one that was turned by hand is of no single β, so of no column
    able = [m for m in members if m.run.has_weights() and not m.turned]
    chosen: dict[float, Member] = {}
    for m in sorted(able, key=lambda m: (m.run.id not in places, not m.finished)):
        chosen.setdefault(m.beta, m)
    found = []
    for _, m in sorted(chosen.items()):
        at = places.get(m.run.id)
        if at is not None and report.alignment is not None:
            found.append((m, aligned_walk(report.alignment, at), True))
        else:
            found.append((m, own_walk(m.run), False))
    return found


def _about_rows(report: Report, apart: Sequence[float]) -> str:
    """What the rows of the traversals are; `apart` are the βs of columns that are matched with no other."""
    if report.alignment is None:
        return "They are of each run's own most used dimensions: rows are not matched until two runs are measured."
    agreement = report.alignment.agreement[np.isfinite(report.alignment.agreement)]
    if not len(agreement):
        return "No dimension could be followed from one β to the next."
    where = f"In the columns {named(m.beta for m in report.aligned)} one" if apart else "One"
    text = (
        f"{where} row is one factor: the dimensions of neighbouring βs are matched by the correlation of their codes of the "
        f"same images (an assignment of most |correlation| in all, {agreement.mean():.2f} on average), turned where they run "
        "the other way; – and grey where none is left."
    )
    if report.alignment.rows > ROWS:
        first = report.aligned[report.alignment.reference].beta
        text += (
            f" Of {report.alignment.rows} such rows {ROWS} are shown, those of most use at β {first:g} first."
        )
    if apart:
        text += (
            f" {named(apart)} {'stands' if len(apart) == 1 else 'stand'} apart, not measured yet or never finished: "
            f"{'its' if len(apart) == 1 else 'their'} rows are the run's own most used dimensions."
        )
    return text


def pictures_of(
    run: Run, walk: Walk, known: dict[tuple[Any, ...], Originals | None]
) -> dict[str, dict[str, Any]]:
    """Of a run by row: where the browser fetches the picture, and its size."""
    record = run.record()
    key = (record.effective.data, record.shape)
    if key not in known:
        known[key] = originals(run)
    found = known[key]
    if found is None:
        first = kept(run)
    else:
        first = {"images": images(found), "reconstructions": reconstructions(run, found)}
    made = first | {"samples": samples(run), "traversals": traversals(run, walk, found)}
    return {row: array_store.picture(png) for row, png in made.items()}
