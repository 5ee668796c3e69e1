"""`vae-core evaluate`: the ELBO and its terms on a split of a run's images, and more scores if asked.

Of a run without an encoder there are neither: its samples are measured, as any run's are if asked.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from vae_core.cli.bar import Bar
from vae_core.cli.usage import Commands, UsageError
from vae_core.data import ImageSet, open_images
from vae_core.data.imageset import Progress
from vae_core.data.splits import NAMES as SPLITS
from vae_core.evaluation.metrics import METRICS, Inputs, all_values, compute_metrics
from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.words import counted

if TYPE_CHECKING:
    from vae_core.evaluation.likelihood import Evaluation
    from vae_core.inference import LoadedModel

MOST_SCORED = 10_000  # images behind the metrics of `evaluate --scores`


def add_command(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser; `common` holds the switches that all commands have."""
    parser = commands.add_parser("evaluate", parents=[common], help="ELBO and its terms on a split")
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--split", choices=SPLITS, default="test", help="default test")
    parser.add_argument("--weights", choices=("last", "best"), default="last", help="default last")
    parser.add_argument(
        "--beta", type=float, metavar="X", help="of a β dial (multi_rate): the point of its curve; default 1"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the posterior's noise; default 0"
    )
    parser.add_argument(
        "--bound",
        type=int,
        metavar="K",
        help="also the importance-weighted bound on log p(x) with K draws an image, 1 to 5,000",
    )
    parser.add_argument(
        "--scores",
        action="store_true",
        help="also every metric that the images allow, such as disentanglement where factors are known",
    )
    slow = ", ".join(metric.name for metric in METRICS.values() if metric.on_request)
    parser.add_argument(
        "--slow-scores", action="store_true", help=f"all of --scores, and those that take minutes: {slow}"
    )
    parser.add_argument(
        "--samples",
        action="store_true",
        help="also how samples compare with real images: distance, precision, recall, coverage, sharpness; always of a run "
        "without an encoder",
    )
    parser.add_argument(
        "--images",
        type=int,
        default=0,
        metavar="N",
        help="of --bound and --scores, evenly taken; default all. Of --samples, how many are drawn; default 10,000",
    )
    parser.set_defaults(do=do_evaluate)


def do_evaluate(args: argparse.Namespace, places: Places) -> int:
    """Print the ELBO and its terms, and what else was asked for."""
    from vae_core.evaluation.likelihood import evaluate, no_bound
    from vae_core.inference import load_run

    _check_counts(args)
    run = Store(places).find(args.run)
    model = load_run(run, which=args.weights)
    if args.beta is not None:
        model = model.at_beta(args.beta)
    data = open_images(model.config.data.dataset, model.shape[1], places)
    bar = Bar()

    def show(share: float, what: str) -> None:
        bar.show(f"{share:4.0%} {what}")

    result: dict[str, Any] = {"run": run.name, "id": run.id, "weights": args.weights, "seed": args.seed}
    found: Evaluation | None = None
    if model.has_encoder:
        found = evaluate(model, data, split=args.split, seed=args.seed, progress=show)
        result = found.to_json() | result
    else:
        result["no_elbo"] = no_bound(model)
    more = _more_scores(args, run, model, data, show)
    result |= more
    bar.clear()
    if model.beta is not None and found is not None and found.rate is not None:  # a point of a dial's curve
        result |= {"beta": model.beta, "loss": found.distortion + model.beta * found.rate}
    if data.fingerprint != model.record.data.get("fingerprint"):
        sys.stderr.write("note: this dataset differs from the one the run was trained on\n")
    for why_not in dict.fromkeys(more.get("scores_missing", {}).values()):
        without = ", ".join(name for name, why in more["scores_missing"].items() if why == why_not)
        sys.stderr.write(f"note: no {without}: {why_not}\n")
    if args.json:
        print(json.dumps(result))
        return 0
    if found is None:
        print(f"{run.name}: {result['no_elbo']}")
    else:
        _print_terms(run.name, model, found)
    _print_more(more)
    return 0


def _check_counts(args: argparse.Namespace) -> None:
    """Raises UsageError for a count or a seed out of bounds, before minutes of computing rather than after."""
    from vae_core.evaluation.likelihood import MOST_SAMPLES, MOST_SEED

    for name, value, low, high in (
        ("images", args.images, 0, None), ("seed", args.seed, 0, MOST_SEED), ("bound", args.bound, 1, MOST_SAMPLES),
    ):  # fmt: skip
        if value is not None and not low <= value <= (value if high is None else high):
            raise UsageError(
                f"--{name} {value}: expected {low} {'or more' if high is None else f'to {high:,}'}"
            )


