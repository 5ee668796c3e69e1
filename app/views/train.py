"""Train: choose images, make a run, watch it learn, steer it while it does."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import boundary, layout
from app.components.live import described, live
from app.plots.figure import PLAIN
from app.plots.training import schedule_preview
from app.services import datasets, runs, timing
from app.state import address, session
from app.widgets import config_form, import_images
from app.widgets.estimate import time_words
from app.widgets.prepare_dataset import prepare
from vae_core import pictures
from vae_core.config import ENOUGH_STEPS, RunConfig
from vae_core.data import DatasetSpec, find_spec
from vae_core.errors import BadConfig, RunBusy
from vae_core.models.build import choose_side, count_parameters
from vae_core.options import replace_at
from vae_core.places import why_unwritable
from vae_core.runs.record import ENDED, FINISHED, PAUSED, QUEUED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.training import Plan, resolve
from vae_core.training.defaults import FEW_IMAGES, chosen_words, too_short


def page() -> None:
    layout.title(
        "Train",
        "Choose images, press Start, watch it learn, and steer it while it does.",
        *("β", "distortion", "rate", "KL", "nats", "active", "code", "prior", "traversal"),
    )
    run = session.run_or_none()
    busy = run is not None and not run.read_only and (run.status().live or run.status().state == QUEUED)
    with st.expander("New run", icon=":material/add:", expanded=not busy):
        new_run(run)
    with st.expander("Import your own images", icon=":material/add_photo_alternate:"):
        import_images.show()
    if run is not None:
        watch(run)
    else:
        st.info("No run yet: choose a dataset above and press **Start**.", icon=":material/info:")


# ---------------------------------------------------------------- a new run


def new_run(current: Run | None) -> None:
    form, side_by_side = st.columns([3, 2], gap="large")
    with form:
        config = config_form.config_form()
    with side_by_side:
        spec = find_spec(config.data.dataset, runs.places())
        side = choose_side(config, spec.sides)
        st.caption(boundary.plain(spec.blurb))
        ready = samples(spec, side)
        asked = config
        facts = st.empty()
        if ready:
            config, timed = timing.settled(asked, side)
            parameters = count_parameters(config, (spec.channels, side, side))
            facts.markdown(f"**{parameters:,}** parameters · {side}×{side} pixels")
            plan = _plan(config, side)
            before_it_learns(asked, plan)
        start_from = None
        if current is not None and current.has_weights():
            same = _fits(config, side, spec.channels, current)
            if st.toggle(
                f"Fine-tune: start from the weights of {boundary.plain(current.name)}", key=address.FINE_TUNE.name, disabled=not same, bind=address.FINE_TUNE.bind,
                help="Needs the same model, latent dimensions, side and channels." if not same else None,
            ) and same:  # fmt: skip
                start_from = current
        name = st.text_input(
            "Name", placeholder="chosen for you", key="run-name", help="Letters, digits, '.', '_' and '-'."
        )
        if session.button(
            "Start",
            "start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not ready,
            width="stretch",
        ):
            store = runs.store()
            if asked.training.epochs == 0 and not timed:  # chosen when it starts, and a step is timed
                config = replace_at(config, ("training", "epochs"), 0)
            run = store.create(config, name.strip(), start_from=start_from)
            runs.queue().wake()
            session.select(run.id)
            st.rerun()
    if ready:
        with st.expander(
            "Schedules: β and learning rate over the planned steps", icon=":material/show_chart:"
        ):
            previews(plan)
        size = f"**{parameters:,}** parameters · {side}×{side} pixels · {plan.steps_total:,} steps"
        with facts.container():
            st.markdown(" · ".join(filter(None, (size, time_words(plan, side)))))


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
                f"Download {spec.title}", f"download {spec.name}", icon=":material/download:"
            ):
                return False
        if not prepare(spec, side):
            return False
    data = datasets.images(spec.name, side)
    chosen = np.linspace(0, len(data) - 1, 8).astype(int)
    st.image(pictures.strip(data.images[chosen]), width="stretch")
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
    return record.effective.model == config.model and record.shape == (channels, side, side)


def _plan(config: RunConfig, side: int) -> Plan:
    data = datasets.images(config.data.dataset, side)
    resolved = resolve(config, data)
    return Plan(resolved, len(resolved.data.split(data).train))


def previews(plan: Plan) -> None:
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
            st.plotly_chart(figure, key=f"preview {c.name}", config=PLAIN)
    with right:
        rates = np.array([plan.learning_rate(int(s)) for s in steps])
        st.plotly_chart(
            schedule_preview("Learning rate", "per step", steps, rates), key="preview lr",
            config=PLAIN,
        )  # fmt: skip


# ---------------------------------------------------------------- the run looked at


def watch(run: Run) -> None:
    status = run.status()
    if run.read_only:
        st.caption(
            "A pretrained run: its curves as they were recorded. It stays as it is; fine-tune a copy above."
        )
    else:
        controls(run, status)
    others = [r for r in runs.store().readable() if r.id != run.id and (r.path / "events.jsonl").exists()]
    names = {r.id: r.name for r in others}
    compared = st.multiselect(
        "Overlay", list(names), format_func=lambda i: names.get(i, i), key=address.OVERLAY.name, bind=address.OVERLAY.bind,
        max_selections=7, placeholder="compare with other runs", label_visibility="collapsed",
    )  # fmt: skip
    shown = [run, *(r for i in compared for r in others if r.id == i)]
    live([described(r.id, r.name, r.record().effective.objective) for r in shown], status.state, lambda: None)


def controls(run: Run, status: Status) -> None:
    """Every button is always there, in its place, and greyed out where a state does not allow it.

    Swapping one for another would move its neighbours for a moment, and a press on them would miss.
    """
    live_now, ended = status.live, status.state in ENDED
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _button(run, "Pause", "pause", ":material/pause:", status.state == RUNNING)
        if session.button(
            "Resume",
            "resume",
            icon=":material/play_arrow:",
            disabled=not (status.state == PAUSED or (ended and status.state != FINISHED)),
            help="After a pause, a stop or an interruption: goes on from where it was.",
        ):
            if ended:
                run.go_on()
                runs.queue().wake()
            else:
                run.request("resume")
            st.rerun()
        _button(run, "Step", "step", ":material/skip_next:", live_now, "Train on one batch, then pause.")
        _button(
            run,
            "Epoch",
            "epoch",
            ":material/fast_forward:",
            live_now,
            "Train to the end of this epoch, then pause.",
        )
        _button(
            run,
            "Stop",
            "stop",
            ":material/stop:",
            live_now or status.state == QUEUED,
            "Ends the run, or takes it out of the queue, and keeps what it learned.",
        )
        with st.popover(
            "Continue",
            icon=":material/more_time:",
            disabled=status.state != FINISHED,
            help="Train a finished run for more epochs. The learning rate rises again and falls to zero: to its first "
            "peak when the run goes on for as long as it did, to less when for a shorter time.",
        ):
            usual = min(10_000, max(1, run.record().effective.training.epochs))
            epochs = st.number_input("More epochs", 1, 10_000, usual, key="more epochs")
            if session.button("Continue", "continue now", type="primary"):
                run.go_on(int(epochs))
                runs.queue().wake()
                st.rerun()
        with st.popover("Reset", icon=":material/restart_alt:", disabled=not ended):
            st.markdown(
                f"Forget what **{boundary.plain(run.name)}** learned and start afresh from the same settings?"
            )
            if session.button("Reset and start", "reset now", type="primary"):
                run.reset()
                runs.queue().wake()
                st.rerun()
        if live_now:
            steer(run)


def _button(run: Run, label: str, command: str, icon: str, enabled: bool, help: str | None = None) -> None:
    if session.button(label, f"control {command}", icon=icon, disabled=not enabled, help=help):
        try:
            run.request(command)
        except RunBusy as error:
            st.toast(boundary.plain(error))
        st.rerun()


def steer(run: Run) -> None:
    """beta and learning rate of a run while it learns."""
    config = run.record().effective
    asked = run.requests()
    if (live := config.objective.entry.live) is not None:
        beta = next((c.value for c in reversed(asked) if c.name == "beta"), config.objective.final[live.name])
        st.number_input(
            f"Live {live.symbol}", 0.0, 10_000.0, float(beta or 0.0),
            step=0.5, format="%g", key=address.LIVE_BETA.of(run.id).name, width=130, on_change=_live, args=(run, "beta"),
            help=boundary.sentence(f"{live.help} from now on; written into the events"),
        )  # fmt: skip
    factors = [0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 10.0]
    factor = next((c.value for c in reversed(asked) if c.name == "learning_rate"), 1.0)
    st.selectbox(
        "Live lr ×", factors, index=factors.index(factor) if factor in factors else 4,
        format_func=lambda f: f"× {f:g}", key=address.LIVE_RATE.of(run.id).name, width=120, on_change=_live,
        args=(run, "learning_rate"), help="Multiplies the planned learning rate from now on.",
    )  # fmt: skip


def _live(run: Run, name: str) -> None:
    try:
        run.request(
            name, session.get((address.LIVE_BETA if name == "beta" else address.LIVE_RATE).of(run.id))
        )
    except (BadConfig, OSError) as error:
        st.toast(boundary.sentence(why_unwritable(error) or error), icon=":material/error:")


page()
