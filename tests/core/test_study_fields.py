"""What can be searched: every setting there is, written and read back."""

import math

import pytest
from helpers import config_of
from hypothesis import given
from hypothesis import strategies as st

from vae_core.config import AUTO, RunConfig
from vae_core.errors import BadConfig
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice, leaves, replace_at, value_at
from vae_core.study.field_checks import read_fields
from vae_core.study.fields import (
    OTHER_IMAGES,
    Field,
    by_switch,
    is_list,
    kind_of,
    left_open,
    parse,
    searchable,
    spaced,
    value_of,
    with_values,
)

BASE = config_of(objective=Choice("beta_vae", BetaParams(1.0)), learning_rate=0.0, epochs=0)
LEAVES = list(leaves(RunConfig))


def chosen_for(leaf):
    """Settings in which that very setting is there."""
    config = BASE
    if leaf.owner:
        holder = next(x for x in LEAVES if x.registry is not None and x.path == leaf.path[:-1])
        if holder.registry[leaf.owner].params is not None:
            config = replace_at(config, holder.path, leaf.owner)
    return config


def text_for(leaf):
    """A search of that setting, as a person might write it."""
    if leaf.registry is not None or leaf.spec.values is not None:
        names = [v for v in (leaf.registry or leaf.spec.values) if v != AUTO]
        return f"{leaf.switch}={','.join(map(str, names[:2]))}"
    if kind_of(leaf) is bool:
        return f"{leaf.switch}=true,false"
    if kind_of(leaf) is str:
        return f"{leaf.switch}=a,b+c"
    low = leaf.spec.minimum if leaf.spec.minimum is not None else 1
    low = 1 if low == 0 and left_open(leaf) and kind_of(leaf) is int else low
    low = 0.001 if low == 0 and left_open(leaf) else low
    high = leaf.spec.maximum if leaf.spec.maximum is not None else low + 10
    return f"{leaf.switch}={low}..{min(high, low + 1 if kind_of(leaf) is float else low + 9)}"


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: f"{leaf.switch}-{leaf.owner}")
def test_every_setting_can_be_searched(leaf):
    """One that is added tomorrow is among them."""
    text = text_for(leaf)
    if leaf.path in OTHER_IMAGES:
        with pytest.raises(BadConfig, match=f"{leaf.switch} cannot be searched: other images"):
            read_fields([text], BASE)
        return
    config = chosen_for(leaf)
    if leaf.switch in ("likelihood",):
        config = replace_at(config, ("objective", "schedule"), "constant")
    (field,) = read_fields([text], config)
    assert str(parse(str(field))) == str(field)
    for value in (field.at(0), field.at(0.5), field.at(1), *field.grid()):
        assert field.holds(value)
        found = with_values(config, {field.name: value})
        assert value_of(found, field.name) == value
        assert is_list(leaf) or leaf.registry is not None or value_at(found, leaf.path) == value


def test_names_are_those_of_the_command_line():
    assert set(by_switch()) == {leaf.switch for leaf in LEAVES}
    assert set(by_switch()) - set(searchable()) == {
        leaf.switch for leaf in LEAVES if leaf.path in OTHER_IMAGES
    }
    assert (
        parse("latent_dim=2..32:log") == parse("--latent-dim=2..32:log") == parse(" latent-dim = 2..32:log")
    )


NUMBERS = st.floats(1e-6, 1e6, allow_nan=False).map(lambda v: float(f"{v:.9g}"))


@given(low=NUMBERS, high=NUMBERS, log=st.booleans(), count=st.sampled_from([0, 2, 7, 64]))
def test_ranges_of_numbers_are_read_as_they_are_written(low, high, log, count):
    if low < high:
        field = Field("beta", low, high, log, count)
        assert parse(str(field)) == field


@given(low=st.integers(-5, 10**6), more=st.integers(1, 10**6), count=st.sampled_from([0, 2, 7, 64]))
def test_ranges_of_whole_numbers_are_read_as_they_are_written(low, more, count):
    field = Field("latent-dim", low, low + more, low > 0, count, (), True)
    assert parse(str(field)) == field


@given(st.lists(NUMBERS, min_size=2, max_size=9, unique=True))
def test_lists_are_read_as_they_are_written(values):
    field = Field("beta", values=tuple(values))
    assert parse(str(field)) == field


@given(low=NUMBERS, high=NUMBERS, log=st.booleans(), share=st.floats(0, 1))
def test_a_share_of_a_range_is_told_back(low, high, log, share):
    if low * 1.01 < high:
        field = Field("beta", low, high, log)
        value = field.at(share)
        assert low <= value <= high
        assert field.share(value) == pytest.approx(share, abs=0.02)
        assert field.tidy(value) == value


