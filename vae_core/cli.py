"""`vae-core`: train, look at, evaluate and move runs from the command line.

Exit codes: 0, 2 for a usage error, 1 with one plain sentence for everything else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_core.config import RunConfig
from vae_core.data import ImageSet, list_specs, open_images
from vae_core.errors import BadConfig, VaeCoreError
from vae_core.evaluation.metrics import METRICS, Inputs, compute_metrics, rankable_values, values_by_group
from vae_core.events import EpochDone, Event, StepDone
from vae_core.options import Choice, Leaf, leaves, replace_at
from vae_core.places import Places
from vae_core.runs.store import FAILED, FINISHED, INTERRUPTED, QUEUED, STOPPED, Run, Store

if TYPE_CHECKING:
    from vae_core.evaluation.rate_distortion import Numbers
    from vae_core.inference import LoadedModel


MOST_SCORED = 10_000  # images behind the metrics of `evaluate --scores`


class UsageError(Exception):
    """The command line itself is wrong: exit code 2."""


# ---------------------------------------------------------------- settings as switches


def switches(cls: type[RunConfig]) -> dict[str, list[Leaf]]:
    """Switch name -> the settings it may mean. Parameters of several registry entries share a switch."""
    found: dict[str, list[Leaf]] = {}
    for leaf in leaves(cls):
        found.setdefault(leaf.switch, []).append(leaf)
    return found


def add_config_switches(parser: argparse.ArgumentParser) -> None:
    for name, found in switches(RunConfig).items():
        leaf = found[0]
        help = leaf.spec.help + (f" [{leaf.spec.unit}]" if leaf.spec.unit else "")
        default = leaf.default.name if isinstance(leaf.default, Choice) else leaf.default
        if isinstance(default, tuple):
            default = " ".join(map(str, default))
        owners = [f.owner for f in found if f.owner]
        if owners:
            help += f" (for {', '.join(dict.fromkeys(owners))})"
        help = f"{help}; default {default}".replace("%", "%%")
        kwargs: dict[str, Any] = {"help": help, "dest": f"set:{name}", "default": None}
        if leaf.registry is not None:
            kwargs["choices"] = list(leaf.registry)
        elif leaf.spec.values is not None:
            kwargs["choices"] = leaf.spec.values
        elif isinstance(leaf.default, tuple):
            kwargs |= {"type": int, "nargs": "+"}
        elif isinstance(leaf.default, bool):
            kwargs["action"] = argparse.BooleanOptionalAction
        else:
            kwargs["type"] = type(leaf.default)
        if "type" in kwargs:
            kwargs["metavar"] = {int: "N", float: "X", str: "NAME"}.get(kwargs["type"], "VALUE")
        parser.add_argument(f"--{name}", **kwargs)


def config_from(args: argparse.Namespace) -> RunConfig:
    """The config of parsed switches. Raises UsageError for a parameter of an entry that was not chosen."""
    config = RunConfig()
    given = {k[4:]: v for k, v in vars(args).items() if k.startswith("set:") and v is not None}
    found = switches(RunConfig)
    try:
        # choices first: parameters belong to what was chosen
        for name, value in sorted(given.items(), key=lambda item: found[item[0]][0].registry is None):
            value = tuple(value) if isinstance(value, list) else value
            config = replace_at(config, _place(config, name, found[name]), value)
    except BadConfig as error:
        raise UsageError(str(error)) from None
    return config


def _place(config: RunConfig, switch: str, found: list[Leaf]) -> tuple[str, ...]:
    for leaf in found:
        if not leaf.owner:
            return leaf.path
        holder: Any = config
        for step in leaf.path[:-1]:
            holder = getattr(holder, step)
        if isinstance(holder, Choice) and holder.name == leaf.owner:
            return leaf.path
    owners = " or ".join(dict.fromkeys(leaf.owner for leaf in found))
    raise UsageError(f"--{switch} belongs to {owners}, which was not chosen")


# ---------------------------------------------------------------- progress on a terminal


class Bar:
    """One line that is rewritten on a terminal; a line an epoch elsewhere."""

    def __init__(self, steps_total: int = 0) -> None:
        self.live = sys.stderr.isatty()
        self.drawn = 0.0

    def show(self, text: str, *, force: bool = False) -> None:
        now = time.monotonic()
        if self.live and (force or now - self.drawn > 0.1):
            self.drawn = now
            width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            sys.stderr.write("\r" + text[:width].ljust(width))
            sys.stderr.flush()

    def line(self, text: str) -> None:
        if self.live:
            self.show("", force=True)
            sys.stderr.write("\r")
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def watch(self, run: Run, before: str = "") -> Any:
        def see(event: Event) -> None:
            if isinstance(event, StepDone):
                status = run.status()
                total = max(1, status.steps_total)
                done = event.step / total
                eta = "" if status.eta is None else f" · {_clock(status.eta)} left"
                self.show(
                    f"{'█' * round(20 * done):░<20} {done:4.0%} · epoch {event.epoch} · loss {event.terms.loss:.2f}"
                    f" nats · {event.images_per_second:,.0f} images/s{eta}"
                )
            elif isinstance(event, EpochDone):
                v = event.validation
                rate = "" if v.rate is None else f", rate {v.rate:.2f}, {event.active_units} active"
                self.line(
                    f"{before}epoch {event.epoch}: validation objective {v.objective:.2f}, distortion {v.distortion:.2f}"
                    f"{rate}{'  best' if event.best else ''}"
                )

        return see


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


# ---------------------------------------------------------------- subcommands


def do_train(args: argparse.Namespace, places: Places) -> int:
    from vae_core.runs.worker import train_run

    config, store = config_from(args), Store(places)
    start_from = store.find(args.from_run) if args.from_run else None
    run = store.create(config, args.name or "", group=args.group, start_from=start_from)
    bar = Bar()
    sys.stderr.write(f"training {run.name} ({run.id}); Ctrl-C stops it and keeps what it learned\n")
    return _report(run, train_run(run, places, bar.watch(run)), bar)


def _report(run: Run, status: Any, bar: Bar) -> int:
    if status.state == FAILED:
        raise VaeCoreError(f"{run.name} failed: {status.error}")
    bar.line(f"{run.name} {status.state} after {status.step:,} steps")
    return 0


def do_sweep(args: argparse.Namespace, places: Places) -> int:
    from vae_core import sweep

    store, bar = Store(places), Bar()
    name = _resumed_sweep(args, store) if args.resume else _new_sweep(args, store)
    going_on = _train_sweep(store, name, places, bar, apart=args.apart)
    found = sweep.members(store, name)
    if going_on:
        from vae_core.evaluation.sweep_report import measure_all

        for problem in measure_all(
            found,
            lambda run: _images_of(run, places),
            progress=lambda share, what: bar.show(f"{share:4.0%} {what}"),
        ):
            bar.line(f"note: {problem}")
        if bar.live:
            bar.show("", force=True)
            sys.stderr.write("\r")
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
    from vae_core.sweep import create_sweep, default_group_name, with_beta

    if not (args.betas or args.log_range):
        raise UsageError("a sweep needs --betas 0.5,1,2 or --log-range LOW HIGH COUNT (or --resume NAME)")
    if vars(args)["set:beta"] is not None:
        raise UsageError("--beta is a single value; a sweep takes --betas")
    config = config_from(args)
    try:
        with_beta(config, 1.0)
    except BadConfig as error:
        raise UsageError(str(error)) from None
    name = args.name or default_group_name(config, store)
    runs = create_sweep(store, config, _betas_of(args), name, seeds=1 if args.seeds is None else args.seeds)
    sys.stderr.write(f"the sweep {name} has {len(runs)} runs; Ctrl-C stops it and keeps what was learned\n")
    return name


def _resumed_sweep(args: argparse.Namespace, store: Store) -> str:
    from vae_core.runs.jobs import mark_if_gone
    from vae_core.sweep import add_beta, go_on, members

    given = [f"--{k[4:]}" for k, v in vars(args).items() if k.startswith("set:") and v is not None]
    given += [f"--{k}" for k in ("name", "seeds") if getattr(args, k) is not None]
    if given:
        raise UsageError(f"the settings of {args.resume} stand; leave out {', '.join(given)}")
    for member in members(store, args.resume):
        mark_if_gone(member.run)
    for beta in _betas_of(args):
        add_beta(store, args.resume, beta)
    go_on(members(store, args.resume))
    return args.resume


def _train_sweep(store: Store, name: str, places: Places, bar: Bar, *, apart: bool) -> bool:
    """Train what waits, and wait for what another process trains; false when Ctrl-C ended it."""
    from vae_core.errors import RunBusy
    from vae_core.runs.jobs import mark_if_gone
    from vae_core.runs.worker import stack_of, train_run, train_stack
    from vae_core.sweep import members, stop, waiting

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
            "distortion": _two(r["distortion"]), "rate": _two(r["rate"]),
            "−ELBO": _two(None if r["elbo"] is None else -r["elbo"]),
            "active": "" if r["active_units"] is None else r["active_units"],
        }
        for r in rows
    ]  # fmt: skip
    print(f"{name} on {report.split} images, nats per image")
    _table(columns, shown)
    print(text)


def _scores_of(numbers: Numbers | None) -> dict[str, Any]:
    """Values of metrics for a run's line of JSON: those that share the chart of scores together, others beside."""
    groups = values_by_group()
    known = {} if numbers is None else numbers.scores
    alone = {
        name: known.get(name) for group, values in groups.items() if group != "scores" for name in values
    }
    return alone | {"scores": {name: known[name] for name in groups["scores"] if name in known}}


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def do_runs(args: argparse.Namespace, places: Places) -> int:
    store = Store(places)
    if args.action is None:
        rows = [_row(run) for run in store.all()]
        if getattr(args, "json", False):
            print(json.dumps(rows))
            return 0
        _table(["name", "id", "dataset", "model", "D", "objective", "β", "status", "created"], rows)
        return 0
    run = store.find(args.run)
    if args.action == "show":
        record, status = run.record(), run.status()
        from vae_core.options import to_json

        shown = _row(run) | {
            "epochs": status.epochs, "epoch": status.epoch, "step": status.step, "error": status.error,
            "path": str(run.path), "config": to_json(record.effective), "machine": record.machine,
            "data": record.data,
        }  # fmt: skip
        print(json.dumps(shown, indent=1))
    elif args.action == "rename":
        store.rename(run, args.to)
    elif args.action == "delete":
        if not args.yes and not _confirm(f"Delete {run.name} ({run.id}) and all it learned?"):
            print("kept")
            return 0
        store.delete(run)
    elif args.action == "resume":
        return _resume(run, places, args.epochs)
    return 0


