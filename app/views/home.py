"""Home: what this is, three sliders to begin with, doors by what one wants, and all runs."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import layout
from app.boundary import copyable, dialog, plain
from app.components.first_sliders import first_sliders
from app.services import models, run_codes, runs
from app.state import address, session
from app.state.code_format import round_code
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, source
from vae_core.comparison import MOST, one_seed_each
from vae_core.errors import BadRun, ReadOnlyRun, RunNotFound, VaeCoreError
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.marks import read_marks
from vae_core.runs.record import COMPARED
from vae_core.runs.run import Run
from vae_core.runs.store import readable
from vae_core.words import listed

WANTED = ("smile", "hair", "glasses")  # names of dimensions that anyone understands at once
SHOWN, STARTS = 3, 12  # sliders, and codes of images to begin at
LEAST = 0.5  # from a slider's middle to its ends, at least


def page() -> None:
    every = runs.store().all()
    found = readable(every)
    head = layout.title(
        "Latent Explorer",
        "Drag a slider: you move through the space that a network has learned.",
        *("code", "latent space", "dimension", "prior", "β"),
        side=None if (run := _first_shown(found)) is None else run.record().effective.data.side,
    )
    st.markdown(
        "A variational autoencoder squeezes each image into a few numbers, its **code**, and learns to draw the "
        "image again from them. Here you train one on images of your choice and watch it learn. Then you walk "
        "around inside: every point of its latent space is a picture, and moving through it is seeing what it "
        "understood."
    )
    _small_deck(run, head)
    doors(found)
    st.subheader("Runs", anchor=False)
    table(every)


# ---------------------------------------------------------------- the first thing one does


def _first_shown(found: Sequence[Run]) -> Run | None:
    """The shipped run that a new visitor sees; None where it is not shipped."""
    return next((run for run in found if _is_first(run) and run.has_weights()), None)


def _small_deck(run: Run | None, head: DeltaGenerator) -> None:
    """Three sliders of that run, and the lines that draw their picture; nothing where there is none."""
    codes = None if run is None else run_codes.shipped_codes(run)
    if run is None or codes is None:
        return
    names = read_marks(run).names
    middle, reach = (codes.low + codes.high) / 2, np.maximum((codes.high - codes.low) / 2, LEAST)
    sliders = [
        {
            "dim": d,
            "name": names.get(d, f"z{d}"),
            "low": round(float(middle[d] - reach[d]), 3),
            "high": round(float(middle[d] + reach[d]), 3),
        }
        for d in named_first(names, [int(d) for d in order_by_kl(codes.kl)])
    ]
    starts = [round_code(code).tolist() for code in codes.mean[:STARTS]]
    code_panel(head, "home", code_lines.picture(source(run.id), starts[0]))
    first_sliders(
        run.id,
        models.decoder_header(run),
        sliders,
        starts,
    )


def named_first(names: Mapping[int, str], order: Sequence[int]) -> list[int]:
    """Dimensions to show: those named after what is WANTED, in that order, then the most used ones.

    names: of dimensions; order: all dimensions, most used first.
    """
    found = [next((int(d) for d in order if word in names.get(int(d), "").lower()), None) for word in WANTED]
    chosen = [d for d in found if d is not None]
    return list(dict.fromkeys([*chosen, *order]))[:SHOWN]


# ---------------------------------------------------------------- where to go from here


def doors(found: Sequence[Run]) -> None:
    """The pages by what a person wants to do, and with which of the runs that were found."""
    last = _last_own(found)
    shown: list[Callable[[], None]] = [partial(_show_a_class, found), _learn, _own_images, _tune, _uses]
    if last is not None:
        shown.append(partial(_go_on, last))
    for column, door in zip(st.columns(len(shown)), shown, strict=True):
        with column, st.container(border=True, gap=None, height="stretch"):
            door()


def _show_a_class(found: Sequence[Run]) -> None:
    of = {address.RUN: session.FIRST} if any(map(_is_first, found)) else None
    session.link("sliders", "**Show a class**", ":material/co_present:", of)
    st.caption("Faces under the hand, one slider a number; then where all images lie, on the map.")


def _learn() -> None:
    session.link("learn", "**Learn how it works**", ":material/school:")
    st.caption("Lessons on live models: guess first, then try it, and the model says what is right.")


def _own_images() -> None:
    session.link(
        "train", "**Try my images**", ":material/add_photo_alternate:", {address.OPEN: address.IMPORT}
    )
    st.caption("A folder, a .zip or an array becomes a dataset; what is made of it is shown first.")


def _tune() -> None:
    session.link("train", "**Tune a model**", ":material/model_training:", {address.OPEN: address.NEW})
    st.caption("Choose data, network and β, press Start, watch it learn; or search settings on Tune.")


def _uses() -> None:
    session.link("uses", "**Put it to use**", ":material/handyman:")
    st.caption("Denoise, find odd images, compress, draw new ones: each beside what does it without a VAE.")


def _go_on(last: Run) -> None:
    session.link("train", "**Go on with my last run**", ":material/history:", {address.RUN: last.id})
    st.caption(f"{plain(last.name)}: {last.status().state}. Its curves, and more epochs.")


def _last_own(found: Sequence[Run]) -> Run | None:
    """The run of one's own that was created last."""
    own = [run for run in found if not run.read_only]
    return max(own, key=lambda run: run.record().created or "", default=None)


