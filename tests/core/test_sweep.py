import pytest
from helpers import config_of

from vae_core.errors import BadConfig, BadName
from vae_core.objectives import BetaParams, CapacityParams
from vae_core.options import Choice
from vae_core.runs.store import QUEUED
from vae_core.sweep import beta_of, create_beta_sweep, groups, with_beta


def test_a_sweep_queues_one_run_a_beta_that_differ_in_beta_alone(store):
    config = config_of(seed=7, latent_dim=2)
    runs = create_beta_sweep(store, config, [4, 0.5, 1, 4.0], "mine")
    assert [run.name for run in runs] == ["mine-beta0.5", "mine-beta1", "mine-beta4"]
    assert [beta_of(run) for run in runs] == [0.5, 1.0, 4.0]
    assert {run.status().state for run in runs} == {QUEUED}
    assert {run.record().group for run in runs} == {"mine"}
    assert {with_beta(run.record().config, 1) for run in runs} == {with_beta(config, 1)}
    # the first queued is the first to train
    assert [run.id for run in runs] == [r.id for r in sorted(runs, key=lambda run: run.status().queued)]


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        ("vae", "beta_vae"),
        ("autoencoder", "beta_vae"),
        ("capacity", "beta_vae"),
        ("beta_tcvae", "beta_tcvae"),
    ],
)
def test_any_objective_becomes_one_with_beta(objective, name):
    changed = with_beta(config_of(objective=objective), 2.0)
    assert changed.objective.objective == Choice(name, BetaParams(2.0))
    assert changed.objective.likelihood == config_of().objective.likelihood


@pytest.mark.parametrize(
    "betas", [[], [1.0], [2.0, 2.0], [1.0, -1.0], [1.0, float("nan")], [1.0, 1.0000001], [1, 1e9]]
)
def test_a_sweep_that_makes_no_sense_creates_nothing(store, betas):
    with pytest.raises(BadConfig):
        create_beta_sweep(store, config_of(), betas, "mine")
    assert store.own() == []


@pytest.mark.parametrize("name", ["not plain", "", "../x"])
def test_a_sweep_needs_a_plain_name(store, name):
    with pytest.raises(BadName):
        create_beta_sweep(store, config_of(), [1, 2], name)
    assert store.own() == []


def test_a_taken_name_anywhere_in_the_sweep_creates_nothing(store):
    store.create(config_of(), "mine-beta2")
    with pytest.raises(BadName, match="mine-beta2"):
        create_beta_sweep(store, config_of(), [1, 2, 4], "mine")
    assert len(store.own()) == 1


def test_groups_are_listed_by_ascending_beta_and_no_damaged_run_hides_them(store):
    store.create(config_of(), "alone")
    a = create_beta_sweep(store, config_of(), [4, 1], "a")
    b = create_beta_sweep(store, config_of(objective="beta_tcvae"), [3, 2], "b")
    (b[0].path / "config.json").write_text("{")
    found = groups(store)
    assert set(found) == {"a", "b"}
    assert [run.id for run in found["a"]] == [run.id for run in a]
    assert [run.id for run in found["b"]] == [b[1].id]


def test_beta_is_the_final_weight(store):
    run = store.create(config_of(objective=Choice("capacity", CapacityParams(gamma=7.0))))
    assert beta_of(run) == 7.0
    assert beta_of(store.create(config_of())) == 1.0
    assert beta_of(store.create(config_of(objective="autoencoder"))) == 0.0
