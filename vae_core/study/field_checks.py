"""Whether fields can be searched with a study's other settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from vae_core.config import AUTO, RunConfig
from vae_core.errors import BadConfig
from vae_core.options import Leaf, value_at
from vae_core.study.fields import (
    Field,
    is_list,
    kind_of,
    left_open,
    owners_of,
    parse,
    searchable,
    several,
    takes,
    value_text,
    with_values,
)

MOST_FIELDS = 12
MOST_TRIED = 256  # combinations of ends that are tried out


def read_fields(texts: Iterable[str], config: RunConfig) -> tuple[Field, ...]:
    """The fields that a study searches, checked against its other settings: ready for `with_values`.

    Raises BadConfig, naming the field and what it takes, for what cannot be searched, a range outside the bounds, one that
    is empty, a field of an entry that is not chosen, and values that the settings refuse.
    """
    fields = [parse(text) for text in texts]
    if not fields:
        raise BadConfig("a study searches at least one setting, such as --search latent_dim=2..32:log")
    names = [field.name for field in fields]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise BadConfig(f"{twice} is searched twice")
    if len(fields) > MOST_FIELDS:
        raise BadConfig(f"a study searches at most {MOST_FIELDS} settings; these are {len(fields)}")
    found = tuple(_within(field, _leaves_for(field, fields, config)) for field in fields)
    _check_used(found, config)
    _try_out(found, config)
    return found


def _leaves_for(field: Field, fields: Sequence[Field], config: RunConfig) -> list[Leaf]:
    """The settings that a field sets: one, or one of each entry that another field chooses among."""
    known = searchable()
    found = known[field.name]
    if not found[0].owner:
        return found[:1]
    # every owner lies in one registry, whose own switch may be searched as well
    holder = next(
        leaf
        for same in known.values()
        for leaf in same
        if leaf.registry is not None and leaf.path == found[0].path[:-1]
    )
    searched = next((f for f in fields if f.name == holder.switch), None)
    entries = [str(v) for v in searched.values] if searched else [value_at(config, holder.path).name]
    by_owner = {leaf.owner: leaf for leaf in found}
    if lacking := [name for name in entries if name not in by_owner]:
        first = found[0].owner
        said = (
            f"the {holder.switch} here is {lacking[0]}"
            if not searched
            else f"{lacking[0]} is searched too and has none"
        )
        raise BadConfig(
            f"{field.name} ({takes(found[0])}) belongs to {owners_of(found)}, and {said}; choose --{holder.switch} {first}"
        )
    return [by_owner[name] for name in entries]


def _within(field: Field, owners: Sequence[Leaf]) -> Field:
    """The field, when every setting it stands for may take its values."""
    for leaf in owners:
        low, high = leaf.spec.minimum, leaf.spec.maximum
        names = leaf.registry if leaf.registry is not None else leaf.spec.values
        for value in field.values if field.values else field.ends:
            parts = several(field.name, value, leaf) if is_list(leaf) and isinstance(value, str) else (value,)
            for part in parts:
                number = isinstance(part, (int, float)) and not isinstance(part, bool)
                outside = number and ((low is not None and part < low) or (high is not None and part > high))
                if outside or (number and part == 0 and left_open(leaf)):
                    raise BadConfig(
                        f"{field.name}: {value_text(part)} is outside of what it takes: {takes(leaf)}"
                    )
                if names is not None and (part not in names or part == AUTO):
                    raise BadConfig(f"{field.name}: {part!r} cannot be searched; it takes {takes(leaf)}")
    return replace(field, whole=kind_of(owners[0]) is int and not field.values) if field.is_range else field


def _check_used(fields: Sequence[Field], config: RunConfig) -> None:
    """Raises BadConfig for a setting that changes nothing with any value of the others."""
    known = searchable()
    for field in fields:
        leaf = known[field.name][0]
        if leaf.path[0] != "objective" or leaf.owner:
            continue
        why = config.objective.unused.get(leaf.name)
        if why and not any(f.name == "objective" for f in fields):
            raise BadConfig(
                f"{field.name} changes nothing with the objective {config.objective.objective.name}: {why}; search something else"
            )


def _try_out(fields: Sequence[Field], config: RunConfig) -> None:
    """Raises BadConfig where the settings refuse a combination of ends or values."""
    ends = [[*dict.fromkeys(f.values[:4] if f.values else f.ends)] for f in fields]
    for i, combination in enumerate(product(*ends)):
        if i >= MOST_TRIED:
            return
        values = {f.name: v for f, v in zip(fields, combination, strict=True)}
        try:
            with_values(config, values)
        except BadConfig as error:
            said = ", ".join(f"{name} {value_text(value)}" for name, value in values.items())
            raise BadConfig(f"{said}: these settings do not go together: {error}") from None
