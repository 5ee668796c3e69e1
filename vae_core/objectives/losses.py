"""What is minimised: each objective as named terms of a batch, and the coefficients that weigh them.

To add one: a function (forward pass, parameters, moment) -> terms by name, a parameter dataclass if it needs one,
and one entry below. The loss is the weighted sum of the declared terms, so what is drawn adds up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vae_core.errors import BadConfig
from vae_core.models.multi_rate import Dial
from vae_core.objectives import adversarial, sharpening
from vae_core.objectives.attributes import (
    AdaGvaeParams,
    GuidedParams,
    ada_gvae_terms,
    guided_terms,
    named,
    shown_name,
    targets,
    with_factors,
)
from vae_core.objectives.rate import decompose_rate, rate_with_free_bits
from vae_core.objectives.terms import NATS, NEEDS, Coefficient, ForwardPass, Moment, Term, Values
from vae_core.options import Choice, Entry, NoParams, Options, option

if TYPE_CHECKING:
    import numpy as np

    from vae_core.data.imageset import ImageSet

# ---------------------------------------------------------------- parameters


@dataclass(frozen=True)
class BetaParams(Options):
    beta: float = option(
        4.0,
        help="weight of the rate (KL) term; 1 is the ELBO, more asks for fewer, cleaner dimensions",
        minimum=0.0,
        maximum=1000.0,
        title="β",
    )


@dataclass(frozen=True)
class CapacityParams(Options):
    capacity: float = option(
        25.0,
        help="rate that is asked for at the end; it grows linearly from 0",
        unit="nats per image",
        minimum=0.0,
        maximum=1000.0,
        title="final capacity C",
    )
    gamma: float = option(
        30.0,
        help="weight γ of the distance between rate and capacity",
        minimum=0.0,
        maximum=10000.0,
        title="γ",
        advanced=True,
    )
    growth: float = option(
        0.8,
        help="share of training over which the capacity grows",
        minimum=0.0,
        maximum=1.0,
        title="growth",
        advanced=True,
    )


@dataclass(frozen=True)
class MultiRateParams(Options):
    lowest_beta: float = option(
        0.1,
        help="β at the dial's lower end; training draws from half of it upwards",
        minimum=0.001,
        maximum=1.0,
        title="lowest β",
    )
    highest_beta: float = option(
        10.0,
        help="β at the dial's upper end; training draws up to twice as much",
        minimum=1.0,
        maximum=1000.0,
        title="highest β",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.highest_beta < 2 * self.lowest_beta:
            raise BadConfig(
                f"highest_beta: a dial from {self.lowest_beta:g} to {self.highest_beta:g} has nothing to turn; its "
                "ends must differ at least by a factor of 2"
            )

    @property
    def dial(self) -> Dial:
        """The βs the network answers for."""
        return Dial(self.lowest_beta, self.highest_beta)


# ---------------------------------------------------------------- an entry

LOWER_BETA = "Lower β, or let it warm up; the live β slider takes effect at once."


@dataclass(frozen=True)
class Objective(Entry):
    """A registry entry: what is minimised and what that makes possible.

    Attributes:
        formula: the loss, as a person reads it.
        terms: the named numbers `compute` gives, in the order in which they are added up and drawn.
        compute: (forward pass, parameters, moment) -> every declared term, () nats each.
        coefficients: the numbers that weigh terms or enter them, and may change while a run learns.
        short: name for pickers and tables.
        slug: name for default run names.
        learner: name of the entry in `training.learners.LEARNERS` that trains it.
        has_encoder: images can be encoded.
        has_posterior: the code of an image is a distribution, so there is a rate; else it is a point.
        has_likelihood: a likelihood gives the distortion.
        with_beta: (parameters, β) -> the same objective at that β; None where there is no single β to set.
        beta_vae: the loss is distortion + β · rate and nothing else.
        takes_free_bits: a rate that every dimension may use free of charge makes sense.
        one_process: why several processes cannot share a step of it, in half a sentence; empty where they can.
        no_input_noise: why noise on the images that are encoded makes no sense, in half a sentence; empty where it does.
        terms_move: its terms are functions of the moment too, so what the loss would be at the end has to be computed
            apart; elsewhere it is the same terms, weighed otherwise.
        stackable: its terms are functions of one forward pass, so several runs can be trained as one.
        needs: what each step must be given beside images, of `terms.NEEDS`.
        named: (parameters, images) -> the same, with what it takes from the images named; None where it takes nothing.
            Raises BadConfig where they do not have it.
        targets: (parameters, images, numbers of the training images, seed) -> what a batch carries as `targets` (N, T).
        dimension_names: (named parameters) -> names of the first dimensions, where it gives them meanings.
        changed: (parameters) -> factors in which a pair of images may differ, where it needs "pair".
        frozen: names of the model's parts whose weights stay as they are.
        goes_on: it starts from the weights of a finished run, a VAE of the same images and networks, and not from fresh ones.
        no_elbo: a sentence on why a run of it has no ELBO though it has a posterior; empty where it has.
        ranks_epochs: a lower objective on validation images means better weights; of a game it does not.
        parts: what a person may let learn alone for a step, as its learner names them.
        collapse_remedy: what to try when every image gets the same code.
        overflow_remedy: what usually helps when a number is not finite any more.
        learning_rate, rate_schedule: what "0" and "auto" take; batch_size, latent_dim: the same, 0 where the images decide.
        steps: that automatic epochs take, where there is time; least_passes: over the images, of a large set.
    """

    formula: str
    terms: tuple[Term, ...]
    compute: Callable[[ForwardPass, Any, Moment], Values]
    coefficients: tuple[Coefficient, ...] = ()
    short: str = ""
    slug: str = ""
    learner: str = "vae"
    has_encoder: bool = True
    has_posterior: bool = True
    has_likelihood: bool = True
    with_beta: Callable[[Any, float], Choice] | None = None
    beta_vae: bool = False
    takes_free_bits: bool = False
    one_process: str = ""
    no_input_noise: str = ""
    terms_move: bool = False
    stackable: bool = False
    needs: frozenset[str] = frozenset()
    named: Callable[[Any, ImageSet], Any] | None = None
    targets: Callable[[Any, ImageSet, np.ndarray, int], np.ndarray] | None = None
    dimension_names: Callable[[Any], tuple[str, ...]] = lambda params: ()
    changed: Callable[[Any], int] = lambda params: 1
    frozen: tuple[str, ...] = ()
    goes_on: bool = False
    no_elbo: str = ""
    ranks_epochs: bool = True
    parts: tuple[str, ...] = ()
    collapse_remedy: str = LOWER_BETA
    overflow_remedy: str = "A lower learning rate, a smaller β or a larger σ usually helps"
    learning_rate: float = 4e-3
    rate_schedule: str = "one_cycle"
    batch_size: int = 0
    latent_dim: int = 0
    steps: int = 2_000
    least_passes: int = 5

    def __post_init__(self) -> None:
        known = {c.name for c in self.coefficients}
        for term in self.terms:
            if term.weight and term.weight not in known:
                raise ValueError(f"{self.name}: the term {term.name} has an unknown weight {term.weight!r}")
        if unknown := self.needs - NEEDS:
            raise ValueError(f"{self.name}: needs {', '.join(sorted(unknown))}, which no batch carries")
        if ("targets" in self.needs) != (self.targets is not None):
            raise ValueError(f"{self.name}: needs targets and does not say how to make them, or the reverse")
        if sum(c.live for c in self.coefficients) > 1:
            raise ValueError(f"{self.name}: more than one coefficient is changed by hand")

    @property
    def has_elbo(self) -> bool:
        """Distortion and rate make an evidence lower bound."""
        return self.has_posterior and self.has_likelihood and not self.no_elbo

    @property
    def takes_beta(self) -> bool:
        """A sweep can set its β."""
        return self.with_beta is not None

    @property
    def live(self) -> Coefficient | None:
        """The coefficient a person may change while a run learns."""
        return next((c for c in self.coefficients if c.live), None)

    def check_start(self, given: bool) -> None:
        """Raises BadConfig where it goes on from a run's weights and none are `given`."""
        if self.goes_on and not given:
            raise BadConfig(
                f"objective: {self.name} goes on from a finished VAE, and there is no run to start from; press Sharpen at one, "
                "or use vae-core train --sharpen RUN"
            )

    def terms_for(self, free_bits: float = 0.0) -> tuple[Term, ...]:
        """The declared terms. With free bits the rate is shown, and what is charged for it is minimised."""
        if not (self.takes_free_bits and free_bits > 0):
            return self.terms
        found: list[Term] = []
        for term in self.terms:
            if term.name == RATE.name and term.minimised:
                found += [replace(term, weight=None), replace(CHARGED_RATE, weight=term.weight)]
            else:
                found.append(term)
        return tuple(found)

    def moment(
        self, params: Any, step: int, progress: float, factor: float, live: float | None = None
    ) -> Moment:
        """The coefficients at a step. `factor` is the β schedule's; `live` is what a person set by hand."""
        values = {}
        for c in self.coefficients:
            value = c.value(params, progress) * (factor if c.scheduled else 1.0)
            values[c.name] = live if c.live and live is not None else value
        return Moment(step, progress, values)

    def final(self, params: Any, live: float | None = None) -> Moment:
        """The coefficients with every schedule at its end."""
        return self.moment(params, 0, 1.0, 1.0, live)

    def beta_of(self, params: Any) -> float | None:
        """The final weight of the rate; None where there is no single one."""
        value = self.final(params).values.get("beta")
        return None if value is None else float(value)

    def label(self, params: Any) -> str:
        """Short name with its coefficients, e.g. "β-TCVAE, β 4"."""
        shown = self.final(params).values
        return ", ".join(
            [self.short or self.title, *(f"{c.symbol} {shown[c.name]:g}" for c in self.coefficients)]
        )


