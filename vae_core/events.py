"""What a run says while it learns: one dataclass per kind of event, convertible to a JSON line.

Every term has the unit its objective declares, nats per image (see objectives/losses.py). Events come at fixed step
counts, never by the clock; fields that hold wall time are named in WALL_FIELDS, and all others repeat bit for bit on
the same machine. Two kinds do come by the clock, and only where it is asked for: Live and ClockCheckpoint, which leave
no line.
Encoded, Snapshot and Checkpoint carry arrays: the run store writes those to files and leaves their names in the line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vae_core.errors import BadRun
from vae_core.reading import EXACT, text

ALONE = "step-"  # before the name of a part that is to learn alone for a step


@dataclass(frozen=True)
class Command:
    """What a run is asked: pause, resume, step, step-PART, epoch, stop, beta (value) or learning_rate (factor). Numbered."""

    number: int
    name: str
    value: float | None = None


WALL_FIELDS = frozenset({"seconds", "images_per_second"})


@dataclass(frozen=True)
class Terms:
    """The loss and its named terms over some images, in the units the objective declares (nats per image).

    Attributes:
        loss: what was minimised at that moment.
        objective: the loss with every coefficient at its final value.
        values: the objective's terms by name, those that are only shown too.
        parts: what each minimised term adds to `loss`, by name, at that moment's weights; they add up to it.
        kl_per_dim: (D,) nats per image and latent dimension; empty where it was not worth the line.
    """

    loss: float
    objective: float
    values: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)
    kl_per_dim: tuple[float, ...] = ()

    @property
    def distortion(self) -> float | None:
        """-E_q log p(x|z), nats per image, all constants included; None for an objective without a likelihood."""
        return self.values.get("distortion")

    @property
    def rate(self) -> float | None:
        """KL[q(z|x) || p(z)], nats per image; None for an objective without a posterior."""
        return self.values.get("rate")

    @property
    def elbo(self) -> float | None:
        """-(distortion + rate) at beta = 1, nats per image; None where one of the two is missing."""
        if self.distortion is None or self.rate is None:
            return None
        return -(self.distortion + self.rate)


@dataclass(frozen=True)
class Started:
    """The first line of every run. `steps_total` counts all cycles planned so far."""

    step: int
    steps_total: int
    steps_per_epoch: int
    epochs: int
    parameters: int
    train_images: int
    validation_images: int
    batch_size: int
    log_every: int
    checkpoint_every: int


@dataclass(frozen=True)
class StepDone:
    """Means over the steps since the previous StepDone. `coefficients` are those of its last step, such as β."""

    step: int
    epoch: int
    terms: Terms
    learning_rate: float
    coefficients: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    images_per_second: float = 0.0


@dataclass(frozen=True)
class Live:
    """How the run does since its last StepDone: points by the clock, each the means over the steps since the one before.

    No part of the record: each replaces the one before, and the next StepDone stands for all. Beside it, none of the
    points but the newest tells the KL per dimension. There is at least one.
    """

    points: tuple[StepDone, ...]

    @property
    def newest(self) -> StepDone:
        return self.points[-1]

    @property
    def step(self) -> int:
        return self.newest.step


@dataclass(frozen=True)
class EpochDone:
    """Means over an epoch, and the same terms on the validation images, with the noise fixed.

    The validation loss is at the coefficients of the epoch's last step. `active_units` is None without an encoder.
    """

    step: int
    epoch: int
    train: Terms
    validation: Terms
    active_units: int | None
    best: bool
    seconds: float = 0.0


@dataclass(frozen=True)
class Encoded:
    """Where the space stands after an epoch: posterior means of the same images every time.

    codes (M, D) float16, clipped to its range; images (M,) int32, their numbers in the dataset.
    """

    step: int
    epoch: int
    codes: Any = field(repr=False)
    images: Any = field(repr=False)


@dataclass(frozen=True)
class Snapshot:
    """Pictures of an epoch. Arrays are uint8: (N, C, H, W), the traversal (R, S, C, H, W).

    A model without an encoder has no reconstructions: that array is (0, C, H, W).
    """

    step: int
    epoch: int
    originals: Any = field(repr=False)
    reconstructions: Any = field(repr=False)
    samples: Any = field(repr=False)
    traversal: Any = field(repr=False)
    dims: tuple[int, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """Weights as named arrays: `last`, the `best` so far, and all that `resume` needs to go on."""

    step: int
    epoch: int
    last: Any = field(repr=False)
    best: Any = field(repr=False)
    resume: Any = field(repr=False)
    best_epoch: int = 0


@dataclass(frozen=True)
class ClockCheckpoint(Checkpoint):
    """A checkpoint by the clock: files alone, no line, so that the record is the same on a slow machine."""


@dataclass(frozen=True)
class Controlled:
    """A person's request, taken up after `step`. `number` is the request's own number."""

    step: int
    number: int
    command: str
    value: float | None = None


@dataclass(frozen=True)
class Resumed:
    """Training went on from a checkpoint: what was said after it is superseded.

    `control` is the last request that the checkpoint knows of; None in runs of earlier versions.
    """

    step: int
    steps_total: int
    epochs: int
    control: int | None = None


@dataclass(frozen=True)
class Finished:
    """`reason` is completed or stopped. Both keep what was learned."""

    step: int
    epoch: int
    reason: str
    best_epoch: int
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """Training cannot go on; the weights of the last checkpoint stay."""

    step: int
    epoch: int
    reason: str


Event = (
    Started
    | StepDone
    | Live
    | EpochDone
    | Encoded
    | Snapshot
    | Checkpoint
    | Controlled
    | Resumed
    | Finished
    | Failed
)
KINDS: dict[str, type] = {
    "started": Started,
    "step": StepDone,
    "epoch": EpochDone,
    "codes": Encoded,
    "snapshot": Snapshot,
    "checkpoint": Checkpoint,
    "controlled": Controlled,
    "resumed": Resumed,
    "finished": Finished,
    "failed": Failed,
}
NAMES = {cls: name for name, cls in KINDS.items()}


def to_line(event: Event, **replaced: Any) -> dict[str, Any]:
    """The event as a JSON object. Arrays must be replaced by name, e.g. by the files they went to.

    Raises KeyError for what comes by the clock and leaves no line.
    """
    line: dict[str, Any] = {"event": NAMES[type(event)]}
    for f in dataclasses.fields(event):
        value = replaced[f.name] if f.name in replaced else getattr(event, f.name)
        line[f.name] = _plain(value)
    return line


def _plain(value: Any) -> Any:
    if isinstance(value, Terms):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.floating, float)):
        # JSON has no NaN; nine digits keep every float32 apart
        return float(f"{value:.9g}") if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value


def from_line(line: Any) -> Event:
    """The event of one JSON object. Fields unknown to this version are left out.

    Raises BadRun for an event of no known kind, or one that lacks a field or has one of a wrong type: a log may come
    with an archive, and who reads it counts on the types.
    """
    kind = line.get("event") if isinstance(line, Mapping) else None
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise BadRun(f"unknown event {str(kind)[:40]!r}")
    kwargs: dict[str, Any] = {}
    try:
        for f in dataclasses.fields(cls):
            if f.name in line:
                kwargs[f.name] = READERS[str(f.type)](line[f.name])
        if cls is StepDone:
            kwargs["coefficients"] = _coefficients_from(line)
        event: Event = cls(**kwargs)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRun(f"an event {cls.__name__} is damaged: {error}") from None
    return event


def _terms_from(line: Any) -> Terms:
    """Runs of earlier versions hold distortion and rate beside the loss, and no other terms."""
    if not isinstance(line, dict):
        raise TypeError("terms are named values")
    values = line.get("values")
    if not isinstance(values, dict):
        values = {"distortion": line.get("distortion")}
        if line.get("rate") is not None:
            values["rate"] = line["rate"]
    return Terms(
        loss=_number(line.get("loss")),
        objective=_number(line.get("objective")),
        values=_numbers(values),
        parts=_numbers(line.get("parts") or {}),
        kl_per_dim=tuple(_number(v) for v in _list(line.get("kl_per_dim") or [])),
    )


def _coefficients_from(line: Mapping[str, Any]) -> dict[str, float]:
    """Runs of earlier versions hold the one weight as `beta`, which is γ where there is a capacity."""
    found = line.get("coefficients")
    if isinstance(found, dict):
        return _numbers(found)
    if line.get("beta") is None:
        return {}
    if line.get("capacity") is not None:
        return {"gamma": _number(line["beta"]), "capacity": _number(line["capacity"])}
    return {"beta": _number(line["beta"])}


def _number(value: Any) -> float:
    """A float; JSON has no NaN: null stands for it. Raises TypeError, OverflowError."""
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= EXACT:
        raise TypeError(f"expected a whole number, got {type(value).__name__}")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return text(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {type(value).__name__}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    return value


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError(f"expected named values, got {type(value).__name__}")
    return {text(k): _number(v) for k, v in value.items()}


# by a field's type, as it is written in its class
READERS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "int | None": lambda value: None if value is None else _whole(value),
    "float": _number,
    "float | None": lambda value: None if value is None else _number(value),
    "str": _word,
    "bool": _truth,
    "Terms": _terms_from,
    "Mapping[str, float]": _numbers,
    "tuple[int, ...]": lambda value: tuple(_whole(v) for v in _list(value)),
    "Any": lambda value: value if isinstance(value, str) else None,  # an array's: the name of its file
}