def _print_terms(name: str, model: LoadedModel, found: Evaluation) -> None:
    unit = model.config.objective.loss_unit
    print(f"{name} on {counted(found.images, f'{found.split} image')}, {unit}, posterior sampled once")
    if found.no_elbo:
        print(f"  {found.no_elbo}")
        print(f"  distance     {found.distortion:10.3f}")
        if found.rate is not None:
            print(f"  rate (KL)    {found.rate:10.3f} nats per image")
    elif found.elbo is not None and found.rate is not None:
        print(f"  −ELBO        {-found.elbo:10.3f} ± {found.standard_error:.3f}")
        print(f"  distortion   {found.distortion:10.3f}")
        print(f"  rate (KL)    {found.rate:10.3f}")
        if model.beta is not None:
            print(f"  distortion + {model.beta:g} · rate {found.distortion + model.beta * found.rate:.3f}")
    else:
        print(f"  distortion   {found.distortion:10.3f} ± {found.standard_error:.3f}")
    print(f"  active units {found.active_units:6d} of {model.latent_dim}")
    print(f"  mse          {found.mse:10.5f} per pixel")
    if found.sigma is not None:
        print(f"  learned σ    {found.sigma:10.5f}")


def _print_more(more: dict[str, Any]) -> None:
    if "bound" in more:
        bound = more["bound"]
        grey = bound["cross_entropy"]
        print(
            f"  {'bound' if grey else 'log p(x) ≥':12s} {bound['bound']:10.3f} ± {bound['standard_error']:.3f} with "
            f"{counted(bound['samples'], 'draw')}, {counted(bound['images'])}"
        )
        if grey:
            print(
                "  (with a cross-entropy for log p(x|z), so on no log p(x): these images are grey, not binary)"
            )
    for name, value in more.get("scores", {}).items():
        best = more.get("scores_at_best", {}).get(name)
        at_best = "" if best is None else f"at best about {best:.4f} · "
        print(f"  {name:23s} {value:10.4f}  {at_best}{all_values()[name].hint}")
    if "scores_hidden" in more:
        print(f"  at best: a code of exactly what the pictures tell; {more['scores_hidden']}")
    if "samples" in more:
        _print_samples(more["samples"])


# of samples: the number, what it is called, and its unit
SAMPLED = (
    ("frechet", "Fréchet distance", "squared features; no FID"),
    ("precision", "precision", "share of samples among real images"),
    ("recall", "recall", "share of real images among samples"),
    ("least_share", "rarest class", "its share of samples over that of images"),
    ("hit", "classes hit", ""),
    ("divergence", "class histogram", "nats from that of images"),
    ("sharpness", "sharpness", "of real images' = 1"),
)


def _print_samples(found: dict[str, Any]) -> None:
    """A line a number, a column for each way of drawing codes and one for real images."""
    columns = {**found["numbers"], f"{found['tested']:,} test images": found["real"]}
    wide = max(12, *map(len, columns))
    classes = "classes" if found["labelled"] else "clusters, which stand for classes"
    print(
        f"samples of each way, {found['drawn']:,} drawn, against training images; {found['classes']} {classes}"
    )
    print(f"  in {found['features']}")
    print(f"  {'':16s} {' '.join(f'{name:>{wide}s}' for name in columns)}")
    for name, title, unit in SAMPLED:
        values = [one[name] for one in columns.values()]
        told = ["–" if v is None else f"{v:d}" if isinstance(v, int) else f"{v:.3f}" for v in values]
        print(f"  {title:16s} {' '.join(f'{text:>{wide}s}' for text in told)}  {unit}".rstrip())


def _more_scores(
    args: argparse.Namespace, run: Run, model: LoadedModel, data: ImageSet, show: Progress
) -> dict[str, Any]:
    """What was asked for beyond the ELBO: an importance-weighted bound, the metrics of the registry, numbers of samples."""
    import numpy as np

    from vae_core.evaluation.ceiling import ceilings, hidden_of
    from vae_core.evaluation.classifier import classifier_of
    from vae_core.evaluation.likelihood import importance_bound
    from vae_core.evaluation.regressor import regressor_of

    places = run.places
    found: dict[str, Any] = {}
    if args.bound is not None:
        found["bound"] = importance_bound(
            model, data, samples=args.bound, split=args.split, most=args.images, seed=args.seed, progress=show
        ).to_json()
    if args.scores or args.slow_scores:
        index = model.config.data.split(data).named(args.split)
        most = min(len(index), args.images or MOST_SCORED)
        index = index[np.linspace(0, len(index) - 1, most).astype(int)]
        inputs = Inputs.of_model(
            model, data, index,
            classifier=lambda: classifier_of(places, model.config, data, progress=show),
            regressor=lambda: regressor_of(places, model.config, data, progress=show),
        )  # fmt: skip
        metrics = [m for m in METRICS.values() if args.slow_scores or not m.on_request]
        results = compute_metrics(inputs, metrics, seed=args.seed, progress=show)
        found["scores"] = {name: value for r in results.values() for name, value in r.values.items()}
        if best := ceilings(data, index, metrics, seed=args.seed, progress=show):
            found["scores_at_best"], found["scores_hidden"] = best, hidden_of(data)
        found["scores_missing"] = {name: r.why_not for name, r in results.items() if r.why_not}
    if args.samples or not model.has_encoder:
        from dataclasses import asdict

        from vae_core.evaluation.samples import DRAWN, sample_numbers

        drawn = args.images or DRAWN
        sampled = sample_numbers(run, model, data, show, drawn=drawn, seed=args.seed)
        found["samples"] = {"drawn": drawn} | asdict(sampled)
    return found
