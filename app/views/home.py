"""Home: what this is, a living picture, the pages, and all runs."""

from __future__ import annotations

import io

import pandas as pd
import streamlit as st

from app.boundary import copyable, dialog, plain
from app.components.prior_walk import prior_walk
from app.services import models, runs
from app.state import session
from vae_core.errors import BadRun, ReadOnlyRun, RunNotFound, VaeCoreError
from vae_core.places import assets
from vae_core.runs.run import Run

CARDS = (
    ("train", "Train", ":material/model_training:", "Choose images, press Start, watch it learn."),
    ("map", "Latent map", ":material/scatter_plot:", "See where every image lies, and ask what lies there."),
    ("sliders", "Sliders", ":material/tune:", "Move one dimension at a time and see what it means."),
    ("interpolate", "Interpolate", ":material/timeline:", "Walk from one image to another."),
    ("beta", "β", ":material/balance:", "See what a larger β buys and what it costs."),
)  # fmt: skip


def page() -> None:
    words, picture = st.columns([3, 2], gap="large")
    with picture:  # first, so that it is on its way while the rest is drawn
        shown = _walker()
        if shown is not None:
            caption = f"{shown.name}: a slow walk through its prior, decoded in this page"
            prior_walk(shown.id, models.decoder_header(shown), caption)
    with words:
        st.title("Latent Explorer")
        st.markdown(
            "A variational autoencoder squeezes each image into a few numbers, its **code**, and learns to draw the "
            "image again from them. Here you train one on images of your choice and watch it learn. Then you walk "
            "around inside: every point of its latent space is a picture, and moving through it is seeing what it "
            "understood."
        )
    cards()
    st.subheader("Runs", anchor=False)
    table()


def cards() -> None:
    """The pages, each with a picture of it."""
    for column, (view, title, icon, blurb) in zip(st.columns(len(CARDS)), CARDS, strict=True):
        with column, st.container(border=True, gap="small"):
            picture = assets() / "cards" / f"{view}.png"
            if picture.exists():
                st.image(picture.read_bytes(), width="stretch")
            session.link(view, f"**{title}**", icon)
            st.caption(blurb)


def _walker() -> Run | None:
    """The run whose space is walked: the one looked at, else the first with weights."""
    chosen = session.run_or_none()
    everything = runs.store().readable()
    shipped = [run for run in everything if run.read_only]
    return next(
        (run for run in [*([chosen] if chosen else []), *shipped, *everything] if run.has_weights()), None
    )


def table() -> None:
    store = runs.store()
    rows, listed = [], []
    for run in store.all():
        try:
            record, status = run.record(), run.status()
        except (BadRun, RunNotFound) as error:
            st.warning(plain(error), icon=":material/broken_image:")
            continue
        config = record.effective
        objective = config.objective.objective.name
        if (dial := config.objective.dial) is not None:
            objective += f", β {dial.lowest:g}–{dial.highest:g}"
        listed.append(run)
        rows.append(
            {
                "": f"/api/runs/{run.id}/file/thumbnail.png" if (run.path / "thumbnail.png").exists() else None,
                "name": record.name, "dataset": config.data.dataset, "model": config.model.architecture.name,
                "D": config.model.latent_dim, "objective": objective,
                "β": config.objective.beta,
                "status": "pretrained" if run.read_only else status.state,
                "epochs": status.epoch or config.training.epochs, "created": pd.Timestamp(record.created) if record.created else pd.NaT,
                "note": run.note(),
            }
        )  # fmt: skip
    if not rows:
        st.info("No run yet. The Train page makes one.", icon=":material/info:")
    else:
        event = st.dataframe(
            pd.DataFrame(rows), key="runs", on_select="rerun", selection_mode="multi-row", hide_index=True, row_height=44,
            column_config={
                "": st.column_config.ImageColumn("", width=56),
                "β": st.column_config.NumberColumn(format="%g"),
                "created": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
                "note": st.column_config.TextColumn(width="medium"),
            },
        )  # fmt: skip
        actions([listed[i] for i in event["selection"]["rows"] if i < len(listed)])
    _import()


def actions(chosen: list[Run]) -> None:
    """What can be done with the selected rows."""
    if not chosen:
        st.caption(
            "Select rows to open, rename, annotate, export or delete them. Click a column's head to sort."
        )
        return
    one = chosen[0] if len(chosen) == 1 else None
    with st.container(horizontal=True):
        if one is not None:
            if st.button("Look at it", type="primary", icon=":material/visibility:"):
                session.select(one.id)
                session.go("sliders" if one.has_weights() else "train")
            if not one.read_only and st.button("Rename", icon=":material/edit:"):
                rename(one)
            if st.button("Note", icon=":material/notes:"):
                annotate(one)
            if st.button("Export", icon=":material/archive:", help="Everything about the run as one .zip"):
                export(one)
        own = [run for run in chosen if not run.read_only]
        if own and st.button(f"Delete {len(own)}" if len(own) > 1 else "Delete", icon=":material/delete:"):
            delete(own)
        if len(own) < len(chosen):
            st.caption("Pretrained runs stay as they were shipped.")


@dialog("Rename")
def rename(run: Run) -> None:
    name = st.text_input("Name", run.name, help="Letters, digits, '.', '_' and '-'.")
    if session.button("Rename", "rename now", type="primary"):
        try:
            runs.store().rename(run, name.strip())
        except VaeCoreError as error:
            st.error(copyable(error))
            return
        st.rerun()


@dialog("Note")
def annotate(run: Run) -> None:
    text = st.text_area("What is worth remembering about this run", run.note(), height=140)
    if session.button("Keep", "keep note", type="primary"):
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
    if session.button("Delete", "delete now", type="primary"):
        for run in chosen:
            try:
                runs.store().delete(run)
            except (ReadOnlyRun, VaeCoreError) as error:
                st.error(copyable(error))
                return
        st.rerun()


def _import() -> None:
    with st.expander("Import a run", icon=":material/unarchive:"):
        file = st.file_uploader(
            "A .zip that was exported here or with `vae-core export`", type=["zip"], key="import run"
        )
        if file is not None and session.button("Import", "import now", type="primary"):
            from vae_core.export.archive import unarchive

            run = unarchive(io.BytesIO(file.getvalue()), runs.store())
            session.select(run.id)
            st.toast(plain(f"{run.name} is here"), icon=":material/check:")
            st.rerun()


page()
