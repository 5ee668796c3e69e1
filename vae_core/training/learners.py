"""Learners: what is trained and how one step goes. The loop knows nothing of either.

A learner owns modules, optimisers, one step, its terms and its state. The loop owns data, order, events, control,
checkpoints and pictures. To add one (two networks with an optimiser each, say): a class with the methods of
`Learner`, one entry in LEARNERS, and its name in the objective's entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.devices import in_precision
from vae_core.errors import BadConfig
from vae_core.models.build import layout_of, make_model
from vae_core.models.multi_rate import Dial
from vae_core.models.networks import Shape
from vae_core.models.vae import Posterior, Vae
from vae_core.objectives.likelihoods import best_log_sigma
from vae_core.objectives.rate import kl_per_dim
from vae_core.objectives.terms import Batch, ForwardPass, Moment, Term, parts_of, weighted_sum
from vae_core.training.adversarial import GanLearner
from vae_core.training.feed import Feed
from vae_core.training.optimiser import Adam
from vae_core.training.sharpening import VaeGanLearner
from vae_core.training.team import ALONE
from vae_core.training.tensors import copies
from vae_core.training.turns import learn_turns

HEAD = ("loss", "objective")  # the first numbers of a row
PART = "part/"  # before the name of a term: what it adds to the loss
GOLDEN = (math.sqrt(5) - 1) / 2
SIGMA_IMAGES = 1_000  # training images that a learned σ is taken from


def row_names(terms: tuple[Term, ...]) -> tuple[str, ...]:
    """Names of a row's numbers up to the KL per dimension."""
    return (*HEAD, *(t.name for t in terms), *(f"{PART}{t.name}" for t in terms if t.weight))


