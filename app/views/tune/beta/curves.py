"""The rate–distortion curve of a sweep and what else changes over β, under one cursor."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import layout, words
from app.boundary import fragment, plain
from app.components.beta_cursor import beta_cursor
from app.plots.figure import PLAIN
from app.plots.rate_distortion import SeedBand, kl_over_beta, log_positions, over_beta, rate_distortion_curve
from app.state import address, following, session
from app.views.tune.beta.on_request import ask_for, offered
from app.views.tune.beta.progress import measured
from app.views.tune.beta.score_ceiling import tell_ceiling
from app.views.tune.beta.side_by_side import at_the_cursor, pictures_by_beta, side_by_side
from app.views.tune.beta.trajectory import runs_to_compare, trajectory_of
from vae_core.evaluation.metrics import Value, metric_of, values_by_group
from vae_core.evaluation.rate_distortion import Band
from vae_core.evaluation.run_metrics import scored_on
from vae_core.evaluation.sweep_report import Report, gather
from vae_core.runs.record import LIVE
from vae_core.runs.run import Run
from vae_core.sweep import Member
from vae_core.words import one_decimal

TABS = ["At the cursor", "Other charts", "All pictures"]
UNDER = 14.2  # rem of what stands over the curve
MOST_ACROSS = 4  # charts side by side


@fragment()
def look(name: str, members: Sequence[Member]) -> None:
    """What a set of runs shows that differ in β alone: `members`, called `name`."""
    report = gather(members)
    if not len(report.curve):
        st.info(report.read().text, icon=":material/hourglass_top:")
        measured(members)
        return
    betas = [float(b) for b in report.curve.betas]
    if len(betas) > 1:
        cursor(name, report, betas)
    first, charts, pictures = st.tabs(TABS)
    with first:
        left, right = st.columns([3, 2], gap="medium")
    found = pictures_by_beta(report, members)
    with right, layout.panel("beta", under=UNDER):
        at_the_cursor(found)
        run = trajectory_choice(members)
        told = st.container()  # filled once the choice of a score in another tab is known
        with st.container(horizontal=True, vertical_alignment="center"):
            measured(members)
        st.caption(
            f"All numbers are of the {report.split} images, one sample of the posterior each; the ELBO is taken at β = 1 "
            "whatever was minimised. Bands go from the least to the most of a β's seeds."
        )
    with left, layout.panel("curve-filled", under=UNDER):
        fragment(run_every=2.0 if run is not None and run.status().state in LIVE else None)(plane)(report, betas, run)  # fmt: skip
    with charts, layout.panel("charts", under=UNDER):
        score = other_charts(report, betas, members)
    with told:
        st.markdown(report.read(score).text)
    with pictures:
        side_by_side(found)


def trajectory_choice(members: Sequence[Member]) -> Run | None:
    """The run whose way is drawn over the curve."""
    others = runs_to_compare(next(m.run for m in members if m.finished))  # one that waits has no images yet
    chosen = st.selectbox("Trajectory of", ["no run", *others], key=address.TRAJECTORY.name, bind=address.TRAJECTORY.bind, help="The path a run took through the plane, an epoch each; diamonds mark where its β (of a capacity, γ) was changed while it learnt. Of runs on the same images with the same likelihood.")  # fmt: skip
    return others.get(chosen)


def as_band(band: Band) -> SeedBand:
    return band.mean, band.low, band.high


@fragment()
def cursor(name: str, report: Report, betas: list[float]) -> None:
    """The β cursor. It moves in the browser; the address is told where it rests."""
    curve, labels = report.curve, [f"{b:g}" for b in betas]
    chosen = _chosen_beta(name, labels)
    usual = labels[len(labels) // 2]  # while a sweep fills in it changes, so an address names what was chosen
    upright = {"kind": "line", "x": log_positions(betas), "y": None}
    beta_cursor({
        "sweep": name, "labels": labels, "at": chosen or usual, "link": following.links(address.BETA_CURSOR),
        "words": [
            f"rate {one_decimal(r)}, distortion {one_decimal(d)} nats, {words.number(a)} active"
            for r, d, a in zip(curve.rate.mean, curve.distortion.mean, curve.active.mean, strict=True)
        ],
        "charts": {
            "rate-distortion": {"kind": "point", "x": curve.rate.mean.tolist(), "y": curve.distortion.mean.tolist()},
            "kl-over-beta": {"kind": "column", "x": labels, "y": None},
            **dict.fromkeys(("elbo", "active", *values_by_group()), upright),
        },
    }, address.CURSOR.name)  # fmt: skip


def _chosen_beta(name: str, labels: Sequence[str]) -> str:
    """The β that a link or a hand put the cursor at, whichever came last, or "" for none; leaves it in the address."""
    told = (session.get(address.CURSOR) or {}).get("at")
    # what comes from a browser may be anything
    beta = str(told.get("beta")) if isinstance(told, dict) and told.get("sweep") == name else None
    found = following.follow(address.BETA_CURSOR, told, beta, name)
    found = found if found in labels else ""
    following.leave(address.BETA_CURSOR, found)
    return found


def plane(report: Report, betas: list[float], run: Run | None) -> None:
    path = None
    if run is not None:
        found = trajectory_of(run)
        if found is None:
            st.caption(f"{plain(run.name)} has no trajectory to draw yet: it takes two epochs.")
        else:
            path = (
                f"trajectory of {run.name}, validation images",
                found.rates,
                found.distortions,
                found.marks,
            )
    tangent = None if report.tangent is None else (report.tangent.total, report.tangent.beta)
    figure = rate_distortion_curve(
        betas, as_band(report.curve.rate), as_band(report.curve.distortion), tangent=tangent, path=path,
        where=f", {report.split} images",
    )  # fmt: skip
    layout.chart(figure, key="rate-distortion", config=PLAIN, height="stretch")


def other_charts(report: Report, betas: list[float], members: Sequence[Member]) -> str:
    """Side by side −ELBO, active dimensions, KL per dimension, and a chart for each group of metrics that is known; gives
    the score that the text names.
    """
    scores, named_score = report.curve.scores, ""
    known = {name for name, band in scores.items() if band.known.any()}
    choices = known | offered(known)
    groups = {
        group: [value for name, value in values.items() if name in choices]
        for group, values in values_by_group().items()
    }
    groups = {group: values for group, values in groups.items() if values}
    total = over_beta(betas, [("−ELBO", as_band(report.curve.total))], "−ELBO over β", "nats per image")
    active = over_beta(
        betas, [("active", as_band(report.curve.active))], "Active dimensions over β", "dimensions"
    )
    charts = {"elbo": total, "active": active, "kl-over-beta": kl_over_beta(betas, report.kl[1])}
    count = len(charts) + len(groups)
    across = count if count <= MOST_ACROSS else -(-count // 2)
    columns = (c for _ in range(-(-count // across)) for c in st.columns(across, gap="medium"))
    for key, figure in charts.items():
        layout.chart(figure, place=next(columns), key=key, config=PLAIN)
    for group, values in groups.items():
        with next(columns):
            value = metric_chart(report, betas, group, values, members)
        if value.higher_is_better is not None:
            named_score = named_score or value.name
    layout.meanings("ELBO", "active", "KL", "nats", key="chart words")
    return named_score


def metric_chart(
    report: Report, betas: list[float], group: str, values: Sequence[Value], members: Sequence[Member]
) -> Value:
    """One value of a group over β, which a person chooses where there are several; gives that value."""
    place = st.container()
    value = values[0]
    if len(values) > 1 or group == "scores":
        titles = {v.name: v.title for v in values}
        # the address has held the choice among scores by this name from the first
        key = address.SCORE if group == "scores" else address.VALUE_OF_GROUP.of(group)
        chosen = st.selectbox(
            "Score", list(titles), key=key.name, bind=key.bind, format_func=titles.__getitem__
        )
        value = next(v for v in values if v.name == chosen)
    metric, band = metric_of(value.name), report.curve.scores.get(value.name)
    if band is not None and band.known.any():
        figure = over_beta(betas, [(value.title, as_band(band))], value.title, value.unit, share=value.is_share)  # fmt: skip
        layout.chart(figure, place=place, key=group, config=PLAIN)
    if metric.on_request:
        ask_for(metric, members)
    st.caption(f"**{value.title}** · {value.hint}")
    on = scored_on(metric)
    st.caption(f"{value.definition} Here {on}." if on else value.definition)
    tell_ceiling(value, metric, members)
    return value
