"""All settings of a run, frozen and stored beside its weights."""

# ruff: noqa: RUF009 - a choice is frozen

from __future__ import annotations

import math
from collections import ChainMap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vae_core.errors import BadConfig
from vae_core.models.multi_rate import Dial
from vae_core.models.networks import ARCHITECTURES, Architecture
from vae_core.objectives import (
    BETA_SCHEDULES,
    LIKELIHOODS,
    NOISES,
    OBJECTIVES,
    Likelihood,
    Moment,
    Objective,
    Schedule,
    Term,
)
from vae_core.objectives.noises import NONE
from vae_core.objectives.terms import NATS, NO_NATS
from vae_core.options import Choice, Entry, NoParams, Options, choice, option

if TYPE_CHECKING:
    from vae_core.data.imageset import ImageSet
    from vae_core.data.splits import Splits

FORMAT = 1
AUTO = "auto"
OLD_SHARE = 0.1  # of the learning rate: peak of a cycle that Continue added before it stored one
ENOUGH_STEPS = (
    600  # steps after which a model was alive on every set of tests/bench/first_run.py; fewer are too few
)
BY_THE_IMAGES = Entry(
    AUTO,
    "By the images",
    "Bernoulli for images that are nearly black and white, else a Gaussian: its σ learned, or fixed where βs are compared.",
    NoParams,
)
# what may be asked for; a new likelihood appears here by itself
LIKELIHOODS_OR_AUTO: ChainMap[str, Any] = ChainMap(LIKELIHOODS, {AUTO: BY_THE_IMAGES})


@dataclass(frozen=True)
class DataConfig(Options):
    dataset: str = option("digits", help="name of a dataset, built in or imported", widget="dataset")
    side: int = option(
        0,
        help="image side; 0 takes what suits dataset and model",
        unit="pixels",
        minimum=0,
        maximum=128,
        widget="side",
    )
    limit: int = option(
        0, help="train on this many images only; 0 takes all", unit="images", minimum=0, advanced=True
    )
    validation: float = option(
        0.05,
        help="share of the training images kept for validation, at most 2,500 images",
        minimum=0.001,
        maximum=0.5,
        advanced=True,
        title="validation share",
    )
    split_seed: int = option(
        0, help="seed of the cut between training and validation", minimum=0, maximum=2**31 - 1, advanced=True
    )
    augment: str = option(
        AUTO,
        help="each time an image is learned from, it may be mirrored left to right (flips) or moved by up to an eighth "
        "of its side (shifts); auto shifts where there are few images, and never flips: choose flips where a mirrored "
        "image is one that could be",
        values=(AUTO, "none", "flips", "shifts", "flips+shifts"),
        advanced=True,
        title="augmentation",
    )
    copies: str = option(
        "together",
        help="together puts images that equal each other into one split; apart cuts as if none did, as runs of before "
        "this setting were",
        values=("together", "apart"),
        advanced=True,
        title="equal images",
    )

    def split(self, data: ImageSet) -> Splits:
        """The images a run trains on, validates on and never sees. Raises BadImages when too few are left."""
        return data.split(
            self.split_seed, self.validation, limit=self.limit, together=self.copies == "together"
        )


@dataclass(frozen=True)
class ModelConfig(Options):
    architecture: Choice = choice(
        ARCHITECTURES, "conv", help="shape of the two networks", title="model", flag="model"
    )
    latent_dim: int = option(
        0,
        help="number of latent dimensions D; 0 takes what suits the images",
        unit="dimensions",
        minimum=0,
        maximum=512,
        title="latent dimensions D",
    )

    @property
    def entry(self) -> Architecture:
        """What the registry says of the architecture."""
        return ARCHITECTURES[self.architecture.name]


