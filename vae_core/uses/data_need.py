"""Data need: how good a network is by the number of images it learned from, from scratch and from a pretrained start.

The same network, as many steps each, on 100, 300, 1,000, ... images without labels; judged on test images by −ELBO, and by a
linear probe of its codes where there are labels. The pretrained start learned another set: transfer (Yosinski et al. 2014,
"How transferable are features in deep neural networks?").
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from vae_core.config import RunConfig
from vae_core.data import list_specs, open_images
from vae_core.data.imageset import ImageSet, Progress
from vae_core.errors import BadConfig, VaeCoreError
from vae_core.inference import LoadedModel, load_run
from vae_core.latent.statistics import kl_from_prior
from vae_core.objectives import OBJECTIVES
from vae_core.options import Choice
from vae_core.runs.store import Store
from vae_core.uses import readouts
from vae_core.uses.found import LOSES, WINS, Found, Row, verdict
from vae_core.uses.intervals import over_seeds, share_over_seeds
from vae_core.uses.labelled import Pool
from vae_core.uses.represent_settings import Represent
from vae_core.uses.subject import Subject, learned, part_of
from vae_core.words import counted, listed

KEPT = (
    "vae",
    "beta_vae",
    "autoencoder",
)  # objectives that need nothing but images; others are trained as a VAE here
LONGER = 3  # times the steps of one network, for the one that is trained on another set
LABELS = 10  # of a class, by which a probe reads the codes
SCRATCH, STARTED, UNTUNED = "from scratch", "pretrained", "pretrained, not trained on"
NO_ELBO = "distortion"


def measure(subject: Subject, settings: Represent, progress: Progress, pool: Pool | None) -> Found:
    """−ELBO, and the accuracy of a probe where a `pool` of labels is given, over the number of images."""
    config = small_config(subject, settings.steps)
    sizes = sizes_of(len(subject.train), settings.most_images)
    start, name, notes = source_of(subject, settings, config, lambda s, w: progress(0.2 * s, w))
    starts: dict[str, LoadedModel | None] = {SCRATCH: None} | ({} if start is None else {STARTED: start})
    test = pool.test if pool is not None else _test(subject, settings)
    judge = Judge(subject, test, pool, settings)
    values: dict[tuple[str, int], list[dict[str, float]]] = {}
    if start is not None:
        values[UNTUNED, 0] = [judge.of(start, seed) for seed in range(settings.trainings)]
    jobs = [(size, how, seed) for size in sizes for how in starts for seed in range(settings.trainings)]
    for i, (size, how, seed) in enumerate(jobs):
        rng = np.random.default_rng((settings.seed, seed))
        some = np.sort(rng.permutation(subject.train)[:size])  # more images contain the fewer
        one = _seeded(config, settings.seed + seed, settings.steps, size)
        network = learned(
            one, part_of(subject.data, some, test),
            lambda share, _, i=i, size=size, how=how: progress(  # type: ignore[misc] # bound at once
                0.2 + 0.8 * (i + share) / len(jobs), f"{counted(size)} {how}"
            ),
            name=f"a network on {counted(size)}", initial=starts[how],
        )  # fmt: skip
        values.setdefault((how, size), []).append(judge.of(network, seed))
    rows = []
    for (how, size), found in values.items():
        for metric, unit, up in judge.metrics:
            of = share_over_seeds if metric == "accuracy" else over_seeds
            interval = of([one[metric] for one in found])
            at: dict[str, float | str] = {"images": float(size)}
            rows.append(Row.of(titled(how, name), True, metric, unit, interval, at, up=up))
    more = {"need": {"sizes": sizes, "source": name, "steps": settings.steps, "metric": judge.metrics[0][0],
                     "labels": LABELS if pool is not None else 0}}  # fmt: skip
    said = [*sentences(rows, judge.metrics[0][0], name), *notes, *_told(subject, config, settings)]
    return Found(rows, said, more)


def titled(how: str, source: str) -> str:
    """The name of a method: from scratch, or what it started from."""
    return (
        how if how == SCRATCH else f"{how} on {source}" if how == STARTED else f"pretrained on {source} alone"
    )


def sizes_of(images: int, most: int) -> list[int]:
    """100, 300, 1,000, ... images, up to `most` and all there are."""
    top = min(images, most)
    steps = [n for power in range(2, 6) for n in (10**power, 3 * 10**power)]
    found = [n for n in steps if n <= top]
    return found if found and found[-1] > 0.7 * top else [*found, top]


def small_config(subject: Subject, steps: int) -> RunConfig:
    """The run's own settings for a network that is trained here: same model, likelihood and β; as plain a loss as it goes."""
    config = subject.model.config
    objective, beta = config.objective, subject.model.beta
    if beta is not None:
        objective = dataclasses.replace(objective, objective=_choice("beta_vae", beta=beta))
    elif objective.objective.name not in KEPT:
        objective = dataclasses.replace(objective, objective=_choice("vae"))
    training = dataclasses.replace(
        config.training, continued=(), continued_rates=(), init_from="", batch_size=32, device="cpu", precision="auto", threads=1, gpus=1, log_every=20,
        checkpoint_every=10 * steps + 1,
    )  # fmt: skip
    return dataclasses.replace(
        config, data=dataclasses.replace(config.data, limit=0), objective=objective, training=training
    )


