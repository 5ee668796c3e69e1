"""The form of a new run: settings, what they cost here, the images, and Start."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import boundary, layout
from app.plots.figure import PLAIN
from app.plots.training import schedule_preview
from app.services import datasets, runs, timing
from app.state import address, session
from app.widgets import config_form
from app.widgets.estimate import time_words
from app.widgets.prepare_dataset import prepare
from vae_core import pictures
from vae_core.config import ENOUGH_STEPS, RunConfig
from vae_core.data import DatasetSpec, find_spec
from vae_core.errors import BadConfig
from vae_core.models.build import choose_side, count_parameters
from vae_core.options import replace_at
from vae_core.runs.run import Run
from vae_core.runs.sharpen import check_start
from vae_core.training import Plan
from vae_core.training.defaults import FEW_IMAGES, chosen_words, too_short


def new_run(current: Run | None) -> None:
    """The form; Start queues the run and folds it away."""
    form, side_by_side = st.columns([3, 2], gap="large")
    with form:
        if current is not None:
            _filled(current)
        config = config_form.config_form()
    with side_by_side:
        spec = find_spec(config.data.dataset, runs.places())
        side = choose_side(config, spec.sides)
        st.caption(boundary.plain(spec.blurb))
        # what stands above Start is drawn anew in its place: a press that falls into a rerun would miss a Start that moves
        with st.container(key="samples"):
            ready = samples(spec, side)
        asked = config
        with layout.said("run-facts"):
            if ready:
                chosen = timing.chosen(asked, side)
                config, plan = chosen.config, chosen.plan
                parameters = count_parameters(config, (spec.channels, side, side))
                size = f"**{parameters:,}** parameters · {side}×{side} pixels"
                st.markdown(
                    " · ".join(filter(None, (size, f"{plan.steps_total:,} steps", time_words(plan, side))))
                )
                before_it_learns(asked, plan)
        start_from = None
        if current is not None and current.has_weights():
            same = _fits(config, side, spec.channels, current)
            if st.toggle(
                f"Fine-tune: start from the weights of {boundary.plain(current.name)}", key=address.FINE_TUNE.name, disabled=not same, bind=address.FINE_TUNE.bind,
                help=None if same else "Needs the same model, latent dimensions, side and channels, and the same networks: an encoder or none.",
            ) and same:  # fmt: skip
                start_from = current
        no_start = _no_start(config, start_from)
        name = st.text_input(
            "Name", placeholder="chosen for you", key="run-name", help="Letters, digits, '.', '_' and '-'."
        )
        if session.button(
            "Start",
            "start",
            writes=True,
            type="primary",
            icon=":material/play_arrow:",
            disabled=not ready or bool(no_start),
            help=no_start or (None if ready else "Its images are not on this machine yet."),
            width="stretch",
        ):
            store = runs.store()
            if asked.training.epochs == 0 and not chosen.timed:  # chosen when it starts, and a step is timed
                config = replace_at(config, ("training", "epochs"), 0)
            run = store.create(config, name.strip(), start_from=start_from)
            runs.queue().wake()
            session.put(address.STARTED, True)
            session.select(run.id)
            st.rerun()
    if ready:
        weighed = plan.config.objective.entry.coefficients or plan.config.objective.dial is not None
        with st.expander(
            f"Schedules: {'β and ' if weighed else ''}learning rate over the planned steps",
            icon=":material/show_chart:", key="schedules",
        ):  # fmt: skip
            previews(plan)


def _no_start(config: RunConfig, start_from: Run | None) -> str:
    """Why a run of these settings cannot start from this run, or from none; empty where it can."""
    try:
        check_start(config, start_from)
    except BadConfig as error:
        return boundary.sentence(error)
    return ""


def _filled(run: Run) -> None:
    """Buttons that fill the form: with the settings of the run looked at, or the usual ones."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Settings", width="content")
        st.button(
            f"as {boundary.plain(run.name)}", key="settings of the run", type="tertiary", on_click=config_form.fill,
            args=(run.record().config,), help="What this run was made with.",
        )  # fmt: skip
        st.button("as usual", key="usual settings", on_click=config_form.forget, type="tertiary")


def samples(spec: DatasetSpec, side: int) -> bool:
    """Eight images of the dataset, built first where that needs no network. True when it can be trained on."""
    if not datasets.images_ready(spec.name, side):
        if not spec.present(runs.places()):
            st.info(
                f"{boundary.plain(spec.title)} is not on this machine. It can be downloaded now, or put into "
                f"`{runs.places().data_dir}` in torchvision's layout.",
                icon=":material/download:",
            )
            if not session.button(
                f"Download {spec.title}", f"download {spec.name}", writes=True, icon=":material/download:"
            ):
                return False
        if not prepare(spec, side):
            return False
    data = datasets.images(spec.name, side)
    chosen = np.linspace(0, len(data) - 1, 8).astype(int)
    # squares side by side, whose room is kept while the browser fetches them
    st.html(f"<style>.st-key-samples img {{ aspect-ratio: {len(chosen)}; }}</style>")
    st.image(
        pictures.strip(data.images[chosen]), width="stretch", alt=f"{len(chosen)} images of {data.title}"
    )
    for note in data.notes:
        st.caption(boundary.plain(note))
    return True


def before_it_learns(asked: RunConfig, plan: Plan) -> None:
    """What was chosen for the images, in one line; a word for few images, a warning for few steps."""
    if words := chosen_words(asked, plan.config, plan.train_images):
        capped = asked.training.epochs == 0 and plan.steps_total > ENOUGH_STEPS + plan.steps_per_epoch
        most = f", at most {asked.training.most_minutes:g} min here" if capped else ""
        st.caption(f"Chosen by the images: {words}{most}.")
    if plan.train_images < FEW_IMAGES and asked.data.augment == "none":
        st.caption(
            f"{plan.train_images} images are few to learn from. *Augmentation*, under More, shows each moved a little, or "
            "mirrored where that makes sense."
        )
    if short := too_short(plan.steps_total):
        st.warning(short, icon=":material/warning:")


def _fits(config: RunConfig, side: int, channels: int, run: Run) -> bool:
    record = run.record()
    theirs, mine = record.effective.objective.entry, config.objective.entry
    alike = record.effective.model == config.model and theirs.has_encoder == mine.has_encoder
    return alike and record.shape == (channels, side, side)


def previews(plan: Plan) -> None:
    """The coefficients that weigh the loss, where it has some, and the learning rate, over the planned steps."""
    steps = np.unique(np.linspace(0, plan.steps_total - 1, 200).astype(int))
    left, right = st.columns(2)
    moments = [plan.moment(int(s)) for s in steps]
    with left:
        if (dial := plan.config.objective.dial) is not None:
            low, high = dial.sampled
            st.caption(f"Each image is learned at a β drawn evenly over log β, from {low:g} to {high:g}.")
        for c in plan.config.objective.entry.coefficients:
            values = np.array([moment[c.name] for moment in moments], float)
            figure = schedule_preview(c.symbol, c.unit or c.help, steps, values)
            layout.chart(figure, key=f"preview {c.name}", config=PLAIN)
    with right:
        rates = np.array([plan.learning_rate(int(s)) for s in steps])
        layout.chart(
            schedule_preview("Learning rate", "per step", steps, rates), key="preview lr",
            config=PLAIN,
        )  # fmt: skip
