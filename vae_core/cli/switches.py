"""Settings as switches: every field of RunConfig is one, and parsed switches make a RunConfig."""

from __future__ import annotations

import argparse
import typing
from typing import Any, TypeVar

from vae_core.cli.usage import UsageError
from vae_core.config import RunConfig
from vae_core.errors import BadConfig
from vae_core.options import Choice, Leaf, Options, is_chosen, leaves, replace_at

T = TypeVar("T", bound=Options)


def switches(cls: type[Options]) -> dict[str, list[Leaf]]:
    """Switch name -> the settings it may mean. Parameters of several registry entries share a switch."""
    found: dict[str, list[Leaf]] = {}
    for leaf in leaves(cls):
        found.setdefault(leaf.switch, []).append(leaf)
    return found


def add_config_switches(parser: argparse.ArgumentParser, cls: type[Options] | None = None) -> None:
    """Add a switch for every setting of RunConfig, or of other settings."""
    for name, found in switches(cls or RunConfig).items():
        leaf = found[0]
        help = leaf.spec.help + (f" [{leaf.spec.unit}]" if leaf.spec.unit else "")
        help = f"{help}{_defaults(found)}".replace("%", "%%")
        kwargs: dict[str, Any] = {"help": help, "dest": f"set:{name}", "default": None}
        if leaf.registry is not None:
            kwargs["choices"] = list(leaf.registry)
        elif leaf.spec.values is not None:
            kwargs["choices"] = leaf.spec.values
        elif isinstance(leaf.default, tuple):
            kwargs |= {"type": typing.get_args(leaf.hint)[0], "nargs": "+"}
        elif isinstance(leaf.default, bool):
            kwargs["action"] = argparse.BooleanOptionalAction
        else:
            kwargs["type"] = type(leaf.default)
        if "type" in kwargs:
            kwargs["metavar"] = {int: "N", float: "X", str: "NAME"}.get(kwargs["type"], "VALUE")
        parser.add_argument(f"--{name}", **kwargs)


def _defaults(found: list[Leaf]) -> str:
    """The default of a switch, and of which entries it is a parameter; each one's own where they differ."""
    owners: dict[str, list[str]] = {}
    for leaf in found:
        value = leaf.default.name if isinstance(leaf.default, Choice) else leaf.default
        said = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        owners.setdefault(said or "none", []).extend([leaf.owner] if leaf.owner else [])
    parts = [
        f"(for {', '.join(dict.fromkeys(names))}); default {said}" if names else f"default {said}"
        for said, names in owners.items()
    ]
    return (" " if parts[0].startswith("(") else "; ") + ", ".join(parts)


def config_from(args: argparse.Namespace, base: T) -> T:
    """The settings of parsed switches, over `base`. Raises UsageError for a parameter of an entry that was not
    chosen."""
    config = base
    given = {k[4:]: v for k, v in vars(args).items() if k.startswith("set:") and v is not None}
    found = switches(type(base))
    try:
        # choices first: parameters belong to what was chosen
        for name, value in sorted(given.items(), key=lambda item: found[item[0]][0].registry is None):
            value = tuple(value) if isinstance(value, list) else value
            config = replace_at(config, _place(config, name, found[name]), value)
    except BadConfig as error:
        raise UsageError(str(error)) from None
    return config


def _place(config: Options, switch: str, found: list[Leaf]) -> tuple[str, ...]:
    for leaf in found:
        if is_chosen(config, leaf):
            return leaf.path
    owners = " or ".join(dict.fromkeys(leaf.owner for leaf in found))
    raise UsageError(f"--{switch} belongs to {owners}, which was not chosen")
