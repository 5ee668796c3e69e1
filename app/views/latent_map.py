"""Latent map: where the images lie, seen in two dimensions; a click shows what lies there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from app import charts, pictures, resources, state
from app.boundary import fragment
from app.prepare import offer_images
from app.state import NO_RUN
from vae_core.errors import TooFewPoints
from vae_core.inference import LoadedModel, StoredCodes, compute_codes
from vae_core.latent import projection
from vae_core.latent.paths import grid
from vae_core.latent.statistics import kl_from_prior, nearest, order_by_kl
from vae_core.runs.store import Run
from vae_core.training import splits_of

NEIGHBOURS = 8
MANIFOLD = 20  # pictures along each side of the decoded plane


def page() -> None:
    st.title("Latent map")
    run = state.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    model = resources.model(run)
    _follow(run, model)
    left, middle, right = st.columns([1, 2, 2])
    with left:
        split = st.selectbox(
            "Split",
            ["test", "validation", "train"],
            key="split",
            bind="query-params",
            disabled=resources.images_of(run) is None,
        )
    codes = _codes(run, model, split)
    if codes is None:
        return
    with middle:
        kind = _kind(codes)
    with right:
        x, y = _what(codes, kind)
    colour = _colour(codes, model)
    try:
        points, title, axes = _points(run, codes, kind, x, y)
    except TooFewPoints as error:
        st.warning(str(error), icon=":material/scatter_plot:")
        return
    seen, told = st.columns([2, 1], gap="large")
    with seen:
        if points is None:
            umap_progress(run, codes)
            return
        chosen = _chosen(codes)
        backdrop = None
        if (
            kind == "dimensions"
            and model.latent_dim == 2
            and st.toggle("Decoded plane behind", key="plane", bind="query-params")
        ):
            backdrop = _plane(model, points, x, y)
        event = st.plotly_chart(
            charts.codes(
                points, codes.index, *colour[:2], title=title, x=axes[0], y=axes[1], colour_title=colour[2],
                chosen=chosen, backdrop=backdrop,
            ),
            key=f"map {run.id} {kind} {x} {y} {split}", on_select="rerun", selection_mode="points",
            config={"scrollZoom": True, "displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
        )  # fmt: skip
        hit = event["selection"]["points"] if event else []
        if hit and hit[0].get("customdata"):
            # custom data carries the row: indices of a split trace are not the points'
            row = int(hit[0]["customdata"][1])
            # the chart remembers its selection: only a new one counts, or Clear would be undone
            if state.get("map hit") != (run.id, split, row):
                state.put("map hit", (run.id, split, row))
                state.set_param("image", str(codes.index[row]))
                st.rerun()
        st.caption(_honest(kind, codes))
    with told:
        if chosen is None:
            st.info(
                "Click a point to see its image, its reconstruction and its neighbours.",
                icon=":material/ads_click:",
            )
            _summary(run, codes)
        else:
            _tell(run, model, codes, chosen)


# ---------------------------------------------------------------- what is shown


def _follow(run: Run, model: LoadedModel) -> None:
    """Once a shipped run's images are here its codes fall into splits: open the one that holds the chosen image."""
    data, wanted = resources.images_of(run), state.param("image")
    if data is None:
        state.put("seen without images", run.id)
    elif state.get("seen without images") == run.id:
        state.forget("seen without images")
        splits = splits_of(model.config, data)
        for name in ("test", "validation", "train"):
            if wanted.isdigit() and int(wanted) in splits.named(name):
                state.put("split", name)


def _codes(run: Run, model: LoadedModel, split: str) -> StoredCodes | None:
    """Codes of the split, computed with progress where they are not kept yet; those shipped without the dataset."""
    codes, data = resources.codes(run, split), resources.images_of(run)
    if codes is not None and (codes.split == split or data is None):
        return codes
    if data is None:
        st.info("This run carries no codes: its map needs its images.", icon=":material/image_not_supported:")
        offer_images(run)
        return None
    bar = st.progress(0.0, text="encoding")
    codes = compute_codes(
        run,
        model,
        data,
        split,
        most=20_000,
        progress=lambda share, what: bar.progress(share, text=f"encoding {what}"),
    )
    bar.empty()
    return codes


