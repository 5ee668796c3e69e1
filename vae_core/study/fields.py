"""What can be searched: every setting that an interface may set, with a range or a list of values.

    latent_dim=2..32:log          whole numbers from 2 to 32, evenly spread in their logarithm
    beta=0.1..10:log:5            the same of numbers; a grid takes five of them
    likelihood=bernoulli,gaussian one of these
    hidden=400,512+256            of a list of numbers: one layer of 400, or two

Names, types, bounds, help and units come from `options.leaves`, so that a setting can be searched the day it is added.
"""

from __future__ import annotations

import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vae_core.config import AUTO, RunConfig
from vae_core.errors import BadConfig
from vae_core.options import Choice, Leaf, is_chosen, leaves, replace_at, value_at
from vae_core.words import listed

MOST_VALUES = 64  # of one field's list, or of its part of a grid
USUAL_COUNT = 5  # values that a grid takes of a range which names no count
# other images: what is measured on them stands beside nothing
OTHER_IMAGES = {("data", "dataset"), ("data", "side"), ("data", "copies")}
OPEN = re.compile(
    r"\b0 (takes|chooses|estimates|uses)\b"
)  # how the help of a setting says that 0 is no value of its own

Value = int | float | str | bool


@dataclass(frozen=True)
class Field:
    """A searched setting: a range of numbers, or the values it may take.

    name: its switch. low, high: ends of the range, both in it; None where there are `values`. count: of a grid, 0 for the
    usual. whole: it takes whole numbers only.
    """

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    count: int = 0
    values: tuple[Value, ...] = ()
    whole: bool = False

    def __str__(self) -> str:
        """As it is written on the command line; `parse` reads it back."""
        if self.values:
            return f"{self.name}={','.join(map(value_text, self.values))}"
        tail = ":log" * self.log + (f":{self.count}" if self.count else "")
        return f"{self.name}={value_text(self.low)}..{value_text(self.high)}{tail}"

    @property
    def is_range(self) -> bool:
        return not self.values

    @property
    def numeric(self) -> bool:
        """Whether its values have an order and distances."""
        return self.is_range or all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in self.values
        )

    @property
    def ends(self) -> tuple[Value, Value]:
        """The least and the most of its numbers, or the first and last of its values."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        found = sorted(self.values) if self.numeric else self.values
        return found[0], found[-1]

    def grid(self) -> list[Value]:
        """The values a grid takes: those listed; of a range `count` of them, whole numbers that coincide once."""
        if self.low is None or self.high is None:
            return list(self.values)
        count = self.count or USUAL_COUNT
        found = spaced(self.low, self.high, count, log=self.log)
        return list(dict.fromkeys(round(v) for v in found)) if self.whole else list(found)

    @property
    def size(self) -> float:
        """How many values it has; infinite for a range of real numbers."""
        if self.low is None or self.high is None:
            return len(self.values)
        return self.high - self.low + 1 if self.whole else math.inf

    def holds(self, value: Value) -> bool:
        """Whether it may take that value."""
        if self.low is None or self.high is None:
            return value in self.values
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and self.low <= value <= self.high and (not self.whole or value == int(value))  # type: ignore[operator]

    def tidy(self, value: Value) -> Value:
        """A drawn value with six digits, within its range."""
        if self.low is None or self.high is None or self.whole or isinstance(value, (str, bool)):
            return value
        return min(self.high, max(self.low, float(f"{value:.6g}")))

    def share(self, value: Value) -> float:
        """Where a value lies between its ends, 0 to 1, in its logarithm where it is searched so; of a list, by its place."""
        if self.low is None or self.high is None:
            return self.values.index(value) / max(1, len(self.values) - 1) if value in self.values else 0.0
        at, low, high = (math.log(v) if self.log else float(v) for v in (float(value), self.low, self.high))
        return min(1.0, max(0.0, (at - low) / (high - low)))

    def at(self, share: float) -> Value:
        """The value at a share of its range, 0 to 1: the reverse of `share`."""
        share = min(1.0, max(0.0, float(share)))
        if self.low is None or self.high is None:
            return self.values[min(len(self.values) - 1, int(share * len(self.values)))]
        if self.log:
            found = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            found = self.low + share * (self.high - self.low)
        return min(self.high, max(self.low, round(found))) if self.whole else self.tidy(found)


def grid_size(fields: Iterable[Field]) -> int:
    """How many points the grid of all fields has."""
    return math.prod(len(field.grid()) for field in fields)


def short_text(value: Any) -> str:
    """A value as a sentence says it: three digits of a real number, all else as it is written."""
    return f"{value:.3g}" if isinstance(value, float) else value_text(value)


def value_text(value: Any) -> str:
    """A value as it is written: 0.1, 32, conv, true."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)


