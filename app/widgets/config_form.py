"""Settings dataclasses -> widgets. A widget's key is the setting's command-line name, bound to the URL, so that
a copied link opens the same form.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from app import resources
from vae_core.config import RunConfig
from vae_core.data import list_specs
from vae_core.models.networks import ARCHITECTURES
from vae_core.options import Choice, Leaf, leaves, replace_at, value_at

GREEK = {"beta": "β", "gamma": "γ", "sigma": "σ"}
SKIPPED = {"dataset", "side"}  # asked for by widgets of their own


def config_form(prefix: str = "", without: frozenset[str] | set[str] = frozenset()) -> RunConfig:
    """The form of a new run: the simple settings in sight, the others folded away. Returns what it says.

    `prefix` keeps the widgets of two forms apart; settings named in `without` are not asked for.
    """
    config = RunConfig()
    everything = [leaf for leaf in leaves(RunConfig) if leaf.name not in SKIPPED]
    config = _dataset(config, prefix)
    simple = [
        leaf for leaf in everything if not leaf.spec.advanced and leaf.registry is None and not leaf.owner
    ]
    top = {leaf.name: leaf for leaf in everything if leaf.registry is not None}
    left, right = st.columns(2)
    with left:
        config = _ask(config, top["architecture"], prefix)
        config = _ask(config, next(leaf for leaf in simple if leaf.name == "latent_dim"), prefix)
    with right:
        if "objective" not in without:
            config = _ask(config, top["objective"], prefix)
            config = _own(config, everything, ("objective", "objective"), prefix, advanced=False)
        config = _ask(config, next(leaf for leaf in simple if leaf.name == "epochs"), prefix)
    with st.expander("More: likelihood, schedules, optimiser, seed", icon=":material/tune:"):
        columns = st.columns(2)
        with columns[0]:
            config = _ask(config, top["likelihood"], prefix)
            config = _own(config, everything, ("objective", "likelihood"), prefix)
            config = _ask(config, top["schedule"], prefix)
            config = _own(config, everything, ("objective", "schedule"), prefix)
            config = _own(config, everything, ("objective", "objective"), prefix, advanced=True)
            config = _own(config, everything, ("model", "architecture"), prefix)
        with columns[1]:
            rest = [
                leaf for leaf in everything if leaf.spec.advanced and leaf.registry is None and not leaf.owner
            ]
            for leaf in rest:
                config = _ask(config, leaf, prefix)
    return config


def address(config: RunConfig, *groups: str) -> dict[str, str]:
    """Parameters of an address under which the form says what `config` does in these groups ("model", "objective"):
    what differs from the defaults.
    """
    found = {}
    for leaf in leaves(RunConfig):
        if leaf.path[0] not in groups or (leaf.owner and value_at(config, leaf.path[:-1]).name != leaf.owner):
            continue
        value = value_at(config, leaf.path)
        if isinstance(value, Choice):
            value, usual = value.name, leaf.default.name
        else:
            usual = leaf.default
        if value != usual:
            found[_key(leaf)] = " ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
    return found


def _key(leaf: Leaf) -> str:
    """What a setting is called in an address."""
    return {"architecture": "model"}.get(leaf.name, leaf.name).replace("_", "-")


def _dataset(config: RunConfig, prefix: str) -> RunConfig:
    specs = {spec.name: spec for spec in list_specs(resources.places())}
    fresh = st.session_state.pop("choose dataset", None)  # one that was imported just now
    if fresh in specs:
        st.session_state[f"{prefix}dataset"] = fresh
    left, right = st.columns([2, 1])
    with left:
        name = st.selectbox(
            "Dataset", list(specs), key=f"{prefix}dataset", bind="query-params",
            help="Images to learn from. Your own are imported below.",
        )  # fmt: skip
    spec = specs[name]
    architecture = st.session_state.get(f"{prefix}model") or config.model.architecture.name
    sides = [side for side in spec.sides if ARCHITECTURES[architecture].accepts(side)]
    with right:
        # options are what the URL says, so they are plain words and not formatted
        side = st.selectbox(
            "Side (pixels)",
            ["auto", *map(str, sides)],
            key=f"{prefix}side",
            bind="query-params",
            help="Width and height of the images the model sees; auto takes what suits the model"
            f" ({sides[0] if sides else spec.sides[0]}). Images of 28 px are padded to 32, never resized.",
        )
    asked = int(side) if side and side.isdigit() else 0
    return dataclasses.replace(config, data=dataclasses.replace(config.data, dataset=name, side=asked))


def _own(
    config: RunConfig,
    everything: list[Leaf],
    path: tuple[str, ...],
    prefix: str,
    advanced: bool | None = None,
) -> RunConfig:
    """Widgets for the parameters of the entry chosen at `path`."""
    holder: Any = config
    for step in path:
        holder = getattr(holder, step)
    for leaf in everything:
        mine = leaf.path[:-1] == path and leaf.owner == holder.name
        if mine and (advanced is None or leaf.spec.advanced == advanced):
            config = _ask(config, leaf, prefix)
    return config


def _ask(config: RunConfig, leaf: Leaf, prefix: str) -> RunConfig:
    """One widget; its answer replaces the value at the leaf's path."""
    spec = leaf.spec
    key = prefix + _key(leaf)
    label = spec.title or leaf.name.replace("_", " ")
    unit = f" ({spec.unit})" if spec.unit and spec.unit.split()[0] not in label else ""
    label = label[:1].upper() + label[1:] + unit
    if leaf.registry is not None:
        names = list(leaf.registry)
        value: Any = st.selectbox(
            label, names, index=names.index(leaf.default.name), key=key, bind="query-params",
            help=f"{spec.help}  \n" + "  \n".join(f"**{e.name}** {e.title}: {e.blurb}" for e in leaf.registry.values()),
        )  # fmt: skip
    elif spec.values is not None:
        value = st.selectbox(
            label,
            spec.values,
            index=spec.values.index(leaf.default),
            key=key,
            bind="query-params",
            help=spec.help,
        )
    elif isinstance(leaf.default, tuple):
        text = st.text_input(
            label,
            " ".join(map(str, leaf.default)),
            key=key,
            bind="query-params",
            help=f"{spec.help}, e.g. 512 256",
        )
        words = text.replace(",", " ").split()
        value = tuple(int(w) if w.isdigit() else w for w in words) or leaf.default
    elif isinstance(leaf.default, int):
        value = st.number_input(
            label, value=leaf.default, key=key, bind="query-params", help=spec.help, step=1,
            min_value=None if spec.minimum is None else int(spec.minimum),
            max_value=None if spec.maximum is None else int(spec.maximum),
        )  # fmt: skip
    else:
        value = st.number_input(
            label, value=float(leaf.default), key=key, bind="query-params", help=spec.help,
            min_value=spec.minimum, max_value=spec.maximum, step=_step(leaf.default), format="%g",
        )  # fmt: skip
    return replace_at(
        config, leaf.path, Choice(value, leaf.registry[value].params()) if leaf.registry else value
    )


def _step(default: float) -> float:
    """A step a person would take from a default: a tenth of its size, or a half from about 1 on."""
    return 0.5 if default >= 1 or default == 0 else default / 4
