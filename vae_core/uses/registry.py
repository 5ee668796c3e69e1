"""The uses, by name. To add one: a module with `SETTINGS`, `VERSION` and `measure`, and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vae_core.data.imageset import Progress
from vae_core.options import Options, option

if TYPE_CHECKING:
    from vae_core.uses.found import Found
    from vae_core.uses.subject import Subject


@dataclass(frozen=True)
class UseSettings(Options):
    """What every use is asked; a use's own settings extend it."""

    beta: float = option(
        0.0, help="of a β dial: the point of its curve; 0 for a run without one", minimum=0.0, advanced=True, title="β"
    )  # fmt: skip
    seed: int = option(
        0, help="of noise, of choices among images and of small networks", minimum=0, maximum=2**31 - 1, advanced=True
    )  # fmt: skip


Measure = Callable[["Subject", Any, Progress], "Found"]


@dataclass(frozen=True)
class Use:
    """A use of a VAE.

    question: what it answers, one sentence; means: of each metric what it says, for a person who asks; changes: what would
    change the numbers, one or two sentences. Its module is imported when it is first asked for: settings and formulas cost
    no more than they must.
    """

    name: str
    title: str
    question: str
    means: Mapping[str, str]
    changes: str

    @cached_property
    def _module(self) -> Any:
        return import_module(f"vae_core.uses.{self.name}")

    @property
    def settings(self) -> type[UseSettings]:
        """The dataclass of its settings."""
        found: type[UseSettings] = self._module.SETTINGS
        return found

    @property
    def version(self) -> int:
        """Raised whenever the same run and settings would give other numbers."""
        found: int = self._module.VERSION
        return found

    @property
    def measure(self) -> Measure:
        """(subject, settings, progress) -> found. Raises VaeCoreError with a sentence; what progress raises ends it."""
        found: Measure = self._module.measure
        return found


PSNR = "Peak signal-to-noise ratio: −10 log₁₀ of the mean squared error of pixels in [0, 1], in dB; the mean over images. 1 dB is a fifth of the error."
SSIM = "Structural similarity (Wang et al. 2004): 1 is equal, 0 is nothing in common; it looks at small windows, as an eye does."
ACCURACY = "Share of test images that get their own label."

_ALL = (
    Use(
        "denoise", "Denoise",
        "Can a VAE take noise off an image, and does it do so better than a filter?",
        {
            "PSNR": PSNR,
            "SSIM": SSIM,
            "gain": "PSNR over that of the best baseline at the same level, image by image; below 0 it loses to it.",
        },
        "A network trained to denoise, more latent dimensions and noise like that of training help; a VAE trained on clean "
        "images has never seen noise.",
    ),
    Use(
        "anomaly", "Anomalies",
        "Can a VAE tell images that are unlike those it learned from?",
        {
            "AUROC": "Chance that an odd image scores above a usual one: 0.5 is a coin, 1 tells all apart, below 0.5 is the wrong way round.",
            "average precision": "Mean precision over all thresholds, the area under precision and recall; a coin has the share of odd images.",
        },
        "What is left out, which score is used, and how complex the images are: a likelihood may prefer simple images it has "
        "never seen.",
    ),
    Use(
        "augment", "Augment",
        "With few labelled images, does adding images that a VAE made help a classifier?",
        {
            "accuracy": ACCURACY,
            "gain": "Accuracy above that of the same classifier without made images, on the same labelled ones.",
            "gain over crops": "Accuracy above that with the better of crops, and flips and crops.",
            "kept class": "Share of made images that a classifier of all training labels puts into the class they were made of; it learned no moved or mirrored images, so it is strict with crops and flips.",
        },
        "The number of labelled images, how many unlabelled ones the VAE has seen, and whether mirrored or moved images keep "
        "their class.",
    ),
    Use(
        "compress", "Compress",
        "How many bytes does an image take as a code, and how good is it when it is opened again?",
        {
            "bytes": "Size of the file over its images, headers counted.",
            "PSNR": PSNR,
            "SSIM": SSIM,
            "share of PCA's bytes": "Bytes of the VAE's file over those of PCA's of equal PSNR, through the same coder.",
            "bits": "The model's rate, KL(q‖p) over ln 2: what an ideal coder would pay for a posterior sample.",
            "decoder": "Size of what must be there to open a file: the decoder's weights, or PCA's mean and components.",
        },
        "The latent dimensions, β (more of it costs fewer bits) and how finely codes are rounded.",
    ),
    Use(
        "represent", "Represent",
        "Do codes need fewer labels than pixels to tell classes apart?",
        {
            "accuracy": ACCURACY,
            "−ELBO": "Negative evidence lower bound on test images, nats per image; lower is better.",
        },
        "The number of labels, latent dimensions, β, and whether the encoder learned from images like these.",
    ),
    Use(
        "synthesize", "Synthesize",
        "Are the images it draws new, and what can it draw that it never saw?",
        {
            "distance": "Root mean square difference of pixels to the nearest training image, as a share of a pixel's range.",
            "copies": "Share nearer to a training image than the nearest 5 % of real test images are, which no one learned from: "
            "0.05 is chance. Blurred images are nearer to everything.",
            "copies, blur allowed": "The same against reconstructions of test images, which are as blurred as what is drawn and "
            "cannot be copies.",
            "Fréchet distance": "Between features of drawn and of training images: 0 is alike; it compares models of the same images alone.",
            "right class": "Share of images that a small classifier names as the class they were asked for.",
            "combination": "Share of images in which a small classifier finds both values of the combination that was left out.",
            "error": "Root mean square difference of pixels to the real images of the combination, as a share of a pixel's range.",
        },
        "Where codes are drawn from, the temperature, and β.",
    ),
)  # fmt: skip
USES = {use.name: use for use in _ALL}
