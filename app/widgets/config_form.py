"""The form of a new run: one widget for every setting that the config declares.

A setting says for itself where it belongs (its group, whether it is advanced, its order), so a new one appears here,
in the address and on the command line without being named. A widget's key is the setting's switch, bound to the
address: a copied link opens the same form.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import streamlit as st

from app.boundary import sentence
from app.services import runs
from app.state import address, session
from app.state.address import Family, Key
from app.state.kinds import FLAG
from vae_core.config import RunConfig
from vae_core.data import list_specs
from vae_core.errors import BadConfig
from vae_core.models.networks import ARCHITECTURES
from vae_core.options import Choice, Leaf, Options, leaves, replace_at, value_at
from vae_core.words import listed

# Groups of settings by row and column. A group that is not named here joins the last column of its part.
SIMPLE_ROWS = ((("data",),), (("model",), ("objective", "training")))
ADVANCED_ROWS = ((("objective", "model"), ("data", "training")),)
MORE = "More: {}schedules, optimiser, seed"

Rows = tuple[tuple[tuple[str, ...], ...], ...]
T = TypeVar("T", bound=Options)
Widget = Callable[[Any, Leaf, "Keys"], Any]  # the config so far -> the value that was answered


def config_form(keys: Family[Any] = address.SETTING, without: Collection[str] = ()) -> RunConfig:
    """The form of a new run: the simple settings in sight, the advanced ones folded away. Returns what it says.

    `keys` names the widgets, so that two forms stay apart; settings whose switch is in `without` are not asked for.
    """
    config = RunConfig()
    asked = [leaf for leaf in leaves(RunConfig) if leaf.switch not in without]
    simple = [leaf for leaf in asked if not leaf.spec.advanced]
    advanced = [leaf for leaf in asked if leaf.spec.advanced]
    config = _rows(config, simple, SIMPLE_ROWS, keys)
    first = "" if "likelihood" in config.objective.unused else "likelihood, "
    with st.expander(MORE.format(first), icon=":material/tune:", key=keys.pattern.format("more settings")):
        if why := not_asked(config, advanced):
            st.caption(why)
        config = _rows(config, advanced, ADVANCED_ROWS, keys)
    return config


def settings_form(usual: T, keys: Family[Any], prefix: str) -> tuple[T, list[str]]:
    """Widgets for every setting of `usual`, side by side, the advanced ones last; what they say, and what is wrong with it.
    A setting's key is `prefix` and its switch. What cannot be read is said under its widget, and leaves that setting as it
    usually is."""
    asked = sorted(leaves(type(usual)), key=lambda leaf: (leaf.spec.advanced, leaf.spec.order))
    faults: list[str] = []
    return _ask_in_turn(usual, asked, _Prefixed(keys, prefix), faults), faults


def fill_settings(values: Options, keys: Family[Any], prefix: str) -> None:
    """Have the widgets of `settings_form` say these values, before they are drawn; the address says so too."""
    for leaf in leaves(type(values)):
        session.put(keys.of(f"{prefix}{leaf.switch}"), _answer(value_at(values, leaf.path), leaf))


class Keys(Protocol):
    """What names a widget's key by its setting's switch."""

    def of(self, part: Any) -> Key[Any]: ...


@dataclass(frozen=True)
class _Prefixed:
    """Keys of a family whose members begin with `prefix`."""

    keys: Family[Any]
    prefix: str

    def of(self, part: str) -> Key[Any]:
        return self.keys.of(f"{self.prefix}{part}")


def not_asked(config: RunConfig, asked: Sequence[Leaf]) -> str:
    """A sentence on the settings, of those that are `asked`, which the chosen objective has no use for; else empty."""
    unused = config.objective.unused
    named = {leaf.name: leaf for leaf in asked if leaf.path[:-1] == ("objective",) and leaf.name in unused}
    if not named:
        return ""
    parts = listed(
        f"{leaf.spec.title or leaf.name.replace('_', ' ')} ({unused[name]})" for name, leaf in named.items()
    )
    return f"Without a meaning for {config.objective.entry.short or config.objective.entry.title}, so not asked for: {parts}."


def as_params(config: RunConfig, *groups: str) -> dict[Key[Any], str]:
    """The parameters of an address under which the form says what `config` does in these groups ("model", "objective").

    Only what differs from the defaults is named.
    """
    found = {}
    for leaf in leaves(RunConfig):
        if leaf.path[0] not in groups or not _applies(leaf, config):
            continue
        value, usual = value_at(config, leaf.path), leaf.default
        if isinstance(value, Choice):
            value, usual = value.name, usual.name
        if value != usual:
            found[address.SETTING.of(leaf.switch)] = _text(value)
    return found


def fill(config: RunConfig, keys: Family[Any] = address.SETTING) -> None:
    """Have the form say what `config` does, before its widgets are drawn."""
    known = {spec.name for spec in list_specs(runs.places())}
    forget(keys)
    for leaf in leaves(RunConfig):
        if not _applies(leaf, config):
            continue
        value = value_at(config, leaf.path)
        if leaf.spec.widget == "side":
            value = str(value) if value else "auto"
        elif leaf.spec.widget == "dataset" and value not in known:
            continue  # removed since
        session.put(keys.of(leaf.switch), _answer(value, leaf))


def forget(keys: Family[Any] = address.SETTING) -> None:
    """Have the form say what it usually does."""
    for leaf in leaves(RunConfig):
        session.forget(keys.of(leaf.switch))


def _answer(value: Any, leaf: Leaf) -> Any:
    """A setting as its widget holds it."""
    if isinstance(value, Choice):
        return value.name
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return float(value) if isinstance(leaf.default, float) and value is not None else value


def _text(value: Any) -> str:
    """A value as the address has it."""
    if isinstance(value, bool):
        return FLAG.write(value)
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _applies(leaf: Leaf, config: Options) -> bool:
    """Whether a setting means something: a parameter of a registry entry does only while that entry is chosen, and some
    mean nothing to the chosen objective."""
    if (
        isinstance(config, RunConfig)
        and leaf.path[0] == "objective"
        and leaf.path[1] in config.objective.unused
    ):
        return False
    return not leaf.owner or bool(value_at(config, leaf.path[:-1]).name == leaf.owner)


def _rows(config: RunConfig, asked: list[Leaf], rows: Rows, keys: Family[Any]) -> RunConfig:
    """Ask for settings, each in the column of its group."""
    named = {group for row in rows for column in row for group in column}
    others = tuple(dict.fromkeys(leaf.group for leaf in asked if leaf.group not in named))
    for r, row in enumerate(rows):
        for c, (place, groups) in enumerate(zip(_places(row), row, strict=True)):
            last = r == len(rows) - 1 and c == len(row) - 1
            with place:
                for group in groups + (others if last else ()):
                    members = [leaf for leaf in asked if leaf.group == group]
                    config = _ask_in_turn(config, sorted(members, key=lambda leaf: leaf.spec.order), keys)
    return config


def _places(row: tuple[tuple[str, ...], ...]) -> list[Any]:
    """The columns of a row. A group that stands alone lies down: its settings share the width."""
    if len(row) == 1:
        return [st.container(horizontal=True, vertical_alignment="bottom")]
    return list(st.columns(len(row)))


def _ask_in_turn(config: T, asked: Sequence[Leaf], keys: Keys, faults: list[str] | None = None) -> T:
    """One widget for each setting that applies; what was answered before decides which do.

    An answer that does not fit raises BadConfig; where there is a list of faults it is said under its widget and there.
    """
    for leaf in asked:
        if _applies(leaf, config):
            ask = SPECIAL[leaf.spec.widget] if leaf.spec.widget else _widget_of(leaf)
            value = ask(config, leaf, keys)
            try:
                config = replace_at(config, leaf.path, value)
            except BadConfig as error:
                if faults is None:
                    raise
                st.error(sentence(error), icon=":material/error:")
                faults.append(str(error))
    return config


# ---------------------------------------------------------------- widgets by type


def _widget_of(leaf: Leaf) -> Widget:
    """What asks for a setting of that type."""
    if leaf.registry is not None:
        return _ask_entry
    if leaf.spec.values is not None:
        return _ask_value
    hint = leaf.hint
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    by_type: dict[Any, Widget] = {bool: _ask_flag, int: _ask_whole, float: _ask_number, str: _ask_text}
    return _ask_list if typing.get_origin(hint) is tuple else by_type[hint]


def _ask_entry(config: Any, leaf: Leaf, keys: Keys) -> Choice:
    registry = leaf.registry or {}
    key, names = keys.of(leaf.switch), list(registry)
    words = "  \n".join(f"**{e.name}** {e.title}: {e.blurb}" for e in registry.values())
    name = st.selectbox(
        leaf.label, names, index=names.index(leaf.default.name), key=key.name, bind=key.bind,
        help=f"{leaf.spec.help}  \n{words}",
    )  # fmt: skip
    return Choice(name, registry[name].params())


def _ask_value(config: Any, leaf: Leaf, keys: Keys) -> Any:
    key, values = keys.of(leaf.switch), leaf.spec.values or ()
    return st.selectbox(
        leaf.label, values, index=values.index(leaf.default), key=key.name, bind=key.bind, help=leaf.spec.help
    )


def _ask_flag(config: Any, leaf: Leaf, keys: Keys) -> bool:
    key = keys.of(leaf.switch)
    return st.toggle(leaf.label, bool(leaf.default), key=key.name, bind=key.bind, help=leaf.spec.help)


def _ask_text(config: Any, leaf: Leaf, keys: Keys) -> str | None:
    key = keys.of(leaf.switch)
    text = st.text_input(
        leaf.label, leaf.default or "", key=key.name, bind=key.bind, help=leaf.spec.help
    ).strip()
    return text or leaf.default


def _ask_list(config: Any, leaf: Leaf, keys: Keys) -> tuple[Any, ...]:
    """Numbers or names between spaces. Words that are none pass on to the config, which says what is wrong with them."""
    key = keys.of(leaf.switch)
    kind = typing.get_args(leaf.hint)[0]
    text = st.text_input(
        leaf.label, " ".join(map(str, leaf.default)), key=key.name, bind=key.bind,
        help=f"{leaf.spec.help}, e.g. {'smile hair_colour' if kind is str else '512 256'}",
    )  # fmt: skip
    return tuple(_number(word, kind) for word in text.replace(",", " ").split()) or leaf.default


def _number(word: str, kind: type) -> Any:
    try:
        return kind(word)
    except ValueError:
        return word


def _ask_whole(config: Any, leaf: Leaf, keys: Keys) -> int | None:
    key, spec = keys.of(leaf.switch), leaf.spec
    usual: int | None = leaf.default
    return st.number_input(
        leaf.label, value=usual, key=key.name, bind=key.bind, help=spec.help, step=1,
        min_value=None if spec.minimum is None else int(spec.minimum),
        max_value=None if spec.maximum is None else int(spec.maximum),
    )  # fmt: skip


def _ask_number(config: Any, leaf: Leaf, keys: Keys) -> float | None:
    key, spec = keys.of(leaf.switch), leaf.spec
    usual = None if leaf.default is None else float(leaf.default)
    return st.number_input(
        leaf.label, value=usual, key=key.name, bind=key.bind, help=spec.help,
        min_value=spec.minimum, max_value=spec.maximum, step=_step(usual or 0.0), format="%g",
    )  # fmt: skip


def _step(default: float) -> float:
    """A step a person would take from a default: a quarter of its size, or a half from about 1 on."""
    return 0.5 if default >= 1 or default == 0 else default / 4


# ---------------------------------------------------------------- widgets that look further than their setting


def _ask_dataset(config: Any, leaf: Leaf, keys: Keys) -> str:
    """One of the datasets on offer; one that was imported just now is chosen."""
    key, names = keys.of(leaf.switch), [spec.name for spec in list_specs(runs.places())]
    fresh = session.take(address.CHOOSE_DATASET)
    if fresh in names:
        session.put(key, fresh)
    return st.selectbox(
        leaf.label,
        names,
        key=key.name,
        bind=key.bind,
        help="Images to learn from. Your own are imported below.",
    )


def _ask_side(config: Any, leaf: Leaf, keys: Keys) -> int:
    """A side that both the dataset and the architecture take; the architecture is asked for further below."""
    spec = next(s for s in list_specs(runs.places()) if s.name == config.data.dataset)
    chosen = session.get(keys.of("model")) or config.model.architecture.name
    sides = [side for side in spec.sides if ARCHITECTURES[chosen].accepts(side)]
    key = keys.of(leaf.switch)
    # the options are what the address says, so they are plain words and not formatted
    side = st.selectbox(
        leaf.label, ["auto", *map(str, sides)], key=key.name, bind=key.bind,
        help="Width and height of the images the model sees; auto takes what suits the model"
        f" ({sides[0] if sides else spec.sides[0]}). Images of 28 px are padded to 32, never resized.",
    )  # fmt: skip
    return int(side) if side and side.isdigit() else 0


SPECIAL: dict[str, Widget] = {"dataset": _ask_dataset, "side": _ask_side}
