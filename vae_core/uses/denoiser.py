"""A small VAE that is trained to denoise a run's images, once, and kept for all runs on the same images and splits.

<home>/derived/denoisers/<fingerprint>-<split>-<noise>-<D>-<steps>.safetensors
<assets>/denoisers/..., where one is shipped
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vae_core.config import ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import VaeCoreError
from vae_core.evaluation.small_network import file_name, kept, kept_or_trained, write
from vae_core.inference import LoadedModel
from vae_core.models.networks import ARCHITECTURES
from vae_core.objectives.likelihoods import GaussianParams
from vae_core.objectives.losses import BetaParams
from vae_core.objectives.noises import NOISES
from vae_core.options import Choice, from_json, to_json
from vae_core.places import Places
from vae_core.runs.record import Record
from vae_core.training import machine_of
from vae_core.training.plan import Plan
from vae_core.uses.subject import learned

KIND = "denoiser"
VERSION = 1  # raise it whenever the same images would give another network
BETA = 0.01  # little is charged for the code: what it costs is no matter here, and a rate blurs
SIGMA = (
    0.1  # of the Gaussian likelihood, by which the posterior mean is judged by squared error, as PSNR does
)
WIDTH = 16  # channels of its first convolution
BATCH, PIXELS, LEARNING_RATE = (
    64,
    64 * 32 * 32,
    4e-3,
)  # images a step, fewer where they have more pixels than that in all


def settings(
    config: RunConfig, data: ImageSet, noise: str, highest: float, dims: int, steps: int
) -> RunConfig:
    """Of the network: the images and splits of a run's `config`, noise on the input at levels up to `highest`."""
    channels, side, _ = data.shape
    name, chosen = ("conv", {"width": WIDTH}) if ARCHITECTURES["conv"].accepts(side) else ("mlp", {})
    network = Choice(name, ARCHITECTURES[name].params(**chosen))
    level: Any = NOISES[noise].params
    found = RunConfig(
        config.data,
        ModelConfig(network, dims),
        ObjectiveConfig(
            Choice("beta_vae", BetaParams(BETA)),
            Choice("gaussian", GaussianParams(SIGMA)),
            input_noise=Choice(noise, level(highest)),
        ),
        TrainingConfig(
            epochs=1, batch_size=BATCH, learning_rate=LEARNING_RATE, device="cpu", threads=torch.get_num_threads(),
            checkpoint_every=1_000_000,
        ),
    )  # fmt: skip
    images = len(found.data.split(data).train)
    found = _with(found, batch_size=min(images, max(16, min(BATCH, PIXELS // (channels * side * side)))))
    return _with(found, epochs=max(1, round(steps / Plan(found, images).steps_per_epoch)))


def denoiser_of(
    places: Places, config: RunConfig, data: ImageSet, noise: str, highest: float, dims: int, steps: int, *,
    progress: Progress = silent,
) -> LoadedModel:  # fmt: skip
    """The network, trained on the first call and read after that. `config` says which images a run trains on; it gets no others.

    Raises BadImages or BadConfig where it cannot be trained on them.
    """

    return kept_or_trained(
        KIND, VERSION, places, config, data, _read,
        lambda: trained(config, data, noise, highest, dims, steps, progress=progress),
        _kept_form, beside=beside(noise, highest, dims, steps),
    )  # fmt: skip


def trained(
    config: RunConfig, data: ImageSet, noise: str, highest: float, dims: int, steps: int, *, progress: Progress = silent
) -> LoadedModel:  # fmt: skip
    """The network, trained now. Raises as `denoiser_of`."""
    chosen = settings(config, data, noise, highest, dims, steps)
    found = learned(chosen, data, progress, name="a VAE to denoise")
    return _built(*_described(found))  # as it will be read: kept weights are rounded


def beside(noise: str, highest: float, dims: int, steps: int) -> str:
    """What tells denoisers of the same images apart, in their files' names."""
    return f"{noise}-{highest:g}-{dims}-{steps}"


def find(places: Places, name: str) -> LoadedModel | None:
    """The network kept under a file's name; None where it is not on this machine."""
    return kept(KIND, VERSION, places, Path(name).name, _read)


def name_of(config: RunConfig, data: ImageSet, noise: str, highest: float, dims: int, steps: int) -> str:
    """Of its file."""
    return file_name(config, data, beside(noise, highest, dims, steps))


def ship(folder: Path, name: str, found: LoadedModel) -> Path:
    """Write it into `folder`, to be shipped; gives its file."""
    path = folder / name
    write(path, KIND, VERSION, *_kept_form(found))
    return path


def _described(found: LoadedModel) -> tuple[dict[str, Any], dict[str, Tensor]]:
    said = {"config": to_json(found.config), "shape": list(found.shape)}
    # half the bytes, and a thousandth of a pixel's range at the most
    return said, {name: value.half() for name, value in found.model.state_dict().items()}


def _kept_form(found: LoadedModel) -> tuple[nn.Module, dict[str, Any]]:
    return copy.deepcopy(found.model).half(), _described(found)[0]


def _read(described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> LoadedModel:
    """Raises ValueError for what does not make a network."""
    try:
        return _built(described, weights)
    except VaeCoreError as error:
        raise ValueError(str(error)) from None


def _built(described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> LoadedModel:
    config = from_json(RunConfig, described["config"], unknown=[])
    record = Record(
        "denoiser", "denoiser", None, config, config, machine_of(config), {"shape": list(described["shape"])}
    )
    return LoadedModel(record, {name: value.float() for name, value in weights.items()}, "denoiser", "cpu")


def _with(config: RunConfig, **changes: Any) -> RunConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))
