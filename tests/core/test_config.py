import dataclasses
import json

import pytest
from helpers import config_of

from vae_core.config import FORMAT, RunConfig
from vae_core.models.networks import ARCHITECTURES
from vae_core.objectives import BETA_SCHEDULES, LIKELIHOODS, OBJECTIVES
from vae_core.options import Choice, from_json, leaves, replace_at, to_json

REGISTRIES = {
    ("model", "architecture"): ARCHITECTURES,
    ("objective", "objective"): OBJECTIVES,
    ("objective", "likelihood"): LIKELIHOODS,
    ("objective", "schedule"): BETA_SCHEDULES,
}
ENTRIES = [(path, entry) for path, registry in REGISTRIES.items() for entry in registry.values()]


def other(leaf):
    """A value of a leaf that is allowed and not its default."""
    spec = leaf.spec
    if isinstance(leaf.default, tuple):
        return ("x", "y") if leaf.hint == tuple[str, ...] else (int(spec.maximum or 7), 3)
    if spec.values:
        return next(value for value in spec.values if value != leaf.default)
    if isinstance(leaf.default, str):
        return "another"
    if isinstance(leaf.default, float):
        return leaf.default / 3 if leaf.default else 0.1
    return leaf.default + 1


def through_json(config):
    return from_json(RunConfig, json.loads(json.dumps(to_json(config))))


def test_the_default_survives_json():
    assert through_json(RunConfig()) == RunConfig()
    assert FORMAT == 1, "a new format needs a migrate step and a test that reads the old one"


@pytest.mark.parametrize(("path", "entry"), ENTRIES, ids=lambda v: getattr(v, "name", None))
def test_every_registry_entry_survives_json_with_no_parameter_at_its_default(path, entry):
    config = replace_at(RunConfig(), path, entry.name)
    for leaf in leaves(entry.params):
        config = replace_at(config, (*path, *leaf.path), other(leaf))
    back = through_json(config)
    assert back == config
    for field in dataclasses.fields(entry.params):
        chosen = getattr(getattr(back, path[0]), path[1])
        assert getattr(chosen.params, field.name) != field.default


def test_every_plain_setting_survives_json():
    config = RunConfig()
    for leaf in leaves(RunConfig):
        if not leaf.owner and leaf.registry is None:
            config = replace_at(config, leaf.path, other(leaf))
    config = replace_at(config, ("training", "continued"), (3, 4))
    assert through_json(config) == config


@pytest.mark.parametrize("registry", REGISTRIES.values(), ids=lambda r: next(iter(r)))
def test_registry_entries_are_filed_under_their_own_names_and_say_what_they_are(registry):
    for name, entry in registry.items():
        assert name == entry.name
        assert entry.title
        assert entry.blurb.endswith(".")
        assert entry.params() == entry.params()  # every parameter has a default


def test_every_setting_a_person_sees_has_help_and_numbers_have_a_least_value():
    for leaf in leaves(RunConfig):
        assert leaf.spec.help, leaf.path
        named = leaf.hint == tuple[str, ...]
        if leaf.registry is None and isinstance(leaf.default, (int, float, tuple)) and not named:
            assert leaf.spec.minimum is not None, leaf.path


def test_hidden_settings_are_not_asked_for():
    names = {leaf.name for leaf in leaves(RunConfig)}
    assert not names & {"continued", "init_from"}


def test_helpers_reach_every_choice():
    config = config_of(objective="beta_vae", schedule="warmup", likelihood="laplace")
    assert config.objective.objective == Choice("beta_vae", OBJECTIVES["beta_vae"].params())
    assert (config.objective.schedule.name, config.objective.likelihood.name) == ("warmup", "laplace")
