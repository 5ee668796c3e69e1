"""Runs to be compared: of the same images and the same size, that differ in what they minimise, or in seed alone.

A *kind* says what a model of images can do, by what its objective's entry declares: an autoencoder has codes and no
posterior, a VAE a posterior at β = 1, a β-VAE one at another weight, and a generator alone has no encoder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.config import ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data.imageset import ImageSet
from vae_core.errors import BadConfig, BadName, VaeCoreError
from vae_core.events import EpochDone, Finished, StepDone
from vae_core.objectives import LIKELIHOODS, OBJECTIVES
from vae_core.options import Choice, capitalised
from vae_core.places import check_plain_name
from vae_core.runs.record import COMPARED, FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store, first_free
from vae_core.sweep import with_seed
from vae_core.words import counted, listed

FEWEST, MOST = 2, 6  # runs side by side
MOST_SEEDS = 5
MOST_RUNS = 64  # of one comparison


@dataclass(frozen=True)
class Kind:
    """What kind of model a run is: a name for files, one for people, and what it is in half a sentence."""

    name: str
    title: str
    words: str


AUTOENCODER = Kind(
    "autoencoder", "Autoencoder", "a code for each image, and nothing said of the codes between"
)
PLAIN_VAE = Kind("vae", "VAE", "each code is spread out, and all together are drawn to the prior")
WEIGHED_VAE = Kind("beta-vae", "β-VAE", "as a VAE, with another weight on the rate")
GENERATOR = Kind("gan", "GAN", "a generator that learns to fool a critic; it has no encoder")
SHARPENED = Kind("vae-gan", "VAE-GAN", "a VAE whose decoder went on learning to fool a critic")
KINDS = (AUTOENCODER, PLAIN_VAE, WEIGHED_VAE, GENERATOR, SHARPENED)


def kind_of(objective: ObjectiveConfig) -> Kind:
    """The kind of model that an objective makes, by what its entry declares."""
    if not objective.entry.has_encoder:
        return GENERATOR
    if not objective.entry.has_posterior:
        return AUTOENCODER
    if objective.entry.goes_on:
        return SHARPENED
    return PLAIN_VAE if objective.entry.beta_vae and objective.beta == 1 else WEIGHED_VAE


def usual_of(kind: Kind) -> Choice | None:
    """The first objective of the registry that makes such a model and needs nothing beside images; None for none."""
    for entry in OBJECTIVES.values():
        choice = Choice(entry.name, entry.params())
        if not entry.needs and not entry.goes_on and kind_of(ObjectiveConfig(objective=choice)) == kind:
            return choice
    return None


def trainable() -> list[Kind]:
    """The kinds that this version can train."""
    return [kind for kind in KINDS if usual_of(kind) is not None]


# ---------------------------------------------------------------- which runs


def why_apart(found: Sequence[Run]) -> str:
    """Why these runs cannot stand side by side, in a sentence with the remedy, or an empty string."""
    records = [run.record() for run in found]
    sets = {record.effective.data.dataset for record in records}
    if len(sets) > 1:
        return (
            f"these runs learned from different images ({listed(sorted(sets))}), so nothing of theirs is comparable; "
            "choose runs of one dataset"
        )
    shapes = {record.shape for record in records if record.shape is not None}
    if len(shapes) > 1:
        sizes = listed(sorted(f"{h}×{w}×{c}" for c, h, w in shapes))
        return f"these runs see {next(iter(sets))} at different sizes ({sizes}); choose runs of one size"
    return ""


def usual_runs(run: Run, others: Iterable[Run]) -> list[Run]:
    """A run of each kind, in the order of KINDS: `run` for its own, of `others` those most like it for the rest.

    Where there is one kind alone, further runs of it fill up to two. Of a shipped run they are those that are shipped to be
    compared, where there are any for its images: they are equal but for the objective, and measured.
    """
    mine = run.record().effective
    rest = [other for other in others if other.id != run.id]
    if run.read_only and len(together := _shipped_together(run, rest)) >= FEWEST:
        return together[:MOST]
    likeness = {other.id: _likeness(other, run) for other in rest}
    ordered = sorted(rest, key=lambda other: likeness[other.id], reverse=True)
    found = {kind_of(mine.objective): run}
    for other in ordered:
        found.setdefault(kind_of(other.record().effective.objective), other)
    chosen = [found[kind] for kind in KINDS if kind in found]
    return chosen if len(chosen) >= FEWEST else [*chosen, *ordered][:FEWEST]


def _shipped_together(run: Run, others: Sequence[Run]) -> list[Run]:
    """The runs of a shipped comparison: of the one that `run` belongs to, else of the largest."""
    found: dict[str, list[Run]] = {}
    for one in (run, *others):
        if one.read_only and (group := one.record().group).startswith(COMPARED):
            found.setdefault(group, []).append(one)
    chosen = max(found.values(), key=lambda some: (run in some, len(some)), default=[])
    return one_seed_each(chosen)


def _likeness(other: Run, run: Run) -> tuple[int, ...]:
    theirs, mine = other.record(), run.record()
    a, b = theirs.effective, mine.effective
    return (
        int(bool(mine.group) and theirs.group == mine.group), int(not a.objective.entry.needs),
        int(a.model.latent_dim == b.model.latent_dim), int(a.model == b.model),
        int(a.objective.likelihood == b.objective.likelihood), int(a.training.epochs == b.training.epochs),
    )  # fmt: skip


def seeds_of(run: Run, others: Iterable[Run]) -> list[Run]:
    """Finished runs that differ from `run` in their seed alone, itself first, whatever its state."""
    mine, found = _but_for_the_seed(run), {run.record().config.training.seed: run}
    for other in others:
        try:
            if other.id == run.id or _but_for_the_seed(other) != mine or other.status().state != FINISHED:
                continue
            found.setdefault(other.record().config.training.seed, other)
        except VaeCoreError:  # gone meanwhile, or of no use
            continue
    return list(found.values())


def one_seed_each(found: Iterable[Run]) -> list[Run]:
    """Of runs that differ in their seed alone, the first by seed; their order is that of KINDS."""
    first: dict[tuple[str, str], Run] = {}
    for run in sorted(found, key=lambda run: run.record().config.training.seed):
        group, config = _but_for_the_seed(run)
        first.setdefault((group, repr(config)), run)
    return sorted(first.values(), key=lambda run: KINDS.index(kind_of(run.record().effective.objective)))


def _but_for_the_seed(run: Run) -> tuple[str, RunConfig]:
    record = run.record()
    training = dataclasses.replace(
        record.effective.training, seed=0, threads=0, gpus=1, checkpoint_every=0, log_every=0
    )
    return record.group, dataclasses.replace(record.effective, training=training)


# ---------------------------------------------------------------- train what is to be compared


def of_each_kind(config: RunConfig, kinds: Sequence[Kind]) -> dict[str, RunConfig]:
    """The same settings with the usual objective of each kind, by the kind's name. Raises BadConfig for one that cannot
    be trained."""
    found = {}
    for kind in kinds:
        choice = usual_of(kind)
        if choice is None:
            raise BadConfig(f"objective: nothing here trains a {kind.title}")
        found[kind.name] = _minimising(config, choice)
    return found


def of_each_likelihood(config: RunConfig, names: Sequence[str]) -> dict[str, RunConfig]:
    """A VAE of the same settings for each of these likelihoods, by name. Raises BadConfig for an unknown one."""
    if unknown := [name for name in names if name not in LIKELIHOODS]:
        raise BadConfig(f"likelihood: there is no {unknown[0]}; choose of {', '.join(LIKELIHOODS)}")
    plain = usual_of(PLAIN_VAE)
    assert plain is not None
    found = {}
    for name in names:
        likelihood = Choice(name, LIKELIHOODS[name].params())
        changed = _minimising(config, plain)
        objective = dataclasses.replace(changed.objective, likelihood=likelihood)
        found[name.replace("_", "-")] = dataclasses.replace(changed, objective=objective)
    return found


def _minimising(config: RunConfig, choice: Choice) -> RunConfig:
    """Without what belongs to another objective: its schedule, its free bits, where it went on, the steps it takes well."""
    objective = ObjectiveConfig(objective=choice, likelihood=config.objective.likelihood)
    usual = TrainingConfig()
    training = dataclasses.replace(
        config.training, gpus=1, continued=(), continued_rates=(), init_from="", batch_size=usual.batch_size,
        learning_rate=usual.learning_rate, rate_schedule=usual.rate_schedule,
    )  # fmt: skip
    return dataclasses.replace(config, objective=objective, training=training)


def default_name(config: RunConfig, store: Store, what: str = "models") -> str:
    """E.g. digits-models; the first of digits-models, digits-models-2, ... that is not taken."""
    return first_free(f"{config.data.dataset[:50]}-{what}", groups(store))


def create(store: Store, variants: Mapping[str, RunConfig], name: str, *, seeds: int = 1) -> list[Run]:
    """One queued run per variant and seed, in one group: the variants' order, and of each the config's seed and those after it.

    variants: by the word that ends a run's name. They are stored as they are: whoever compares settles size and epochs
    first, so that all see the same images equally often. What steps they take is each objective's own. Raises BadConfig for no variants, fewer than one or more than MOST_SEEDS seeds,
    or more than MOST_RUNS runs, BadName when `name` is taken or not plain, UnknownDataset. Then nothing is created.
    """
    if not variants:
        raise BadConfig("a comparison needs something to train; choose a kind of model")
    if not 1 <= seeds <= MOST_SEEDS:
        raise BadConfig(f"seeds: expected 1 to {MOST_SEEDS}, got {seeds}")
    if len(variants) * seeds > MOST_RUNS:
        raise BadConfig(f"a comparison has at most {MOST_RUNS} runs; this would be {len(variants) * seeds}")
    check_plain_name(name, "comparison")
    with store.lock_groups():
        if name in groups(store):
            raise BadName(f"there already is a comparison {name!r}; choose another name")
        plan: list[tuple[RunConfig, str]] = []
        for word, config in variants.items():
            for seed in range(config.training.seed, config.training.seed + seeds):
                tail = f"-seed{seed}" if seeds > 1 else ""
                plan.append((with_seed(config, seed), f"{name}-{word}{tail}"))
        return store.create_together(plan, COMPARED + name)


def groups(store: Store) -> dict[str, list[Run]]:
    """All comparisons that were trained as one: name -> its runs by their names."""
    found: dict[str, list[Run]] = {}
    for run in store.readable():
        group = run.record().group
        if group.startswith(COMPARED):
            found.setdefault(group.removeprefix(COMPARED), []).append(run)
    return {name: sorted(those, key=lambda run: run.name) for name, those in found.items()}


# ---------------------------------------------------------------- what a run took


@dataclass(frozen=True)
class Cost:
    """What a run took: wall seconds (None where it does not say), passes over the images, and images a second, the median
    over its steps (None before the first)."""

    seconds: float | None
    epochs: int
    images_per_second: float | None


def cost_of(run: Run) -> Cost:
    """Read from its record; evaluation and pictures of each epoch are in the seconds, and not in the speed."""
    seconds, epochs, speeds = None, 0, []
    for event in run.history():
        if isinstance(event, StepDone) and event.images_per_second > 0:
            speeds.append(event.images_per_second)
        elif isinstance(event, (EpochDone, Finished)):
            seconds, epochs = event.seconds or seconds, event.epoch
    return Cost(seconds, epochs, float(np.median(speeds)) if speeds else None)


@dataclass(frozen=True)
class Course:
    """A number over the epochs of several seeds: (E,) each; mean, least and most of those that got so far."""

    name: str
    unit: str
    epochs: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def courses_of(seeds: Sequence[Run]) -> list[Course]:
    """How seeds of one model learned: the loss on validation images where a likelihood gives one, else its minimised terms."""
    objective = seeds[0].record().effective.objective
    told = [[event for event in run.history() if isinstance(event, EpochDone)] for run in seeds]
    longest = max(map(len, told), default=0)
    if not longest:
        return []
    if objective.entry.has_likelihood:
        rows = {"loss, validation images": [[e.validation.loss for e in events] for events in told]}
        units = {"loss, validation images": objective.loss_unit}
    else:
        terms = [term for term in objective.terms if term.minimised]
        rows = {
            t.title: [[e.train.values.get(t.name, np.nan) for e in events] for events in told] for t in terms
        }
        units = {t.title: t.unit for t in terms}
    epochs = np.arange(1, longest + 1)
    return [_course(name, units[name], epochs, values) for name, values in rows.items()]


def _course(name: str, unit: str, epochs: np.ndarray, values: list[list[float]]) -> Course:
    table = np.full((len(values), len(epochs)), np.nan)
    for row, one in zip(table, values, strict=True):
        row[: len(one)] = one
    known = np.isfinite(table).any(0)
    table, epochs = table[:, known], epochs[known]
    if not len(epochs):
        return Course(name, unit, epochs, *(np.empty(0) for _ in range(3)))
    return Course(name, unit, epochs, np.nanmean(table, 0), np.nanmin(table, 0), np.nanmax(table, 0))


# ---------------------------------------------------------------- the same pictures for all


def shown_images(data: ImageSet, count: int, pick: int = 0) -> np.ndarray:
    """Numbers of `count` test images (fewer where there are fewer), by turns of each label where images have some.

    The same for every run on the images; `pick` 0, 1, 2, ... gives others each time.
    """
    order = np.random.default_rng(pick).permutation(np.asarray(data.test))
    if data.labels is not None:
        labels = np.asarray(data.labels[order])
        turn = np.empty(len(order), np.int64)
        for label in np.unique(labels):
            mine = np.flatnonzero(labels == label)
            turn[mine] = np.arange(len(mine))
        order = order[np.lexsort((labels, turn))]
    return np.asarray(order[:count])


def same_noise(count: int, latent_dim: int, pick: int = 0) -> np.ndarray:
    """`count` codes of the prior, (count, D) float32: those of a smaller D are the beginnings of those of a larger one."""
    noise = np.random.default_rng([pick, 512]).standard_normal((count, 512)).astype(np.float32)
    return noise[:, :latent_dim]


def nearest_codes(code: np.ndarray, std: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """The `count` codes of (N, D) that are nearest to `code` (D,), nearest first, distances in units of its std (D,).

    They are what the decoder must draw with one picture where codes are as good as equal: the mean of their images is what
    squared error makes of them (Bishop 2006, "Pattern Recognition and Machine Learning", eq. 1.89).
    """
    far = np.square((codes - code) / np.maximum(std, 1e-3)).sum(1)
    return np.argsort(far, kind="stable")[:count]


def about_kinds(found: Sequence[Kind]) -> str:
    """E.g. "Autoencoder: a code for each image. VAE: ..."."""
    return " ".join(f"**{kind.title}**: {capitalised(kind.words)}." for kind in found)


def missing_kinds(found: Iterable[Run]) -> list[Kind]:
    """The kinds that can be trained here and none of these runs is."""
    there = {kind_of(run.record().effective.objective) for run in found}
    return [kind for kind in trainable() if kind not in there]


def runs_in_words(count: int, seeds: int) -> str:
    """E.g. 8 runs: 4 models of 2 seeds."""
    return counted(count * seeds, "run") + (
        f": {counted(count, 'model')}, {seeds} seeds each" if seeds > 1 else ""
    )
