"""What a loss consists of: named terms, the coefficients that weigh them, and the moment that sets those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from vae_core.models.vae import Posterior

NATS = "nats per image"
NO_NATS = "no unit, no nats"  # of a distance of pictures that is no likelihood


@dataclass(frozen=True)
class Term:
    """One named number that an objective computes of a batch.

    Attributes:
        name: how events, files and scripts call it.
        title: how pages call it.
        label: the same where room is short.
        formula: how it is computed.
        unit: of its value.
        weight: how it enters the loss: the name of the coefficient that multiplies it, "" for a factor of 1, None for
            a term that is shown and not minimised.
        help: half a sentence in plain words.
        chart: title of the chart that draws it with others of that unit; "" leaves it with the loss's parts, or with what
            is only shown. Two such charts stand in place of the parts and of the KL per dimension.
    """

    name: str
    title: str
    label: str
    formula: str
    unit: str = NATS
    weight: str | None = ""
    help: str = ""
    chart: str = ""

    @property
    def minimised(self) -> bool:
        return self.weight is not None

    def of_a_distance(self, formula: str) -> Term:
        """The same where a distance of pictures stands in for -log p(x|z): a distortion is then in no nats."""
        if self.name != "distortion":
            return self
        return replace(
            self, title="distance of pictures", label="distance", formula=formula, unit=NO_NATS,
            help="how badly the picture is rebuilt, by a distance that is no likelihood: no nats, no ELBO",
        )  # fmt: skip


@dataclass(frozen=True)
class Coefficient:
    """A number of the loss that may change while a run learns, such as β or the capacity C.

    Attributes:
        name: how events and scripts call it.
        symbol: how pages call it.
        value: (the objective's parameters, share of the first cycle done) -> the number before any schedule.
        help: half a sentence in plain words.
        unit: of the number; "" for a plain factor.
        scheduled: whether the β schedule multiplies it.
        live: whether a person may change it while the run learns. At most one coefficient of an objective is.
    """

    name: str
    symbol: str
    value: Callable[[Any, float], float]
    help: str = ""
    unit: str = ""
    scheduled: bool = True
    live: bool = True


@dataclass(frozen=True)
class Moment:
    """Where a run stands when a loss is computed.

    Attributes:
        step: optimiser steps done.
        progress: share of the first cycle done, 0 to 1.
        values: every coefficient's value now: numbers, or tensors where several runs are trained as one.
    """

    step: int
    progress: float
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def weight_of(self, term: Term) -> Any:
        """The factor with which a term enters the loss; 0 for one that is only shown."""
        if term.weight is None:
            return 0.0
        return self.values[term.weight] if term.weight else 1.0


@dataclass(frozen=True)
class Part:
    """Rows `first` to `end` of a batch of `whole` images: what one of several processes takes of a step they share.

    A whole batch may have its images several times over, as of pairs: (k whole, ...), and a part then (k (end - first), ...).
    """

    first: int
    end: int
    whole: int

    def of(self, joint: Tensor) -> Tensor:
        """This part (k (end - first), ...) of what the whole batch has (k whole, ...)."""
        import torch

        times = torch.unflatten(joint, 0, (-1, self.whole))
        return times[:, self.first : self.end].flatten(0, 1)

    def rows(self, own: int) -> int:
        """Of the whole batch, where this part has `own`."""
        return own // (self.end - self.first) * self.whole


@dataclass(frozen=True)
class Batch:
    """What one step gets to see. Where several processes share it, each sees its `part` of the images and of the noisy and second
    ones, and random numbers are drawn for the whole; labels, factors and targets are of the whole.

    Attributes:
        images: (B, C, H, W) floats in [0, 1].
        generator: source of this step's random numbers.
        labels: (B,) int64, where the entry needs "labels".
        factors: (B, K) floats, where the entry needs "factors".
        second: (B, C, H, W), another image beside each: any where the entry needs "second", one that differs in few factors
            where it needs "pair".
        targets: (B, T), what code means are pulled to, NaN where nothing pulls, where the entry needs "targets".
        noisy: (B, C, H, W), the images with noise, where a run is trained with it: what is encoded. The target stays `images`.
        part: which images of the whole batch these are; None for all.
    """

    images: Tensor
    generator: torch.Generator
    labels: Tensor | None = None
    factors: Tensor | None = None
    second: Tensor | None = None
    targets: Tensor | None = None
    noisy: Tensor | None = None
    part: Part | None = None

    @property
    def read(self) -> Tensor:
        """What is encoded: the noisy images where there are some, else the images."""
        return self.images if self.noisy is None else self.noisy

    def noise(self, *shape: int) -> Tensor:
        """Standard normal numbers from the step's generator, float32; of a part, those that it has of the whole batch's."""
        import torch

        if self.part is None:
            return torch.empty(shape, device=self.images.device).normal_(generator=self.generator)
        drawn = torch.empty((self.part.rows(shape[0]), *shape[1:]), device=self.images.device)
        return self.part.of(drawn.normal_(generator=self.generator))

    @property
    def whole(self) -> int:
        """Images of the whole batch."""
        return len(self.images) if self.part is None else self.part.whole

    def own(self, joint: Tensor) -> Tensor:
        """Of what the whole batch has, what belongs to these images."""
        return joint if self.part is None else self.part.of(joint)


NEEDS = frozenset(
    {"labels", "factors", "second", "pair", "targets"}
)  # what a Batch carries only where an entry asks for it


@dataclass(frozen=True)
class ForwardPass:
    """What an objective sees of one pass through the networks, of the whole batch: where several processes share it, all but
    `logits` and the batch's pictures, which are a process's own.

    Attributes:
        batch: the step's images and what else was asked for.
        logits: (B, C, H, W), the decoder's.
        distortion: (B,) nats.
        kl: (B, D) nats, KL[q(z_d|x) || N(0, 1)]; zeros for a plain autoencoder.
        z: (B, D), the codes that were decoded.
        posterior: q(z|x).
        dataset_size: number of training images.
        free_bits: nats that every dimension may use free of charge.
        beta: (B,), where each image has its own; None elsewhere.
    """

    batch: Batch
    logits: Tensor
    distortion: Tensor
    kl: Tensor
    z: Tensor
    posterior: Posterior
    dataset_size: int
    free_bits: float = 0.0
    beta: Tensor | None = None


Values = dict[str, "Tensor"]  # terms by name, () each


def parts_of(terms: tuple[Term, ...], values: Mapping[str, Any], moment: Moment) -> dict[str, Any]:
    """What each minimised term adds to the loss, by name, in the order in which they are declared."""
    return {
        term.name: moment.values[term.weight] * values[term.name] if term.weight else values[term.name]
        for term in terms
        if term.minimised
    }


def weighted_sum(terms: tuple[Term, ...], values: Mapping[str, Any], moment: Moment) -> Any:
    """The loss: the sum of its parts, first to last."""
    first, *rest = parts_of(terms, values, moment).values()
    return sum(rest, first)