def _kind(codes: StoredCodes) -> str:
    """Which projection: two dimensions are shown raw, more by PCA unless asked otherwise."""
    dims = codes.mean.shape[1]
    kind = st.segmented_control(
        "Coordinates",
        ["dimensions", "PCA", "UMAP"] if dims > 1 else ["PCA"],
        default="dimensions" if dims == 2 else "PCA",
        key="coordinates",
        bind="query-params",
        required=True,
    )
    return kind or "PCA"


def _what(codes: StoredCodes, kind: str) -> tuple[int, int]:
    """What colours the points, and for raw codes which two dimensions are seen, most used first."""
    dims = [int(d) for d in order_by_kl(codes.kl_per_dim)]
    x, y = dims[0], dims[min(1, len(dims) - 1)]
    with st.container(horizontal=True):
        if kind == "dimensions":
            x = st.selectbox("Across", dims, key="x", bind="query-params", format_func="z{}".format)
            y = st.selectbox("Up", dims, index=1, key="y", bind="query-params", format_func="z{}".format)
        names = ["label"] if codes.labels is not None else []
        names += [*codes.factor_names, "reconstruction error", "KL", "nothing"]
        st.selectbox("Colour", names, key="colour", bind="query-params")
    return x, y


def _colour(codes: StoredCodes, model: LoadedModel) -> tuple[np.ndarray | None, tuple[str, ...], str]:
    """Values (N,), class names when they are classes, and what they are with their unit."""
    by = st.session_state.get("colour", "label")
    if by == "label" and codes.labels is not None:
        return (
            codes.labels,
            codes.label_names or tuple(str(i) for i in range(int(codes.labels.max()) + 1)),
            by,
        )
    if by in codes.factor_names and codes.factors is not None:
        return codes.factors[:, codes.factor_names.index(by)], (), by
    if by == "reconstruction error":
        return codes.error, (), "reconstruction error, nats"
    if by == "KL" and model.stochastic:
        return kl_from_prior(codes.mean, codes.log_var).sum(1), (), "KL, nats per image"
    return None, (), ""


def _points(
    run: Run, codes: StoredCodes, kind: str, x: int, y: int
) -> tuple[np.ndarray | None, str, tuple[str, str]]:
    words = "some of its images" if codes.split == "all" else f"{codes.split} images"
    if kind == "dimensions":
        projection.check_codes(codes.mean, 1)
        return codes.mean[:, [x, y]], f"Posterior means, {words}", (f"z{x}", f"z{y}")
    if kind == "PCA":
        found = projection.pca(codes.mean)
        assert found.explained is not None
        shares = [f"{100 * s:.0f} %" for s in found.explained]
        return found.points, f"PCA of posterior means, {words}", (
            f"first component ({shares[0]} of variance)", f"second component ({shares[1]})",
        )  # fmt: skip
    result = _umap_file(run, codes)
    if projection.job_state(result).state != "done":
        return None, "", ("", "")
    return (
        projection.read_job(result).points,
        f"UMAP of posterior means, {words}",
        ("UMAP 1", "UMAP 2"),
    )


def _umap_params() -> projection.UmapParams:
    return projection.UmapParams(
        neighbours=int(st.session_state.get("neighbours", 15)),
        min_dist=float(st.session_state.get("min-dist", 0.1)),
    )


def _umap_file(run: Run, codes: StoredCodes) -> Path:
    return run.places.derived / run.stamp() / f"umap-{codes.split}-{len(codes)}-{_umap_params().key}.npz"


@fragment(run_every=0.7)
def umap_progress(run: Run, codes: StoredCodes) -> None:
    """Starts UMAP in its own process, follows it, and shows the map when it is there."""
    result = _umap_file(run, codes)
    job = projection.job_state(result)
    if job.state == "done":
        st.rerun(scope="app")
    if job.state == "failed":
        st.error(f"UMAP could not be computed: {job.error}", icon=":material/error:")
        if st.button("Try again"):
            projection.stop_job(result)
            projection.start_job(codes.mean, _umap_params(), result)
        return
    if job.state == "absent":
        if state.get("umap stopped") == str(result):
            st.info("UMAP was stopped.", icon=":material/stop:")
            if st.button("Start UMAP", type="primary"):
                state.forget("umap stopped")
                st.rerun(scope="fragment")
            return
        projection.start_job(codes.mean, _umap_params(), result)
        job = projection.job_state(result)
    st.progress(
        min(1.0, job.share),
        text=f"UMAP of {len(codes):,} codes: {job.what or 'starting'} · the first time takes longest",
    )
    if state.button("Stop UMAP", "stop umap", icon=":material/stop:"):
        projection.stop_job(result)
        state.put("umap stopped", str(result))
        st.rerun(scope="fragment")


