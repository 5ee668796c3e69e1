"""What Represent is asked."""

from __future__ import annotations

from dataclasses import dataclass

from vae_core.options import option
from vae_core.uses.registry import UseSettings


@dataclass(frozen=True)
class Represent(UseSettings):
    """What is asked of Represent."""

    transfer: bool = option(
        False,
        help="also measure how many images a network needs, from scratch and when it starts from one that learned another set; "
        "this trains networks, for minutes",
        title="data need and transfer",
    )
    images: int = option(
        5_000, help="training images whose labels may be told, at most", unit="images", minimum=20, maximum=60_000, advanced=True
    )  # fmt: skip
    test: int = option(
        2_000, help="test images to name, at most", unit="images", minimum=20, maximum=20_000, advanced=True
    )
    repeats: int = option(
        5,
        help="choices of the labelled images, over which intervals are",
        minimum=2,
        maximum=30,
        advanced=True,
    )
    neighbours: int = option(
        5, help="nearest labelled images that vote; never more than a class has labels", minimum=1, maximum=50, advanced=True,
    )  # fmt: skip
    start_from: str = option(
        "", help="run that the transfer starts from, of the same model, D, side and channels; empty trains one on another set",
        title="start from", advanced=True,
    )  # fmt: skip
    most_images: int = option(
        3_000, help="data need: the most images to train on", unit="images", minimum=100, maximum=60_000, advanced=True
    )  # fmt: skip
    steps: int = option(
        400, help="data need: steps of each network", unit="steps", minimum=10, maximum=20_000, advanced=True
    )
    trainings: int = option(
        3, help="data need: networks for each number of images, over which intervals are", minimum=1, maximum=10, advanced=True
    )  # fmt: skip