def _choice(name: str, **params: float) -> Choice:
    return Choice(name, OBJECTIVES[name].params(**params))


def _seeded(config: RunConfig, seed: int, steps: int, images: int) -> RunConfig:
    """For so many images: as many epochs as make up the steps."""
    batch = min(config.training.batch_size, max(1, images * 19 // 20))
    epochs = math.ceil(steps / max(1, (images * 19 // 20) // batch))
    training = dataclasses.replace(config.training, seed=seed, epochs=max(1, epochs), batch_size=batch)
    return dataclasses.replace(config, training=training)


def source_of(
    subject: Subject, settings: Represent, config: RunConfig, progress: Progress
) -> tuple[LoadedModel | None, str, list[str]]:
    """(the network to start from, the name of what it learned, notes): the run that was asked for, else one trained here.

    Raises RunNotFound, or BadConfig where its network is another.
    """
    places = subject.run.places
    if settings.start_from:
        run = Store(places).find(settings.start_from)
        model = load_run(run, device="cpu")
        _check_same(model, subject, config, run.record().name)
        return model, run.record().name, []
    other = other_set(subject)
    if other is None:
        c, _, side = subject.data.shape
        return None, "", [
            f"Nothing to start from: no other set of {'grey' if c == 1 else 'colour'} images of {side}×{side} pixels is here. Name a "
            "run to start from, or import such images."
        ]  # fmt: skip
    splits = config.data.split(other)
    some = np.sort(np.random.default_rng(settings.seed).permutation(splits.train)[: 4 * settings.most_images])
    steps = LONGER * settings.steps
    model = learned(
        _seeded(config, settings.seed, steps, len(some)), part_of(other, some, splits.test[:1]),
        progress, name=f"the start on {other.title}",
    )  # fmt: skip
    told = f"The start learned {counted(len(some))} of {other.title} for {steps:,} steps."
    return model, other.title, [told]


def _check_same(model: LoadedModel, subject: Subject, config: RunConfig, name: str) -> None:
    from vae_core.models.build import make_model

    wanted = {
        key: tuple(value.shape) for key, value in make_model(config, subject.data.shape).state_dict().items()
    }
    there = {key: tuple(value.shape) for key, value in model.model.state_dict().items()}
    if wanted == there:
        return
    ours, theirs = subject.model, model
    differs = [
        what
        for what, a, b in (
            ("image shape", ours.shape, theirs.shape),
            ("D", ours.latent_dim, theirs.latent_dim),
            ("model", ours.config.model.architecture, theirs.config.model.architecture),
            ("likelihood", config.objective.likelihood.name, theirs.config.objective.likelihood.name),
        )
        if a != b
    ] or ["weights"]
    raise BadConfig(
        f"start_from: {name} cannot be a start for {subject.run.record().name}, for it has another {listed(differs)}; choose a "
        "run of the same model, D, side, channels and likelihood, or leave it empty"
    )


# sets in the order in which they are taken as a start: those most like others first
PREFERRED = (
    "digits",
    "mnist",
    "emnist_letters",
    "kmnist",
    "fashion_mnist",
    "faces",
    "svhn",
    "cifar10",
    "celeba",
    "shapes",
)


def other_set(subject: Subject) -> ImageSet | None:
    """Another built-in set of the same shape that is here or can be made here; None where there is none."""
    places, (channels, _, side) = subject.run.places, subject.data.shape
    specs = {spec.name: spec for spec in list_specs(places)}
    for name in PREFERRED:
        spec = specs.get(name)
        if spec is None or name == subject.data.name or channels != spec.channels or side not in spec.sides:
            continue
        if not spec.present(places):
            continue
        try:
            found = open_images(name, side, places)
        except VaeCoreError:
            continue
        if found.fingerprint != subject.data.fingerprint:
            return found
    return None


def _test(subject: Subject, settings: Represent) -> np.ndarray:
    """Numbers of test images, drawn by the seed; of the validation split where there are none."""
    test = subject.test if len(subject.test) else subject.splits.validation
    return np.sort(np.random.default_rng(settings.seed).permutation(test)[: settings.test])


class Judge:
    """What a network is judged by: the same test images, and a probe with the same labels."""

    def __init__(self, subject: Subject, test: np.ndarray, pool: Pool | None, settings: Represent) -> None:
        self.images, self.pool, self.subject, self.settings = subject.images(test), pool, subject, settings
        likelihood = subject.model.config.objective.likelihood_entry.is_likelihood
        unit = "nats per image" if likelihood else "of the distance"
        first = ("−ELBO" if subject.model.stochastic else NO_ELBO, unit, False)
        self.metrics = [first] if pool is None else [first, ("accuracy", "", True)]

    def of(self, model: LoadedModel, seed: int) -> dict[str, float]:
        """Its value of each metric."""
        distortion, codes = model.terms(self.images, seed=self.settings.seed)
        rate = kl_from_prior(codes.mean, codes.log_var).sum(1) if model.stochastic else 0.0
        found = {self.metrics[0][0]: float(np.mean(distortion + rate))}
        if self.pool is not None:
            rng = np.random.default_rng((self.settings.seed, seed))
            some = readouts.some_of_each(self.pool.train_labels, LABELS, rng)
            x = model.encode(self.subject.images(self.pool.train[some])).mean
            y = self.pool.train_labels[some]
            named = readouts.probe(x, y, codes.mean, readouts.chosen_strength(x, y, rng))
            found["accuracy"] = float((named == self.pool.test_labels).mean())
        return found


def sentences(rows: Sequence[Row], metric: str, source: str) -> list[str]:
    """How much a start is worth, at the fewest and the most images."""
    found = []
    scratch = {row.at["images"]: row for row in rows if row.method == SCRATCH and row.metric == metric}
    started = {
        row.at["images"]: row
        for row in rows
        if row.method == titled(STARTED, source) and row.metric == metric
    }
    for size in (min(scratch), max(scratch)) if started else ():
        a, b = started[size], scratch[size]
        outcome = {WINS: "the start helps", LOSES: "the start hurts"}.get(
            verdict(a, b), "no clear difference"
        )
        found.append(
            f"On {size:,.0f} images the {metric} is {a.value:.1f} when it starts from {source} and {b.value:.1f} from scratch: {outcome}."
        )
    return found


def _told(subject: Subject, config: RunConfig, settings: Represent) -> list[str]:
    found = [
        f"Data need: each network takes {settings.steps:,} steps of at most {config.training.batch_size} images, whatever the "
        "number of images."
    ]
    if config.objective.objective.name != subject.model.config.objective.objective.name:
        found.append(f"They are trained as {OBJECTIVES[config.objective.objective.name].title}.")
    if not subject.model.stochastic:
        found.append("An autoencoder has no ELBO: its distortion on test images is shown.")
    return found
