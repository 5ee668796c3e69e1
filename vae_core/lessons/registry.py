"""The lessons, by number. To add one: a module with `build(material, pair) -> Lesson`, and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from vae_core.lessons.lesson import Lesson

if TYPE_CHECKING:
    from vae_core.lessons.material import Material


@dataclass(frozen=True)
class Entry:
    """A lesson before it is built: its module, its title, what one can say afterwards, how long it takes
    and how many screens it has."""

    module: str
    title: str
    aim: str
    minutes: int
    screens: int

    def build(self, material: Material, pair: tuple[Material, Material]) -> Lesson:
        """The lesson on this material; `pair` is a plain autoencoder and a VAE that differ in nothing else."""
        make: Callable[[Material, tuple[Material, Material]], Lesson] = import_module(
            f"vae_core.lessons.{self.module}"
        ).build
        return make(material, pair)


LESSONS: dict[int, Entry] = {
    1: Entry(
        "squeeze", "Squeeze and rebuild",
        "You can say what encoder, code and decoder are, what a short code costs, and why a plain autoencoder leaves gaps.", 8, 8,
    ),
    2: Entry(
        "clouds", "Points become clouds",
        "You can say what a posterior is, what the prior is for, and why their overlap fills the space.", 8, 7,
    ),
    3: Entry(
        "trick", "The reparameterisation trick",
        "You can say why noise enters from the side, what that spares, and why the network gives log σ².", 9, 8,
    ),
    4: Entry(
        "forces", "Two forces",
        "You can say what distortion and rate are, what β trades, and how a posterior collapses and heals.", 10, 7,
    ),
    5: Entry(
        "walking", "Walking the space",
        "You can move through codes on purpose, and say what a picture between two images shows and what it cannot.", 9, 8,
    ),
    6: Entry(
        "blur", "Why blurry, and what a GAN does instead",
        "You can say why the best single guess is soft, what each likelihood asks for, and what a GAN gains and may lose.", 8, 7,
    ),
    7: Entry(
        "good_for", "What it is good for",
        "You can say when a VAE takes noise off, what its scores miss, what a code costs, and how to probe a classifier with one.", 10, 8,
    ),
}  # fmt: skip
