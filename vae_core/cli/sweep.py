"""`vae-core sweep`: train one model at several values of β, in the foreground, and compare."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from vae_core.cli.bar import Bar
from vae_core.cli.follow import follow
from vae_core.cli.switches import add_config_switches, config_from
from vae_core.cli.tables import print_table, two_decimals
from vae_core.cli.usage import Commands, UsageError
from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.errors import BadConfig, VaeCoreError
from vae_core.evaluation.metrics import metric_of, rankable_values, values_by_group
from vae_core.places import Places
from vae_core.runs.launchers import LOCAL
from vae_core.runs.launchers.switches import add_launcher_switches, launching
from vae_core.runs.record import FAILED, INTERRUPTED, STOPPED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.words import counted

if TYPE_CHECKING:
    from vae_core.evaluation.rate_distortion import Numbers


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    parser = commands.add_parser(
        "sweep", parents=[common], help="train one model at several values of β, and compare",
        description="One run per β and seed; runs of one seed share their first weights and the order of images.",
    )  # fmt: skip
    parser.add_argument("--betas", nargs="+", metavar="X", help="values of β above 0, such as 0.5,1,2,4")
    parser.add_argument(
        "--log-range",
        nargs=3,
        metavar=("LOW", "HIGH", "COUNT"),
        help="so many values of β, evenly spaced in log β",
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="runs per β, with --seed and those after it; default 1"
    )
    parser.add_argument("--name", help="plain and not taken; default names the dataset")
    parser.add_argument(
        "--resume",
        metavar="NAME",
        help="go on with a sweep that was stopped; with --betas those are added to it",
    )
    parser.add_argument(
        "--apart", action="store_true", help="one run after the other, also where several train faster as one"
    )
    parser.add_argument(
        "--score",
        choices=list(rankable_values()),
        help="score that the sentence names; default the first known",
    )
    parser.add_argument("--json", action="store_true", help="the table as one JSON object")
    add_launcher_switches(parser)
    add_config_switches(parser)
    parser.set_defaults(do=do_sweep)


def do_sweep(args: argparse.Namespace, places: Places) -> int:
    """Train the runs of a sweep, measure them and print what the sweep says; 1 when a run failed."""
    from vae_core import sweep

    store, bar, launch = Store(places), Bar(), launching(args, foreground=True)
    name = _resumed_sweep(args, store) if args.resume else _new_sweep(args, store)
    if launch.launcher == LOCAL:
        going_on = _train_sweep(store, name, places, bar, apart=args.apart)
    else:
        launch.to_environment()
        left = [member.run for member in sweep.members(store, name) if not member.ended]
        going_on = follow(left, places, launch.launcher, launch.retry, bar)
    found = sweep.members(store, name)
    if going_on:
        from vae_core.evaluation.sweep_report import measure_all

        asked = {metric_of(args.score).name} if args.score else set()
        for problem in measure_all(
            found,
            lambda run: _images_of(run, places),
            also=asked,
            progress=lambda share, what: bar.show(f"{share:4.0%} {what}"),
        ):
            bar.line(f"note: {problem}")
        bar.clear()
    else:
        bar.line(f"the sweep {name} stopped; `vae-core sweep --resume {name}` goes on")
    for member in found:
        if member.state == INTERRUPTED:
            bar.line(
                f"{member.run.name}: the process that trained it ended; `vae-core sweep --resume {name}` goes on"
            )
    _show_sweep(name, found, as_json=args.json, score=args.score or "")
    return 1 if any(m.state in (FAILED, INTERRUPTED) for m in found) else 0


def _betas_of(args: argparse.Namespace) -> list[float]:
    from vae_core.sweep import log_range

    if args.betas and args.log_range:
        raise UsageError("give --betas or --log-range, not both")
    words = [w for w in re.split(r"[\s,;]+", " ".join(args.betas or args.log_range or ())) if w]
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise UsageError(f"values of β are numbers such as 0.5,1,2, not {' '.join(words)!r}") from None
    if not args.log_range:
        return values
    if not values[2].is_integer():
        raise UsageError(f"--log-range LOW HIGH COUNT: {words[2]} is no count of values")
    return log_range(values[0], values[1], int(values[2]))


def _new_sweep(args: argparse.Namespace, store: Store) -> str:
    from vae_core.sweep import create_sweep, default_group_name, settled_for_sweep, with_beta
    from vae_core.training.defaults import chosen_words

    if not (args.betas or args.log_range):
        raise UsageError("a sweep needs --betas 0.5,1,2 or --log-range LOW HIGH COUNT (or --resume NAME)")
    if vars(args)["set:beta"] is not None:
        raise UsageError("--beta is a single value; a sweep takes --betas")
    asked = config_from(args, RunConfig())
    try:
        with_beta(asked, 1.0)
    except BadConfig as error:
        raise UsageError(str(error)) from None
    betas, config = _betas_of(args), settled_for_sweep(asked, store.places)
    if words := chosen_words(asked, config):
        sys.stderr.write(f"chosen by the images, for all runs alike: {words}\n")
    name = args.name or default_group_name(config, store)
    runs = create_sweep(store, config, betas, name, seeds=1 if args.seeds is None else args.seeds)
    sys.stderr.write(
        f"the sweep {name} has {counted(len(runs), 'run')}; Ctrl-C stops it and keeps what was learned\n"
    )
    return name


def _resumed_sweep(args: argparse.Namespace, store: Store) -> str:
    from vae_core.runs.gone import mark_if_gone
    from vae_core.sweep import add_beta, go_on, members

    given = [f"--{k[4:]}" for k, v in vars(args).items() if k.startswith("set:") and v is not None]
    given += [f"--{k}" for k in ("name", "seeds") if getattr(args, k) is not None]
    if given:
        raise UsageError(f"the settings of {args.resume} stand; leave out {', '.join(given)}")
    name: str = args.resume
    for member in members(store, name):
        mark_if_gone(member.run)
    for beta in _betas_of(args):
        add_beta(store, name, beta)
    go_on(members(store, name))
    return name


def _train_sweep(store: Store, name: str, places: Places, bar: Bar, *, apart: bool) -> bool:
    """Train what waits, and wait for what another process trains; false when Ctrl-C ended it."""
    from vae_core.errors import RunBusy
    from vae_core.runs.gone import mark_if_gone
    from vae_core.runs.queue import stack_of
    from vae_core.runs.worker import train_run, train_stack
    from vae_core.sweep import members, stop, waiting

    _say_how_long(store, name, places, bar, may_time=bar.live)
    elsewhere: set[str] = set()  # taken by another process when we came for them, to be asked for again
    said: set[str] = set()
    try:
        while True:
            while queue := [r for r in waiting(members(store, name)) if r.id not in elsewhere]:
                batch = queue[:1] if apart else stack_of(queue)
                asked = [len(run.requests()) for run in batch]
                what = f"training {', '.join(run.name for run in batch)}{' as one' if len(batch) > 1 else ''}"
                if what not in said:
                    bar.line(what)
                    said.add(what)
                try:
                    if len(batch) == 1:
                        statuses = [train_run(batch[0], places, bar.watch(batch[0]))]
                    else:
                        watches = [bar.watch(run, f"{run.name}, ") for run in batch]
                        statuses = train_stack(batch, places, watches)
                except RunBusy:  # a server on this home was faster
                    elsewhere |= {run.id for run in batch}
                    continue
                for run, status, before in zip(batch, statuses, asked, strict=True):
                    bar.line(f"{run.name} {status.state}{f': {status.error}' if status.error else ''}")
                    if status.state == STOPPED and not any(c.name == "stop" for c in run.requests(before)):
                        raise KeyboardInterrupt  # nobody asked for it by name: it was the signal
                _say_how_long(store, name, places, bar)
            left = [m for m in members(store, name) if not m.ended and not mark_if_gone(m.run)]
            if not left:
                return True
            what = f"waiting for {', '.join(m.run.name for m in left)}: another process trains there"
            if what not in said:
                bar.line(what)
                said.add(what)
            time.sleep(0.2)
            elsewhere.clear()  # one of a stack was taken, or let go again: the others need not wait for it
    except KeyboardInterrupt:
        stop(members(store, name))
        return False


def _say_how_long(store: Store, name: str, places: Places, bar: Bar, *, may_time: bool = False) -> None:
    """What is left, as far as it is known; what is wrong with the settings is said when the runs begin."""
    from vae_core.cli.how_long import seconds_left
    from vae_core.runs.timing import about
    from vae_core.sweep import members, waiting

    left = waiting(members(store, name))
    with contextlib.suppress(VaeCoreError, OSError):
        if left and (seconds := seconds_left(left, places, may_time=may_time)) is not None:
            bar.line(f"about {about(seconds)} for {counted(len(left), 'run')}")


def _images_of(run: Run, places: Places) -> Any:
    record = run.record()
    return (
        None if record.shape is None else open_images(record.effective.data.dataset, record.shape[1], places)
    )


def _show_sweep(name: str, found: Any, *, as_json: bool, score: str) -> None:
    from vae_core.evaluation.sweep_report import gather

    report = gather(found)
    # one that was asked for is named even where it is not known, and said to be so
    chosen = score or next((name for name in rankable_values() if name in report.curve.scores), "")
    text = report.read(chosen).text
    rows: list[dict[str, Any]] = []
    for row in report.rows:
        n, m = row.numbers, row.member
        rows.append(
            {
                "beta": m.beta, "turned": list(m.turned), "seed": m.seed, "name": m.run.name, "id": m.run.id, "status": m.state,
                "distortion": n and n.distortion, "rate": n and n.rate, "elbo": n and -n.total,
                "active_units": n and int(n.active.sum()), **_scores_of(n),
            }
        )  # fmt: skip
    if as_json:
        print(json.dumps({"sweep": name, "split": report.split, "runs": rows, "text": text}))
        return
    columns = ["β", "seed", "distortion", "rate", "−ELBO", "active", "status", "name"]
    shown = [
        {
            "β": ", ".join(f"{beta:g}" for beta in (r["beta"], *r["turned"])), "seed": r["seed"], "status": r["status"], "name": r["name"],
            "distortion": two_decimals(r["distortion"]), "rate": two_decimals(r["rate"]),
            "−ELBO": two_decimals(None if r["elbo"] is None else -r["elbo"]),
            "active": "" if r["active_units"] is None else r["active_units"],
        }
        for r in rows
    ]  # fmt: skip
    print(f"{name} on {report.split} images, nats per image")
    print_table(columns, shown)
    print(text)


def _scores_of(numbers: Numbers | None) -> dict[str, Any]:
    """Values of metrics for a run's line of JSON: those that share the chart of scores together, others beside."""
    groups = values_by_group()
    known = {} if numbers is None else numbers.scores
    alone = {
        name: known.get(name) for group, values in groups.items() if group != "scores" for name in values
    }
    return alone | {"scores": {name: known[name] for name in groups["scores"] if name in known}}
