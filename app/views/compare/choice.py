"""Which runs stand side by side: what a link or a hand chose, else one of each kind on the images of the run looked at."""

from __future__ import annotations

import streamlit as st

from app.boundary import plain
from app.services import runs
from app.state import address, session
from vae_core.comparison import AUTOENCODER, FEWEST, MOST, PLAIN_VAE, kind_of, usual_runs
from vae_core.errors import BadRun, RunNotFound
from vae_core.options import capitalised
from vae_core.runs.run import Run


def chosen(run: Run) -> list[Run]:
    """The runs side by side, `run` being looked at; leaves them in the session and in the address."""
    linked = session.param(address.MODELS)
    if linked and session.is_link(address.MODELS, tuple(linked)):
        session.put(address.COMPARED, linked)
        session.put(address.COMPARED_FOR, run.id)
    found = _readable(session.get(address.COMPARED))
    if not found or (session.get(address.COMPARED_FOR) != run.id and not alike(run, found[0])):
        others = [other for other in runs.of_same_images(run) if alike(run, other)]
        found = usual_runs(run, others)
    said = [one.id for one in found]
    session.put(address.COMPARED, said)
    session.put(address.COMPARED_FOR, run.id)
    session.set_param(address.MODELS, said)
    session.wrote(address.MODELS, tuple(said))
    return found


def _readable(ids: list[str]) -> list[Run]:
    """Those that are there; a word for each that is not."""
    found = []
    for wanted in dict.fromkeys(ids[:MOST]):
        try:
            run = runs.store().find(wanted)
            run.record()
            found.append(run)
        except (RunNotFound, BadRun) as error:
            st.toast(plain(error), icon=":material/warning:")
    return found


def alike(run: Run, other: Run) -> bool:
    """Whether both learn from the same images, as far as that is known before they start."""
    mine, theirs = run.record(), other.record()
    same = mine.effective.data.dataset == theirs.effective.data.dataset
    return same and (None in (mine.shape, theirs.shape) or mine.shape == theirs.shape)


def offered(found: list[Run]) -> dict[str, Run]:
    """Runs that may stand beside the first of these, by id; these among them."""
    everything = [*found, *(other for other in runs.store().readable() if alike(found[0], other))]
    return {run.id: run for run in everything}


def picker(found: list[Run]) -> None:
    """The choice of runs, in a popover that says how many there are."""
    known = offered(found)

    def words(run_id: str) -> str:
        run = known.get(run_id)
        return run_id if run is None else f"{run.name} · {run.record().effective.objective.label}"

    session.put(address.MODEL_CHOICE, [run.id for run in found])
    with st.popover(f"{len(found)} models", icon=":material/view_column:"):
        st.multiselect(
            f"From {FEWEST} to {MOST} runs on the same images", list(known), key=address.MODEL_CHOICE.name, format_func=words,
            max_selections=MOST, placeholder="type a name", on_change=_picked,
        )  # fmt: skip
        if session.button(
            "One of each again", "usual models", type="tertiary", help="A run of each kind of model."
        ):
            session.forget(address.COMPARED)
            st.rerun()


def _picked() -> None:
    picked: list[str] = session.get(address.MODEL_CHOICE)
    session.put(address.COMPARED, list(picked))


def title_of(run: Run) -> str:
    """What a column is headed with: the kind of model, or its objective where that says more."""
    objective = run.record().effective.objective
    kind = kind_of(objective)
    return kind.title if kind in (AUTOENCODER, PLAIN_VAE) else capitalised(objective.label)
