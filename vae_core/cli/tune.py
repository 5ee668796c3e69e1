"""`vae-core tune`: search any settings for the best of a goal, in the foreground."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import time
from typing import Any

from vae_core.cli.bar import Bar
from vae_core.cli.switches import add_config_switches, config_from
from vae_core.cli.tables import print_table
from vae_core.cli.usage import Commands, UsageError
from vae_core.config import RunConfig
from vae_core.errors import RunBusy, VaeCoreError
from vae_core.events import Event, Live, StepDone
from vae_core.places import Places
from vae_core.runs.launchers.switches import add_launcher_switches, launching
from vae_core.runs.run import Run
from vae_core.study.choosing import shown_now
from vae_core.study.driving import Look
from vae_core.study.preference import Judgement, add_judgement
from vae_core.study.settings import GRID, PREFERENCE, PRUNERS, SAMPLERS, StudySettings
from vae_core.study.summary import number_text
from vae_core.study.view import payload
from vae_core.words import counted

WATCHED = 0.5  # seconds between two looks at a study that a server drives


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    usual = {f.name: f for f in dataclasses.fields(StudySettings)}

    def help_of(name: str) -> str:
        return str(usual[name].metadata["option"].help)

    parser = commands.add_parser(
        "tune", parents=[common], help="search any settings for the best of a goal",
        description="Every trial is an ordinary run of the group that the study names. Ctrl-C ends it cleanly; a second call with "
        "the same --name goes on. Other switches say what all runs share.",
        epilog="vae-core tune --dataset digits --objective beta_vae --search latent_dim=2..32:log --search beta=0.1..10:log --name x",
    )  # fmt: skip
    parser.add_argument(
        "study", nargs="?", metavar="NAME", help="a study that is shown as it stands; nothing is trained"
    )
    parser.add_argument(
        "--search", action="append", default=[], metavar="FIELD", help=help_of("search") + "; may be repeated"
    )
    parser.add_argument(
        "--goal", action="append", default=[], metavar="NAME", help=help_of("goals") + "; default elbo"
    )
    parser.add_argument("--trials", type=int, metavar="N", help=help_of("trials") + "; default 30")
    parser.add_argument(
        "--sampler",
        choices=SAMPLERS,
        help=help_of("sampler") + "; default tpe",
    )
    parser.add_argument("--pruner", choices=PRUNERS, help=help_of("pruner") + "; default none")
    parser.add_argument("--jobs", type=int, metavar="N", help=help_of("jobs") + "; default 1")
    parser.add_argument("--seeds", type=int, metavar="N", help=help_of("seeds") + "; default 1")
    parser.add_argument("--search-seed", type=int, metavar="N", help=help_of("search_seed") + "; default 0")
    parser.add_argument("--storage", metavar="URL", help=help_of("storage"))
    parser.add_argument(
        "--name", help="plain and not taken, or a study to go on with; default names the dataset"
    )
    mark = parser.add_mutually_exclusive_group()
    mark.add_argument(
        "--best",
        type=int,
        metavar="N",
        help="by preference: of the trials that wait for a choice, N is liked best",
    )
    mark.add_argument("--worst", type=int, metavar="N", help="as --best, of the one liked least")
    mark.add_argument("--no-choice", action="store_true", help="as --best, where they cannot be told apart")
    parser.add_argument("--stop", action="store_true", help="stop the study NAME, which a server drives")
    parser.add_argument("--json", action="store_true", help="the study as one JSON object")
    add_launcher_switches(parser)
    add_config_switches(parser)
    parser.set_defaults(do=do_tune)


def do_tune(args: argparse.Namespace, places: Places) -> int:
    """Search, or show a study; 1 when every run of it failed."""
    from vae_core.study import record
    from vae_core.study.secrets import print_masked

    sys.excepthook = print_masked  # a fault's traceback may hold the storage's password
    if args.study:
        if given := _given(args):
            raise UsageError(
                f"NAME shows a study as it stands; leave out {', '.join(given)}, or use --name {args.study} to go on"
            )
        study = record.open_study(places, args.study)
        if args.stop:
            study.stop()
    else:
        if args.stop:
            raise UsageError("--stop takes the name of a study: vae-core tune NAME --stop")
        launch = launching(args, foreground=True)
        launch.to_environment()
        study = _asked_for(args, places)
        _mark(args, study)
        _drive(study, Bar(), launch.retry)
        _say_choice(study)
    shown = payload(study)
    _show(shown, as_json=args.json)
    ended = [t["state"] for t in shown["trials"]]
    return 1 if ended and all(state == "failed" for state in ended) else 0


def _mark(args: argparse.Namespace, study: Any) -> None:
    """Keep what the switches say of the trials that wait for a choice. Raises UsageError where none does."""
    if args.best is None and args.worst is None and not args.no_choice:
        return
    now = shown_now(study)
    if not now:
        raise UsageError(f"no trials of {study.name} wait for a choice")
    add_judgement(study.path, Judgement(tuple(now), args.best, args.worst))


def _say_choice(study: Any) -> None:
    if now := shown_now(study) if study.settings.sampler == PREFERENCE else []:
        sys.stderr.write(
            f"trials {', '.join(map(str, now))} wait for your choice: the page Tune shows their pictures; or vae-core tune --name "
            f"{study.name} --best N, --worst N or --no-choice\n"
        )


def _given(args: argparse.Namespace) -> list[str]:
    found = [f"--{k[4:]}" for k, v in vars(args).items() if k.startswith("set:") and v is not None]
    own = (
        "search",
        "goal",
        "trials",
        "sampler",
        "pruner",
        "jobs",
        "seeds",
        "search_seed",
        "storage",
        "name",
        "best",
        "worst",
    )
    return found + [f"--{k.replace('_', '-')}" for k in own if getattr(args, k) not in (None, [], False)]


def _asked_for(args: argparse.Namespace, places: Places) -> Any:
    from vae_core.study import record
    from vae_core.study.foreground import remember_password

    if args.storage:
        args.storage = remember_password(args.storage)
    if args.name and args.name in {study.name for study in record.studies(places)}:
        return _taken_up(args, places)
    if args.best is not None or args.worst is not None or args.no_choice:
        raise UsageError(
            "--best, --worst and --no-choice are of a study by preference that waits: name it by --name"
        )
    if not args.search:
        raise UsageError(
            "a study needs --search FIELD, such as --search latent_dim=2..32:log; --name goes on with one"
        )
    base = config_from(args, RunConfig())
    if double := [
        f
        for f in args.search
        if vars(args).get(f"set:{f.partition('=')[0].strip().replace('_', '-')}") is not None
    ]:
        name = double[0].partition("=")[0].strip().replace("_", "-")
        raise UsageError(f"--{name} is a single value, and {name} is searched; leave one out")
    wanted = {
        "search": tuple(args.search), "goals": tuple(args.goal) or None, "trials": args.trials, "sampler": args.sampler,
        "pruner": args.pruner, "jobs": args.jobs, "seeds": args.seeds, "search_seed": args.search_seed, "storage": args.storage,
    }  # fmt: skip
    if args.sampler == PREFERENCE and not args.goal:
        wanted["goals"] = ()  # no number is wanted
    settings = StudySettings(base=base, **{k: v for k, v in wanted.items() if v is not None})
    study = record.create(places, settings, args.name or "")
    from vae_core.study.fields import with_values
    from vae_core.training.defaults import chosen_words

    if words := chosen_words(
        with_values(base, {f.name: f.ends[0] for f in study.fields}), study.settings.base
    ):
        sys.stderr.write(f"chosen by the images, for all runs alike: {words}\n")
    sys.stderr.write(
        f"the study {study.name} has {counted(study.total, 'run')}; Ctrl-C stops it and keeps what was learned\n"
    )
    return study


def _taken_up(args: argparse.Namespace, places: Places) -> Any:
    """A study that is there, with more trials, other ranges or jobs where those are given; its other settings stand."""
    from vae_core.study import record
    from vae_core.study.fields import parse, value_of, written

    study = record.open_study(places, args.name)
    now = study.settings
    searched = {field.name for field in study.fields}
    given = {k[4:]: v for k, v in vars(args).items() if k.startswith("set:") and v is not None}
    other = [f"--{k}" for k, v in given.items() if k not in searched and value_of(now.base, k) != written(v)]
    same = {"goal": now.goals, "sampler": now.sampler, "pruner": now.pruner, "seeds": now.seeds, "search_seed": now.search_seed, "storage": now.storage}  # fmt: skip
    for name, value in same.items():
        asked = getattr(args, name)
        if asked not in (None, []) and (tuple(asked) if isinstance(asked, list) else asked) != value:
            other.append(f"--{name.replace('_', '-')}")
    if other:
        raise UsageError(
            f"the settings of the study {args.name} stand; leave out {', '.join(other)}, or choose another --name"
        )
    if args.search and [str(parse(text)) for text in args.search] != list(now.search):
        study.change_search(args.search)
    if args.jobs and args.jobs != now.jobs:
        study.change_jobs(args.jobs)
    if args.trials and args.trials > now.trials and now.sampler != GRID:
        study.extend(args.trials - now.trials)
    sys.stderr.write(
        f"going on with the study {study.name}: {len(study.ledger().trials)} of {counted(study.total, 'run')} tried\n"
    )
    return study


# ---------------------------------------------------------------- while it goes on


class Table:
    """A row for each trial that ends, under its column names; what trains is on the bar's line."""

    def __init__(self, study: Any, bar: Bar) -> None:
        self.study, self.bar = study, bar
        self.names, self.goals = [field.name for field in study.fields], study.goals
        self.shown = {t.number for t in study.ledger().trials if t.end}
        self.note, self.best, self.headed = "", float("inf"), False
        for trial in study.ledger().trials:
            self._better(trial)

    def _better(self, trial: Any) -> bool:
        if len(self.goals) != 1 or self.goals[0].name not in trial.numbers or not trial.complete:
            return False
        cost = self.goals[0].cost(trial.numbers[self.goals[0].name])
        better = bool(cost < self.best)
        self.best = min(self.best, cost)
        return better

    def see(self, look: Look) -> None:
        """Add a row for what has ended since, and say what the study waits for."""
        if look.note != self.note:
            self.note = look.note
            self.bar.line(f"the study {look.note}" if look.note else "the study goes on")
        trials = self.study.ledger().trials
        for trial in trials:
            if trial.end and trial.number not in self.shown:
                self.shown.add(trial.number)
                self._row(trial)
        going = []
        for trial in trials:
            if not trial.end and trial.run:
                with contextlib.suppress(VaeCoreError):
                    status = Run(self.study.places.runs / trial.run, self.study.places).status()
                    going.append(f"{trial.number} {status.state} {status.progress:.0%}")
        if going:
            self.bar.show(f"{len(self.shown)} of {self.study.total} done · trial {', '.join(going)}")

    def _row(self, trial: Any) -> None:
        if not self.headed:
            self.headed = True
            self.bar.line(
                "  ".join(
                    ["trial", *(f"{n:>12}" for n in self.names), *(f"{g.title:>16}" for g in self.goals)]
                )
            )
        values = [f"{_value(trial.values.get(n)):>12}" for n in self.names]
        numbers = [
            f"{number_text(g, trial.numbers[g.name]) if g.name in trial.numbers else '–':>16}"
            for g in self.goals
        ]
        end = "best so far" if self._better(trial) else trial.why or ""
        self.bar.line("  ".join([f"{trial.number:>5}", *values, *numbers, end]).rstrip())

    def watch(self, run: Run, event: Event) -> None:
        """Show how a run does that trains here."""
        if isinstance(event, (StepDone, Live)):
            status = run.status()
            self.bar.show(f"{len(self.shown)} of {self.study.total} done · {run.name} {status.progress:4.0%} · epoch {status.epoch} of {status.epochs}")  # fmt: skip


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _drive(study: Any, bar: Bar, retry: int) -> None:
    from vae_core.study.foreground import run_here

    table = Table(study, bar)
    try:
        finished = run_here(study, table.see, table.watch, retry=retry)
    except RunBusy:
        finished = _watch(study, table, bar)
    bar.clear()
    if not finished:
        bar.line(f"the study {study.name} stopped; vae-core tune --name {study.name} goes on")