class Learner(Protocol):
    """What the loop asks of whatever learns.

    A row is a vector of means over a batch, named by `row_names`: loss, objective (the loss at the final
    coefficients), each of `terms`, what those with a coefficient add to the loss, then `dims` numbers of KL per latent
    dimension.

    Attributes:
        terms: what a row tells of, in order.
        dims: latent dimensions a row tells the KL of; 0 for none.
        has_encoder: whether `encode` is there; without it a run has no codes and no reconstructions.
        only: the part of the objective's entry that learns alone now; None where all do.
        layout: memory format of images and weights.
        parameters: all weights, frozen ones too.
    """

    terms: tuple[Term, ...]
    dims: int
    has_encoder: bool
    only: str | None
    layout: torch.memory_format
    parameters: list[nn.Parameter]

    def step(self, batch: Batch, moment: Moment, final: Moment, rate: float) -> Tensor:
        """One step of every optimiser at the learning rate `rate`; gives the row, on the device, without waiting."""

    def evaluate(
        self, batch: Batch, moment: Moment, final: Moment, first: int
    ) -> tuple[Tensor, Tensor | None]:
        """The row of images that are not learned from, and their codes (B, D) if there are any.

        `first` is the place of the batch's first image among those that are evaluated.
        """

    def end_epoch(self, feed: Feed) -> None:
        """Set what is taken from the training images between epochs."""

    def encode(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> codes (B, D)."""

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, D) -> images (B, C, H, W) in [0, 1]."""

    def weights(self) -> dict[str, Tensor]:
        """Copies of all weights on the CPU, by name."""

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Raises RuntimeError when they have other names or shapes."""

    def optimiser_state(self) -> dict[str, Tensor]:
        """Copies of all that the optimisers remember, by name."""

    def load_optimiser(self, state: Mapping[str, Tensor]) -> None:
        """Raises KeyError or RuntimeError when it does not fit."""


@runtime_checkable
class Prepared(Protocol):
    """A learner with something to learn before the first step of a run."""

    def prepare(self, feed: Feed) -> None:
        """Called once, when a run begins; not when it is resumed, for what was learned is among the weights."""


class VaeLearner:
    """An encoder and a decoder trained together by one Adam on the weighted sum of the objective's terms."""

    only: str | None = None
    team = ALONE

    def __init__(self, config: RunConfig, shape: Shape, dataset_size: int, device: torch.device) -> None:
        self.config, self.dataset_size, self.device = config, dataset_size, device
        self.objective = config.objective.entry
        self.likelihood = config.objective.likelihood_entry
        self.has_encoder = self.objective.has_encoder
        self.terms = config.objective.terms
        self.dims = config.model.latent_dim if self.objective.has_posterior else 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.training.seed)
            model = make_model(config, shape)
        assert isinstance(model, Vae)  # its objective has an encoder
        self.model = model
        self.layout = layout_of(config)
        self.model.to(device, memory_format=self.layout)  # type: ignore[call-overload]
        self.parameters = list(self.model.parameters())
        self.freeze(self.objective.frozen)
        self.adam = Adam([p for p in self.parameters if p.requires_grad])

    def freeze(self, parts: tuple[str, ...]) -> None:
        """Keep the weights of these parts as they are. Raises BadConfig for a part the model does not have."""
        for part in parts:
            found = [p for name, p in self.model.named_parameters() if name.split(".")[0] == part]
            if not found:
                known = ", ".join(name for name, _ in self.model.named_children())
                raise BadConfig(f"objective: the model has no part {part!r} to freeze; it has {known}")
            for parameter in found:
                parameter.requires_grad_(False)

    # ------------------------------------------------ one pass

    def autocast(self) -> AbstractContextManager[object]:
        return in_precision(self.config.training.precision, self.device)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Layers that behave differently while learning, such as dropout, do as they do afterwards."""
        was = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.model.train(was)

    def code(self, posterior: Posterior, batch: Batch) -> Tensor:
        """The code that is decoded: z ~ q(z|x), (B, D)."""
        if batch.part is None:
            return posterior.sample(batch.generator)
        return posterior.moved(batch.noise(*posterior.mean.shape))

    def kl(self, posterior: Posterior) -> Tensor:
        """(B, D) nats."""
        return kl_per_dim(posterior)

    def forward(self, batch: Batch, log_beta: Tensor | None = None) -> tuple[Tensor, Posterior, Tensor]:
        """(logits, posterior, codes) of a batch. `log_beta` (B,) is each image's place on a dial; None is β = 1."""
        with self.autocast():
            posterior = self.model.encode(batch.read, log_beta)
            z = self.code(posterior, batch)
            logits = self.model.logits(z, log_beta)
        return logits, posterior, z

    def measure(
        self,
        batch: Batch,
        passed: tuple[Tensor, Posterior, Tensor],
        moment: Moment,
        final: Moment,
        log_sigma: Tensor | None = None,
        beta: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(loss (), row) of what `forward` gave, both of the whole batch. Computed in float32, outside autocast."""
        logits, posterior, z = passed
        settings = self.config.objective
        if batch.part is not None and self.likelihood.learns_sigma and log_sigma is None:
            log_sigma = self.joint_log_sigma(logits, batch)
        distortion = self.likelihood.of(
            logits, batch.images, settings.likelihood.params, log_sigma, self.model.features
        )
        if batch.part is not None:
            distortion, mean, log_var, z = self.team.joint(
                batch.part, distortion, posterior.mean, posterior.log_var, z
            )
            posterior = Posterior(mean, log_var)
        kl = self.kl(posterior)
        seen = ForwardPass(
            batch, logits, distortion, kl, z, posterior, self.dataset_size, settings.free_bits, beta
        )
        values = self.objective.compute(seen, settings.objective.params, moment)
        loss = weighted_sum(self.terms, values, moment)
        with torch.no_grad():
            at_end = loss
            if final is not moment:
                there = values
                if self.objective.terms_move:
                    there = self.objective.compute(seen, settings.objective.params, final)
                at_end = weighted_sum(self.terms, there, final)
            parts = parts_of(self.terms, values, moment)
            weighed = [parts[t.name] for t in self.terms if t.weight]
            row = torch.stack((loss, at_end, *(values[t.name] for t in self.terms), *weighed))
            return loss, torch.cat((row, kl.mean(0))) if self.dims else row

    @torch.no_grad()
    def joint_log_sigma(self, logits: Tensor, batch: Batch) -> Tensor:
        """The likeliest σ of the whole batch, () nats of scale. It needs no gradient: at the optimum the loss does not depend on it."""
        errors = (logits.sigmoid() - batch.images).square().flatten(1).mean(1)
        (joint,) = self.team.joint(batch.part, errors)
        return best_log_sigma(joint.mean())

    # ------------------------------------------------ what the loop asks

    def learned_from(self, batch: Batch) -> tuple[Batch, tuple[Tensor, Posterior, Tensor], Tensor | None]:
        """(batch, what `forward` gave, each image's β on a dial or None) of a training step."""
        return batch, self.forward(batch), None

    def step(self, batch: Batch, moment: Moment, final: Moment, rate: float) -> Tensor:
        batch, passed, beta = self.learned_from(batch)
        loss, row = self.measure(batch, passed, moment, final, None, beta)
        torch.autograd.backward(loss)
        self.team.add_gradients(self.adam.parameters)
        self.adam.step(rate)
        return row

    def evaluate(
        self, batch: Batch, moment: Moment, final: Moment, first: int
    ) -> tuple[Tensor, Tensor | None]:
        with self.looking():
            passed = self.forward(batch)
            _, row = self.measure(batch, passed, moment, final, self.log_sigma)
        # codes are of the images alone, as they are looked at
        codes = passed[1].mean if batch.noisy is None else self.encode(batch.images)
        return row, self.team.joint(batch.part, codes)[0]

    @property
    def log_sigma(self) -> Tensor | None:
        """The observation noise that was learned from training images, () nats of scale."""
        return self.model.log_sigma if self.likelihood.learns_sigma else None

    def prepare(self, feed: Feed) -> None:
        """Have the features of a distance learn the training images, where the likelihood is one."""
        if self.model.features is not None:
            learn_turns(self.model.features, feed, self.config.training.seed + 5, self.device)

    def end_epoch(self, feed: Feed) -> None:
        """Set a learned σ to its optimum on up to 1,000 training images, decoded from sampled codes."""
        if not self.likelihood.learns_sigma:
            return
        every = max(1, len(feed.train) // SIGMA_IMAGES)
        index = torch.from_numpy(feed.train[::every][:SIGMA_IMAGES])
        generator = torch.Generator(self.device).manual_seed(self.config.training.seed + 3)
        total = 0.0
        with self.looking():
            for part in torch.split(index, 250):
                images = feed.floats(part)
                batch = Batch(images, generator, noisy=feed.noisy(images, part))
                logits, _, _ = self.forward(batch)
                total += float((logits.sigmoid() - batch.images).square().mean()) * len(part)
            self.model.log_sigma.fill_(0.5 * math.log(max(total / len(index), (0.5 / 255) ** 2)))

    def encode(self, images: Tensor) -> Tensor:
        with self.looking(), self.autocast():
            return self.model.encode(images).mean

    def decode(self, codes: Tensor) -> Tensor:
        with self.looking(), self.autocast():
            return self.model.decode(codes)

    def weights(self) -> dict[str, Tensor]:
        return copies(self.model.state_dict())

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        # a run that starts from another's weights has features of its own images, or needs none
        own = {k: v for k, v in self.model.state_dict().items() if k.startswith("features.")}
        given = {k: v for k, v in weights.items() if k in own or not k.startswith("features.")}
        self.model.load_state_dict(own | given)

    def optimiser_state(self) -> dict[str, Tensor]:
        return self.adam.state()

    def load_optimiser(self, state: Mapping[str, Tensor]) -> None:
        self.adam.load(state)


class AutoencoderLearner(VaeLearner):
    """A plain autoencoder: the code is a point, and nothing is charged for it."""

    def code(self, posterior: Posterior, batch: Batch) -> Tensor:
        return posterior.mean

    def kl(self, posterior: Posterior) -> Tensor:
        return torch.zeros_like(posterior.mean)


class AdaGvaeLearner(VaeLearner):
    """Learns from pairs: dimensions that do not tell the two images apart are averaged, so that they share them.

    Locatello et al. 2020, "Weakly-Supervised Disentanglement Without Compromises", sec. 4 (Ada-GVAE).
    """

    def learned_from(self, batch: Batch) -> tuple[Batch, tuple[Tensor, Posterior, Tensor], Tensor | None]:
        pair = self.both(batch)
        return pair, self.of_pair(pair), None

    def evaluate(
        self, batch: Batch, moment: Moment, final: Moment, first: int
    ) -> tuple[Tensor, Tensor | None]:
        """The row is of pairs, as in training; codes are of the images alone, as they are looked at."""
        with self.looking():
            pair, passed, _ = self.learned_from(batch)
            _, row = self.measure(pair, passed, moment, final, self.log_sigma)
        return row, self.team.joint(batch.part, self.encode(batch.images))[0]

    def both(self, batch: Batch) -> Batch:
        """First images, then second ones (2 B, C, H, W)."""
        assert batch.second is not None  # the entry needs it
        images = torch.cat((batch.images, batch.second)).contiguous(memory_format=self.layout)
        return Batch(images, batch.generator, part=batch.part)

    def of_pair(self, batch: Batch) -> tuple[Tensor, Posterior, Tensor]:
        """(logits, posterior, codes) of `both`, posteriors averaged where a pair shares them."""
        with self.autocast():
            posterior = averaged(self.model.encode(batch.images))
            z = self.code(posterior, batch)
            return self.model.logits(z), posterior, z


def averaged(posterior: Posterior) -> Posterior:
    """Posteriors (2 B, D), first images then second, with mean and variance averaged where a pair does not differ.

    A dimension differs where KL[q(z_d|x₁) ‖ q(z_d|x₂)] exceeds τ = ½ (its largest + its least over dimensions); section 4.
    """
    (m1, m2), (v1, v2) = posterior.mean.chunk(2), posterior.log_var.exp().chunk(2)
    with torch.no_grad():
        kl = 0.5 * (v1 / v2 + (m2 - m1).square() / v2 - 1 + (v2 / v1).log())
        threshold = 0.5 * (kl.amax(1, keepdim=True) + kl.amin(1, keepdim=True))
        shared = (kl <= threshold).repeat(2, 1)
    mean, variance = (0.5 * (a + b) for a, b in ((m1, m2), (v1, v2)))
    return Posterior(
        torch.where(shared, mean.repeat(2, 1), posterior.mean),
        torch.where(shared, variance.log().repeat(2, 1), posterior.log_var),
    )


class MultiRateLearner(VaeLearner):
    """One network for every β of a dial: each image of a step is learned at a β drawn for it."""

    @property
    def dial(self) -> Dial:
        dial = self.config.objective.dial
        if dial is None:
            raise BadConfig(f"objective: {self.objective.name} has no dial for a multi-rate network to learn")
        return dial

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """log β (count,), each uniform over what is sampled: evenly spaced from a common random start.

        The images are in random order already. Drawn one by one, the βs would add their own spread to the gradient's.
        """
        start = torch.rand((), generator=generator, device=self.device)
        places = (torch.arange(count, device=self.device) + start) / count
        found: Tensor = self.dial.at(places)
        return found

    def learned_from(self, batch: Batch) -> tuple[Batch, tuple[Tensor, Posterior, Tensor], Tensor | None]:
        log_beta = self.draw(batch.whole, batch.generator)
        return batch, self.forward(batch, batch.own(log_beta)), log_beta.exp()

    def evaluate(
        self, batch: Batch, moment: Moment, final: Moment, first: int
    ) -> tuple[Tensor, Tensor | None]:
        """Terms that are shown, and codes, are those at β = 1. What is minimised is over the βs it learns, as in training.

        Each image is always at the same β, an even sequence over log β, whichever images lie together.
        """
        row, means = super().evaluate(batch, moment, final, first)
        # multiples of the golden ratio, modulo 1: any stretch of them is spread evenly
        numbers = torch.arange(first, first + batch.whole, device=self.device)
        log_beta = self.dial.at((0.5 + GOLDEN * numbers) % 1)
        with self.looking():
            passed = self.forward(batch, batch.own(log_beta))
            _, over = self.measure(batch, passed, moment, final, self.log_sigma, log_beta.exp())
        shown = {term.name for term in self.terms if not term.minimised}
        minimised = [i for i, name in enumerate(row_names(self.terms)) if name not in shown]
        row[minimised] = over[minimised]
        return row, means


MakeLearner = Callable[[RunConfig, Shape, int, torch.device], Learner]
LEARNERS: dict[str, MakeLearner] = {
    "vae": VaeLearner,
    "autoencoder": AutoencoderLearner,
    "multi_rate": MultiRateLearner,
    "ada_gvae": AdaGvaeLearner,
    "gan": GanLearner,
    "vae_gan": VaeGanLearner,
}


def make_learner(config: RunConfig, shape: Shape, dataset_size: int, device: torch.device) -> Learner:
    """The learner that the config's objective names, with fresh weights on `device`."""
    return LEARNERS[config.objective.entry.learner](config, shape, dataset_size, device)


def finite(learner: Learner) -> bool:
    """Whether all weights are finite numbers."""
    return all(bool(p.isfinite().all()) for p in learner.parameters)