def _is_first(run: Run) -> bool:
    """Whether it is the shipped run that a new visitor sees."""
    return run.read_only and run.id == session.FIRST


# ---------------------------------------------------------------- the table of runs


def table(every: Sequence[Run]) -> None:
    """All runs, also those that cannot be read, which is said; those of a sweep or a comparison in one row, unless each is asked for."""
    with layout.toolbar("runs"):
        needle = st.text_input(
            "Search runs", placeholder="search: name, dataset, status, note", label_visibility="collapsed", key="runs search",
            width=320,
        ).lower()  # fmt: skip
        apart = st.toggle("Runs of sweeps one by one", key="runs apart")
    found: dict[str, list[Run]] = {}
    for run in every:
        try:
            record, _ = run.record(), run.status()
        except (BadRun, RunNotFound) as error:
            st.warning(plain(error), icon=":material/broken_image:")
            continue
        found.setdefault(f"group {record.group}" if record.group and not apart else run.id, []).append(run)
    entries = list(found.values())
    older = len([members for members in entries if not members[0].read_only]) - runs.MOST_LISTED
    if older > 0 and not needle and not _listed_all(older):
        entries = [*entries[: runs.MOST_LISTED], *entries[runs.MOST_LISTED + older :]]
    rows = [(members, _row(members)) for members in entries]
    matching = [(members, row) for members, row in rows if needle in " ".join(map(str, row.values())).lower()]
    if not rows:
        st.info("No run yet. The Train page makes one.", icon=":material/info:")
    elif not matching:
        st.caption("No run has that in its name, dataset, status or note.")
    else:
        event = st.dataframe(
            pd.DataFrame([row for _, row in matching]), key="runs", on_select="rerun", selection_mode="multi-row", hide_index=True, row_height=44, placeholder="",
            column_config={
                "": st.column_config.ImageColumn("", width=56),
                "β": st.column_config.NumberColumn(format="%g"),
                "created": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
                "note": st.column_config.TextColumn(width="medium"),
            },
        )  # fmt: skip
        actions([run for i in event["selection"]["rows"] if i < len(matching) for run in matching[i][0]])
    _import()


def _listed_all(older: int) -> bool:
    """Whether the older rows are asked for too."""
    return st.toggle(
        f"List {older:,} older too", key="runs older", help="A search looks through all of them anyway. A click on a column's head sorts what is listed."
    )  # fmt: skip


def _row(members: list[Run]) -> dict[str, Any]:
    """A run's line of the table, or that of all runs of a group."""
    run = members[0]
    record, status = run.record(), run.status()
    config = record.effective
    objective = config.objective.objective.name
    if (dial := config.objective.dial) is not None:
        objective += f", β {dial.lowest:g}–{dial.highest:g}"
    row = {
        "": f"/api/runs/{run.id}/file/thumbnail.png" if (run.path / "thumbnail.png").exists() else None,
        "name": record.name, "dataset": config.data.dataset, "model": config.model.architecture.name,
        "D": config.model.latent_dim, "objective": objective,
        "β": config.objective.beta,
        "status": "pretrained" if run.read_only else status.state,
        "epochs": status.epoch or config.training.epochs, "created": pd.Timestamp(record.created) if record.created else pd.NaT,
        "note": run.note(),
    }  # fmt: skip
    if len(members) == 1:
        return row
    betas = sorted(beta for m in members if (beta := m.record().effective.objective.beta) is not None)
    told = f"{objective}, β {betas[0]:g}–{betas[-1]:g}" if betas else objective
    if record.group.startswith(COMPARED):
        told = listed(
            dict.fromkeys(m.record().effective.objective.entry.name for m in one_seed_each(members))
        )
    states = Counter("pretrained" if m.read_only else m.status().state for m in members)
    return row | {
        "name": f"{record.group} · {len(members)} runs",
        "objective": told, "β": None,
        "status": ", ".join(state if n == len(members) else f"{n} {state}" for state, n in states.items()),
    }  # fmt: skip


