"""What two networks play against each other: settings, terms and losses of a GAN. torch is imported where it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_core.objectives.terms import ForwardPass, Moment, Term, Values
from vae_core.options import Options, option

if TYPE_CHECKING:
    from torch import Tensor

PARTS = GENERATOR, DISCRIMINATOR = "generator", "discriminator"
LOGISTIC, HINGE = "non_saturating", "hinge"


@dataclass(frozen=True)
class GanParams(Options):
    game: str = option(
        LOGISTIC,
        help="non_saturating is cross-entropy, steadied by R1; hinge is steadied by spectral normalisation instead",
        values=(LOGISTIC, HINGE),
        title="loss",
    )
    r1: float = option(
        1.0,
        help="weight γ of R1, which keeps the discriminator flat around real images (non_saturating alone)",
        minimum=0.0,
        maximum=1000.0,
        title="R1 weight γ",
    )
    r1_every: int = option(
        4, help="steps between two that R1 is charged at", unit="steps", minimum=1, maximum=64, advanced=True,
        title="R1 every",
    )  # fmt: skip
    noise: float = option(
        0.0,
        help="instance noise: standard deviation of what is added to real and made images at first; it falls to 0",
        unit="pixel value",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
        title="instance noise",
    )
    average: float = option(
        0.995,
        help="decay of the average of the generator's weights over steps, which is what is shown; 0 shows the last ones",
        minimum=0.0,
        maximum=0.9999,
        advanced=True,
        title="average of weights",
    )
    beta1: float = option(
        0.0, help="Adam's decay of gradients", minimum=0.0, maximum=0.99, advanced=True, title="Adam β₁"
    )
    beta2: float = option(
        0.99, help="Adam's decay of squared gradients", minimum=0.1, maximum=0.9999, advanced=True, title="Adam β₂"
    )  # fmt: skip

    @property
    def spectral(self) -> bool:
        """Whether the discriminator's layers are normalised by their largest singular value."""
        return self.game == HINGE


OUTPUT, NORM = "share judged real", "gradient norm"
GAME, JUDGED = "Both losses", "Taken for real"  # charts
LOSS = "loss per image"
TERMS = (
    Term("generator", "generator loss", "generator", "−log D(G(z)); hinge: −d(G(z))", LOSS,
         help="how badly made images pass for real ones", chart=GAME),
    Term("discriminator", "discriminator loss", "discrim.",
         "−log D(x) − log(1 − D(G(z))); hinge: max(0, 1 − d(x)) + max(0, 1 + d(G(z)))", LOSS, weight=None,
         help="how badly real and made images are told apart, without R1", chart=GAME),
    Term("penalty", "R1 penalty", "R1", "γ/2 · ‖∇ₓ d(x)‖²", LOSS, weight=None,
         help="how steep the discriminator is at real images", chart=GAME),
    Term("real_output", "D of real images", "D(real)", "mean D(x)", OUTPUT, weight=None,
         help="real images that the discriminator takes for real: near 1 with D(made) near 0 it has won", chart=JUDGED),
    Term("made_output", "D of made images", "D(made)", "mean D(G(z))", OUTPUT, weight=None,
         help="made images that the discriminator takes for real: 0.5 is a draw", chart=JUDGED),
    Term("generator_norm", "generator's gradient", "‖∇G‖", "‖∇ generator loss‖", NORM, weight=None,
         help="how hard the generator is pulled: near 0 it learns nothing"),
    Term("discriminator_norm", "discriminator's gradient", "‖∇D‖", "‖∇ discriminator loss‖", NORM, weight=None,
         help="how hard the discriminator is pulled"),
    Term("spread", "spread of made images", "spread", "√ mean (G(z) − mean G(z))²", "pixel value", weight=None,
         help="how much made images differ: a fall to near 0 is collapse, every code gives the same image"),
)  # fmt: skip


def no_terms(forward: ForwardPass, params: GanParams, moment: Moment) -> Values:
    """Nothing: no single forward pass gives a game's terms; its learner does (training/adversarial.py)."""
    return {}


def discriminator_loss(real: Tensor, made: Tensor, params: GanParams) -> Tensor:
    """Outputs d(x) and d(G(z)), (B,) each -> ().

    Goodfellow et al. 2014, eq. 1; the hinge of Lim & Ye 2017 and Miyato et al. 2018, eq. 16.
    """
    from torch.nn.functional import softplus

    if params.game == HINGE:
        return (1 - real).relu().mean() + (1 + made).relu().mean()
    return softplus(-real).mean() + softplus(made).mean()


def generator_loss(made: Tensor, params: GanParams) -> Tensor:
    """Outputs d(G(z)) (B,) -> (). Non-saturating: Goodfellow et al. 2014, sec. 3; hinge: Miyato et al. 2018, eq. 17."""
    from torch.nn.functional import softplus

    return -made.mean() if params.game == HINGE else softplus(-made).mean()


def row_of(values: Mapping[str, Tensor]) -> Tensor:
    """Loss and objective, which are the generator's, then every term: as a learner's rows are."""
    import torch

    loss = values["generator"]
    return torch.stack((loss, loss, *(values[term.name] for term in TERMS))).detach().float()