# ---------------------------------------------------------------- terms

DISTORTION = Term(
    "distortion", "distortion (reconstruction)", "distortion", "−E_q log p(x|z)",
    help="how badly the picture is rebuilt; all constants included",
)  # fmt: skip
RATE = Term(
    "rate",
    "rate (KL)",
    "rate",
    "KL[q(z|x) ‖ p(z)]",
    weight="beta",
    help="how much the code says about the image",
)
CHARGED_RATE = Term(
    "charged_rate", "rate, free bits granted", "charged rate", "Σ_d max(free bits, KL_d)",
    help="the rate that is charged for: each dimension may use its free bits",
)  # fmt: skip
SHOWN_RATE = replace(RATE, weight=None)

BETA = Coefficient("beta", "β", lambda p, progress: p.beta, help="weight of the rate")


def distortion_term(forward: ForwardPass, params: Any, moment: Moment) -> Values:
    """Distortion alone."""
    return {"distortion": forward.distortion.mean()}


def elbo_terms(forward: ForwardPass, params: Any, moment: Moment) -> Values:
    """Distortion and rate. Higgins et al. 2017; with a weight of 1 the negative ELBO (Kingma & Welling 2014)."""
    found = {"distortion": forward.distortion.mean(), "rate": forward.kl.mean(0).sum()}
    if forward.free_bits > 0:
        found["charged_rate"] = rate_with_free_bits(forward)
    return found


