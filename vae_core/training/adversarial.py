"""The learner of a GAN: a generator against a discriminator, an optimiser each."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.devices import in_precision
from vae_core.errors import BadConfig
from vae_core.models.build import layout_of, make_model
from vae_core.models.gan import LEAST_BATCH, Gan, fold, normalised, unfold
from vae_core.models.networks import Shape
from vae_core.models.vae import Vae
from vae_core.objectives.adversarial import (
    DISCRIMINATOR,
    GENERATOR,
    TERMS,
    GanParams,
    discriminator_loss,
    generator_loss,
    row_of,
)
from vae_core.objectives.terms import Batch, Moment, Term
from vae_core.training.feed import Feed
from vae_core.training.optimiser import Adam
from vae_core.training.tensors import below, copies

STATISTICS = 256  # codes that the shown generator's normalisation is taken from


def spread_of(images: Tensor) -> Tensor:
    """How much images (B, C, H, W) differ: the root of the mean variance of a pixel value, ()."""
    return images.detach().var(0, correction=0).mean().sqrt()


class GanLearner:
    """One step of the discriminator, then one of the generator, on the same codes.

    Weights that are stored and shown are the generator's average over steps, with batch normalisation folded in, and the
    discriminator's. The generator that learns is part of what the optimisers remember.
    """

    terms: tuple[Term, ...] = TERMS
    dims = 0
    has_encoder = False

    def __init__(self, config: RunConfig, shape: Shape, dataset_size: int, device: torch.device) -> None:
        params = config.objective.objective.params
        assert isinstance(params, GanParams)
        self.config, self.params, self.device = config, params, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.training.seed)
            self.model, self.live, self.discriminator = self.networks(shape)
        self.layout = layout_of(config)
        for network in (self.model, self.live, self.discriminator):
            network.to(device, memory_format=self.layout)  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(config.training.seed + 5)
        self.codes = torch.randn(STATISTICS, config.model.latent_dim, generator=generator).to(device)
        self.average = copy.deepcopy(self.live).requires_grad_(False)
        self.model.decoder.requires_grad_(False)
        self.made_by = list(self.live.parameters())
        self.judged_by = list(self.discriminator.parameters())
        self.parameters: list[nn.Parameter] = [*self.made_by, *self.judged_by]
        betas = (params.beta1, params.beta2)
        self.adams = {GENERATOR: Adam(self.made_by, betas), DISCRIMINATOR: Adam(self.judged_by, betas)}
        self.steps = 0  # that the average has seen
        self.only: str | None = None
        self.stale = True  # what is shown is older than the average

    def networks(self, shape: Shape) -> tuple[Vae | Gan, nn.Module, nn.Sequential]:
        """Fresh: what is stored, the generator that learns, the discriminator. Raises BadConfig."""
        if self.config.training.batch_size < LEAST_BATCH:
            raise BadConfig(
                f"batch_size: a GAN normalises over the images of a step, so it takes {LEAST_BATCH} or more; 64 does well"
            )
        model = make_model(self.config, shape)
        assert isinstance(model, Gan)
        return model, normalised(model.decoder), model.discriminator

    # ------------------------------------------------ one pass

    def autocast(self) -> AbstractContextManager[object]:
        return in_precision(self.config.training.precision, self.device)

    def make(self, batch: Batch, count: int) -> Tensor:
        """Images (count, C, H, W) in [0, 1] of as many codes from the prior."""
        with self.autocast():
            logits = self.live(batch.noise(count, self.config.model.latent_dim))
        made: Tensor = logits.float().sigmoid().contiguous(memory_format=self.layout)
        return made

    def judge(self, images: Tensor, batch: Batch, moment: Moment) -> Tensor:
        """(B,) outputs, with instance noise on the images."""
        sigma = self.params.noise * (1 - moment.progress)
        if sigma > 0:
            images = images + sigma * batch.noise(*images.shape)
        with self.autocast():
            found = self.verdict(images)
        return found.float()

    def verdict(self, images: Tensor) -> Tensor:
        """(B,) outputs of the discriminator."""
        found: Tensor = self.discriminator(images).flatten()
        return found

    def penalty(self, images: Tensor) -> Tensor:
        """γ/2 · E‖∇ₓ d(x)‖², () with a graph. Mescheder et al. 2018, eq. 9 (R1). In float32: bfloat16 is too coarse."""
        x = images.detach().requires_grad_(True)
        slope: Tensor
        (slope,) = torch.autograd.grad(self.verdict(x).sum(), x, create_graph=True)
        squared: Tensor = slope.square().flatten(1).sum(1).mean()
        return 0.5 * self.params.r1 * squared

    def charges(self, step: int) -> bool:
        """Whether R1 is charged at a step."""
        return self.params.r1 > 0 and not self.params.spectral and step % self.params.r1_every == 0

    # ------------------------------------------------ what the loop asks

    def step(self, batch: Batch, moment: Moment, final: Moment, rate: float) -> Tensor:
        row = self._play(batch, moment, len(batch.images), rate)
        if self.only != DISCRIMINATOR:
            self._take_average()
        return row

    def _play(self, batch: Batch, moment: Moment, count: int, rate: float | None) -> Tensor:
        """The row of one exchange over `count` made images; without a `rate` nothing is learned from it."""
        made = self.make(batch, count)
        values = self._play_discriminator(batch, made, moment, rate)
        passed = generator_loss(self.judge(made, batch, moment), self.params)
        pulls = self._descend(GENERATOR, self.made_by, passed, rate)
        return row_of(values | {"generator": passed, "generator_norm": pulls, "spread": spread_of(made)})

    def _play_discriminator(
        self, batch: Batch, made: Tensor, moment: Moment, rate: float | None
    ) -> dict[str, Tensor]:
        """The discriminator's half of an exchange, with made images (M, C, H, W); the terms that come of it."""
        real, fake = self.judge(batch.images, batch, moment), self.judge(made.detach(), batch, moment)
        against = discriminator_loss(real, fake, self.params)
        # charged at every so many steps, it counts as if at each (Karras et al. 2020, "lazy regularisation")
        times = 1 if rate is None else self.params.r1_every
        charged = self.charges(0 if rate is None else moment.step)
        penalty = times * self.penalty(batch.images) if charged else against.new_zeros(())
        pulled = self._descend(DISCRIMINATOR, self.judged_by, against + penalty, rate)
        return {
            "discriminator": against, "penalty": penalty, "real_output": real.sigmoid().mean(),
            "made_output": fake.sigmoid().mean(), "discriminator_norm": pulled,
        }  # fmt: skip

    def _descend(self, part: str, weights: list[nn.Parameter], loss: Tensor, rate: float | None) -> Tensor:
        """A step of one part's optimiser, unless the other part alone is to learn; the norm of its gradient, ()."""
        gradients = torch.autograd.grad(loss, weights)
        if rate is not None and self.only in (None, part):
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            self.adams[part].step(rate)
        norm: Tensor = torch.stack([g.float().norm() for g in gradients]).norm()
        return norm

    @torch.no_grad()
    def _take_average(self) -> None:
        self.steps += 1
        decay = min(
            self.params.average, self.steps / (9 + self.steps)
        )  # the first steps' weights soon count for nothing
        for average, weight in zip(self.average.parameters(), self.made_by, strict=True):
            average.lerp_(weight, 1 - decay)
        self.stale = True

    def evaluate(
        self, batch: Batch, moment: Moment, final: Moment, first: int
    ) -> tuple[Tensor, Tensor | None]:
        """The same terms, of images that are not learned from against a step's worth of made ones."""
        return self._play(batch, moment, self.config.training.batch_size, None), None

    def end_epoch(self, feed: Feed) -> None:
        """Nothing is taken from the training images between epochs."""

    def encode(self, images: Tensor) -> Tensor:
        """Raises NoEncoder."""
        return self.model.encode(images).mean

    def decode(self, codes: Tensor) -> Tensor:
        self._show()
        with torch.no_grad(), self.autocast():
            return self.model.decode(codes)

    def _show(self) -> None:
        if self.stale:
            fold(self.average, self.model.decoder, self.codes)
            self.stale = False

    def weights(self) -> dict[str, Tensor]:
        self._show()
        return copies(self.model.state_dict())

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        self.model.load_state_dict(dict(weights))
        for network in (self.live, self.average):
            unfold(self.model.decoder, network, self.codes)

    def optimiser_state(self) -> dict[str, Tensor]:
        state = {f"{part}/{k}": v for part, adam in self.adams.items() for k, v in adam.state().items()}
        for name, network in (("live", self.live), ("average", self.average)):
            state |= {f"{name}/{k}": v for k, v in copies(network.state_dict()).items()}
        return state | {"steps": torch.tensor(self.steps)}

    def load_optimiser(self, state: Mapping[str, Tensor]) -> None:
        for part, adam in self.adams.items():
            adam.load(below(state, f"{part}/"))
        self.live.load_state_dict(below(state, "live/"))
        self.average.load_state_dict(below(state, "average/"))
        self.steps, self.stale = int(state["steps"]), True
