"""Settings as data: frozen dataclasses whose fields carry help, unit and bounds.

One description feeds the JSON beside the weights, the command line and the forms. A field is made by
`option` (a number, text or tuple) or by `choice` (a registry entry's name together with that entry's own
parameters). Every object checks itself when it is made, so a config that exists is a valid one.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vae_core.errors import BadConfig

T = TypeVar("T", bound="Options")


@dataclass(frozen=True)
class Option:
    """What an interface needs to know of one field."""

    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[Any, ...] | None = None
    advanced: bool = False
    title: str = ""
    flag: str = ""
    hidden: bool = False  # set by the program, never asked of a person
    group: str = ""  # heading or column of a form; empty: the group of the config that it lies in
    order: int = 0  # place within the group; equal ones stand as they were declared
    widget: str = (
        ""  # name of a widget of a form's own, for what can be answered depends on more than the setting
    )


def option(
    default: Any,
    *,
    help: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    values: tuple[Any, ...] | None = None,
    advanced: bool = False,
    title: str = "",
    flag: str = "",
    hidden: bool = False,
    group: str = "",
    order: int = 0,
    widget: str = "",
) -> Any:
    """A plain field. `values` closes it to a list; `flag` renames its command-line switch.

    `advanced`, `group`, `order` and `widget` say where and how a form asks for it; see `Option`.
    """
    described = Option(
        help, unit, minimum, maximum, values, advanced, title, flag, hidden, group, order, widget
    )
    return field(default=default, metadata={"option": described})


@dataclass(frozen=True)
class Entry:
    """One line of a registry: its name, what a person reads, and the dataclass of its own parameters."""

    name: str
    title: str
    blurb: str
    params: type[Options]


@dataclass(frozen=True)
class Choice:
    """A registry entry's name and its parameters, e.g. Choice("conv", Conv(width=32))."""

    name: str
    params: Any


def choice(
    registry: Mapping[str, Any],
    default: str,
    *,
    help: str,
    advanced: bool = False,
    title: str = "",
    flag: str = "",
    group: str = "",
    order: int = 0,
) -> Any:
    """A field that picks one entry of `registry`. Assigning just a name takes the entry's defaults."""
    described = Option(help, advanced=advanced, title=title, flag=flag, group=group, order=order)
    return field(
        default=Choice(default, registry[default].params()),
        metadata={"option": described, "registry": registry},
    )


@dataclass(frozen=True)
class Options:
    """Base of every settings dataclass: checked when made, convertible to and from JSON."""

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if "registry" in f.metadata:
                value = _as_choice(value, f.metadata["registry"], f.name)
            elif "option" in f.metadata:
                value = _as_value(value, hints[f.name], f.metadata["option"], f.name)
            elif isinstance(value, Mapping):  # a group given as a plain dict
                value = from_json(hints[f.name], value, where=f.name)
            elif not isinstance(value, hints[f.name]):
                raise BadConfig(f"{f.name}: expected {hints[f.name].__name__}, got {value!r}")
            object.__setattr__(self, f.name, value)


@dataclass(frozen=True)
class NoParams(Options):
    """An entry without parameters of its own."""


_known_hints: dict[type, dict[str, Any]] = {}


def _hints(cls: type) -> dict[str, Any]:
    """Types of a dataclass's fields, once: evaluating them takes longer than all the rest of reading a config."""
    if cls not in _known_hints:
        _known_hints[cls] = typing.get_type_hints(cls)
    return _known_hints[cls]


def _as_choice(value: Any, registry: Mapping[str, Any], name: str) -> Choice:
    if isinstance(value, str):
        value = {"name": value}
    if isinstance(value, Mapping):
        rest = dict(value)
        entry = _entry(registry, rest.pop("name", None), name)
        return Choice(entry.name, from_json(entry.params, rest, where=f"{name}.{entry.name}"))
    if isinstance(value, Choice):
        entry = _entry(registry, value.name, name)
        if isinstance(value.params, entry.params):
            return value
    raise BadConfig(f"{name}: expected one of {', '.join(registry)}, got {value!r}")


def _entry(registry: Mapping[str, Any], name: Any, where: str) -> Any:
    if not isinstance(name, str) or name not in registry:
        raise BadConfig(f"{where}: there is no {name!r}; choose one of {', '.join(registry)}")
    return registry[name]


