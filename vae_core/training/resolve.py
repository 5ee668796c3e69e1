"""What a config leaves to the program, decided for this machine and dataset, and stored with the run."""

from __future__ import annotations

import dataclasses
import math
import platform
from typing import Any

import torch

from vae_core.config import RunConfig
from vae_core.data import find_spec
from vae_core.data.imageset import ImageSet
from vae_core.devices import choose_device, choose_precision, core_count
from vae_core.errors import BadConfig
from vae_core.models.build import choose_side, forward_flops
from vae_core.places import Places
from vae_core.training.defaults import settle
from vae_core.training.plan import Plan
from vae_core.training.team import why_no_team

NOMINAL_FLOPS = {"cpu": 50e9, "cuda": 5e12, "mps": 1e12}  # to turn a network's cost into "about" seconds


def resolve(config: RunConfig, data: ImageSet) -> RunConfig:
    """Replace every "0 or auto chooses" by what it is on this machine and dataset.

    The result is what a run stores and what makes it repeatable. What follows the images is chosen as `settle` does
    without a clock. Raises BadConfig.
    """
    config = settle(config, data)
    shape = data.shape
    device = choose_device(config.training.device)
    images = len(config.data.split(data).train)
    batch = min(config.training.batch_size, images)
    if why := why_no_team(config.training.gpus, device, batch):
        raise BadConfig(why)
    flops = 3 * forward_flops(config, shape) * batch  # backward costs about two forwards
    step_seconds = flops / NOMINAL_FLOPS[device]
    total = (images // batch) * (config.training.epochs + sum(config.training.continued))
    log_every = max(1, min(20, round(0.2 / step_seconds)), math.ceil(total / 5_000))
    training = dataclasses.replace(
        config.training,
        device=device,
        batch_size=batch,
        precision=choose_precision(config.training.precision, device),
        threads=config.training.threads or core_count(),
        log_every=config.training.log_every or log_every,
        checkpoint_every=config.training.checkpoint_every or max(10, round(30 / step_seconds)),
    )
    return dataclasses.replace(
        config, data=dataclasses.replace(config.data, side=shape[1]), training=training
    )


def side_of(config: RunConfig, places: Places) -> int:
    """The side in pixels that a run of these settings trains at. Raises UnknownDataset, BadConfig, BadImages."""
    return choose_side(config, find_spec(config.data.dataset, places).sides)


def plan_of(config: RunConfig, data: ImageSet) -> Plan:
    """The plan of a run of these settings on this machine, with the settings resolved. Raises BadConfig, BadImages."""
    resolved = resolve(config, data)
    return Plan(resolved, len(resolved.data.split(data).train))


def machine_of(config: RunConfig) -> dict[str, Any]:
    """What, besides the config, decides whether a run repeats bit for bit."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "device": config.training.device,
        "threads": config.training.threads,
        "precision": config.training.precision,
    }
