"""A trained model ready to use: batching, device, no gradients. Arrays in, arrays out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.config import RunConfig
from vae_core.data.imageset import Progress, silent
from vae_core.devices import choose_device
from vae_core.errors import BadConfig, BadRun, NoEncoder
from vae_core.inference.codes import Codes, Rows
from vae_core.inference.prepare import check_codes, prepare_images
from vae_core.models.build import make_model
from vae_core.models.gan import NO_ENCODER, Gan
from vae_core.models.multi_rate import folded
from vae_core.models.vae import Vae
from vae_core.places import Places
from vae_core.runs.record import Record
from vae_core.runs.run import Run
from vae_core.runs.store import Store

BATCH = 256


class LoadedModel:
    """A run's network, loaded. `images` are (N, C, H, W) uint8 or floats in [0, 1]; codes are (N, D).

    numpy arrays or tensors go in, numpy arrays come out. Of a β dial it is the plain network at one β, 1 unless
    another is given; `at_beta` gives it at another. `beta` is None for a run without a dial.
    """

    def __init__(
        self,
        record: Record,
        weights: dict[str, Tensor],
        stamp: str,
        device: str = "auto",
        *,
        beta: float = 1.0,
    ) -> None:
        if record.shape is None:
            raise BadRun(f"the run {record.id} never started, so there is nothing to load")
        self.record, self.stamp = record, stamp
        self.config = record.effective
        self.shape = record.shape
        self.device = torch.device(choose_device(device))
        with torch.random.fork_rng(devices=[]):
            self.model: Vae | Gan = make_model(self.config, self.shape)
        try:
            self.model.load_state_dict(weights)
        except RuntimeError as error:
            raise BadRun(f"the run {record.id}: its weights do not fit its settings: {error}") from None
        self.beta: float | None = None
        self.gated: dict[str, Tensor] | None = None  # of a dial: its weights with the gates
        if (dial := self.config.objective.dial) is not None:
            self.beta, self.gated = dial.check(beta), dict(weights)
            with torch.random.fork_rng(devices=[]):
                self.model = make_model(self.config, self.shape, gated=False)
            self.model.load_state_dict(folded(self.gated, dial, self.beta))
        self.model.eval().requires_grad_(False).to(self.device)

    @property
    def latent_dim(self) -> int:
        return self.config.model.latent_dim

    @property
    def has_encoder(self) -> bool:
        """Whether images have codes; those of a GAN have none."""
        return isinstance(self.model, Vae)

    @property
    def vae(self) -> Vae:
        """The network with its encoder. Raises NoEncoder where there is none."""
        if not isinstance(self.model, Vae):
            raise NoEncoder(NO_ENCODER)
        return self.model

    @property
    def has_prior(self) -> bool:
        """Whether codes from N(0, I) are what its decoder learned from; those of a plain autoencoder are not."""
        return self.stochastic or not self.has_encoder

    @property
    def stochastic(self) -> bool:
        """Whether the encoder gives a posterior; a plain autoencoder's gives a point."""
        return self.model.stochastic

    # ------------------------------------------------ the dial

    def at_beta(self, beta: float) -> LoadedModel:
        """The same run at another β of its dial, 0.1 to 10 unless it was trained otherwise.

        Its stamp is its own, as its codes are. Raises BadConfig beyond the dial, or for a run that has none.
        """
        if self.gated is None:
            raise BadConfig(
                f"the run {self.record.name} has no β dial: it was trained {_weight_of_the_rate(self.config)}. Train one with "
                "the objective multi_rate"
            )
        stamp = self.stamp.split("-")[0] + (f"-beta{float(beta)!r}" if beta != 1 else "")
        return LoadedModel(self.record, self.gated, stamp, str(self.device), beta=float(beta))

    def on(self, device: str) -> LoadedModel:
        """The same network on another device."""
        weights = self.model.state_dict() if self.gated is None else self.gated
        return LoadedModel(
            self.record, weights, self.stamp, device, beta=1.0 if self.beta is None else self.beta
        )

    # ------------------------------------------------ encode and decode

    def prepare(self, images: Any) -> np.ndarray:
        """Images as the run was trained on, uint8 (N, C, H, W): see `prepare.prepare_images` for what is taken."""
        return prepare_images(images, self.shape)

    def encode(self, images: Any, progress: Progress = silent) -> Codes:
        """Posteriors of images, see `prepare` for what is accepted."""
        return self._encode_prepared(self.prepare(images), progress)

    @torch.inference_mode()
    def _encode_prepared(self, x: np.ndarray, progress: Progress = silent) -> Codes:
        means, log_vars = [], []
        for start in range(0, len(x), BATCH):
            posterior = self.model.encode(self._floats(x[start : start + BATCH]))
            means.append(posterior.mean.cpu().numpy())
            log_vars.append(posterior.log_var.cpu().numpy())
            progress(
                min(1.0, (start + BATCH) / len(x)), f"{min(start + BATCH, len(x)):,} of {len(x):,} images"
            )
        if not means:
            empty = np.zeros((0, self.latent_dim), np.float32)
            return Codes(empty, empty)
        return Codes(np.concatenate(means), np.concatenate(log_vars))

    @torch.inference_mode()
    def decode(self, codes: Any) -> np.ndarray:
        """(N, D) or (D,) -> the likelihood's mean images, (N, C, H, W) float32 in [0, 1]."""
        z = self.check_codes(codes)
        parts = [
            self.model.decode(torch.from_numpy(z[i : i + BATCH]).to(self.device)).cpu().numpy()
            for i in range(0, len(z), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, *self.shape), np.float32)

    def decode_uint8(self, codes: Any) -> np.ndarray:
        """As `decode`, rounded to uint8 for showing."""
        found: np.ndarray = np.rint(self.decode(codes) * 255).astype(np.uint8)
        return found

    def check_codes(self, codes: Any) -> np.ndarray:
        """As float32 (N, D). Raises BadCodes for another shape, what is no number, or one that is not finite."""
        return check_codes(codes, self.latent_dim)

    def reconstruct(self, images: Any) -> np.ndarray:
        """Decode the posterior means of images: (N, C, H, W) float32."""
        return self.decode(self.encode(images).mean)

    def _floats(self, x: np.ndarray) -> Tensor:
        # a part of a memory-mapped file cannot be written to, of which torch warns: that is copied
        return torch.from_numpy(np.require(x, requirements=["C", "W"])).to(self.device) / 255

    # ------------------------------------------------ terms over many images

    @torch.inference_mode()
    def terms(
        self,
        images: np.ndarray | Rows,
        *,
        seed: int = 0,
        log_sigma: float | None = None,
        progress: Progress = silent,
    ) -> tuple[np.ndarray, Codes]:
        """Distortion of each image with one posterior sample, (N,) nats, and the codes. float32, seeded.

        `log_sigma` is the learned observation noise; None takes the value stored with the weights.
        """
        network = self.vae
        likelihood = self.config.objective.likelihood_entry
        params = self.config.objective.likelihood.params
        sigma = None
        if likelihood.learns_sigma:
            sigma = network.log_sigma if log_sigma is None else torch.tensor(log_sigma, device=self.device)
        generator = torch.Generator(self.device).manual_seed(seed)
        distortions, means, log_vars = [], [], []
        for start in range(0, len(images), BATCH):
            x = self._floats(images[start : start + BATCH])
            posterior = network.encode(x)
            z = posterior.sample(generator) if self.stochastic else posterior.mean
            found = likelihood.of(network.logits(z), x, params, sigma, network.features)
            distortions.append(found.cpu().numpy())
            means.append(posterior.mean.cpu().numpy())
            log_vars.append(posterior.log_var.cpu().numpy())
            progress(min(1.0, (start + BATCH) / len(images)), f"{min(start + BATCH, len(images)):,} images")
        codes = Codes(np.concatenate(means), np.concatenate(log_vars))
        return np.concatenate(distortions), codes


def load(
    ref: str | Path, home: str | Path | None = None, *, data_dir: str | Path | None = None, which: str = "last",
    device: str = "auto",
) -> LoadedModel:  # fmt: skip
    """Load a run by name or id: `run = vc.load("faces"); x = run.decode(run.encode(images).mean)`.

    `which` is last or best (lowest validation objective). Raises RunNotFound, BadRun.
    """
    run = Store(Places.find(home, data_dir)).find(str(ref))
    return load_run(run, which=which, device=device)


def load_run(run: Run, *, which: str = "last", device: str = "auto") -> LoadedModel:
    """Load a run of a store. Raises BadRun for one without weights, or with a damaged folder."""
    stamp = ""
    while stamp != run.stamp():  # a checkpoint may land while the weights are read
        stamp = run.stamp()
        weights = run.weights(which)
    return LoadedModel(run.record(), weights, stamp, device)


def _weight_of_the_rate(config: RunConfig) -> str:
    """How the rate was weighed in training, in words."""
    coefficients = config.objective.entry.coefficients
    if not coefficients:
        return "without a weighed rate"
    final = config.objective.final
    return f"at {' and '.join(f'{c.symbol} = {final[c.name]:g}' for c in coefficients)} alone"