def _as_value(value: Any, hint: Any, spec: Option, name: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
        origin = typing.get_origin(hint)
    if origin is tuple:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise BadConfig(f"{name}: expected a list, got {value!r}")
        inner = typing.get_args(hint)[0]
        return tuple(_as_value(v, inner, spec, name) for v in value)
    if hint is bool:
        if not isinstance(value, bool):
            raise BadConfig(f"{name}: expected true or false, got {value!r}")
        return value
    if hint is str:
        if not isinstance(value, str):
            raise BadConfig(f"{name}: expected text, got {value!r}")
    elif hint in (int, float):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadConfig(f"{name}: expected a number, got {value!r}")
        # the comparison is false for NaN, and exact for whole numbers beyond any float
        if not -sys.float_info.max <= value <= sys.float_info.max:
            raise BadConfig(f"{name}: expected a finite number, got {value!r}")
        if hint is int and int(value) != value:
            raise BadConfig(f"{name}: expected a whole number, got {value!r}")
        value = hint(value)
    if spec.values is not None and value not in spec.values:
        raise BadConfig(f"{name}: {value!r} is not one of {', '.join(map(str, spec.values))}")
    if spec.minimum is not None and value < spec.minimum:
        raise BadConfig(f"{name}: {value:g} is below the least allowed, {spec.minimum:g}")
    if spec.maximum is not None and value > spec.maximum:
        raise BadConfig(f"{name}: {value:g} is above the most allowed, {spec.maximum:g}")
    return value


def to_json(value: Any) -> Any:
    """Plain dicts, lists and scalars for `json.dumps`. A Choice becomes {"name": ..., parameters...}."""
    if isinstance(value, Choice):
        return {"name": value.name, **to_json(value.params)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_json(v) for v in value]
    return value


def from_json(cls: type[T], data: Any, *, where: str = "", unknown: list[str] | None = None) -> T:
    """Build `cls` from parsed JSON.

    An unknown key raises BadConfig, unless a list is passed as `unknown`: then the key's dotted name is
    appended there and the key skipped, which is how a run written by an older or newer version is read. A section may stand
    as the Options it was read into before.
    """
    if not isinstance(data, Mapping):
        raise BadConfig(f"{where or cls.__name__}: expected an object with named settings, got {data!r}")
    hints = _hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    kwargs: dict[str, Any] = {}
    for key, value in data.items():
        dotted = f"{where}.{key}" if where else str(key)
        if key not in fields:
            if unknown is None:
                raise BadConfig(f"{dotted}: unknown setting; known here: {', '.join(fields) or 'none'}")
            unknown.append(dotted)
            continue
        hint = hints[key]
        if isinstance(value, Options):
            pass  # it was read before
        elif isinstance(hint, type) and issubclass(hint, Options):
            value = from_json(hint, value, where=dotted, unknown=unknown)
        elif "registry" in fields[key].metadata and isinstance(value, Mapping):
            registry, rest = fields[key].metadata["registry"], dict(value)
            entry = _entry(registry, rest.pop("name", None), dotted)
            value = Choice(entry.name, from_json(entry.params, rest, where=dotted, unknown=unknown))
        kwargs[key] = value
    try:
        return cls(**kwargs)
    except BadConfig as error:
        raise BadConfig(f"{where}.{error}" if where else str(error)) from None
    except TypeError as error:
        raise BadConfig(f"{where or cls.__name__}: {error}") from None


def capitalised(text: str) -> str:
    """The text with a capital first letter. Greek letters are symbols and stay: "β schedule", never "Β schedule"."""
    greek = text != "" and "GREEK" in unicodedata.name(text[0], "")
    return text if greek else text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Leaf:
    """One settable value inside a nested config, as interfaces walk it."""

    path: tuple[str, ...]
    name: str
    hint: Any
    default: Any
    spec: Option
    registry: Mapping[str, Any] | None = None
    owner: str = ""  # for a parameter of a registry entry: that entry's name

    @property
    def switch(self) -> str:
        """What the setting is called on the command line (after --) and in an address. Entries may share one."""
        return (self.spec.flag or self.name).replace("_", "-")

    @property
    def group(self) -> str:
        """Under which heading a form asks for it."""
        return self.spec.group or self.path[0]

    @property
    def label(self) -> str:
        """What a form writes over its widget: the title, with the unit where the title does not say it."""
        title = self.spec.title or self.name.replace("_", " ")
        unit = self.spec.unit
        return capitalised(title) + (f" ({unit})" if unit and unit.split()[0] not in title else "")


def leaves(cls: type[Options], path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every option and choice below `cls`, depth first; a choice is followed by its entries' parameters."""
    hints = _hints(cls)
    for f in dataclasses.fields(cls):
        here = (*path, f.name)
        hint = hints[f.name]
        if isinstance(hint, type) and issubclass(hint, Options):
            yield from leaves(hint, here)
            continue
        if "option" not in f.metadata or f.metadata["option"].hidden:
            continue
        registry = f.metadata.get("registry")
        yield Leaf(here, f.name, hint, f.default, f.metadata["option"], registry)
        for entry in (registry or {}).values():
            for leaf in leaves(entry.params, here):
                yield dataclasses.replace(leaf, owner=entry.name)


def is_chosen(config: Any, leaf: Leaf) -> bool:
    """Whether the config has that setting: of a registry entry's parameters only those of the chosen one are there."""
    if not leaf.owner:
        return True
    holder = value_at(config, leaf.path[:-1])
    return isinstance(holder, Choice) and holder.name == leaf.owner


def value_at(config: Any, path: tuple[str, ...]) -> Any:
    """The value at a dotted path, through choices as through groups."""
    for name in path:
        config = getattr(config.params if isinstance(config, Choice) else config, name)
    return config


def replace_at(config: T, path: tuple[str, ...], value: Any) -> T:
    """A copy of `config` with the value at a dotted path replaced, through choices as through groups."""
    head, *rest = path
    if rest:
        inner = getattr(config, head)
        if isinstance(inner, Choice):
            value = Choice(inner.name, replace_at(inner.params, tuple(rest), value))
        else:
            value = replace_at(inner, tuple(rest), value)
    return dataclasses.replace(config, **{head: value})
