"""The learner of a VAE-GAN: a finished VAE's decoder goes on learning against a discriminator, and its encoder stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.models.build import make_model
from vae_core.models.gan import Gan, discriminator_like, inner_layer
from vae_core.models.networks import Shape, build
from vae_core.models.vae import Posterior, Vae
from vae_core.objectives.adversarial import DISCRIMINATOR, GENERATOR, generator_loss
from vae_core.objectives.rate import kl_per_dim
from vae_core.objectives.sharpening import VaeGanParams
from vae_core.objectives.terms import Batch, Moment, parts_of, weighted_sum
from vae_core.training.adversarial import GanLearner, spread_of
from vae_core.training.feed import Feed
from vae_core.training.tensors import below, copies

OWN_ERROR_IMAGES = 2_000  # training images that the VAE's own error is taken from
LEAST_ERROR = (0.5 / 255) ** 2  # of a pixel: what rounding to uint8 leaves


class VaeGanLearner(GanLearner):
    """One step of the discriminator, then one of the decoder, on rebuilt images and on images of random codes.

    Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric", algorithm 1, for a decoder alone. What
    is stored is a VAE's network, its decoder the average over steps; discriminator and learning decoder are part of what the
    optimisers remember.
    """

    has_encoder = True
    model: Vae
    params: VaeGanParams

    def __init__(self, config: RunConfig, shape: Shape, dataset_size: int, device: torch.device) -> None:
        super().__init__(config, shape, dataset_size, device)
        self.terms, self.dims = config.objective.terms, config.model.latent_dim
        self.inner = inner_layer(self.discriminator)
        self.own_error = torch.ones(
            (), device=device
        )  # of the VAE that it starts from, squared, a pixel value
        self.parameters += list(self.model.encoder.parameters())

    def networks(self, shape: Shape) -> tuple[Vae | Gan, nn.Module, nn.Sequential]:
        model, settings = make_model(self.config, shape), self.config.model
        assert isinstance(model, Vae)
        model.requires_grad_(False).eval()
        dims = settings.latent_dim
        encoder, _ = build(settings.architecture.name, settings.architecture.params, shape, dims)
        judge = discriminator_like(encoder, dims, spectral=self.params.spectral)
        return model, copy.deepcopy(model.decoder).requires_grad_(True), judge

    def prepare(self, feed: Feed) -> None:
        """Measure the error of the VAE that it starts from, on training images."""
        every = max(1, len(feed.train) // OWN_ERROR_IMAGES)
        index = torch.from_numpy(feed.train[::every][:OWN_ERROR_IMAGES])
        generator = torch.Generator(self.device).manual_seed(self.config.training.seed + 3)
        total = torch.zeros((), device=self.device)
        with torch.no_grad():
            for part in torch.split(index, 250):
                images = feed.floats(part)
                rebuilt = self.draw(self.read(images).sample(generator))
                total += (rebuilt - images).square().mean() * len(part)
        self.own_error = (total / len(index)).clamp_min(LEAST_ERROR)

    # ------------------------------------------------ one pass

    def read(self, images: Tensor) -> Posterior:
        with torch.no_grad(), self.autocast():
            return self.model.encode(images)

    def draw(self, codes: Tensor) -> Tensor:
        """Codes (B, D) -> images (B, C, H, W) of the decoder that learns."""
        with self.autocast():
            logits = self.live(codes)
        drawn: Tensor = logits.float().sigmoid().contiguous(memory_format=self.layout)
        return drawn

    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(features, outputs (B,)) of the discriminator."""
        with self.autocast():
            features = self.discriminator[: self.inner](images)
            outputs = self.discriminator[self.inner :](features).flatten()
        return features.float(), outputs.float()

    # ------------------------------------------------ what the loop asks

    def step(self, batch: Batch, moment: Moment, final: Moment, rate: float) -> Tensor:
        row, _ = self._exchange(batch, moment, final, len(batch.images), rate)
        if self.only != DISCRIMINATOR:
            self._take_average()
        return row

    def evaluate(
        self, batch: Batch, moment: Moment, final: Moment, first: int
    ) -> tuple[Tensor, Tensor | None]:
        return self._exchange(batch, moment, final, self.config.training.batch_size, None)

    def _exchange(
        self, batch: Batch, moment: Moment, final: Moment, count: int, rate: float | None
    ) -> tuple[Tensor, Tensor]:
        """(row, code means (B, D)) of one exchange with `count` drawn images; without a `rate` nothing is learned from it."""
        images, posterior = batch.images, self.read(batch.images)
        codes = torch.cat(
            (posterior.sample(batch.generator), batch.noise(count, self.config.model.latent_dim))
        )
        made = self.draw(codes)
        rebuilt, drawn = made[: len(images)], made[len(images) :]
        played = self._play_discriminator(batch, made, moment, rate)

        kl = kl_per_dim(posterior).mean(0)
        features, outputs = self.look(made)
        with torch.no_grad():
            wanted, _ = self.look(images)
        values = {
            # over their own size: a discriminator that learns its images by heart makes them ever larger
            "features": (features[: len(images)] - wanted).square().mean() / wanted.square().mean().clamp_min(1e-9),
            "pixels": (rebuilt - images).square().mean() / self.own_error,
            "generator": generator_loss(outputs, self.params),
            "drawn_sharpness": detail(drawn) / detail(images), "rebuilt_sharpness": detail(rebuilt) / detail(images),
            "spread": spread_of(drawn), "rate": kl.sum(), **played,
        }  # fmt: skip
        loss = weighted_sum(self.terms, values, moment)
        values["generator_norm"] = self._descend(GENERATOR, self.made_by, loss, rate)
        parts = parts_of(self.terms, values, moment)
        row = torch.stack((
            loss, loss if final is moment else weighted_sum(self.terms, values, final),
            *(values[t.name] for t in self.terms), *(parts[t.name] for t in self.terms if t.weight),
        )).detach()  # fmt: skip
        return torch.cat((row.float(), kl)), posterior.mean

    def encode(self, images: Tensor) -> Tensor:
        return self.read(images).mean

    def optimiser_state(self) -> dict[str, Tensor]:
        judge = {f"judge/{k}": v for k, v in copies(self.discriminator.state_dict()).items()}
        return super().optimiser_state() | judge | {"own_error": self.own_error.cpu().clone()}

    def load_optimiser(self, state: Mapping[str, Tensor]) -> None:
        super().load_optimiser(state)
        self.discriminator.load_state_dict(below(state, "judge/"))
        self.own_error = state["own_error"].to(self.device)


def detail(images: Tensor) -> Tensor:
    """Variance of the Laplacian of images (B, C, H, W), colours averaged, the mean over images, (): see metrics/sharpness.py."""
    grey = images.detach().float().mean(1, keepdim=True)
    kernel = grey.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])[None, None]
    return F.conv2d(grey, kernel).flatten(1).var(1, correction=0).mean().clamp_min(1e-9)