def _honest(kind: str, codes: StoredCodes) -> str:
    shown = f"{len(codes):,} images. "
    return (
        shown
        + {
            "dimensions": "Two of the code's own dimensions: distances along them are real, the other dimensions are not seen.",
            "PCA": "A straight shadow of the codes: what lies close may be far apart in the dimensions not shown.",
            "UMAP": "Neighbourhoods are kept; distances between clusters, their sizes and densities mean nothing.",
        }[kind]
    )


def _plane(model: LoadedModel, points: np.ndarray, x: int, y: int) -> tuple[str, list[float]]:
    """The decoded plane for D = 2 as a picture, and the box of the map it fills."""
    low, high = points.min(0), points.max(0)
    reach = np.maximum(np.abs(low), np.abs(high)).max()
    reach = float(np.clip(np.ceil(reach), 2, 6))
    centres = (np.arange(MANIFOLD) + 0.5) / MANIFOLD * 2 * reach - reach
    plane = grid(np.zeros(2), (x, y), centres, centres[::-1]).reshape(-1, 2)
    decoded = model.decode_uint8(plane).reshape(MANIFOLD, MANIFOLD, *model.shape)
    return pictures.data_url(pictures.grid(decoded, 1, gap=0)), [-reach, reach, -reach, reach]


# ---------------------------------------------------------------- what is pointed at


def _chosen(codes: StoredCodes) -> int | None:
    """Row of the image named in the URL."""
    wanted = state.param("image")
    if not wanted.isdigit():
        return None
    rows = np.flatnonzero(codes.index == int(wanted))
    return int(rows[0]) if len(rows) else None


def _tell(run: Run, model: LoadedModel, codes: StoredCodes, row: int) -> None:
    data = resources.images_of(run)
    number = int(codes.index[row])
    label = ""
    if codes.labels is not None:
        label = f" · {codes.label_names[codes.labels[row]] if codes.label_names else codes.labels[row]}"
    st.subheader(f"Image {number}{label}", anchor=False)
    decoded = model.decode_uint8(codes.mean[row])[0]
    if data is not None:
        st.image(
            pictures.strip(np.stack((data.images[number], decoded)), 160),
            width="stretch",
            caption="image · its reconstruction",
        )
    else:
        st.image(
            pictures.png(decoded, 192),
            width=192,
            caption="its reconstruction",
        )
        offer_images(run)
    st.markdown(f"reconstruction error **{codes.error[row]:.1f}** nats")
    found, distances = nearest(codes.mean[row], codes.mean, NEIGHBOURS + 1)
    others = [(int(i), float(d)) for i, d in zip(found[0], distances[0], strict=True) if i != row][
        :NEIGHBOURS
    ]
    if data is not None:
        shown = np.stack([data.images[codes.index[i]] for i, _ in others])
        words = "nearest in latent space"
    else:
        shown = model.decode_uint8(codes.mean[[i for i, _ in others]])
        words = "nearest in latent space, decoded from their codes"
    st.image(
        pictures.strip(shown, 64),
        width="stretch",
        caption=f"{words}, distances {others[0][1]:.2f} to {others[-1][1]:.2f}",
    )
    with st.container(horizontal=True):
        state.link(
            "sliders",
            "Send to sliders",
            ":material/tune:",
            z=",".join(f"{v:.2f}" for v in codes.mean[row]),
        )
        if st.button("Clear", icon=":material/close:"):
            state.set_param("image", "")
            st.rerun()


def _summary(run: Run, codes: StoredCodes) -> None:
    kl = np.nan_to_num(codes.kl_per_dim)
    if kl.any():
        st.plotly_chart(charts.kl_bars(kl), key="map kl", config={"displayModeBar": False})


page()