@dataclass(frozen=True)
class ObjectiveConfig(Options):
    objective: Choice = choice(OBJECTIVES, "vae", help="what is minimised")
    likelihood: Choice = choice(
        LIKELIHOODS_OR_AUTO, AUTO, help="pixel model, which defines the distortion", advanced=True
    )
    schedule: Choice = choice(
        BETA_SCHEDULES, "constant", help="how β comes in over training", title="β schedule", advanced=True
    )
    free_bits: float = option(
        0.0,
        help="rate that every dimension may use free of charge",
        unit="nats per dimension",
        minimum=0.0,
        maximum=10.0,
        advanced=True,
    )
    input_noise: Choice = choice(
        NOISES, NONE, help="put on the images that are encoded, while the clean ones are to be rebuilt: a denoiser",
        advanced=True, title="noise on the input",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input_noise.name != NONE and (why := self.entry.no_input_noise):
            raise BadConfig(f"input_noise: {self.objective.name} takes none, {why}; choose none")
        if self.free_bits > 0 and not self.entry.takes_free_bits:
            raise BadConfig(
                f"free_bits: {self.objective.name} has no single rate that could be spared; set it to 0"
            )
        if self.dial is not None and self.schedule.name != "constant":
            raise BadConfig(
                f"schedule: {self.objective.name} draws a β for every image, so there is none that could come in by "
                f"{self.schedule.name}; choose constant"
            )
        if self.dial is not None and self.likelihood.name != AUTO and self.likelihood_entry.learns_sigma:
            raise BadConfig(
                f"likelihood: {self.likelihood.name} learns one σ, and every β of {self.objective.name} would need its "
                "own; choose gaussian, which fixes it"
            )

        if self.dial is not None and (why := self.no_elbo):
            raise BadConfig(
                f"likelihood: {why} {self.objective.name} weighs nats by every β of its dial; choose a likelihood"
            )

    @property
    def entry(self) -> Objective:
        """What the registry says of the objective."""
        return OBJECTIVES[self.objective.name]

    @property
    def likelihood_entry(self) -> Likelihood:
        """What the registry says of the likelihood. Raises BadConfig while that is still to be chosen."""
        if self.likelihood.name == AUTO:
            raise BadConfig(
                "likelihood: auto is chosen by the images when a run starts; this one has not started"
            )
        return LIKELIHOODS[self.likelihood.name]

    @property
    def no_elbo(self) -> str:
        """A sentence on why a run of these settings has no nats and no ELBO, by its objective or its likelihood; else empty."""
        return self.entry.no_elbo or ("" if self.likelihood.name == AUTO else self.likelihood_entry.no_elbo)

    @property
    def needs_features(self) -> bool:
        """A network of features belongs to the model, by which its likelihood compares pictures."""
        return self.likelihood.name != AUTO and self.likelihood_entry.needs_features

    @property
    def loss_unit(self) -> str:
        """Of the loss and of the distortion: nats per image, unless the likelihood is none."""
        return NO_NATS if self.no_elbo else NATS

    @property
    def has_elbo(self) -> bool:
        """Distortion and rate make an evidence lower bound."""
        return self.entry.has_elbo and not self.no_elbo

    @property
    def unused(self) -> dict[str, str]:
        """Settings of this group that change nothing with this objective: name -> why, in half a sentence."""
        found, entry = {}, self.entry
        if not entry.has_likelihood:
            found["likelihood"] = "no likelihood judges its pictures"
        if self.dial is not None:
            found["schedule"] = "a β is drawn for every image"
        elif not any(c.scheduled for c in entry.coefficients):
            found["schedule"] = "nothing in its loss is weighed by a β"
        if not entry.takes_free_bits:
            found["free_bits"] = "it has no single rate that could be spared"
        if entry.no_input_noise:
            found["input_noise"] = entry.no_input_noise
        return found

    @property
    def schedule_entry(self) -> Schedule:
        """What the registry says of the β schedule."""
        return BETA_SCHEDULES[self.schedule.name]

    @property
    def terms(self) -> tuple[Term, ...]:
        """The named terms a run of these settings tells of, in the order in which they are added up."""
        terms = self.entry.terms_for(self.free_bits)
        if not self.entry.has_likelihood or not self.no_elbo:
            return terms
        return tuple(t.of_a_distance(self.likelihood_entry.formula) for t in terms)

    @property
    def final(self) -> Moment:
        """The coefficients with every schedule at its end."""
        return self.entry.final(self.objective.params)

    @property
    def beta(self) -> float | None:
        """The final weight of the rate; None for an objective without a single one."""
        return self.entry.beta_of(self.objective.params)

    @property
    def label(self) -> str:
        """The objective in a few words, e.g. "β-VAE, β 4"."""
        if (dial := self.dial) is not None:
            found = f"{self.entry.short} {dial.lowest:g}–{dial.highest:g}"
        else:
            found = self.entry.label(self.objective.params)
        return f"{found}, noisy input" if self.denoises else found

    @property
    def denoises(self) -> bool:
        """Whether it learns to take noise off: images are encoded with noise and rebuilt without."""
        return self.input_noise.name != NONE

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """What the objective ties the first dimensions to; empty where it names none, or before a run started."""
        return self.entry.dimension_names(self.objective.params)

    @property
    def dial(self) -> Dial | None:
        """The βs that one network learns together; None for an objective with a single β."""
        return getattr(self.objective.params, "dial", None)


@dataclass(frozen=True)
class TrainingConfig(Options):
    epochs: int = option(
        0,
        help="passes over the training images; 0 takes as many as it takes to learn",
        unit="epochs",
        minimum=0,
        maximum=100_000,
    )
    most_minutes: float = option(
        3.0,
        help="what epochs = 0 may take here at the most, as far as can be told before",
        unit="minutes",
        minimum=0.1,
        maximum=10_000.0,
        advanced=True,
        title="longest automatic run",
    )
    batch_size: int = option(
        0,
        help="images per step; 0 chooses by the size of the dataset",
        unit="images",
        minimum=0,
        maximum=65_536,
        advanced=True,
    )
    learning_rate: float = option(
        0.0,
        help="highest learning rate of the schedule; 0 takes what suits the objective",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    rate_schedule: str = option(
        AUTO,
        help="one_cycle rises to the peak and falls to zero over the planned steps; late_fall stays there and falls over "
        "the second half; auto takes what suits the objective",
        values=(AUTO, "one_cycle", "late_fall", "constant"),
        advanced=True,
        title="learning-rate schedule",
    )
    precision: str = option(
        "auto",
        help="float32, or bfloat16 autocast; auto takes bfloat16 where the processor has it",
        values=("auto", "float32", "bfloat16"),
        advanced=True,
    )
    device: str = option(
        "auto",
        help="auto takes a GPU when there is one",
        values=("auto", "cpu", "cuda", "mps"),
        advanced=True,
    )
    threads: int = option(
        0,
        help="processor threads; 0 takes as many as there are cores",
        unit="threads",
        minimum=0,
        maximum=1024,
        advanced=True,
    )
    gpus: int = option(
        1,
        help="processes that share every step of the run, each on a GPU of its own or, without GPUs, with its share of the "
        "threads; what is learned is the same but for rounding",
        unit="processes",
        minimum=1,
        maximum=64,
        advanced=True,
        title="GPUs",
    )
    seed: int = option(
        0, help="seed of weights, order of images and noise", minimum=0, maximum=2**31 - 1, advanced=True
    )
    checkpoint_every: int = option(
        0,
        help="steps between checkpoints in the record; 0 estimates about 30 seconds' worth. A run saves itself every 30 s besides",
        unit="steps",
        minimum=0,
        advanced=True,
    )
    log_every: int = option(
        0,
        help="steps between points of the curves in the record; 0 chooses by the cost of a step. Slow steps are shown meanwhile",
        unit="steps",
        minimum=0,
        advanced=True,
    )
    continued: tuple[int, ...] = option((), help="epochs of each Continue, in order", minimum=1, hidden=True)
    continued_rates: tuple[float, ...] = option(
        (),
        help="peak of each Continue, as a share of the learning rate",
        minimum=0.0,
        maximum=1.0,
        hidden=True,
    )
    init_from: str = option("", help="id of the run whose weights a fine-tune starts from", hidden=True)

    def going_on(self, epochs: int) -> TrainingConfig:
        """The same with a cycle of `epochs` more, at a peak that is stored with it.

        A cycle as long as the first takes its peak, for then it is a warm restart (Loshchilov & Hutter 2017); a shorter
        one a smaller peak, since it has less time to settle again: by the root of their lengths' ratio.
        """
        rates = (*self.continued_rates, *(OLD_SHARE,) * len(self.continued))[: len(self.continued)]
        share = min(1.0, math.sqrt(max(0, epochs) / max(1, self.epochs)))
        return replace(self, continued=(*self.continued, epochs), continued_rates=(*rates, round(share, 4)))


@dataclass(frozen=True)
class RunConfig(Options):
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.training.gpus > 1 and (why := self.objective.entry.one_process):
            raise BadConfig(
                f"gpus: {self.objective.objective.name} is trained by one process, {why}; choose 1"
            )