def test_a_grid_has_its_count_and_both_ends():
    assert parse("beta=0.1..10:log:5").grid() == [0.1, 0.316, 1.0, 3.16, 10.0]
    assert parse("beta=0..1:3").grid() == [0.0, 0.5, 1.0]
    assert parse("latent_dim=2..4").grid() == [2, 3, 4]  # not one of them twice
    assert parse("latent_dim=2..32:log").grid() == [2, 4, 8, 16, 32]
    assert parse("beta=4,1").grid() == [4.0, 1.0]
    assert spaced(1, 100, 3, log=True) == [1, 10.0, 100]


def test_a_choice_keeps_what_is_set_of_it():
    config = config_of(likelihood="gaussian")
    config = replace_at(config, ("objective", "likelihood", "sigma"), 0.25)
    same = with_values(config, {"likelihood": "gaussian"})
    assert same == config
    assert with_values(config, {"likelihood": "laplace"}).objective.likelihood.name == "laplace"


def test_an_entry_and_its_parameter_can_be_searched_together():
    fields = read_fields(["model=conv,resnet", "width=8..16"], RunConfig())
    assert with_values(RunConfig(), {"width": 9, "model": "resnet"}).model.architecture.params.width == 9
    assert [f.name for f in fields] == ["model", "width"]


def test_layers_of_several_numbers():
    (field,) = read_fields(["hidden=400,512+256"], BASE)
    assert with_values(BASE, {"hidden": "512+256"}).model.architecture.params.hidden == (512, 256)
    assert with_values(BASE, {"hidden": "400"}).model.architecture.params.hidden == (400,)
    (field,) = read_fields(["hidden=32..64"], BASE)
    assert with_values(BASE, {"hidden": field.at(0.5)}).model.architecture.params.hidden == (48,)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "searches at least one setting"),
        (["latent_dim"], "latent-dim: nothing to search; write latent-dim=LOW..HIGH"),
        (["latent_dim="], "takes whole numbers above 0 and up to 512"),
        (["latentdim=2..4"], "did you mean latent-dim?"),
        (["zzzzzz=2..4"], "there are .*latent-dim"),
        (["latent_dim=2..600"], "latent-dim: 600 is outside of what it takes: whole numbers above 0 and up to 512"),
        (["latent_dim=0..8"], "latent-dim: 0 is outside"),
        (["latent_dim=8..8"], "latent-dim: the range 8..8 is empty"),
        (["latent_dim=9..8"], "latent-dim: the range 9..8 is empty"),
        (["latent_dim=2.5..8"], "no whole number; latent-dim takes"),
        (["latent_dim=2..8:cubic"], "after a range stands :log or a count"),
        (["latent_dim=2..8:1"], "a count of 2 to 64"),
        (["latent_dim=nan..8"], "not both numbers"),
        (["latent_dim=2..inf"], "not both numbers"),
        (["latent_dim=2"], "a search needs 2 to 64 values, got 1; to fix one, use --latent-dim"),
        (["latent_dim=2,2"], "given twice"),
        (["latent_dim=2,,4"], "empty value"),
        (["latent_dim=2,x"], "'x' is none of its values; latent-dim takes"),
        (["latent_dim=2..4", "latent-dim=5..8"], "latent-dim is searched twice"),
        (["beta=0..1:log"], "begins above 0"),
        (["beta=-1..1"], "beta: -1 is outside of what it takes: numbers from 0 to 1,000"),
        (["width=8..64"], r"width \(whole numbers from 4 to 256\) belongs to conv and resnet, and the model here is mlp; choose --model conv"),
        (["capacity=1..9"], "belongs to capacity, and the objective here is beta_vae; choose --objective capacity"),
        (["objective=vae,beta_vae", "beta=1..4"], "vae is searched too and has none"),
        (["sigma=0.1..1"], "belongs to gaussian, and the likelihood here is bernoulli"),
        (["likelihood=auto,bernoulli"], "'auto' cannot be searched"),
        (["likelihood=bernoulli,poisson"], "'poisson' cannot be searched; it takes one of bernoulli"),
        (["likelihood=1..2"], "is no range for it; likelihood takes one of"),
        (["augment=none,spin"], "'spin' cannot be searched"),
        (["hidden=400,12x3"], "no list of its values"),
        (["dataset=digits,faces"], "dataset cannot be searched: other images"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_named_with_what_it_takes(texts, says):
    with pytest.raises(BadConfig, match=says):
        read_fields(texts, BASE)


def test_a_setting_that_changes_nothing_is_refused():
    config = config_of(objective="autoencoder")
    with pytest.raises(BadConfig, match="free-bits changes nothing with the objective autoencoder"):
        read_fields(["free_bits=0..1"], config)


def test_settings_that_do_not_go_together_are_refused():
    config = config_of(objective="multi_rate")
    with pytest.raises(BadConfig, match=r"lowest-beta 1, highest-beta 1: these settings do not go together"):
        read_fields(["lowest_beta=0.1..1", "highest_beta=1..4"], config)


def test_sizes_are_counted():
    assert parse("latent_dim=2..4").size == 3
    assert parse("beta=1,2").size == 2
    assert math.isinf(parse("beta=1..2").size)
