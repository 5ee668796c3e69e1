"""β: train one model at several values of β, and see side by side what it buys and what it costs."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import streamlit as st

from app import charts, forms, pictures, resources, state
from app.boundary import fragment
from vae_core.errors import VaeCoreError
from vae_core.events import EpochDone, Snapshot
from vae_core.inference import LoadedModel
from vae_core.latent.paths import traverse
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.store import ENDED, Run
from vae_core.sweep import beta_of, create_beta_sweep, groups

VALUES = np.linspace(-3, 3, 7)


@dataclasses.dataclass(frozen=True)
class Point:
    """One run of a sweep: its last validation terms, nats per image."""

    run: Run
    beta: float
    rate: float
    distortion: float
    active: int


def page() -> None:
    st.title("β")
    with st.expander("New sweep", icon=":material/add:"):
        new_sweep()
    found = groups(resources.store())
    if not found:
        st.info(
            "No sweep yet: open **New sweep**, choose values of β and press **Start**.",
            icon=":material/info:",
        )
        return
    names = list(found)
    name = st.selectbox("Sweep", names, key="sweep", bind="query-params")
    runs = found[name]
    progress(name, [r.id for r in runs])
    look(runs)


# ---------------------------------------------------------------- a new sweep


def new_sweep() -> None:
    config = forms.config_form(prefix="sweep-", without={"objective", "beta"})
    left, right = st.columns(2)
    with left:
        text = st.text_input(
            "Values of β",
            "0.5 1 2 4 8",
            key="sweep-betas",
            help="Two or more numbers; each is a run of its own.",
        )
    with right:
        name = st.text_input("Name", f"{config.data.dataset}-sweep", key="sweep-name")
    try:
        betas = [float(word) for word in re.split(r"[\s,;]+", text.strip()) if word]
    except ValueError:
        st.error(f"Values of β are numbers such as 0.5 1 2 4 8, not {text!r}.", icon=":material/error:")
        return
    st.caption(
        f"{len(set(betas))} runs with the same seed, initial weights and order of images: differences are β's."
    )
    if state.button("Start", "start sweep", type="primary", icon=":material/play_arrow:"):
        try:
            create_beta_sweep(resources.store(), config, betas, name.strip())
        except VaeCoreError as error:
            st.error(str(error), icon=":material/error:")
            return
        resources.launcher().wake()
        state.put("sweep", name.strip())
        st.rerun()


@fragment(run_every=1.0)
def progress(name: str, ids: list[str]) -> None:
    """What of the sweep still trains; the page is drawn anew whenever a run ends."""
    store = resources.store()
    runs = [r for r in store.all() if r.id in ids]
    states = {r.id: r.status() for r in runs}
    waiting = [r for r in runs if states[r.id].state not in ENDED]
    before = state.get("sweep waiting")
    state.put("sweep waiting", (name, len(waiting)))
    if before is not None and before[0] == name and before[1] != len(waiting):
        st.rerun(scope="app")
    if not waiting:
        return
    done = sum(1.0 if states[r.id].state in ENDED else states[r.id].progress for r in runs) / len(runs)
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(min(1.0, done), text=f"{len(runs) - len(waiting)} of {len(runs)} runs done")
    with button:
        stop = state.button("Stop all", "stop sweep", icon=":material/stop:")
    if stop:
        for run in waiting:
            run.request("stop")
        st.rerun(scope="app")


# ---------------------------------------------------------------- looking at one


def look(runs: list[Run]) -> None:
    ready = [r for r in runs if r.has_weights()]
    points = [p for p in map(_point, ready) if p is not None]
    if not points:
        st.info("The pictures come with the first epoch of the first run.", icon=":material/hourglass_top:")
        return
    betas = [p.beta for p in points]
    chosen = st.select_slider(
        "β in focus", betas, value=betas[len(betas) // 2], key="focus", bind="query-params", format_func=lambda b: f"{b:g}"
    ) if len(betas) > 1 else betas[0]  # fmt: skip
    cursor = betas.index(chosen)
    curve, told = st.columns([3, 2], gap="large")
    with curve:
        figure = charts.rate_distortion(
            betas, [p.rate for p in points], [p.distortion for p in points], cursor
        )
        st.plotly_chart(figure, key="rate distortion")
    with told:
        st.plotly_chart(
            charts.over_beta(
                betas, [p.distortion + p.rate for p in points], "−ELBO over β", "nats per image"
            ),
            key="elbo",
        )
        st.plotly_chart(
            charts.over_beta(betas, [p.active for p in points], "Active dimensions over β", "dimensions"),
            key="active",
        )
    st.caption(
        "Both terms on the validation images after the last epoch; the ELBO is taken at β = 1 whatever was minimised."
    )
    matrix(points, cursor)


def _point(run: Run) -> Point | None:
    for event in reversed(run.history()):
        if isinstance(event, EpochDone) and event.validation.rate is not None:
            return Point(
                run, beta_of(run), event.validation.rate, event.validation.distortion, event.active_units
            )
    return None


def matrix(points: list[Point], cursor: int) -> None:
    """Columns are β, rows are images, reconstructions, samples and traversals of the same codes."""
    st.subheader("Side by side", anchor=False)
    models = [resources.model(p.run) for p in points]
    columns = st.columns(len(points))
    originals = [_originals(p.run) for p in points]
    noise = (
        np.random.default_rng(0).standard_normal((8, max(m.latent_dim for m in models))).astype(np.float32)
    )
    for i, (column, point, model) in enumerate(zip(columns, points, models, strict=True)):
        with column:
            st.markdown(f"**β {point.beta:g}**" + (" ◂" if i == cursor else ""))
            images = originals[i]
            if images is not None:
                st.image(pictures.grid(_fours(images), 48), width="stretch", caption="images")
                decoded = model.decode_uint8(model.encode(images).mean)
                st.image(pictures.grid(_fours(decoded), 48), width="stretch", caption="reconstructions")
            else:
                _stored(point.run, model)
            samples = model.decode_uint8(noise[:, : model.latent_dim])
            st.image(pictures.grid(_fours(samples), 48), width="stretch", caption="samples")
            st.image(
                pictures.grid(_traversals(point.run, model), 32), width="stretch", caption=_dims(point.run)
            )
            state_link = f"rate {point.rate:.1f} · distortion {point.distortion:.1f} · {point.active} active"
            st.caption(state_link)


def _originals(run: Run) -> np.ndarray | None:
    """The same eight validation images for every run of a sweep."""
    from vae_core.training import splits_of

    data = resources.images_of(run)
    if data is None:
        return None
    return np.asarray(data.images[splits_of(run.record().effective, data).validation[:8]])


def _stored(run: Run, model: LoadedModel) -> None:
    """Pictures kept with the run, where its dataset is not on this machine."""
    shot = next((e for e in reversed(run.history()) if isinstance(e, Snapshot)), None)
    if shot is None:
        return
    for name, words in ((shot.originals, "images"), (shot.reconstructions, "reconstructions")):
        path = run.path / str(name)
        if path.exists():
            images = pictures.cut(path.read_bytes(), model.shape)
            st.image(pictures.grid(_fours(images), 48), width="stretch", caption=words)


def _fours(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W), at most eight -> two rows; an odd one out is left out."""
    half = min(8, len(images)) // 2
    return images[: 2 * half].reshape(2, half, *images.shape[1:])


def _top(run: Run) -> list[int]:
    return [int(d) for d in order_by_kl(np.array(resources.kl_per_dim(run)))[:4]]


def _dims(run: Run) -> str:
    return "traversals of " + ", ".join(f"z{d}" for d in _top(run))


def _traversals(run: Run, model: LoadedModel) -> np.ndarray:
    dims = _top(run)
    walks = np.stack([traverse(np.zeros(model.latent_dim), d, VALUES) for d in dims])
    return model.decode_uint8(walks.reshape(-1, model.latent_dim)).reshape(
        len(dims), len(VALUES), *model.shape
    )


page()