def capacity_terms(forward: ForwardPass, params: CapacityParams, moment: Moment) -> Values:
    """Distortion and |rate − C|. Burgess et al. 2018, "Understanding disentangling in beta-VAE", eq. 8."""
    gap = (rate_with_free_bits(forward) - moment["capacity"]).abs()
    return {
        "distortion": forward.distortion.mean(),
        "rate": forward.kl.mean(0).sum(),
        "capacity_gap": gap,
    }


def tcvae_terms(forward: ForwardPass, params: BetaParams, moment: Moment) -> Values:
    """The rate split into mutual information, total correlation and dimension-wise KL.

    Chen et al. 2018, "Isolating Sources of Disentanglement", eq. 4 with alpha = gamma = 1.
    """
    mi, tc, dimension_wise = decompose_rate(forward.z, forward.posterior, forward.dataset_size)
    return {
        "distortion": forward.distortion.mean(),
        "mutual_information": mi,
        "total_correlation": tc,
        "dimension_wise_kl": dimension_wise,
        "rate": forward.kl.mean(0).sum(),
    }


DIAL_POWER = -0.25  # measured by tests/bench/multi_rate.py


def multi_rate_terms(forward: ForwardPass, params: MultiRateParams, moment: Moment) -> Values:
    """Distortion and β · rate, each image with its own β and weighing (1 + β)^DIAL_POWER.

    Unweighted, the large βs pull hardest at the weights they share with the small, which then end too high.
    After Bae et al. 2023, "Multi-Rate VAE". Without a β for each image, all are at 1 and weigh the same.
    """
    rate = forward.kl.sum(1)
    plain = {"distortion": forward.distortion.mean(), "rate": forward.kl.mean(0).sum()}
    if forward.beta is None:
        return plain | {"weighted_distortion": forward.distortion.mean(), "weighted_rate": rate.mean()}
    weight = (1 + forward.beta) ** DIAL_POWER
    return plain | {
        "weighted_distortion": (weight * forward.distortion).mean(),
        "weighted_rate": (weight * forward.beta * rate).mean(),
    }


# ---------------------------------------------------------------- the registry


