import hashlib
import json
import math

import numpy as np
import pytest
from helpers import blob_set, config_of, of

from vae_core import sweep as sweep_module
from vae_core.data import open_images
from vae_core.errors import BadConfig, BadName, RunNotFound
from vae_core.events import Checkpoint, Controlled, Resumed, Snapshot, to_line
from vae_core.objectives.losses import BetaParams, CapacityParams
from vae_core.options import Choice
from vae_core.runs.record import FINISHED, INTERRUPTED, QUEUED, RUNNING, STOPPED
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.sweep import (
    MOST_RUNS,
    add_beta,
    create_beta_sweep,
    create_sweep,
    default_group_name,
    go_on,
    groups,
    log_range,
    members,
    stop,
    turned_by_hand,
    waiting,
    with_beta,
)
from vae_core.training import train
from vae_core.training.loop import Loop


def test_a_sweep_queues_one_run_a_beta_that_differ_in_beta_alone(store):
    config = config_of(seed=7, latent_dim=2)
    runs = create_beta_sweep(store, config, [4, 0.5, 1, 4.0], "mine")
    assert [run.name for run in runs] == ["mine-beta0.5", "mine-beta1", "mine-beta4"]
    assert [run.record().config.objective.beta for run in runs] == [0.5, 1.0, 4.0]
    assert {run.status().state for run in runs} == {QUEUED}
    assert {run.record().group for run in runs} == {"mine"}
    assert {with_beta(run.record().config, 1) for run in runs} == {with_beta(config, 1)}
    # the first queued is the first to train
    assert [run.id for run in runs] == [r.id for r in sorted(runs, key=lambda run: run.status().queued)]


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        ("vae", "beta_vae"),
        ("beta_vae", "beta_vae"),
        ("beta_tcvae", "beta_tcvae"),
    ],
)
def test_an_objective_with_a_beta_takes_another(objective, name):
    changed = with_beta(config_of(objective=objective), 2.0)
    assert changed.objective.objective == Choice(name, BetaParams(2.0))
    assert changed.objective.likelihood == config_of().objective.likelihood


@pytest.mark.parametrize("objective", ["autoencoder", "capacity", "multi_rate"])
def test_what_has_no_single_beta_is_refused(store, objective):
    with pytest.raises(
        BadConfig, match=f"{objective} has no β to sweep over; choose one of vae, beta_vae, beta_tcvae"
    ):
        with_beta(config_of(objective=objective), 2.0)
    with pytest.raises(BadConfig, match="no β to sweep over"):
        create_sweep(store, config_of(objective=objective), [1.0, 2.0], "mine")
    assert store.own() == []


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


def test_a_run_without_a_single_beta_is_no_member(store):
    runs = create_beta_sweep(store, config_of(), [1, 4], "mine")
    store.create(config_of(objective=Choice("capacity", CapacityParams(gamma=7.0))), group="mine")
    assert [m.run.id for m in members(store, "mine")] == [run.id for run in runs]


# ---------------------------------------------------------------- βs times seeds


def test_every_beta_gets_every_seed(store):
    runs = create_sweep(store, config_of(seed=5), [2, 0.5], "mine", seeds=2)
    assert [run.name for run in runs] == [
        "mine-beta0.5-seed5", "mine-beta0.5-seed6", "mine-beta2-seed5", "mine-beta2-seed6",
    ]  # fmt: skip
    found = members(store, "mine")
    assert [(m.beta, m.seed) for m in found] == [(0.5, 5), (0.5, 6), (2.0, 5), (2.0, 6)]
    assert [m.run.id for m in found] == [run.id for run in runs]
    assert [run.id for run in waiting(found)] == [run.id for run in runs]
    assert not any(m.ended or m.finished for m in found)
    with pytest.raises(RunNotFound, match="there are: mine"):
        members(store, "other")


