"""β: train one model at several values of β, see what it buys and what it costs, and turn it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from app import charts, lab, resources
from app.boundary import fragment, sentence
from app.components.beta_cursor import beta_cursor
from app.components.dial import dial
from app.components.matrix import matrix
from app.services import array_store, measuring
from app.services.tasks import Task
from app.state import address, session
from app.widgets import config_form
from app.widgets.prepare_dataset import offer_images
from vae_core.errors import VaeCoreError
from vae_core.evaluation.conversion import ERRORS, OVER, Convention, beta_of_weight, weight_of_beta
from vae_core.evaluation.curve_sentences import named
from vae_core.evaluation.dial_curve import DialCurve
from vae_core.evaluation.dial_curve import stored as dial_curve
from vae_core.evaluation.metrics import Value, metric_of, values_by_group
from vae_core.evaluation.rate_distortion import Band
from vae_core.evaluation.run_metrics import SCORED_ON
from vae_core.evaluation.sweep_report import Report, gather, incomplete, unmeasured
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.record import ENDED, FINISHED, LIVE, STOPPED
from vae_core.runs.run import Run
from vae_core.sweep import MOST_RUNS, Member, add_beta, create_sweep, go_on, log_range, stop, sweeps

PLAIN = {"displayModeBar": False}
VIEWS = ["sweep", "dial", "KL weights elsewhere"]


def page() -> None:
    st.title("β")
    view = st.segmented_control("Look at", VIEWS, default=VIEWS[0], key=address.VIEW.name, bind=address.VIEW.bind, required=True, label_visibility="collapsed")  # fmt: skip
    if view == "dial":
        dials()
        return
    if view == "KL weights elsewhere":
        converter()
        return
    with st.expander("New sweep", icon=":material/add:"):
        new_sweep()
    found = sweeps(resources.store())
    if not found:
        st.info(
            "No sweep yet: open **New sweep**, choose values of β and press **Start**.",
            icon=":material/info:",
        )
        return
    name = st.selectbox("Sweep", list(found), key=address.SWEEP.name, bind=address.SWEEP.bind)
    members = found[name]
    busy = any(m.state in LIVE or not m.ended for m in members)
    with st.container():
        fragment(run_every=1.0 if busy else None)(progress)(name, members)
    with st.container():
        measured(members)
    look(name, members)


# ---------------------------------------------------------------- a new sweep


def new_sweep() -> None:
    config = config_form.config_form(address.SWEEP_SETTING, without={"objective", "beta"})
    first, second, third = st.columns([2, 1, 1.4], vertical_alignment="bottom")
    with first:
        ranged = st.toggle(
            "A range of β, evenly spaced in log β",
            key=address.SWEEP_RANGED.name,
            bind=address.SWEEP_RANGED.bind,
        )
        if ranged:
            with st.container(horizontal=True):
                low = st.number_input("From", 0.001, 1000.0, 0.25, key="sweep-low", format="%g")
                high = st.number_input("To", 0.001, 1000.0, 16.0, key="sweep-high", format="%g")
                count = st.number_input("How many", 2, MOST_RUNS, 7, key="sweep-count")
        else:
            text = st.text_input("Values of β", "0.5 1 2 4 8", key="sweep-betas", help="Two or more numbers; each is a run of its own.")  # fmt: skip
    with second:
        seeds = int(
            st.number_input("Seeds per β", 1, 10, 1, key="sweep-seeds", help="More show how much is chance.")
        )
    with third:
        name = st.text_input("Name", f"{config.data.dataset}-sweep", key="sweep-name")
    try:
        betas = log_range(float(low), float(high), int(count)) if ranged else lab.numbers_of(text)
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    st.caption(
        f"{len(betas) * seeds} runs, at β {', '.join(f'{b:g}' for b in betas)}. All of one seed share initial weights, "
        "order of images and noise: differences are β's."
    )
    if session.button("Start", "start sweep", type="primary", icon=":material/play_arrow:"):
        try:
            create_sweep(resources.store(), config, betas, name.strip(), seeds=seeds)
        except VaeCoreError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        resources.launcher().wake()
        session.put(address.SWEEP, name.strip())
        st.rerun()


def progress(name: str, members: Sequence[Member]) -> None:
    """What of the sweep still trains, each to be stopped alone; the page is drawn anew whenever a run ends."""
    now = {m.run.id: m.run.status() for m in members}
    waiting = [m for m in members if now[m.run.id].state not in ENDED]
    before = session.get(address.SWEEP_WAITING)
    session.put(address.SWEEP_WAITING, (name, len(waiting)))
    if before is not None and before[0] == name and before[1] != len(waiting):
        st.rerun(scope="app")
    cut_short = [m for m in members if now[m.run.id].state in ENDED - {FINISHED} and not m.run.read_only]
    for m in cut_short:
        if error := now[m.run.id].error:
            st.warning(f"{m.run.name} {now[m.run.id].state}: {error}", icon=":material/warning:")
    if waiting:
        done = sum(1.0 if s.state in ENDED else s.progress for s in now.values()) / len(members)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(
                min(1.0, done),
                text=f"{len(members) - len(waiting)} of {len(members)} runs done",
                width="stretch",
            )
            if session.button("Stop all", "stop sweep", icon=":material/stop:"):
                stop(waiting)
                st.rerun(scope="app")
        with st.container(horizontal=True):
            for m in waiting:
                status = now[m.run.id]
                words = f"β {', then '.join(f'{beta:g}' for beta in (m.beta, *m.turned))}"
                words += f", seed {m.seed}" if len({m.seed for m in members}) > 1 else ""
                share = f"{100 * status.progress:.0f} %" if status.state in LIVE else status.state
                if session.button(f"{words}: {share}", f"stop {m.run.id}", icon=":material/stop:", help=f"Stop {m.run.name}"):  # fmt: skip
                    stop([m])
                    st.rerun(scope="app")
    elif cut_short and session.button(
        f"Go on with {len(cut_short)} {'stopped' if all(now[m.run.id].state == STOPPED for m in cut_short) else 'unfinished'}",
        "sweep on", icon=":material/play_arrow:", help="Each from its last checkpoint.",
    ):  # fmt: skip
        go_on(cut_short)
        resources.launcher().wake()
        st.rerun(scope="app")
    if not any(m.run.read_only for m in members):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            beta = st.number_input(
                "Another β", 0.001, 1000.0, None, key="sweep-another", format="%g", width=140
            )
            if (
                session.button("Add it", "add beta", icon=":material/add:", disabled=beta is None)
                and beta is not None
            ):
                try:
                    add_beta(resources.store(), name, float(beta))
                except VaeCoreError as error:
                    st.error(sentence(error), icon=":material/error:")
                    return
                resources.launcher().wake()
                st.rerun(scope="app")


def measured(members: Sequence[Member]) -> None:
    """What a finished run measures on the test images is worked out once, behind what is shown already."""
    left = incomplete(members)
    if not left:
        return
    data = resources.images_of(left[0].run)
    if data is None:
        if unmeasured(members):
            st.caption("Measured on the validation images while the runs learnt; the test images are not on this machine yet.")  # fmt: skip
        else:
            st.caption("Some scores are computed once the test images are on this machine.")
        offer_images(left[0].run)
        return
    follow([measuring.measure_run(m.run, data) for m in left])


def follow(works: Sequence[Task[None]]) -> None:
    """How far work behind the page is, which is drawn anew when it is done; what could not be done is said."""
    going = not all(work.done for work in works)
    fragment(run_every=0.5 if going else None)(_followed)(works, going)


def _followed(works: Sequence[Task[None]], going: bool) -> None:
    left = [work for work in works if not work.done]
    if left:
        share = 1 - sum(1 - work.share for work in left) / len(works)
        st.progress(share, text=f"{left[0].name}: {left[0].words}")
    elif going:
        st.rerun(scope="app")
    for work in works:
        if work.error:
            st.warning(sentence(work.error), icon=":material/warning:")


# ---------------------------------------------------------------- looking at one


@fragment()
def look(name: str, members: Sequence[Member]) -> None:
    report = gather(members)
    if not len(report.curve):
        st.info(report.read().text, icon=":material/hourglass_top:")
        return
    told_above = st.container()  # filled once the choice of a score further down is known
    betas = [float(b) for b in report.curve.betas]
    if len(betas) > 1:
        cursor(name, report, betas)
    curve, told = st.columns([3, 2], gap="large")
    with curve:
        ways = lab.ways_beside(next(m.run for m in members if m.finished))  # one that waits has no images yet
        way = st.selectbox("The way of", ["no run", *ways], key=address.TRAJECTORY.name, bind=address.TRAJECTORY.bind, help="The way a run took through the plane, an epoch each; diamonds mark where its β (of a capacity, γ) was changed while it learnt. Of runs on the same images with the same likelihood.")  # fmt: skip
        run = ways.get(way)
        fragment(run_every=2.0 if run is not None and run.status().state in LIVE else None)(plane)(report, betas, run)  # fmt: skip
    with told:
        totals(report, betas)
    st.caption(
        f"All numbers are of the {report.split} images, one sample of the posterior each; the ELBO is taken at β = 1 "
        "whatever was minimised. Bands go from the least to the most of a β's seeds."
    )
    score = details(report, betas)
    with told_above:
        st.markdown(report.read(score).text)
    side_by_side(report, members)


def _band(band: Band) -> charts.Band:
    return band.mean, band.low, band.high


@fragment()
def cursor(name: str, report: Report, betas: list[float]) -> None:
    """The β in focus. It moves in the browser; the address is told where it rests."""
    curve, labels = report.curve, [f"{b:g}" for b in betas]
    chosen = _chosen(name, labels)
    usual = labels[len(labels) // 2]  # while a sweep fills in it changes, so an address names what was chosen
    upright = {"kind": "line", "x": charts.places_of(betas), "y": None}
    beta_cursor({
        "sweep": name, "labels": labels, "at": chosen or usual, "link": session.get(address.CURSOR_LINKS),
        "words": [
            f"rate {r:.1f}, distortion {d:.1f} nats, {a:.3g} active"
            for r, d, a in zip(curve.rate.mean, curve.distortion.mean, curve.active.mean, strict=True)
        ],
        "charts": {
            "rate-distortion": {"kind": "point", "x": curve.rate.mean.tolist(), "y": curve.distortion.mean.tolist()},
            "kl-over-beta": {"kind": "column", "x": labels, "y": None},
            **dict.fromkeys(("elbo", "active", *values_by_group()), upright),
        },
    }, address.CURSOR.name)  # fmt: skip


def _chosen(name: str, labels: Sequence[str]) -> str:
    """The β that a link or a hand put in focus, whichever came last, or "" for none; leaves it in the address."""
    chosen: dict[str, str] = session.setdefault(address.CURSOR_OF)
    link, told = session.param(address.BETA_CURSOR), (session.get(address.CURSOR) or {}).get("at")
    if session.is_link(address.BETA_CURSOR, link):
        chosen[name] = link
        session.put(address.CURSOR_LINKS, session.get(address.CURSOR_LINKS) + 1)
    elif told != session.get(address.CURSOR_TOLD) and isinstance(told, dict) and told.get("sweep") == name:
        chosen[name] = str(told.get("beta"))  # what comes from a browser may be anything
    session.put(address.CURSOR_TOLD, told)
    found = chosen.get(name, "")
    found = found if found in labels else ""
    session.set_param(address.BETA_CURSOR, found)
    session.wrote(address.BETA_CURSOR, found)
    return found


def plane(report: Report, betas: list[float], run: Run | None) -> None:
    path = None
    if run is not None:
        found = lab.way_of(run)
        if found is None:
            st.caption(f"{run.name} has no way to draw yet: it takes two epochs.")
        else:
            path = (f"the way of {run.name}, validation images", found.rates, found.distortions, found.marks)
    tangent = None if report.tangent is None else (report.tangent.total, report.tangent.beta)
    figure = charts.rate_distortion(
        betas, _band(report.curve.rate), _band(report.curve.distortion), tangent=tangent, path=path,
        where=f", {report.split} images",
    )  # fmt: skip
    st.plotly_chart(figure, key="rate-distortion", config=PLAIN)


def totals(report: Report, betas: list[float]) -> None:
    curve = report.curve
    total = charts.over_beta(betas, [("−ELBO", _band(curve.total))], "−ELBO over β", "nats per image")
    st.plotly_chart(total, key="elbo", config=PLAIN)
    active = charts.over_beta(
        betas, [("active", _band(curve.active))], "Active dimensions over β", "dimensions"
    )
    st.plotly_chart(active, key="active", config=PLAIN)


def details(report: Report, betas: list[float]) -> str:
    """KL per dimension, and a chart for each group of metrics that is known; gives the score that the text names."""
    scores, named_score = report.curve.scores, ""
    groups = {
        group: [value for name, value in values.items() if name in scores and scores[name].known.any()]
        for group, values in values_by_group().items()
    }
    groups = {group: values for group, values in groups.items() if values}
    columns = iter(st.columns(1 + len(groups), gap="large"))
    with next(columns):
        st.plotly_chart(charts.kl_over_beta(betas, report.kl[1]), key="kl-over-beta", config=PLAIN)
    for group, values in groups.items():
        with next(columns):
            value = metric_chart(report, betas, group, values)
        if value.higher_is_better is not None:
            named_score = named_score or value.name
    return named_score


def metric_chart(report: Report, betas: list[float], group: str, values: Sequence[Value]) -> Value:
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
    lines = [(value.title, _band(report.curve.scores[value.name]))]
    figure = charts.over_beta(betas, lines, f"{value.title} over β", value.unit, share=value.is_share)
    place.plotly_chart(figure, key=group, config=PLAIN)
    st.caption(
        f"{value.definition} Here {SCORED_ON}." if "mean" in metric_of(value.name).needs else value.definition
    )
    return value


PICTURES = ("images", "reconstructions", "samples", "traversals")


def side_by_side(report: Report, members: Sequence[Member]) -> None:
    """Columns are β; rows are images, reconstructions, samples and traversals."""
    st.subheader("Side by side", anchor=False)
    shown = _columns(report, members)
    if not shown:
        return
    numbers = {row.member.run.id: row.numbers for row in report.rows}
    originals: dict[tuple, lab.Originals | None] = {}  # those of a sweep are the same for all its runs
    reached = list(report.curve.betas) if len(report.curve) > 1 else []  # where the cursor goes
    columns = []
    for m, walk, matched in shown:
        found = numbers.get(m.run.id)
        columns.append({
            "beta": f"{m.beta:g}", "run": m.run.id, "name": m.run.name, "reached": m.beta in reached,
            "figures": "" if found is None else f"rate {found.rate:.1f} · distortion {found.distortion:.1f} · {int(found.active.sum())} active",
            "walk": walk.words + ("" if matched or report.alignment is None else " (own order)"),
            "pictures": pictures_of(m.run, walk, originals),
        })  # fmt: skip
    matrix({"rows": list(PICTURES), "columns": columns}, address.MATRIX.name, on_open=_note_opened)
    if (opened := session.get(address.COLUMN_OPENED)) is not None:
        session.forget(address.COLUMN_OPENED)
        if opened in [m.run.id for m, _, _ in shown]:  # from the browser: it may be anything
            session.go("sliders", {address.RUN: opened})
    origin = "the first image shown" if any(originals.values()) else "the code 0"
    st.caption(
        f"Traversals start from {origin}. {_about_rows(report, [m.beta for m, _, matched in shown if not matched])}"
    )


def _note_opened() -> None:
    """In a callback, which no other rerun of the script interrupts."""
    session.put(address.COLUMN_OPENED, (session.get(address.MATRIX) or {}).get("open"))


def _columns(report: Report, members: Sequence[Member]) -> list[tuple[Member, lab.Walk, bool]]:
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
            found.append((m, lab.aligned_walk(report.alignment, at), True))
        else:
            found.append((m, lab.own_walk(m.run), False))
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
    if report.alignment.rows > lab.ROWS:
        first = report.aligned[report.alignment.reference].beta
        text += f" Of {report.alignment.rows} such rows {lab.ROWS} are shown, those of most use at β {first:g} first."
    if apart:
        text += (
            f" {named(apart)} {'stands' if len(apart) == 1 else 'stand'} apart, not measured yet or never finished: "
            f"{'its' if len(apart) == 1 else 'their'} rows are the run's own most used dimensions."
        )
    return text


def pictures_of(
    run: Run, walk: lab.Walk, originals: dict[tuple, lab.Originals | None]
) -> dict[str, dict[str, Any]]:
    """Of a run by row: where the browser fetches the picture, and its size."""
    record = run.record()
    key = (record.effective.data, record.shape)
    if key not in originals:
        originals[key] = lab.originals(run)
    found = originals[key]
    if found is None:
        first = lab.kept(run)
    else:
        first = {"images": lab.images(found), "reconstructions": lab.reconstructions(run, found)}
    made = first | {"samples": lab.samples(run), "traversals": lab.traversals(run, walk, found)}
    return {row: array_store.picture(png) for row, png in made.items()}


# ---------------------------------------------------------------- one network for every β


def dials() -> None:
    runs = {r.name: r for r in resources.store().readable() if r.record().effective.objective.dial is not None and r.has_weights()}  # fmt: skip
    if not runs:
        st.info(
            "No β dial yet. Train one run with the objective **multi_rate**: it learns every β from 0.1 to 10 at once, and is "
            "turned here without another one.",
            icon=":material/info:",
        )
        session.link(
            "train",
            "Train a dial",
            ":material/model_training:",
            {address.SETTING.of("objective"): "multi_rate"},
        )
        return
    name = st.selectbox("Dial", list(runs), key=address.DIAL_RUN.name, bind=address.DIAL_RUN.bind)
    run = runs[name if name in runs else next(iter(runs))]
    header = resources.dial_header(run)
    if not header["decoder"]:
        st.warning(
            "This network is too large to be turned in the browser; `vae-core evaluate RUN --beta 3` gives its points.",
            icon=":material/speed:",
        )
        return
    with st.container():
        found = read_dial(run)
    data = resources.images_of(run)
    shown = lab.originals(run)
    others = None if found is None else lab.beside(run, found.fingerprint)
    latent = int(header["latent_dim"])
    noise = np.random.default_rng(0).standard_normal((lab.SHOWN, 512)).astype(np.float32)[:, :latent]
    colours = None
    # an image's number means nothing among others that came under the same name
    if (
        found is not None
        and data is not None
        and data.labels is not None
        and data.fingerprint == found.fingerprint
    ):
        colours = array_store.url(np.asarray(data.labels)[found.images] % 10, "u1")
    dial(
        run.id,
        {
            "header": header, "beta": _dial_beta(), "images": None if shown is None else array_store.url(shown.images.transpose(0, 2, 3, 1), "u1"),
            "noise": array_store.url(noise), "dims": [int(d) for d in order_by_kl(np.array(resources.kl_per_dim(run)))[:3]],
            "values": np.linspace(-2.4, 2.4, 7).round(1).tolist(), "colours": colours,
            "points": None if found is None else array_store.url(found.points),
            "stops": None if found is None else {n: getattr(found, n).tolist() for n in ("betas", "rate", "distortion", "kl")},
            "others": [] if others is None else [{"beta": a.beta, "rate": a.rate, "distortion": a.distortion, "name": " and ".join(a.names)} for a in others.alone],
        },
        address.DIAL.name,
    )  # fmt: skip
    if found is None or others is None:
        return
    st.caption(
        f"Pictures are encoded and decoded in this browser at the very β. The curve, the bars and the map are of "
        f"{found.count:,} test images at nine βs from {found.betas[0]:g} to {found.betas[-1]:g}, straight between them over "
        f"log β; the map shows {len(found.images):,} posterior means on the two directions of most variance of all nine together"
        + (", in the colours of their labels." if colours else ".")
    )
    against_alone(run, found, others)


def _dial_beta() -> float:
    """Where the dial rests: as it told, before that as the address says, at 1 otherwise."""
    told = (session.get(address.DIAL) or {}).get("beta")
    if told is None:
        told = session.param(address.DIAL_BETA)
    session.set_param(address.DIAL_BETA, told)
    return float(told) if np.isfinite(told) and told > 0 else address.DIAL_BETA.default


def read_dial(run: Run) -> DialCurve | None:
    """The dial read at its nine βs, worked out once for its weights and images, behind the page."""
    found, data = dial_curve(run), resources.images_of(run)
    if found is not None and (data is None or data.fingerprint == found.fingerprint):
        return found
    if data is None:
        st.caption("The curve and the map need this run's images.")
        offer_images(run)
        return None
    work = measuring.read_dial(run, data)
    follow([work])
    return found if work.error else None  # of the images it learned from, where those here are others


def against_alone(run: Run, found: DialCurve, others: lab.Beside) -> None:
    """What the dial costs: the same network trained as long for one β alone, measured on the same images."""
    data = resources.images_of(run)
    if others.unmeasured and data is None:
        offer_images(run)
    elif others.unmeasured and data is not None and data.fingerprint == found.fingerprint:
        follow([measuring.measure_run(other, data) for other in others.unmeasured])
    training = run.record().effective.training
    epochs = training.epochs + sum(training.continued)
    otherwise = (
        f" {others.otherwise} of this network trained otherwise (epochs, learning rate, batch or schedule) and "
        f"{'is' if others.otherwise == 1 else 'are'} not compared." if others.otherwise else ""
    )  # fmt: skip
    if not others.alone:
        if not others.unmeasured:
            st.caption(f"Train the same network at single βs (a sweep, {epochs} epochs) to see here what the dial gives away.{otherwise}")  # fmt: skip
        return
    # nats of a density may be of either sign: there is no share of them
    density = run.record().effective.objective.likelihood.name != "bernoulli"
    rows = []
    for a in others.alone:
        distortion, rate = found.at(a.beta)
        mine, alone = distortion + a.beta * rate, a.distortion + a.beta * a.rate
        more = f"{mine - alone:+.2f} nats" if density else f"{100 * (mine / alone - 1):+.1f} %"
        rows.append({"β": a.beta, "dial, nats": mine, "alone, nats": alone, "dial − alone": more, "runs": ", ".join(a.names)})  # fmt: skip
    st.subheader("Against runs of one β alone", anchor=False)
    st.dataframe(rows, hide_index=True, column_config={n: st.column_config.NumberColumn(format="%.2f") for n in ("dial, nats", "alone, nats")})  # fmt: skip
    st.caption(
        "distortion + β · rate on the test images, nats per image; the dial between its nine βs, the others as means over "
        f"their seeds. Network, images, epochs ({epochs} each) and all else but the objective are the same; one dial cost "
        f"as many epochs as one of them.{otherwise}"
    )


# ---------------------------------------------------------------- from other projects


def converter() -> None:
    st.markdown(
        "A KL weight means nothing without what the two terms were averaged over. Ours are sums over pixels and "
        "dimensions, averaged over images, with the likelihood's own factor: **loss = distortion + β · rate**, in nats."
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Their loss", anchor=False)
        error = st.selectbox(
            "Reconstruction error",
            ERRORS,
            index=1,
            key=address.THEIR_ERROR.name,
            bind=address.THEIR_ERROR.bind,
        )
        over = st.selectbox("It is a", OVER, index=1, key=address.THEIR_ERROR_OVER.name, bind=address.THEIR_ERROR_OVER.bind, help="What its sum was divided by, besides the batch.")  # fmt: skip
        rate_over = st.selectbox(
            "Their KL is a",
            OVER,
            index=0,
            key=address.THEIR_RATE_OVER.name,
            bind=address.THEIR_RATE_OVER.bind,
        )
        with st.container(horizontal=True):
            side = st.number_input(
                "Image side, pixels",
                1,
                1024,
                address.THEIR_SIDE.default,
                key=address.THEIR_SIDE.name,
                bind=address.THEIR_SIDE.bind,
            )
            channels = st.selectbox(
                "Channels", [1, 3], key=address.THEIR_CHANNELS.name, bind=address.THEIR_CHANNELS.bind
            )
            dims = st.number_input(
                "Latent dimensions",
                1,
                4096,
                address.THEIR_DIMS.default,
                key=address.THEIR_DIMS.name,
                bind=address.THEIR_DIMS.bind,
            )
        with st.container(horizontal=True):
            span = st.number_input("Their pixels span", 0.01, 65535.0, address.THEIR_SPAN.default, key=address.THEIR_SPAN.name, bind=address.THEIR_SPAN.bind, format="%g", help="1 for [0, 1], 2 for [−1, 1], 255 for bytes.")  # fmt: skip
            batch = st.number_input("Images summed in the KL", 0.001, 65536.0, address.THEIR_BATCH.default, key=address.THEIR_BATCH.name, bind=address.THEIR_BATCH.bind, format="%g", help="Where only the error was averaged over the batch: its size. 1 where both were, or neither.")  # fmt: skip
            scale = st.number_input("Our σ (or b)", 0.001, 10.0, address.OUR_SCALE.default, key=address.OUR_SCALE.name, bind=address.OUR_SCALE.bind, format="%g", disabled=error == "cross-entropy", help="Of our Gaussian (or Laplace) likelihood.")  # fmt: skip
    convention = Convention(
        str(error), int(side) ** 2 * int(channels or 1), int(dims), str(over), str(rate_over), float(scale), float(span), float(batch)
    )  # fmt: skip
    with right:
        st.subheader("Here, and back", anchor=False)
        weight = st.number_input(
            "Their KL weight",
            0.0,
            1e12,
            address.THEIR_WEIGHT.default,
            key=address.THEIR_WEIGHT.name,
            bind=address.THEIR_WEIGHT.bind,
            format="%g",
        )
        st.metric("β here", f"{beta_of_weight(float(weight), convention):.4g}")
        beta = st.number_input(
            "β here",
            0.0,
            1e12,
            address.OUR_BETA.default,
            key=address.OUR_BETA.name,
            bind=address.OUR_BETA.bind,
            format="%g",
        )
        st.metric("Their KL weight", f"{weight_of_beta(float(beta), convention):.4g}")
        st.caption(_formula(convention))


def _formula(convention: Convention) -> str:
    return (
        f"β = weight × {convention.factor:.6g}: {convention.pixels:,} numbers an image, {convention.dims} dimensions, "
        f"{convention.error}, {convention.error_over} for the error, {convention.rate_over} for the KL. Only the ratio of "
        "the two terms decides what is learnt; the learning rate may have to change with their size."
    )


page()