def _watch(study: Any, table: Table, bar: Bar) -> bool:
    """Follow a study that a server drives; Ctrl-C leaves it to that."""
    bar.line(
        f"another process drives {study.name}; Ctrl-C leaves it, vae-core tune {study.name} --stop stops it"
    )
    study.go_on()
    try:
        while study.wants():
            table.see(Look(False, study.ledger().note, ()))
            time.sleep(WATCHED)
    except KeyboardInterrupt:
        bar.line(f"{study.name} goes on without this window")
    table.see(Look(True, "", ()))
    return True


# ---------------------------------------------------------------- at the end


def _show(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"study": shown["name"], **shown}))
        return
    fields, goals = [f["name"] for f in shown["fields"]], shown["goals"]
    columns = ["trial", *fields, *(g["title"] for g in goals), "status", "name"]
    rows = []
    for t in shown["trials"]:
        mark = " *" if t["number"] == shown["best"] or (len(goals) > 1 and t["front"]) else ""
        rows.append({
            "trial": t["number"], "status": t["state"] + mark, "name": t["title"],
            **{n: _value(t["values"].get(n, "")) for n in fields},
            **{g["title"]: "" if g["name"] not in t["numbers"] else f"{t['numbers'][g['name']]:.4g}" for g in goals},
        })  # fmt: skip
    units = ", ".join(
        f"{g['title']} {'' if g['unit'].startswith(('per ', 'of ')) else 'in '}{g['unit']}" for g in goals
    )
    star = "* on the front" if len(goals) > 1 else "* the best"
    print(f"{shown['name']} on test images, {units}; {star}")
    print_table(columns, rows)
    for sentence in shown["sentences"]:
        print(sentence)
