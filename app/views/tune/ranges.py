"""Ranges for a new study: those that are usual for a setting, and narrower ones around a trial."""

from __future__ import annotations

import dataclasses
from typing import Any

from vae_core.config import AUTO, RunConfig
from vae_core.errors import VaeCoreError
from vae_core.options import Leaf, is_chosen
from vae_core.study.fields import Field, is_list, kind_of, parse, searchable

# of settings that are searched often: from what is plainly too little to what is plainly too much
USUAL = {
    "latent-dim": "2..32:log", "beta": "0.25..4:log", "learning-rate": "0.0003..0.01:log", "width": "8..64:log", "hidden": "128,256,512",
    "free-bits": "0..1", "batch-size": "32..256:log", "epochs": "5..40:log", "seed": "0..4", "limit": "500..4000:log",
}  # fmt: skip
SPAN = 8.0  # times from the low end to the high one, of a setting that has no usual range
KEPT = 0.25  # of a range, that a narrower one keeps on each side of a trial


def offered(config: RunConfig) -> dict[str, Leaf]:
    """Settings that runs of this config have and that can be searched, by switch."""
    found = {}
    for name, alike in searchable().items():
        leaf = next((one for one in alike if is_chosen(config, one)), None)
        if (
            leaf is None
            or leaf.spec.hidden
            or (leaf.path[0] == "objective" and leaf.path[1] in config.objective.unused)
        ):
            continue
        if usual(leaf) is not None:
            found[name] = leaf
    return found


def usual(leaf: Leaf) -> Field | None:
    """The range or the values that a setting is usually searched in; None where there are no two to choose from."""
    text = USUAL.get(leaf.switch) or _guessed(leaf)
    try:
        return parse(f"{leaf.switch}={text}") if text else None
    except VaeCoreError:
        return None


def _guessed(leaf: Leaf) -> str:
    kind = kind_of(leaf)
    if leaf.registry is not None:
        return ",".join(n for n, e in leaf.registry.items() if n != AUTO and not getattr(e, "goes_on", False))
    if leaf.spec.values is not None:
        return ",".join(str(v) for v in leaf.spec.values if v != AUTO)
    if kind is bool:
        return "false,true"
    if is_list(leaf) or kind not in (int, float):
        return ""
    middle = float(leaf.default or 0.0)
    low, high = (middle / SPAN**0.5, middle * SPAN**0.5) if middle > 0 else (0.0, 1.0)
    least, most = leaf.spec.minimum, leaf.spec.maximum
    low = low if least is None else max(low, least)
    high = high if most is None else min(high, most)
    if kind is int:
        low, high = round(low), round(high)
    return f"{low:.6g}..{high:.6g}" + (":log" if low > 0 else "")


def narrowed(field: Field, value: Any) -> Field:
    """The field with a range of half its width around a value, within its ends; a list stays as it is."""
    if field.low is None or field.high is None:
        return field
    share = field.share(value)
    low, high = field.at(max(0.0, share - KEPT)), field.at(min(1.0, share + KEPT))
    if not float(low) < float(high):
        return field
    return dataclasses.replace(
        field,
        low=float(low) if not field.whole else int(low),
        high=float(high) if not field.whole else int(high),
    )