def _beta_vae_at(params: Any, beta: float) -> Choice:
    return Choice("beta_vae", BetaParams(beta))


def _beta_tcvae_at(params: Any, beta: float) -> Choice:
    return Choice("beta_tcvae", BetaParams(beta))


VAE = Objective(
    "vae", "VAE", "The evidence lower bound: distortion plus rate.", NoParams, "distortion + rate",
    (DISTORTION, RATE), elbo_terms,
    (Coefficient("beta", "β", lambda p, progress: 1.0, help="weight of the rate; 1 is the ELBO"),),
    short="VAE", slug="vae", with_beta=_beta_vae_at, beta_vae=True, takes_free_bits=True, stackable=True,
    collapse_remedy="Let β warm up (β schedule), or take a Gaussian likelihood with a learned or a smaller σ.",
)  # fmt: skip
BETA_VAE = Objective(
    "beta_vae", "β-VAE", "The rate weighs β times: fewer dimensions are used, and each means more.", BetaParams,
    "distortion + β · rate", (DISTORTION, RATE), elbo_terms, (BETA,),
    short="β-VAE", slug="beta", with_beta=_beta_vae_at, beta_vae=True, takes_free_bits=True, stackable=True,
)  # fmt: skip
CAPACITY = Objective(
    "capacity", "Capacity (β-VAE with a growing rate)", "The rate is held at a value that grows while training.",
    CapacityParams, "distortion + γ · |rate − C|",
    (
        DISTORTION,
        SHOWN_RATE,
        Term("capacity_gap", "distance to the capacity", "|rate − C|", "|rate − C|", weight="gamma",
             help="how far the rate is from the capacity C asked for now"),
    ),
    capacity_terms,
    (
        Coefficient("gamma", "γ", lambda p, progress: p.gamma, help="weight of the distance to the capacity"),
        Coefficient(
            "capacity", "C", lambda p, progress: p.capacity * (1.0 if p.growth == 0 else min(1.0, progress / p.growth)),
            help="rate that is asked for now", unit=NATS, scheduled=False, live=False,
        ),
    ),
    short="capacity", slug="capacity", takes_free_bits=True, terms_move=True, stackable=True,
    collapse_remedy="Raise the final capacity C, or lower γ.",
)  # fmt: skip
BETA_TCVAE = Objective(
    "beta_tcvae", "β-TCVAE", "Only the dependence between dimensions (total correlation) weighs β times.", BetaParams,
    "distortion + MI + β · TC + Σ KL_d",
    (
        DISTORTION,
        Term("mutual_information", "mutual information (MI)", "MI", "KL[q(z, n) ‖ q(z) p(n)]",
             help="what the code says about which image it is of, estimated on the batch"),
        Term("total_correlation", "total correlation (TC)", "TC", "KL[q(z) ‖ Π_d q(z_d)]", weight="beta",
             help="how much the dimensions depend on each other; the estimate on a batch can be negative"),
        Term("dimension_wise_kl", "dimension-wise KL", "KL by dim.", "Σ_d KL[q(z_d) ‖ p(z_d)]",
             help="how far each dimension by itself is from the prior, estimated on the batch"),
        SHOWN_RATE,
    ),
    tcvae_terms, (BETA,), short="β-TCVAE", slug="tcvae", with_beta=_beta_tcvae_at, stackable=True,
)  # fmt: skip
MULTI_RATE = Objective(
    "multi_rate", "Multi-rate VAE (β dial)", "One network for every β: each image is learned at a β drawn for it.",
    MultiRateParams, "E_β [(distortion + β · rate) / ∜(1 + β)]",
    (
        Term("weighted_distortion", "distortion / ∜(1 + β)", "D/∜(1+β)", "E_β [distortion / ∜(1 + β)]",
             help="mean over the βs that were drawn"),
        Term("weighted_rate", "β · rate / ∜(1 + β)", "β·R/∜(1+β)", "E_β [β · rate / ∜(1 + β)]", help="mean over the βs that were drawn"),
        replace(DISTORTION, weight=None),
        SHOWN_RATE,
    ),
    multi_rate_terms, short="β dial", slug="dial", learner="multi_rate",
)  # fmt: skip
AUTOENCODER = Objective(
    "autoencoder", "Plain autoencoder", "No noise and no rate term: sharp reconstructions, a space with holes.",
    NoParams, "distortion", (DISTORTION,), distortion_term, short="autoencoder", slug="ae", learner="autoencoder",
    has_posterior=False,
)  # fmt: skip
ADA_GVAE = Objective(
    "ada_gvae", "Pairs (Ada-GVAE)",
    "Learns from pairs of images that differ in one or few factors, without labels: what a pair shares is averaged, so "
    "each dimension comes to mean one thing. For sets with factors: it needs to render or find such pairs.",
    AdaGvaeParams, "distortion + β · rate, both images of a pair",
    (
        replace(DISTORTION, help="how badly both pictures of a pair are rebuilt; all constants included"),
        RATE,
        Term("differing", "dimensions that differ", "differing", "#{d : KL[q(z_d|x₁) ‖ q(z_d|x₂)] > τ}", "dimensions a pair",
             weight=None, help="dimensions that tell the two images of a pair apart; the others are averaged"),
    ),
    ada_gvae_terms, (BETA,), short="Ada-GVAE", slug="ada", learner="ada_gvae", needs=frozenset({"pair"}),
    no_input_noise="for a pair is told apart by its codes, which noise would change",
    named=with_factors, changed=lambda p: p.changed,
    with_beta=lambda p, beta: Choice("ada_gvae", replace(p, beta=beta)),
)  # fmt: skip
GUIDED = Objective(
    "guided", "Guided by attributes",
    "Each attribute of the images (factor or label) is tied to a dimension of its own, whose slider bears its name. It "
    "shows that labels were learned, not that factors were discovered.",
    GuidedParams, "distortion + β · rate + γ · ½ Σ_k (μ_k − s_k)²",
    (
        DISTORTION,
        RATE,
        Term("guidance", "distance to the attributes", "guidance", "½ Σ_k (μ_k − s_k)²",
             weight="guidance", help="how far code means are from the attributes, each as a standard normal score s"),
    ),
    guided_terms,
    (BETA, Coefficient("guidance", "γ", lambda p, progress: p.guidance, help="weight of the distance to the attributes",
                       scheduled=False, live=False)),
    short="guided", slug="guided", needs=frozenset({"targets"}), named=named, targets=targets,
    dimension_names=lambda p: tuple(shown_name(name) for name in p.attributes),
    with_beta=lambda p, beta: Choice("guided", replace(p, beta=beta)),
)  # fmt: skip
TWO_NETWORKS = "for its two networks judge whole batches in turns"
GAN = Objective(
    "gan", "GAN (generator against discriminator)",
    "No code is read off an image and no likelihood is claimed: a generator learns to make images that a second network "
    "cannot tell from real ones. Sharp pictures, no encoder.",
    adversarial.GanParams, "generator: −log D(G(z)); discriminator: −log D(x) − log(1 − D(G(z))) + γ/2 · ‖∇ₓ d(x)‖²",
    adversarial.TERMS, adversarial.no_terms, short="GAN", slug="gan", learner="gan", has_encoder=False,
    has_posterior=False, has_likelihood=False, ranks_epochs=False, parts=adversarial.PARTS, collapse_remedy="Raise the R1 weight γ, or add instance noise (0.1).",
    overflow_remedy="A lower learning rate or a larger R1 weight γ usually helps", learning_rate=1e-3,
    rate_schedule="late_fall", batch_size=64, steps=3_000, no_input_noise="for it encodes no image",
    one_process=TWO_NETWORKS,
)  # fmt: skip
VAE_GAN = Objective(
    "vae_gan", "VAE-GAN (sharpens a finished VAE)",
    "A finished VAE's decoder goes on learning against a discriminator, which also tells how alike two images look. The encoder "
    "stays as it is, and so does the map of codes. It starts from a run: press Sharpen there.",
    sharpening.VaeGanParams, "features + pixels + λ · generator",
    sharpening.VAE_GAN_TERMS, adversarial.no_terms, sharpening.COEFFICIENTS, short="VAE-GAN", slug="vaegan",
    learner="vae_gan", has_likelihood=False, frozen=("encoder",), goes_on=True, no_input_noise="for its encoder has learned already", no_elbo=sharpening.NO_ELBO,
    ranks_epochs=False, parts=adversarial.PARTS, collapse_remedy=GAN.collapse_remedy, overflow_remedy=GAN.overflow_remedy,
    learning_rate=1e-3, rate_schedule="late_fall", batch_size=64, steps=600, least_passes=1, one_process=TWO_NETWORKS,
)  # fmt: skip
OBJECTIVES = {
    e.name: e
    for e in (
        VAE, BETA_VAE, MULTI_RATE, CAPACITY, BETA_TCVAE, ADA_GVAE, GUIDED, AUTOENCODER, GAN, VAE_GAN,
    )
}  # fmt: skip
