"""What a study can want: numbers of a trained run, each with its unit and the direction that is better.

All but `probe` and `seconds` are what `vae-core evaluate` prints, of the test images. A metric of the registry is a goal
the day it is added.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vae_core.config import RunConfig
from vae_core.errors import BadConfig
from vae_core.evaluation.metrics import METRICS, all_values, metric_of
from vae_core.events import EpochDone
from vae_core.objectives import OBJECTIVES
from vae_core.objectives.terms import NATS
from vae_core.study.fields import Field, searchable, with_values
from vae_core.words import listed

if TYPE_CHECKING:
    from vae_core.data.imageset import ImageSet

MIN, MAX = "min", "max"
MOST_GOALS = 2


@dataclass(frozen=True)
class Goal:
    """A number that a search makes small or large.

    nats: of a likelihood, so that those of two stand beside no each other. needs: what images and objective must give, of
    "elbo", "posterior", "encoder", "factors", "labels". epoch: the same number of validation images after an epoch, by
    which hopeless runs are told; None where epochs do not tell it. target: the best is to be near it, not small or large.
    """

    name: str
    title: str
    unit: str
    direction: str
    help: str
    nats: bool = False
    needs: frozenset[str] = frozenset()
    epoch: Callable[[EpochDone], float | None] | None = None
    target: float | None = None

    def __str__(self) -> str:
        """As it is written on the command line."""
        usual = GOALS[self.name].direction
        return self.name if self.direction == usual else f"{self.name}:{self.direction}"

    def cost(self, value: float) -> float:
        """What is minimised in its place: lower is better."""
        if self.target is not None:
            return abs(value - self.target)
        return value if self.direction == MIN else -value


def _total(event: EpochDone) -> float | None:
    elbo = event.validation.elbo
    return None if elbo is None else -elbo


ENCODER, POSTERIOR, ELBO = frozenset({"encoder"}), frozenset({"encoder", "posterior"}), frozenset({"encoder", "posterior", "elbo"})  # fmt: skip
_OWN = (
    Goal("elbo", "−ELBO", NATS, MIN, "distortion plus rate at β = 1, whatever was minimised", True, ELBO, _total),
    Goal("distortion", "Distortion", NATS, MIN, "how badly images are rebuilt", True, ENCODER | {"nats"}, lambda e: e.validation.distortion),
    Goal("rate", "Rate", NATS, MIN, "how much the code says about the image", True, POSTERIOR, lambda e: e.validation.rate),
    Goal("active", "Active dimensions", "dimensions", MAX, "dimensions whose mean varies over images", False, ENCODER, lambda e: None if e.active_units is None else float(e.active_units)),
    Goal("mse", "MSE", "per pixel and channel", MIN, "squared error of reconstructions from mean codes", False, ENCODER),
    Goal("seconds", "Seconds", "s", MIN, "of training, on this machine"),
    Goal("probe", "Probe accuracy", "share of images", MAX, "of a linear classifier of the labels on mean codes", False, ENCODER | {"labels"}),
)  # fmt: skip


def _of_metrics() -> dict[str, Goal]:
    found = {}
    for name, value in all_values().items():
        needs = metric_of(name).needs
        wanted = set[str]()
        wanted |= {"encoder"} if needs & {"mean", "log_var"} else set()
        wanted |= {"posterior"} if "log_var" in needs else set()
        wanted |= {"factors"} if needs & {"factors", "regressor"} else set()
        wanted |= {"labels"} if needs & {"labels", "classifier"} else set()
        ranked = value.higher_is_better is not None
        if not ranked and value.unit.endswith("= 1"):  # of real images: nearest to them is best
            found[name] = Goal(
                name, value.title, value.unit, MAX, value.definition, needs=frozenset(wanted), target=1.0
            )
        elif ranked:
            way = MAX if value.higher_is_better else MIN
            found[name] = Goal(name, value.title, value.unit, way, value.definition, needs=frozenset(wanted))
    return found


GOALS: dict[str, Goal] = {goal.name: goal for goal in _OWN} | _of_metrics()


def parse_goal(text: str) -> Goal:
    """A goal by its name, or NAME:min and NAME:max against its usual direction. Raises BadConfig."""
    name, colon, way = text.strip().replace("-", "_").partition(":")
    if name not in GOALS:
        near = difflib.get_close_matches(name, GOALS, 3, 0.5)
        known = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(GOALS)}"
        raise BadConfig(f"there is no goal {name!r}; {known}")
    if colon and way not in (MIN, MAX):
        raise BadConfig(f"goal {name}: after its name stands :min or :max, not :{way}")
    goal = GOALS[name]
    return replace(goal, direction=way, target=None) if colon and way != goal.direction else goal


def read_goals(texts: Iterable[str]) -> tuple[Goal, ...]:
    """One or two goals. Raises BadConfig for others, and for one given twice."""
    found = tuple(parse_goal(text) for text in texts)
    if not found:
        raise BadConfig(f"a study has a goal; choose one or two of {', '.join(GOALS)}")
    if len(found) > MOST_GOALS:
        raise BadConfig(f"a study has one goal or two, whose front it finds; these are {len(found)}")
    if len({goal.name for goal in found}) < len(found):
        raise BadConfig(f"the goal {found[0].name} is given twice")
    return found


# ---------------------------------------------------------------- what can give them


def nats_differ(fields: Sequence[Field]) -> bool:
    """Whether trials have likelihoods of several kinds, whose nats are never compared."""
    return any(field.name == "likelihood" for field in fields)


def check_goals(
    goals: Sequence[Goal], fields: Sequence[Field], config: RunConfig, data: ImageSet | None = None
) -> None:
    """Raises BadConfig for a goal that the images (where given) or some searched objective or likelihood cannot give, and
    for one in nats where likelihoods are searched.
    """
    configs = _variants(fields, config)
    for goal in goals:
        if goal.nats and nats_differ(fields):
            raise BadConfig(
                f"goal {goal.name}: nats of different likelihoods cannot be compared, and likelihood is searched; choose the "
                "goal mse or sharpness, or search width or latent-dim at one likelihood"
            )
        for one in configs:
            if why := _lacking(goal, one):
                raise BadConfig(f"goal {goal.name}: {why}")
        if data is not None and (why := _not_in(goal, data)):
            raise BadConfig(f"goal {goal.name}: {why}")


def _variants(fields: Sequence[Field], config: RunConfig) -> list[RunConfig]:
    """The settings with every objective and likelihood that is searched; parameters of their own at their defaults."""
    known = searchable()
    found = [config]
    for field in fields:
        if known[field.name][0].registry is not None and field.name in ("objective", "likelihood"):
            found = [with_values(one, {field.name: value}) for one in found for value in field.values]
    return found


def _lacking(goal: Goal, config: RunConfig) -> str:
    """Why a run of these settings has no such number, in half a sentence with a remedy; else empty."""
    entry = config.objective.entry
    title = entry.short or entry.title
    able = listed(o.name for o in OBJECTIVES.values() if o.has_elbo and not o.goes_on)
    if "encoder" in goal.needs and not entry.has_encoder:
        return f"a {title} reads no code off an image; choose one of {able}, or the goal sharpness"
    if "posterior" in goal.needs and not entry.has_posterior:
        return f"a {title} has no posterior; choose one of {able}, or the goal mse"
    if goal.needs & {"elbo", "nats"}:
        if "elbo" in goal.needs and (why := entry.no_elbo):
            return f"{why} Choose one of {able}, or the goal mse"
        if why := config.objective.no_elbo:
            return f"{why} Choose another likelihood, or the goal mse"
    return ""


def _not_in(goal: Goal, data: ImageSet) -> str:
    if "factors" in goal.needs and data.factors is None:
        return f"the factors of {data.name} are not known; shapes and faces have some"
    if "labels" in goal.needs and data.labels is None:
        return f"the images of {data.name} have no labels; digits, shapes and faces have some"
    return ""


def on_request(goals: Iterable[Goal]) -> set[str]:
    """Metrics behind goals that are computed when asked for alone."""
    values = all_values()
    return {
        m.name
        for goal in goals
        if goal.name in values and (m := metric_of(goal.name)).on_request and m.name in METRICS
    }


def costs(goals: Sequence[Goal], numbers: Mapping[str, float | None]) -> list[float] | None:
    """What is minimised of each goal, of a run's numbers; None where one is missing."""
    found = [numbers.get(goal.name) for goal in goals]
    return (
        None
        if any(v is None for v in found)
        else [g.cost(v) for g, v in zip(goals, found, strict=True) if v is not None]
    )