def actions(chosen: list[Run]) -> None:
    """What can be done with the selected rows."""
    if not chosen:
        st.caption(
            "Select rows to open, rename, annotate, export or delete them. Click a column's head to sort."
        )
        return
    one = chosen[0] if len(chosen) == 1 else None
    groups = {run.record().group for run in chosen}
    with st.container(horizontal=True):
        if one is not None:
            if st.button("Look at it", type="primary", icon=":material/visibility:"):
                session.select(one.id)
                session.go("sliders" if one.has_weights() else "train")
            if not one.read_only and st.button("Rename", icon=":material/edit:", **session.keeping()):
                rename(one)
            if st.button("Note", icon=":material/notes:", **session.keeping()):
                annotate(one)
            if st.button("Export", icon=":material/archive:", help="Everything about the run as one .zip"):
                export(one)
        elif len(groups) == 1 and (name := groups.pop()):
            _look_at_the_group(name, chosen)
        own = [run for run in chosen if not run.read_only]
        if own and st.button(
            f"Delete {len(own)}" if len(own) > 1 else "Delete", icon=":material/delete:", **session.keeping()
        ):
            delete(own)
        if len(own) < len(chosen):
            st.caption("Pretrained runs stay as they were shipped.")


def _look_at_the_group(name: str, chosen: list[Run]) -> None:
    if name.startswith(COMPARED):
        if st.button("Compare them", type="primary", icon=":material/compare:"):
            session.go("compare", {address.MODELS: [run.id for run in one_seed_each(chosen)[:MOST]]})
    elif st.button("Look at the sweep", type="primary", icon=":material/balance:"):
        session.go("tune", {address.TUNE_PART: "β", address.SWEEP: name})


@dialog("Rename")
def rename(run: Run) -> None:
    name = st.text_input("Name", run.name, help="Letters, digits, '.', '_' and '-'.")
    if session.button("Rename", "rename now", writes=True, type="primary"):
        try:
            runs.store().rename(run, name.strip())
        except VaeCoreError as error:
            st.error(copyable(error))
            return
        st.rerun()


@dialog("Note")
def annotate(run: Run) -> None:
    text = st.text_area("What is worth remembering about this run", run.note(), height=140)
    if session.button("Keep", "keep note", writes=True, type="primary"):
        run.write_note(text)
        st.rerun()


@dialog("Export")
def export(run: Run) -> None:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from vae_core.export.archive import archive

    st.markdown(
        f"**{plain(run.name)}** as one .zip: settings, curves, pictures, weights, notes. Import it on any machine."
    )
    with st.spinner("packing"), TemporaryDirectory() as folder:
        target = Path(folder) / "run.zip"
        for sentence in archive(run, target):
            st.caption(sentence)
        st.download_button(
            "Download",
            target.read_bytes(),
            f"{run.name}.zip",
            "application/zip",
            type="primary",
            on_click="ignore",
        )


@dialog("Delete")
def delete(chosen: list[Run]) -> None:
    names = ", ".join(f"**{plain(run.name)}**" for run in chosen)
    st.markdown(
        f"Delete {names} and all {'they' if len(chosen) > 1 else 'it'} learned? This cannot be undone."
    )
    if session.button("Delete", "delete now", writes=True, type="primary"):
        for run in chosen:
            try:
                runs.store().delete(run)
            except (ReadOnlyRun, VaeCoreError) as error:
                st.error(copyable(error))
                return
        st.rerun()


def _import() -> None:
    with st.expander("Import a run", icon=":material/unarchive:"):
        file = session.upload(
            "A .zip that was exported here or with `vae-core export`", type=["zip"], key="import run"
        )
        if file is not None and session.button("Import", "import now", writes=True, type="primary"):
            from vae_core.export.archive import unarchive

            run = unarchive(io.BytesIO(file.getvalue()), runs.store())
            session.select(run.id)
            st.toast(plain(f"{run.name} is here"), icon=":material/check:")
            st.rerun()


page()