def spaced(low: float, high: float, count: int, *, log: bool) -> list[float]:
    """`count` numbers from `low` to `high`, both among them, evenly spaced or evenly in the logarithm; those between have
    three digits.
    """
    if log:
        step = math.log(high / low) / (count - 1)
        inner = [low * math.exp(step * i) for i in range(1, count - 1)]
    else:
        inner = [low + (high - low) * i / (count - 1) for i in range(1, count - 1)]
    return [low, *(float(f"{v:.3g}") for v in inner), high]


# ---------------------------------------------------------------- what there is


@lru_cache(maxsize=1)
def by_switch() -> Mapping[str, list[Leaf]]:
    """Switch -> the settings it may mean, of all there are."""
    found: dict[str, list[Leaf]] = {}
    for leaf in leaves(RunConfig):
        found.setdefault(leaf.switch, []).append(leaf)
    return found


def searchable() -> dict[str, list[Leaf]]:
    """The same of all that can be searched."""
    return {name: found for name, found in by_switch().items() if found[0].path not in OTHER_IMAGES}


def kind_of(leaf: Leaf) -> type:
    """int, float, str or bool: what a setting, or one of a list, is; str of a registry."""
    if leaf.registry is not None:
        return str
    hint = leaf.hint
    while typing.get_origin(hint) in (tuple, typing.Union, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a not in (type(None), Ellipsis))
    return hint if hint in (int, float, str, bool) else str


def is_list(leaf: Leaf) -> bool:
    """Whether the setting holds several values."""
    return leaf.registry is None and isinstance(leaf.default, tuple)


def takes(leaf: Leaf) -> str:
    """What a setting takes, in half a sentence."""
    if leaf.registry is not None:
        return f"one of {', '.join(name for name in leaf.registry if name != AUTO)}"
    if leaf.spec.values is not None:
        return f"one of {', '.join(str(v) for v in leaf.spec.values if v != AUTO)}"
    kind = kind_of(leaf)
    if kind is bool:
        return "true or false"
    if kind is str:
        return "names"
    what = "whole numbers" if kind is int else "numbers"
    low, high = leaf.spec.minimum, leaf.spec.maximum
    above = bool(low is not None and low == 0 and left_open(leaf))
    if low is None and high is None:
        return what
    start = "" if low is None else (" above 0" if above else f" from {low:g}")
    end = "" if high is None else (f" up to {high:,g}" if above else f" to {high:,g}")
    return f"{what}{start}{' and' if above and end else ''}{end}"


def left_open(leaf: Leaf) -> bool:
    """Whether 0 is no value of the setting's own but leaves it to the images or the machine."""
    return leaf.default == 0 and not isinstance(leaf.default, bool) and bool(OPEN.search(leaf.spec.help))


# ---------------------------------------------------------------- read


def parse(text: str) -> Field:
    """A field of a text such as latent_dim=2..32:log. Raises BadConfig for what is no setting, no range, or empty."""
    name, equals, rest = text.partition("=")
    name, rest = name.strip().lstrip("-").replace("_", "-"), rest.strip()
    known = searchable()
    if name not in known:
        raise BadConfig(_unknown(name, known))
    leaf = known[name][0]
    if not equals or not rest:
        raise BadConfig(
            f"{name}: nothing to search; write {name}=LOW..HIGH or {name}=A,B,C ({name} takes {takes(leaf)})"
        )
    return _range(name, rest, leaf) if ".." in rest else _listed(name, rest, leaf)


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    if name in {leaf.switch for leaf in leaves(RunConfig) if leaf.path in OTHER_IMAGES}:
        return f"{name} cannot be searched: other images give other numbers, which stand beside nothing; make a study of each"
    near = difflib.get_close_matches(name, known, 3, 0.5)
    return f"there is no setting {name!r} to search" + (
        f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(sorted(known))}"
    )