def _resume(run: Run, places: Places, epochs: int) -> int:
    from vae_core.runs.jobs import mark_if_gone
    from vae_core.runs.worker import train_run

    status = run.status()
    if status.state == FINISHED and not epochs:
        print(f"{run.name} has finished; `--epochs N` goes on for N more")
        return 0
    mark_if_gone(run)
    if run.status().state != QUEUED:
        run.go_on(epochs)
    bar = Bar()
    return _report(run, train_run(run, places, bar.watch(run)), bar)


def _row(run: Run) -> dict[str, Any]:
    try:
        record, status = run.record(), run.status()
    except VaeCoreError as error:
        return {"name": "?", "id": run.id, "status": f"unreadable: {error}"}
    config = record.effective
    objective, dial, beta = config.objective.objective, config.objective.dial, config.objective.beta
    return {
        "name": record.name, "id": run.id, "dataset": config.data.dataset,
        "model": config.model.architecture.name, "D": config.model.latent_dim, "objective": objective.name,
        "β": ("" if beta is None else beta) if dial is None else f"{dial.lowest:g}–{dial.highest:g}",
        "status": "pretrained" if run.read_only else status.state, "created": record.created,
    }  # fmt: skip


def _table(columns: list[str], rows: list[dict[str, Any]]) -> None:
    cells = [columns, *([str(row.get(c, "")) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _confirm(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("deleting asks for confirmation; pass --yes where nobody can answer")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def do_evaluate(args: argparse.Namespace, places: Places) -> int:
    from vae_core.evaluation.likelihood import MOST_SAMPLES, MOST_SEED, evaluate
    from vae_core.inference import load_run

    # said before minutes of computing, not after
    for name, value, low, high in (
        ("images", args.images, 0, None), ("seed", args.seed, 0, MOST_SEED), ("bound", args.bound, 1, MOST_SAMPLES),
    ):  # fmt: skip
        if value is not None and not low <= value <= (value if high is None else high):
            raise UsageError(
                f"--{name} {value}: expected {low} {'or more' if high is None else f'to {high:,}'}"
            )
    run = Store(places).find(args.run)
    model = load_run(run, which=args.weights)
    if args.beta is not None:
        model = model.at_beta(args.beta)
    data = open_images(model.config.data.dataset, model.shape[1], places)
    bar = Bar()
    found = evaluate(
        model,
        data,
        split=args.split,
        seed=args.seed,
        progress=lambda share, what: bar.show(f"{share:4.0%} {what}"),
    )
    result = found.to_json() | {"run": run.name, "id": run.id, "weights": args.weights, "seed": args.seed}
    more = _more_scores(args, places, model, data, bar)
    result |= more
    if bar.live:
        bar.show("", force=True)
        sys.stderr.write("\r")
    if model.beta is not None and found.rate is not None:  # a point of a dial's curve
        result |= {"beta": model.beta, "loss": found.distortion + model.beta * found.rate}
    if data.fingerprint != model.record.data.get("fingerprint"):
        sys.stderr.write("note: this dataset differs from the one the run was trained on\n")
    for why_not in dict.fromkeys(more.get("scores_missing", {}).values()):
        without = ", ".join(name for name, why in more["scores_missing"].items() if why == why_not)
        sys.stderr.write(f"note: no {without}: {why_not}\n")
    if args.json:
        print(json.dumps(result))
        return 0
    print(f"{run.name} on {found.images:,} {found.split} images, nats per image, posterior sampled once")
    if found.elbo is not None and found.rate is not None:
        print(f"  −ELBO        {-found.elbo:10.3f} ± {found.standard_error:.3f}")
        print(f"  distortion   {found.distortion:10.3f}")
        print(f"  rate (KL)    {found.rate:10.3f}")
        if model.beta is not None:
            print(f"  distortion + {model.beta:g} · rate {result['loss']:.3f}")
    else:
        print(f"  distortion   {found.distortion:10.3f} ± {found.standard_error:.3f}")
    print(f"  active units {found.active_units:6d} of {model.latent_dim}")
    print(f"  mse          {found.mse:10.5f} per pixel")
    if found.sigma is not None:
        print(f"  learned σ    {found.sigma:10.5f}")
    if "bound" in more:
        bound = more["bound"]
        grey = bound["cross_entropy"]
        print(
            f"  {'bound' if grey else 'log p(x) ≥':12s} {bound['bound']:10.3f} ± {bound['standard_error']:.3f} with "
            f"{bound['samples']:,} draws, {bound['images']:,} images"
        )
        if grey:
            print(
                "  (with a cross-entropy for log p(x|z), so on no log p(x): these images are grey, not binary)"
            )
    for name, value in more.get("scores", {}).items():
        print(f"  {name:19s} {value:10.4f}")
    return 0


def _more_scores(
    args: argparse.Namespace, places: Places, model: LoadedModel, data: ImageSet, bar: Bar
) -> dict[str, Any]:
    """What was asked for beyond the ELBO: an importance-weighted bound, the metrics of the registry."""
    import numpy as np

    from vae_core.evaluation.classifier import classifier_of
    from vae_core.evaluation.likelihood import importance_bound

    def show(share: float, what: str) -> None:
        bar.show(f"{share:4.0%} {what}")

    found: dict[str, Any] = {}
    if args.bound is not None:
        found["bound"] = importance_bound(
            model, data, samples=args.bound, split=args.split, most=args.images, seed=args.seed, progress=show
        ).to_json()
    if args.scores:
        index = model.config.data.split(data).named(args.split)
        most = min(len(index), args.images or MOST_SCORED)
        index = index[np.linspace(0, len(index) - 1, most).astype(int)]
        inputs = Inputs.of_model(
            model, data, index, classifier=lambda: classifier_of(places, model.config, data, progress=show)
        )
        results = compute_metrics(inputs, METRICS.values(), seed=args.seed, progress=show)
        found["scores"] = {name: value for r in results.values() for name, value in r.values.items()}
        found["scores_missing"] = {name: r.why_not for name, r in results.items() if r.why_not}
    return found


def do_export(args: argparse.Namespace, places: Places) -> int:
    from vae_core import export
    from vae_core.inference import load_run

    run = Store(places).find(args.run)
    if args.shipped:
        return _ship(run, Path(args.to), places)
    kind = args.to if args.to in ("zip", "onnx", "gif") else Path(args.to).suffix.lstrip(".").lower()
    target = Path(f"{run.name}.{args.to}") if args.to in ("zip", "onnx", "gif") else Path(args.to)
    if kind not in ("zip", "onnx", "gif"):
        raise UsageError(f"--to {args.to}: give a file ending in .zip, .onnx or .gif, or just that ending")
    if not target.absolute().parent.is_dir():
        raise VaeCoreError(f"the folder {target.absolute().parent} is not there; create it first")
    written = [target]
    if kind == "zip":
        for sentence in export.archive(run, target):
            print(sentence, file=sys.stderr)
    elif kind == "gif":
        export.export_gif(load_run(run), target)
    else:
        written = export.export_onnx(load_run(run), target)
    for path in written:
        print(path)
    return 0


def _ship(run: Run, target: Path, places: Places) -> int:
    from vae_core.shipping import ship

    record = run.record()
    if record.shape is None:
        raise VaeCoreError(f"{run.name} never started, so there is nothing to ship")
    data = open_images(record.effective.data.dataset, record.shape[1], places)
    kept = target / "recipe.sh"
    ship(run, target, data, recipe=kept.read_text() if kept.exists() else "")
    print(f"{target}  {sum(p.stat().st_size for p in target.rglob('*') if p.is_file()) / 1e6:.2f} MB")
    return 0


def do_import(args: argparse.Namespace, places: Places) -> int:
    from vae_core.export import unarchive

    path = Path(args.file)
    if not path.is_file():
        raise VaeCoreError(f"there is no file {path}")
    run = unarchive(path, Store(places), args.name or "")
    print(f"{run.name} ({run.id})")
    return 0


def do_data(args: argparse.Namespace, places: Places) -> int:
    if args.action == "list":
        rows = [
            {
                "name": s.name, "kind": s.kind, "sides": " ".join(map(str, s.sides)), "channels": s.channels,
                "here": "yes" if s.build is None or s.present(places) else "to download", "what": s.blurb,
            }
            for s in list_specs(places)
        ]  # fmt: skip
        if args.json:
            print(json.dumps(rows))
        else:
            _table(["name", "kind", "sides", "channels", "here", "what"], rows)
        return 0
    from vae_core.data.user import accept, inspect, remove

    if args.action == "remove":
        remove(args.name, places)
        return 0
    bar = Bar()
    plan = inspect(args.path, progress=lambda share, what: bar.show(f"{share:4.0%} {what}"))
    name = args.name or re.sub(r"[^A-Za-z0-9_-]+", "-", Path(plan.title).stem).strip("-") or "images"
    spec = accept(
        plan,
        name,
        places,
        side=args.side or plan.side,
        colour=args.colour,
        fit=args.fit,
        limit=args.limit,
        title=plan.title,
        progress=lambda share, what: bar.show(f"{share:4.0%} {what}"),
    )
    data = open_images(spec.name, spec.sides[0], places)
    for note in data.notes:
        bar.line(note)
    channels, side, _ = data.shape
    print(f"{spec.name}: {len(data):,} images, {side}×{side}, {'colour' if channels == 3 else 'grey'}")
    return 0


# ---------------------------------------------------------------- the parser


def make_parser() -> argparse.ArgumentParser:
    # suppressed, or the default of an action would undo what was given before it: runs --home DIR show RUN
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "--home", metavar="DIR", help="where runs and datasets lie; default ~/.latent-explorer"
    )
    common.add_argument("--data-dir", metavar="DIR", help="torchvision's root; default HOME/downloads")
    parser = argparse.ArgumentParser(
        prog="vae-core", description="Train and use variational autoencoders.",
        epilog="RUN is a run's name or id. Losses are in nats per image.",
    )  # fmt: skip
    sub = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    train = sub.add_parser("train", parents=[common], help="train a new run in the foreground")
    train.add_argument("--name", help="plain and not taken; default names dataset, model and objective")
    train.add_argument("--group", default="", metavar="NAME", help="runs of one sweep share it")
    train.add_argument("--from-run", metavar="RUN", help="fine-tune: start from this run's weights")
    add_config_switches(train)
    train.set_defaults(do=do_train)

    swept = sub.add_parser(
        "sweep", parents=[common], help="train one model at several values of β, and compare",
        description="One run per β and seed; runs of one seed share their first weights and the order of images.",
    )  # fmt: skip
    swept.add_argument("--betas", nargs="+", metavar="X", help="values of β above 0, such as 0.5,1,2,4")
    swept.add_argument(
        "--log-range",
        nargs=3,
        metavar=("LOW", "HIGH", "COUNT"),
        help="so many values of β, evenly spaced in log β",
    )
    swept.add_argument(
        "--seeds", type=int, metavar="N", help="runs per β, with --seed and those after it; default 1"
    )
    swept.add_argument("--name", help="plain and not taken; default names the dataset")
    swept.add_argument(
        "--resume",
        metavar="NAME",
        help="go on with a sweep that was stopped; with --betas those are added to it",
    )
    swept.add_argument(
        "--apart", action="store_true", help="one run after the other, also where several train faster as one"
    )
    swept.add_argument(
        "--score",
        choices=list(rankable_values()),
        help="score that the sentence names; default the first known",
    )
    swept.add_argument("--json", action="store_true", help="the table as one JSON object")
    add_config_switches(swept)
    swept.set_defaults(do=do_sweep)

    runs = sub.add_parser("runs", parents=[common], help="list, show, rename, delete or resume runs")
    runs.add_argument("--json", action="store_true", help="list as JSON")
    runs.set_defaults(do=do_runs, action=None)
    actions = runs.add_subparsers(dest="action", metavar="ACTION")
    for name, help in (("show", "all that is known of a run, as JSON"), ("rename", "give a run another name"),
                       ("delete", "delete a run"), ("resume", "go on with an interrupted or stopped run")):  # fmt: skip
        action = actions.add_parser(name, parents=[common], help=help)
        action.add_argument("run", metavar="RUN")
        if name == "rename":
            action.add_argument("to", metavar="NAME")
        elif name == "delete":
            action.add_argument("--yes", action="store_true", help="do not ask")
        elif name == "resume":
            action.add_argument(
                "--epochs", type=int, default=0, metavar="N", help="go on for N more epochs once finished"
            )

    ev = sub.add_parser("evaluate", parents=[common], help="ELBO and its terms on a split")
    ev.add_argument("run", metavar="RUN")
    ev.add_argument("--json", action="store_true", help="one JSON object")
    ev.add_argument("--split", choices=("test", "validation", "train"), default="test", help="default test")
    ev.add_argument("--weights", choices=("last", "best"), default="last", help="default last")
    ev.add_argument(
        "--beta", type=float, metavar="X", help="of a β dial (multi_rate): the point of its curve; default 1"
    )
    ev.add_argument("--seed", type=int, default=0, metavar="N", help="of the posterior's noise; default 0")
    ev.add_argument(
        "--bound",
        type=int,
        metavar="K",
        help="also the importance-weighted bound on log p(x) with K draws an image, 1 to 5,000",
    )
    ev.add_argument(
        "--scores",
        action="store_true",
        help="also every metric that the images allow, such as disentanglement where factors are known",
    )
    ev.add_argument(
        "--images",
        type=int,
        default=0,
        metavar="N",
        help="of --bound and --scores, evenly taken; default all",
    )
    ev.set_defaults(do=do_evaluate)

    ex = sub.add_parser("export", parents=[common], help="write a run as .zip, .onnx or .gif")
    ex.add_argument("run", metavar="RUN")
    ex.add_argument(
        "--to", required=True, metavar="FILE", help="file.zip, file.onnx, file.gif, or zip, onnx, gif"
    )
    ex.add_argument(
        "--shipped",
        action="store_true",
        help="FILE is a folder: a small read-only copy to ship with the package",
    )
    ex.set_defaults(do=do_export)

    im = sub.add_parser("import", parents=[common], help="bring a .zip of a run back")
    im.add_argument("file", metavar="FILE.zip")
    im.add_argument("--name", help="default: its own, or a free one like it")
    im.set_defaults(do=do_import)

    data = sub.add_parser("data", help="list datasets or add images of your own")
    acts = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = acts.add_parser("list", parents=[common], help="datasets known here")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(do=do_data)
    adding = acts.add_parser("add", parents=[common], help="import images of your own")
    adding.add_argument("path", metavar="PATH", help="a folder or .zip of images, a .npy or an .npz")
    adding.add_argument("--name", help="plain and not taken; default from the path")
    adding.add_argument("--side", type=int, choices=(16, 32, 64, 128), help="pixels; default what suits")
    adding.add_argument("--colour", choices=("auto", "grey", "colour"), default="auto", help="default auto")
    adding.add_argument(
        "--fit", choices=("crop", "pad", "stretch"), default="crop", help="of images not square; default crop"
    )
    adding.add_argument("--limit", type=int, default=0, metavar="N", help="keep N images; default 0, all")
    adding.set_defaults(do=do_data)
    removing = acts.add_parser("remove", parents=[common], help="delete an imported dataset; runs stay")
    removing.add_argument("name", metavar="NAME")
    removing.set_defaults(do=do_data)
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = make_parser()
    args = parser.parse_args(argv)
    try:
        places = Places.find(getattr(args, "home", None), getattr(args, "data_dir", None))
        code = args.do(args, places)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UsageError as error:
        sys.stderr.write(f"vae-core: {error}\n")
        return 2
    except VaeCoreError as error:
        sys.stderr.write(f"vae-core: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(
            f"vae-core: {error.strerror or error}{f': {error.filename}' if error.filename else ''}\n"
        )
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nvae-core: stopped\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