@pytest.mark.parametrize(
    ("betas", "seeds", "says"),
    [
        ([1, 2, 2.0], 1, "2 is given twice"),
        ([0, 1], 1, "0 or below"),
        ([-3, 1], 1, "-3 is 0 or below"),
        ([math.nan, 1], 1, "nan"),
        ([1, math.inf], 1, "inf"),
        ([1, 1001], 1, "above 1000"),
        ([1], 1, "at least two"),
        ([1, 2], 0, "1 or more"),
        ([1, 2], MOST_RUNS // 2 + 1, "at most 64 runs"),
        (list(range(1, MOST_RUNS + 2)), 1, "would be 65"),
        ([1, 1.0000001], 1, "too close"),
    ],
)
def test_what_is_wrong_with_a_sweep_is_said_and_nothing_created(store, betas, seeds, says):
    with pytest.raises(BadConfig, match=says):
        create_sweep(store, config_of(), betas, "mine", seeds=seeds)
    assert store.own() == []


def test_a_sweep_that_cannot_be_written_whole_is_not_written(store, monkeypatch):
    create = Store.create
    made = []

    def full(self, *args, **kwargs):
        if len(made) == 2:
            raise OSError(28, "No space left on device")
        made.append(create(self, *args, **kwargs))
        return made[-1]

    monkeypatch.setattr(Store, "create", full)
    with pytest.raises(OSError, match="No space"):
        create_sweep(store, config_of(), [1, 2, 3], "mine")
    assert len(made) == 2
    assert store.own() == []


def test_a_range_is_even_in_log_beta_and_keeps_its_ends():
    found = log_range(0.125, 8, 7)
    assert found == [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
    steps = np.diff(np.log(log_range(0.3, 17, 9)))
    assert np.allclose(steps, steps.mean(), rtol=0.01)
    assert log_range(1, 2, 2) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("low", "high", "count", "says"),
    [(0, 1, 3, "0 or below"), (1, 1, 3, "1 to 1"), (4, 1, 3, "4 to 1"), (1, 2, 1, "from 2 to 64"),
     (1, 2, 65, "got 65"), (math.nan, 2, 3, "nan"), (1, 1.001, 30, "twice")],
)  # fmt: skip
def test_a_range_that_is_none_is_refused(low, high, count, says):
    with pytest.raises(BadConfig, match=says):
        log_range(low, high, count)


def test_a_name_is_proposed_that_is_free(store):
    assert default_group_name(config_of()) == "tiny-sweep"
    assert default_group_name(config_of(), store) == "tiny-sweep"
    create_sweep(store, config_of(), [1, 2], "tiny-sweep")
    assert default_group_name(config_of(), store) == "tiny-sweep-2"


# ---------------------------------------------------------------- what members share


def start_and_order(config, data):
    """Digest of the first weights, the first two epochs' order of images, the images shown, the first noise."""
    loop = Loop(config, data, None)
    weights = b"".join(value.numpy().tobytes() for _, value in sorted(loop.learner.weights().items()))
    order = [loop.feed.shuffled(epoch).tolist() for epoch in (0, 1)]
    return (
        hashlib.sha256(weights).hexdigest(),
        order,
        loop.splits.validation[:8].tolist(),
        loop.generator.get_state().tolist(),
    )


@pytest.mark.parametrize("objective", ["vae", "beta_tcvae"])
def test_members_of_one_seed_share_weights_order_noise_and_images(store, objective):
    data = blob_set()
    create_sweep(store, config_of(objective=objective), [0.5, 2, 8], "mine", seeds=2)
    found = members(store, "mine")
    starts = {(m.beta, m.seed): start_and_order(m.run.record().config, data) for m in found}
    for seed in (0, 1):
        assert starts[0.5, seed] == starts[2.0, seed] == starts[8.0, seed]
    for part, same in enumerate((False, False, True, False)):  # a seed changes all but the images shown
        assert (starts[2.0, 0][part] == starts[2.0, 1][part]) is same


def test_the_stored_runs_really_begin_alike_and_show_the_same(store, places):
    create_sweep(store, config_of(epochs=1), [0.1, 10], "mine")
    data = open_images("tiny", 16, places)
    first, second = (list(train(m.run.record().config, data)) for m in members(store, "mine"))
    a, b = of(Checkpoint, first)[0].last, of(Checkpoint, second)[0].last
    assert all(a[k].equal(b[k]) for k in a)
    a, b = of(Checkpoint, first)[-1].last, of(Checkpoint, second)[-1].last
    assert not all(a[k].equal(b[k]) for k in a if k != "log_sigma")
    assert np.array_equal(of(Snapshot, first)[0].originals, of(Snapshot, second)[0].originals)


# ---------------------------------------------------------------- later


def test_a_beta_is_added_for_every_seed_with_the_same_settings(store):
    create_sweep(store, config_of(latent_dim=2, seed=3), [1, 4], "mine", seeds=2)
    added = add_beta(store, "mine", 2)
    assert [run.name for run in added] == ["mine-beta2-seed3", "mine-beta2-seed4"]
    assert [(m.beta, m.seed) for m in members(store, "mine")] == [
        (1.0, 3), (1.0, 4), (2.0, 3), (2.0, 4), (4.0, 3), (4.0, 4),
    ]  # fmt: skip
    first, *rest = [with_beta(m.run.record().config, 1) for m in members(store, "mine") if m.seed == 3]
    assert rest == [first, first]


def test_one_that_went_on_for_longer_does_not_pass_that_on(store, places):
    first, _ = create_sweep(store, config_of(epochs=1), [1, 4], "mine")
    assert train_run(first, places).state == FINISHED
    first.go_on(3)
    (added,) = add_beta(store, "mine", 2)
    assert added.record().config.training.continued == ()


@pytest.mark.parametrize(
    ("beta", "says"),
    [(4.0, "already has"), (4.00000001, "already has"), (0, "0 or below"), (math.nan, "nan")],
)
def test_a_beta_that_cannot_be_added_is_said(store, beta, says):
    create_sweep(store, config_of(), [1, 4], "mine")
    with pytest.raises(BadConfig, match=says):
        add_beta(store, "mine", beta)
    assert len(store.own()) == 2
    with pytest.raises(RunNotFound):
        add_beta(store, "other", 2)


def test_a_full_sweep_takes_no_more(store, monkeypatch):
    monkeypatch.setattr(sweep_module, "MOST_RUNS", 3)
    create_sweep(store, config_of(), [1, 2, 3], "mine")
    with pytest.raises(BadConfig, match="would be 4"):
        add_beta(store, "mine", 4)


def test_a_group_that_is_no_sweep_takes_no_beta(store):
    store.create(with_beta(config_of(latent_dim=2), 1), group="mine")
    store.create(with_beta(config_of(latent_dim=3), 2), group="mine")
    with pytest.raises(BadConfig, match=r"differs from .* \(model\)"):
        add_beta(store, "mine", 4)


def test_a_fine_tuned_group_takes_no_beta(store, places):
    (first, _) = create_sweep(store, config_of(epochs=1), [1, 4], "mine")
    train_run(first, places)
    store.create(with_beta(config_of(), 2), group="tuned", start_from=first)
    with pytest.raises(BadConfig, match="fine-tuned"):
        add_beta(store, "tuned", 4)


def test_stopping_all_stops_the_waiting_at_once_and_they_can_be_taken_up_again(store, places):
    first, second, third = create_sweep(store, config_of(epochs=1), [1, 2, 3], "mine")
    assert train_run(first, places).state == FINISHED
    second.update_status(state=RUNNING)
    asked = stop(members(store, "mine"))
    assert [run.id for run in asked] == [second.id, third.id]
    assert third.status().state == STOPPED
    assert [c.name for c in second.requests()] == ["stop"]
    second.update_status(state=INTERRUPTED)
    again = go_on(members(store, "mine"))
    assert [run.id for run in again] == [second.id, third.id]
    assert [m.state for m in members(store, "mine")] == [FINISHED, QUEUED, QUEUED]
    assert train_run(second, places).state == FINISHED  # the stop of before does not meet it


# ---------------------------------------------------------------- β changed while a run learns


def say(run, *events):
    with open(run.path / "events.jsonl", "a") as file:
        for event in events:
            file.write(json.dumps(to_line(event), separators=(",", ":")) + "\n")


def test_a_run_whose_beta_was_changed_while_it_learnt_says_so(store, places):
    run, other = create_sweep(store, config_of(epochs=2), [2, 4], "mine")
    assert turned_by_hand(run) == ()
    run.request("beta", 10.0)
    run.request("learning_rate", 0.5)
    assert train_run(run, places).state == FINISHED
    assert turned_by_hand(run) == (10.0,)
    assert turned_by_hand(other) == ()
    assert [(m.beta, m.turned) for m in members(store, "mine")] == [(2.0, (10.0,)), (4.0, ())]
    say(run, Controlled(9, 3, "beta", 10.0), Controlled(9, 4, "beta", 2.0), Controlled(9, 5, "pause"))
    assert turned_by_hand(run) == (10.0, 2.0), "back at its own, it still learned at another"


def test_a_beta_set_to_what_it_was_is_no_change_unless_it_was_still_coming_in(store):
    (run, _) = create_sweep(store, config_of(), [2, 4], "mine")
    say(run, Controlled(3, 1, "beta", 2.0))
    assert turned_by_hand(run) == ()
    warm = store.create(with_beta(config_of(schedule="warmup"), 2.0))
    say(warm, Controlled(3, 1, "beta", 2.0))
    assert turned_by_hand(warm) == (2.0,)


def test_a_change_that_a_resume_undid_counts_no_more(store):
    (run, _) = create_sweep(store, config_of(), [2, 4], "mine")
    say(run, Controlled(3, 1, "beta", 5.0), Controlled(8, 2, "beta", 9.0), Resumed(6, 99, 9))
    with open(run.path / "events.jsonl", "a") as file:
        file.write('[{"event":"controlled"}]\n{"event":"controlled","step":"x","command":"beta","value":[]')
    assert turned_by_hand(run) == (5.0,)