def _range(name: str, text: str, leaf: Leaf) -> Field:
    body, *flags = text.split(":")
    ends = _ends(body)
    kind = kind_of(leaf)
    if ends is None or kind not in (int, float) or leaf.spec.values is not None:
        raise BadConfig(f"{name}: {text!r} is no range for it; {name} takes {takes(leaf)}")
    log, count = False, 0
    for flag in flags:
        if flag == "log":
            log = True
        elif flag.isdigit() and 2 <= int(flag) <= MOST_VALUES:
            count = int(flag)
        else:
            raise BadConfig(
                f"{name}: after a range stands :log or a count of 2 to {MOST_VALUES} for a grid, not :{flag}"
            )
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadConfig(f"{name}: the ends of {body} are not both numbers; {name} takes {takes(leaf)}")
    if not low < high:
        raise BadConfig(f"{name}: the range {body} is empty; it goes from its smaller end to its larger")
    if kind is int:
        if low != int(low) or high != int(high):
            raise BadConfig(f"{name}: {body} has an end that is no whole number; {name} takes {takes(leaf)}")
        low, high = int(low), int(high)
    if log and low <= 0:
        raise BadConfig(f"{name}: a range in the logarithm begins above 0, and {body} does not")
    return Field(name, low, high, log, count, (), kind is int)


def _ends(body: str) -> tuple[float, float] | None:
    for match in re.finditer(r"(?=\.\.)", body):
        try:
            return float(body[: match.start()]), float(body[match.start() + 2 :])
        except ValueError:
            continue
    return None


def _listed(name: str, text: str, leaf: Leaf) -> Field:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise BadConfig(f"{name}: there is an empty value in {text!r}; {name} takes {takes(leaf)}")
    values = tuple(_value(name, word, leaf) for word in words)
    if len(set(values)) != len(values):
        raise BadConfig(f"{name}: a value is given twice in {text}")
    if not 2 <= len(values) <= MOST_VALUES:
        raise BadConfig(
            f"{name}: a search needs 2 to {MOST_VALUES} values, got {len(values)}; to fix one, use --{name}"
        )
    return Field(name, values=values, whole=kind_of(leaf) is int and not is_list(leaf))


def _value(name: str, word: str, leaf: Leaf) -> Value:
    kind = kind_of(leaf)
    if is_list(leaf):
        several(name, word, leaf)
        return word
    if kind is bool:
        if word.lower() in ("true", "false"):
            return word.lower() == "true"
        raise BadConfig(f"{name}: {word!r} is neither true nor false")
    if kind is str:
        return word
    try:
        found = float(word)
        if not math.isfinite(found) or (kind is int and found != int(found)):
            raise ValueError
    except ValueError:
        raise BadConfig(f"{name}: {word!r} is none of its values; {name} takes {takes(leaf)}") from None
    return int(found) if kind is int else found


def several(name: str, word: str, leaf: Leaf) -> tuple[Any, ...]:
    """The values of a setting that holds several, as 512+256 writes them. Raises BadConfig."""
    kind = kind_of(leaf)
    try:
        return tuple(kind(part) for part in word.split("+"))
    except ValueError:
        raise BadConfig(
            f"{name}: {word!r} is no list of its values; they are joined by +, and {name} takes {takes(leaf)}"
        ) from None


# ---------------------------------------------------------------- of a study's settings


def with_values(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """The settings with values by field name, what is chosen first. Raises BadConfig for one that cannot be set."""
    known = by_switch()
    if unknown := next((name for name in values if name not in known), None):
        raise BadConfig(_unknown(unknown, known))
    for name, value in sorted(values.items(), key=lambda item: known[item[0]][0].registry is None):
        leaf = leaf_of(config, known[name])
        if leaf is None:
            raise BadConfig(f"{name} belongs to {owners_of(known[name])}, which was not chosen")
        if leaf.registry is not None and value_at(config, leaf.path).name == value:
            continue  # as it is, with its parameters
        if is_list(leaf):
            value = (
                several(name, value, leaf)
                if isinstance(value, str)
                else tuple(value)
                if isinstance(value, (list, tuple))
                else (value,)
            )
        config = replace_at(config, leaf.path, value)
    return config


def leaf_of(config: RunConfig, found: Sequence[Leaf]) -> Leaf | None:
    """Of settings that share a switch, the one that the config has; None where it has none."""
    return next((leaf for leaf in found if is_chosen(config, leaf)), None)


def owners_of(found: Iterable[Leaf]) -> str:
    """The entries whose parameters these are, in words."""
    return listed(dict.fromkeys(leaf.owner for leaf in found))


def value_of(config: RunConfig, name: str) -> Value | None:
    """What a config sets a field to, as a trial's values hold it; None where it has no such setting."""
    leaf = leaf_of(config, by_switch()[name])
    if leaf is None:
        return None
    return written(value_at(config, leaf.path))


def written(value: Any) -> Value:
    """A setting as a trial's values hold it: a choice by its name, several numbers as 512+256."""
    if isinstance(value, Choice):
        return value.name
    if isinstance(value, (tuple, list)):
        return (
            value[0]
            if len(value) == 1 and not isinstance(value[0], str)
            else "+".join(map(value_text, value))
        )
    found: Value = value
    return found
