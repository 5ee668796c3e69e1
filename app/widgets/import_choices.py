"""What a person chooses about an import: asked only where the source leaves a choice."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.boundary import plain, sentence
from app.state import address, session
from vae_core.data.user import COLOURS, FITS, GROUNDS, SCALES, SIDES, SPLITS, ImportChoices, ImportPlan
from vae_core.errors import BadTable
from vae_core.words import counted

OWN_SCALE = "own"


def choices_of(plan: ImportPlan, times: int) -> dict[str, Any]:
    """The fields of ImportChoices as chosen; `times` counts imports, after each of which the widgets begin anew."""

    def ask(label: str, options: dict[str, str] | tuple[Any, ...], default: Any, key: str, **how: Any) -> Any:
        words = options if isinstance(options, dict) else {}
        chosen = st.segmented_control(
            label, list(options), default=default, key=f"own {key} {times}", required=True,
            help="  \n".join(f"**{k}**: {v}" for k, v in words.items()) or None, **how,
        )  # fmt: skip
        return default if chosen is None else chosen

    with st.container(horizontal=True, vertical_alignment="bottom"):
        found: dict[str, Any] = {
            "side": ask("Side", SIDES, plan.side, f"side {plan.title}", format_func="{} px".format),
            "colour": ask("Colour", COLOURS, "auto", "colour"),
            "fit": ask("Fit", FITS, "crop", "fit"),
        }
        if plan.split_folders:
            called = {"auto": "splits", "labels": "classes", "none": "neither"}
            label = plain(f"Folders {', '.join(plan.split_folders)}")
            found["splits"] = ask(label, SPLITS, "auto", "splits", format_func=called.__getitem__)
        if plan.images.transparent:
            found["ground"] = ask("Ground", GROUNDS, "auto", "ground")
        if plan.images.scalable:
            found["scale"] = _scale(plan, ask, times)
        found["labels"] = _labels(plan, times)
        if plan.side_folders:
            found["leave_out"] = tuple(
                st.multiselect(
                    "Leave out folders", plan.side_folders, key=f"own leave out {times}", placeholder="none"
                )
            )
    if plan.broken:
        found["skip_broken"] = _broken(plan, times)
    return found


def _scale(plan: ImportPlan, ask: Any, times: int) -> str:
    """Which values become black and white: one of SCALES, or two numbers."""
    words = {**SCALES, OWN_SCALE: "two numbers: what becomes black and what white"}
    chosen: str = ask("Values", words, "auto", "scale")
    if chosen != OWN_SCALE:
        return chosen
    look = plan.images.look(ImportChoices())
    low = st.number_input(
        "Black", value=float(look.used.low), format="%g", key=f"own black {times}", width=120
    )
    high = st.number_input(
        "White", value=float(look.used.high), format="%g", key=f"own white {times}", width=120
    )
    return f"{low!r}:{high!r}"


def _labels(plan: ImportPlan, times: int) -> str:
    """Where the labels come from; a table may be given for them."""
    with st.popover("Labels from a table", icon=":material/table:"):
        file = session.upload(
            "A .csv, .tsv, .txt or .jsonl with a column of file names",
            type=["csv", "tsv", "txt", "jsonl"], key=f"own table {times}",
            help="Rows are joined by the files' names, whatever their order; else by a column image with the images' numbers.",
        )  # fmt: skip
        kept = session.get(address.IMPORT_PLAN)
        if file is not None and kept is not None and kept[2] != file.file_id:
            try:
                plan.images.add_table(file.name, file.getvalue())
                session.put(address.IMPORT_PLAN, (*kept[:2], file.file_id))
            except BadTable as error:
                st.error(sentence(error), icon=":material/error:")
    columns = list(plan.images.joined.columns)
    if not columns and not plan.label_names:
        return "auto"
    options = ["auto", *(["folders"] if plan.kind == "files" else []), "none", *columns]
    chosen = st.selectbox("Labels", options, key=f"own labels {times}", width=160)
    return chosen or "auto"


def _broken(plan: ImportPlan, times: int) -> bool:
    """Whether to go on without the files that cannot be read, all of which are named."""
    files = counted(len(plan.broken), "file")
    st.warning(f"{files} cannot be read.", icon=":material/broken_image:")
    with st.expander(f"Which {files}"):
        st.dataframe(
            [{"file": fault.name, "fault": fault.fault} for fault in plan.broken],
            hide_index=True,
            width="stretch",
        )
    return st.toggle(f"Leave out the broken {files}", key=f"own skip {times}")
