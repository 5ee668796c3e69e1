import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import Script, blob_set, config_of, frozen, of, to_go_on_from

from vae_core.devices import choose_device, choose_precision
from vae_core.errors import BadConfig, BadRun
from vae_core.events import (
    Checkpoint,
    Command,
    Controlled,
    EpochDone,
    Failed,
    Finished,
    Resumed,
    Snapshot,
    Started,
    StepDone,
)
from vae_core.models.build import choose_side, count_parameters, forward_flops, make_model
from vae_core.models.networks import ConvParams, MlpParams
from vae_core.objectives import BETA_SCHEDULES, OBJECTIVES, Moment
from vae_core.objectives.losses import BetaParams, CapacityParams
from vae_core.objectives.schedules import CyclicalParams, WarmupParams
from vae_core.options import Choice
from vae_core.training import NoControl, Plan, resolve, time_step, train
from vae_core.training.defaults import choose_batch_size
from vae_core.training.optimiser import Adam

DATA = blob_set()  # 9 of 90 for testing, 16 for validation: 65 train, 4 steps of 16 an epoch
PAIRED = blob_set(lattice=6)
SMALL_CONV = Choice("conv", ConvParams(4, 8))


def images_for(config):
    """The blobs, on a lattice where a run learns from pairs that differ in one place."""
    return PAIRED if "pair" in config.objective.entry.needs else DATA


def run(config, data=None, **kwargs):
    kwargs.setdefault("initial", to_go_on_from(config))
    return list(train(config, images_for(config) if data is None else data, **kwargs))


def run_script(config, script, data=DATA, **kwargs):
    return [script.see(event) for event in train(config, data, script, **kwargs)]


def losses(events):
    return [frozen(event) for event in of(StepDone, events)]


# ---------------------------------------------------------------- the same again


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": "beta_tcvae"},
        {"objective": "multi_rate"},
        {"architecture": SMALL_CONV},
        {"precision": "bfloat16"},
        {"threads": 2},
    ],
    ids=str,
)
def test_the_same_config_gives_the_same_events_bit_for_bit(changes):
    config = config_of(**changes)
    torch.manual_seed(1)
    once = run(config)
    torch.manual_seed(2)  # whatever the program drew elsewhere must not matter
    again = run(config)
    assert [frozen(e) for e in once] == [frozen(e) for e in again]
    assert len(of(StepDone, once)) >= 4


def test_another_seed_gives_other_events():
    assert losses(run(config_of(seed=0))) != losses(run(config_of(seed=1)))


def test_another_split_seed_gives_another_validation():
    a, b = (of(EpochDone, run(config_of(split_seed=seed)))[-1].validation.distortion for seed in (0, 1))
    assert a != b


def test_training_leaves_the_programs_own_random_numbers_alone():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    run(config_of(epochs=1))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # noqa: NPY002


RESUMED = [
    *({"objective": name} for name in OBJECTIVES),
    {"likelihood": "gaussian_optimal"},
    {"objective": "beta_vae", "likelihood": "laplace", "schedule": Choice("cyclical", CyclicalParams(2))},
    {"objective": Choice("capacity", CapacityParams(3.0)), "schedule": "warmup"},
    {"architecture": SMALL_CONV, "likelihood": "gaussian_optimal"},
    {"precision": "bfloat16"},
    {"architecture": SMALL_CONV, "precision": "bfloat16", "free_bits": 0.2},
    {"architecture": SMALL_CONV, "precision": "bfloat16", "objective": "multi_rate"},
    {"rate_schedule": "constant", "log_every": 3, "checkpoint_every": 5},
]


@pytest.mark.parametrize("changes", RESUMED, ids=str)
def test_going_on_from_any_checkpoint_equals_never_having_stopped(changes):
    config = config_of(**changes)
    config = resolve(config, images_for(config))
    whole = run(config)
    places = [i for i, event in enumerate(whole) if isinstance(event, Checkpoint)]
    steps_per_epoch = whole[0].steps_per_epoch
    steps = [whole[i].step for i in places]
    assert any(step % steps_per_epoch for step in steps), "none in the middle of an epoch"
    assert steps[0] == 0
    assert steps[-1] == whole[0].steps_total
    for i in places:
        torch.manual_seed(i)
        rest = run(config, resume=whole[i].resume)
        assert rest[0] == Resumed(whole[i].step, whole[0].steps_total, whole[0].epochs, 0)
        assert [frozen(e) for e in rest[1:]] == [frozen(e) for e in whole[i + 1 :]]


def test_going_on_twice_equals_never_having_stopped():
    config = resolve(config_of(epochs=3), DATA)
    whole = run(config)
    first, second = of(Checkpoint, whole)[1:3]
    interrupted = of(Checkpoint, run(config, resume=first.resume))
    again = run(config, resume=next(c for c in interrupted if c.step == second.step).resume)
    assert [frozen(e) for e in again[1:]] == [frozen(e) for e in whole[whole.index(second) + 1 :]]


def test_a_checkpoint_does_not_change_when_training_goes_on():
    generator = train(config_of(), DATA)
    first = next(event for event in generator if isinstance(event, Checkpoint))
    before = frozen(first.resume), frozen(first.last)
    list(generator)
    assert (frozen(first.resume), frozen(first.last)) == before


@pytest.mark.parametrize(
    "changes",
    [{"latent_dim": 4}, {"architecture": SMALL_CONV}, {"log_every": 5}, {"objective": "autoencoder"},
     {"objective": "beta_tcvae"}],
    ids=str,
)  # fmt: skip
def test_a_checkpoint_of_other_settings_is_refused(changes):
    state = of(Checkpoint, run(config_of(epochs=1)))[-1].resume
    with pytest.raises(BadRun, match="does not fit this run's settings"):
        run(config_of(epochs=1, **changes), resume=state)


def test_a_damaged_checkpoint_is_refused():
    state = dict(of(Checkpoint, run(config_of(epochs=1)))[-1].resume)
    for name in ("scalars", "generator", "window", "last/encoder.1.weight", "adam/mean/0"):
        with pytest.raises(BadRun, match="does not fit"):
            run(config_of(epochs=1), resume={k: v for k, v in state.items() if k != name})


# ---------------------------------------------------------------- what is said, and when


def test_events_come_at_fixed_steps_in_a_fixed_order():
    events = run(config_of(epochs=2, log_every=3, checkpoint_every=5))
    said = [(type(e).__name__, e.step) for e in events]
    assert said == [
        ("Started", 0), ("Checkpoint", 0),
        ("StepDone", 3), ("StepDone", 4), ("EpochDone", 4), ("Encoded", 4), ("Snapshot", 4),
        ("StepDone", 5), ("Checkpoint", 5), ("StepDone", 6),
        ("StepDone", 8), ("EpochDone", 8), ("Encoded", 8), ("Snapshot", 8), ("Checkpoint", 8), ("Finished", 8),
    ]  # fmt: skip
    assert [e.epoch for e in of(StepDone, events)] == [1, 1, 2, 2, 2]
    assert [e.epoch for e in of(EpochDone, events)] == [1, 2]


def test_started_says_what_the_run_is():
    config = config_of(epochs=3, log_every=7, checkpoint_every=9)
    started = run(config)[0]
    assert started == Started(
        step=0, steps_total=12, steps_per_epoch=4, epochs=3,
        # 256-12-6 and 3-12-256, with biases
        parameters=256 * 12 + 12 + 12 * 6 + 6 + 3 * 12 + 12 + 12 * 256 + 256,
        train_images=65, validation_images=16, batch_size=16, log_every=7, checkpoint_every=9,
    )  # fmt: skip
    assert count_parameters(config, DATA.shape) == started.parameters


def test_a_step_gives_the_means_since_the_one_before():
    singly = of(StepDone, run(config_of(log_every=1)))
    pairs = of(StepDone, run(config_of(log_every=2, checkpoint_every=4)))
    for i, pair in enumerate(pairs):
        two = singly[2 * i : 2 * i + 2]
        assert pair.step == two[1].step
        for name in ("loss", "distortion", "rate", "objective"):
            expected = np.mean([getattr(one.terms, name) for one in two])
            assert getattr(pair.terms, name) == pytest.approx(expected, rel=1e-6)
        expected_kl = np.mean([one.terms.kl_per_dim for one in two], axis=0)
        np.testing.assert_allclose(pair.terms.kl_per_dim, expected_kl, rtol=1e-5)
        assert (pair.coefficients, pair.learning_rate) == (two[1].coefficients, two[1].learning_rate)


def test_an_epoch_gives_the_mean_of_its_steps():
    events = run(config_of(log_every=1))
    steps = of(StepDone, events)
    for number, epoch in enumerate(of(EpochDone, events)):
        mean = np.mean([s.terms.loss for s in steps[4 * number : 4 * number + 4]])
        assert epoch.train.loss == pytest.approx(mean, rel=1e-6)


EVERY_LOSS = [
    {"objective": name, "schedule": schedule, "free_bits": free_bits}
    for name, entry in OBJECTIVES.items()
    for schedule in BETA_SCHEDULES
    for free_bits in ((0.0, 0.3) if entry.takes_free_bits else (0.0,))
    if not (name == "multi_rate" and schedule != "constant")
]


@pytest.mark.parametrize("changes", EVERY_LOSS, ids=lambda c: "-".join(map(str, c.values())))
def test_what_is_told_adds_up_to_the_loss(changes):
    """Of every objective and schedule: the minimised terms, as they weigh, are the loss beside them."""
    config = config_of(**changes, log_every=3, epochs=3)
    declared = config.objective.terms
    for event in run(config):
        told = [event.terms] if isinstance(event, StepDone) else []
        if isinstance(event, EpochDone):
            told = [event.train, event.validation]
        for terms in told:
            assert set(terms.values) == {t.name for t in declared}
            assert list(terms.parts) == [t.name for t in declared if t.minimised]
            assert terms.loss == pytest.approx(sum(terms.parts.values()), rel=1e-5)
            for t in declared:
                if t.weight == "":
                    assert terms.parts[t.name] == terms.values[t.name]
            assert not terms.kl_per_dim or sum(terms.kl_per_dim) == pytest.approx(terms.rate, rel=1e-5)
        if isinstance(event, StepDone):
            last = event.coefficients
        if isinstance(event, EpochDone):  # validation is at the weights of the epoch's last step
            moment = Moment(0, 0.0, last)
            for t in declared:
                if t.minimised:
                    weighed = moment.weight_of(t) * event.validation.values[t.name]
                    assert event.validation.parts[t.name] == pytest.approx(weighed, rel=1e-5)


def test_the_first_loss_is_that_of_the_fresh_model_on_the_first_batch():
    """Distortion and rate of step 1 worked out with torch.distributions."""
    config = resolve(config_of(log_every=1, likelihood="gaussian"), DATA)
    first = of(StepDone, run(config))[0]
    torch.manual_seed(config.training.seed)
    model = make_model(config, DATA.shape)
    order = np.random.default_rng((config.training.seed, 0)).permutation(config.data.split(DATA).train)
    x = torch.from_numpy(DATA.images[order[:16]]) / 255
    with torch.no_grad():
        q = model.encode(x)
        z = q.sample(torch.Generator().manual_seed(config.training.seed + 1))
        pixels = torch.distributions.Normal(model.decode(z), 0.1)
        distortion = -pixels.log_prob(x).sum((1, 2, 3)).mean()
        code = torch.distributions.Normal(q.mean, (0.5 * q.log_var).exp())
        rate = torch.distributions.kl_divergence(code, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    assert first.terms.distortion == pytest.approx(distortion.item(), rel=1e-5)
    assert first.terms.rate == pytest.approx(rate.item(), rel=1e-5)
    assert first.terms.loss == pytest.approx((distortion + rate).item(), rel=1e-5)


def test_an_autoencoder_has_no_rate():
    events = run(config_of(objective="autoencoder"))
    for event in of(StepDone, events):
        assert event.terms.rate is None
        assert event.terms.elbo is None
        assert event.terms.kl_per_dim == ()
        assert event.terms.loss == event.terms.distortion
    assert of(EpochDone, events)[-1].validation.rate is None


def test_codes_of_many_dimensions_are_listed_by_epoch_only():
    events = run(config_of(latent_dim=65, epochs=1))
    assert {len(e.terms.kl_per_dim) for e in of(StepDone, events)} == {0}
    assert len(of(EpochDone, events)[0].validation.kl_per_dim) == 65


def test_the_loss_falls():
    epochs = of(EpochDone, run(config_of(epochs=12)))
    assert epochs[-1].validation.loss < 0.6 * epochs[0].validation.loss
    assert epochs[-1].train.loss < 0.6 * epochs[0].train.loss


def test_active_units_are_counted_on_validation_codes():
    vast = Choice("beta_vae", BetaParams(1000.0))
    assert of(EpochDone, run(config_of(epochs=12)))[-1].active_units >= 1
    assert of(EpochDone, run(config_of(epochs=12, objective=vast)))[-1].active_units == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_a_snapshot_holds_pictures_of_the_validation_images(channels):
    data = blob_set(channels=channels)
    config = config_of(latent_dim=5, epochs=3, validation=0.05)  # 4 validation images
    shots = of(Snapshot, run(config, data))
    assert [s.epoch for s in shots] == [1, 2, 3]
    shot = shots[-1]
    picture = (channels, 16, 16)
    assert shot.originals.shape == shot.reconstructions.shape == (4, *picture)
    assert shot.samples.shape == (16, *picture)
    assert shot.traversal.shape == (4, 9, *picture)
    assert {a.dtype for a in (shot.originals, shot.reconstructions, shot.samples, shot.traversal)} == {
        np.dtype(np.uint8)
    }
    held = config.data.split(data).validation
    assert np.array_equal(shot.originals, data.images[held])
    kl = of(EpochDone, run(config, data))[-1].validation.kl_per_dim
    assert list(shot.dims) == list(np.argsort(-np.array(kl), kind="stable")[:4])
    # the noise of the prior samples stays, the decoder does not
    assert np.array_equal(shots[0].originals, shot.originals)
    assert not np.array_equal(shots[0].samples, shot.samples)


def test_snapshots_thin_out_over_many_epochs():
    shots = of(Snapshot, run(config_of(epochs=150, limit=16, checkpoint_every=1000)))
    assert [s.epoch for s in shots] == list(range(2, 151, 2))


# ---------------------------------------------------------------- which images train


def with_noise(data, where):
    images = data.images.copy()
    images[where] = np.random.default_rng(9).integers(0, 256, images[where].shape)
    return dataclasses.replace(data, images=images)


def test_the_three_splits_are_disjoint_and_complete():
    splits = config_of().data.split(DATA)
    together = np.concatenate((splits.train, splits.validation, splits.test))
    assert sorted(together) == list(range(len(DATA)))
    assert np.array_equal(splits.test, DATA.test)
    assert len(splits.validation) == 16


def test_test_images_never_train():
    config = config_of()
    poisoned = with_noise(DATA, DATA.test)
    assert [frozen(e) for e in run(config, poisoned)] == [frozen(e) for e in run(config)]
    # while a single training image is noticed
    seen = with_noise(DATA, config.data.split(DATA).train[:1])
    assert losses(run(config, seen)) != losses(run(config))


def test_validation_images_never_train():
    config = config_of()
    poisoned = with_noise(DATA, config.data.split(DATA).validation)
    assert losses(run(config, poisoned)) == losses(run(config))
    a, b = (of(Checkpoint, run(config, data))[-1].last for data in (poisoned, DATA))
    assert frozen(a) == frozen(b)
    validations = [of(EpochDone, run(config, data))[-1].validation for data in (poisoned, DATA)]
    assert validations[0].distortion > validations[1].distortion + 10


def test_a_limit_trains_on_that_many_images_and_no_others():
    config = config_of(limit=20, batch_size=8)
    events = run(config)
    assert (events[0].train_images, events[0].validation_images, events[0].steps_per_epoch) == (20, 16, 2)
    splits = config.data.split(DATA)
    unused = np.setdiff1d(np.arange(90), np.concatenate((splits.train, splits.validation)))
    assert len(unused) == 54
    assert [frozen(e) for e in run(config, with_noise(DATA, unused))] == [frozen(e) for e in events]
    # validation is the same with and without
    assert np.array_equal(splits.validation, config_of().data.split(DATA).validation)


def test_a_limit_below_the_batch_size_makes_smaller_batches():
    started = run(config_of(limit=5, batch_size=16, epochs=1))[0]
    assert (started.batch_size, started.steps_per_epoch) == (5, 1)


def test_every_image_of_an_epoch_trains_once_and_in_another_order_next_time():
    """With a batch of one and a lone bright image, its loss stands out."""
    data = dataclasses.replace(DATA, images=np.zeros_like(DATA.images))
    config = config_of(batch_size=1, log_every=1, checkpoint_every=1000, limit=12, learning_rate=1e-7)
    lone = config.data.split(data).train[3]
    data.images[lone] = 255
    steps = of(StepDone, run(config, data))
    # a fresh decoder says about one half everywhere; images differ by their rate alone
    rates = np.array([step.terms.rate for step in steps])
    bright = np.flatnonzero(np.abs(rates - np.median(rates)) > 1e-3)
    assert len(bright) == 2
    assert [i // 12 for i in bright] == [0, 1]
    assert bright[0] % 12 != bright[1] % 12


# ---------------------------------------------------------------- plan


def plan_of(**changes):
    return Plan(config_of(**changes), 65)


def test_one_cycle_starts_low_peaks_after_a_tenth_and_ends_at_nothing():
    plan = plan_of(epochs=250, learning_rate=0.01)  # 1,000 steps
    rates = [plan.learning_rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01 / 25, rel=0.02)
    assert np.argmax(rates) in (99, 100)
    assert rates[99] == pytest.approx(0.01, rel=1e-3)
    assert rates[49] == pytest.approx((0.01 + 0.01 / 25) / 2, rel=0.02)  # half-way up
    assert rates[549] == pytest.approx(0.005, rel=0.01)  # half-way down
    assert 0 < rates[-1] < 1e-7
    assert np.all(np.diff(rates[:100]) > 0)
    assert np.all(np.diff(rates[100:]) < 0)


def test_continuing_rises_again_to_what_its_length_can_use_and_leaves_the_first_cycle_alone():
    once = plan_of(epochs=250, learning_rate=0.01)
    training = once.config.training.going_on(250).going_on(10)
    assert (training.continued, training.continued_rates) == ((250, 10), (1.0, 0.2))
    more = Plan(dataclasses.replace(once.config, training=training), once.train_images)
    rates = [more.learning_rate(s) for s in range(more.steps_total)]
    assert rates[:1000] == [once.learning_rate(s) for s in range(1000)]
    assert max(rates[1000:2000]) == pytest.approx(0.01, rel=0.01), "as long again: a warm restart"
    assert max(rates[2000:]) == pytest.approx(0.002, rel=0.03)
    assert 0 < rates[1999] < 1e-6
    assert 0 < rates[-1] < 1e-4


def test_a_longer_continue_takes_no_more_than_the_peak_and_older_ones_keep_their_tenth():
    assert plan_of(epochs=2).config.training.going_on(50).continued_rates == (1.0,)
    old = plan_of(epochs=8, continued=(4,)).config.training.going_on(2)
    assert (old.continued, old.continued_rates) == ((4, 2), (0.1, 0.5))


def test_cycles_that_were_continued_before_their_peak_was_stored_stay_at_a_tenth():
    once, more = plan_of(epochs=250), plan_of(epochs=250, continued=(25, 50))
    assert (more.epochs, more.steps_total) == (325, 1300)
    first = [once.learning_rate(s) for s in range(1000)]
    rates = [more.learning_rate(s) for s in range(1300)]
    assert rates[:1000] == first
    assert max(rates[1000:1100]) == pytest.approx(1e-3, rel=0.01)
    assert np.argmax(rates[1000:1100]) in (9, 10)
    assert rates[1000] < 0.3e-3
    assert 0 < rates[1099] < 1e-6
    assert max(rates[1100:]) == pytest.approx(1e-3, rel=0.01)
    assert 0 < rates[1299] < 1e-6


def test_a_constant_learning_rate_is_constant():
    plan = plan_of(rate_schedule="constant", continued=(2,))
    assert {plan.learning_rate(s) for s in range(plan.steps_total)} == {0.01}


def test_beta_follows_its_schedule_over_the_first_cycle():
    plan = plan_of(
        objective=Choice("beta_vae", BetaParams(4.0)), schedule=Choice("warmup", WarmupParams(0.5)), epochs=10,
        continued=(10,),
    )  # fmt: skip
    assert [plan.moment(step)["beta"] for step in (0, 5, 10, 20, 39, 40, 79)] == [0, 1, 2, 4, 4, 4, 4]


def test_capacity_grows_over_its_share_and_stays():
    plan = plan_of(objective=Choice("capacity", CapacityParams(20.0, growth=0.5)), epochs=10)
    assert [plan.moment(step)["capacity"] for step in (0, 5, 10, 20, 39)] == [0, 5, 10, 20, 20]
    assert "capacity" not in plan_of().moment(3).values
    assert plan_of(objective=Choice("capacity", CapacityParams(20.0, growth=0.0))).moment(0)["capacity"] == 20


def test_the_plan_is_what_is_trained_by():
    changes = {
        "objective": Choice("capacity", CapacityParams(9.0)), "schedule": "warmup", "epochs": 3, "log_every": 1,
        "continued": (1,),
    }  # fmt: skip
    plan = plan_of(**changes)
    steps = of(StepDone, run(config_of(**changes)))
    assert [s.step for s in steps] == list(range(1, 17))
    for s in steps:
        assert s.learning_rate == plan.learning_rate(s.step - 1)
        assert s.coefficients == plan.moment(s.step - 1).values


def test_a_continued_run_goes_on_where_the_first_ended():
    config = resolve(config_of(epochs=3), DATA)
    first = run(config)
    longer = dataclasses.replace(config, training=dataclasses.replace(config.training, continued=(2,)))
    more = run(longer, resume=of(Checkpoint, first)[-1].resume)
    assert more[0] == Resumed(12, 20, 5, 0)
    assert isinstance(more[-1], Finished)
    assert [e.epoch for e in of(EpochDone, more)] == [4, 5]
    assert of(EpochDone, more)[-1].validation.objective < of(EpochDone, first)[-1].validation.objective
    assert more[-1].reason == "completed"


# ---------------------------------------------------------------- the best weights


def test_best_is_chosen_on_the_final_objective_not_on_the_annealed_loss():
    """With beta rising all the way, the annealed loss is least in the first epoch and the final one is not."""
    changes = {
        "objective": Choice("beta_vae", BetaParams(1000.0)), "schedule": Choice("warmup", WarmupParams(1.0)),
        "epochs": 6, "checkpoint_every": 4, "learning_rate": 1e-4, "rate_schedule": "constant",
    }  # fmt: skip
    events = run(config_of(**changes))
    epochs = of(EpochDone, events)
    assert int(np.argmin([e.train.loss for e in epochs])) == 0
    for e in epochs:
        v = e.validation
        assert v.objective == pytest.approx(v.distortion + 1000 * v.rate, rel=1e-5)
        now = plan_of(**changes).moment(e.step - 1)["beta"]
        assert v.loss == pytest.approx(v.distortion + now * v.rate, rel=1e-5)
        assert e.train.objective == pytest.approx(e.train.distortion + 1000 * e.train.rate, rel=1e-5)
        assert e.train.loss < e.train.objective
    objectives = [e.validation.objective for e in epochs]
    assert [e.best for e in epochs] == [min(objectives[: i + 1]) == v for i, v in enumerate(objectives)]
    best = int(np.argmin(objectives)) + 1
    assert best > 1
    assert events[-1].best_epoch == best
    by_epoch = {c.epoch: c for c in of(Checkpoint, events)}
    assert frozen(by_epoch[6].best) == frozen(by_epoch[best].last)
    assert by_epoch[6].best_epoch == best


def test_the_best_weights_stay_when_validation_gets_worse():
    """An overfitting run: six images to learn, a large network, many epochs."""
    config = config_of(
        limit=6, batch_size=6, epochs=150, architecture=Choice("mlp", MlpParams((64,))), checkpoint_every=1,
        objective="autoencoder", rate_schedule="constant", log_every=1,
    )  # fmt: skip
    events = run(config)
    objectives = [e.validation.objective for e in of(EpochDone, events)]
    best = int(np.argmin(objectives)) + 1
    assert best < 150
    last = of(Checkpoint, events)[-1]
    assert last.best_epoch == events[-1].best_epoch == best
    at_best = next(c for c in of(Checkpoint, events) if c.epoch == best)
    assert frozen(last.best) == frozen(at_best.last)
    assert frozen(last.best) != frozen(last.last)
    # nor does an interruption behind the best epoch lose them
    behind = next(c for c in of(Checkpoint, events) if c.epoch == best + 1)
    assert frozen(of(Checkpoint, run(config, resume=behind.resume))[-1].best) == frozen(last.best)


def test_validation_noise_is_fixed():
    """With a learning rate near nothing, validation hardly moves between epochs, while training terms do."""
    epochs = of(EpochDone, run(config_of(epochs=3, learning_rate=1e-7, rate_schedule="constant")))
    validation = [e.validation.loss for e in epochs]
    assert np.ptp(validation) < 1e-3
    assert np.ptp([e.train.loss for e in epochs]) > 10 * np.ptp(validation)


def test_a_learned_sigma_is_that_of_the_training_images():
    config = config_of(likelihood="gaussian_optimal", epochs=8)
    events = run(config)
    weights = of(Checkpoint, events)[-1].last
    model = make_model(config, DATA.shape)
    model.load_state_dict(weights)
    x = torch.from_numpy(DATA.images[config.data.split(DATA).train]) / 255
    with torch.no_grad():
        q = model.encode(x)
        errors = [
            (model.decode(q.sample(torch.Generator().manual_seed(s))) - x).square().mean().item()
            for s in range(20)
        ]
    assert math.exp(2 * weights["log_sigma"].item()) == pytest.approx(np.mean(errors), rel=0.05)
    # and validation is measured with it
    v = of(EpochDone, events)[-1].validation
    assert v.loss == pytest.approx(v.distortion + v.rate, rel=1e-6)


# ---------------------------------------------------------------- control


def test_pausing_and_resuming_changes_no_number():
    config = config_of(log_every=1, epochs=2)
    events = run_script(config, Script({3: ["pause"]}, paused=[["resume"]]))
    assert losses(events) == losses(run(config))
    assert of(Controlled, events) == [Controlled(3, 1, "pause"), Controlled(3, 2, "resume")]
    # a pause saves, so that a run paused for the night is safe
    place = events.index(Controlled(3, 1, "pause"))
    assert isinstance(events[place + 1], Checkpoint)
    assert isinstance(events[-1], Finished)


def test_one_step_and_one_epoch_pause_again_behind_themselves():
    config = config_of(log_every=1, epochs=3)
    script = Script({1: ["pause"]}, paused=[["step"], ["epoch"], ["epoch"], ["resume"]])
    events = run_script(config, script)
    assert [(c.step, c.command) for c in of(Controlled, events)] == [
        (1, "pause"), (1, "step"), (2, "pause"), (2, "epoch"), (4, "pause"), (4, "epoch"), (8, "pause"),
        (8, "resume"),
    ]  # fmt: skip
    assert losses(events) == losses(run(config))


def test_a_step_between_two_points_of_the_curve_is_said_too():
    config = config_of(log_every=4, checkpoint_every=100, epochs=2)
    events = run_script(config, Script({0: ["pause"]}, paused=[["step"], ["resume"]]))
    assert [s.step for s in of(StepDone, events)] == [1, 4, 8]
    singly = of(StepDone, run(config_of(log_every=1, checkpoint_every=100, epochs=2)))
    assert of(StepDone, events)[0].terms == singly[0].terms
    mean = np.mean([s.terms.loss for s in singly[1:4]])
    assert of(StepDone, events)[1].terms.loss == pytest.approx(mean, rel=1e-6)


def test_what_is_said_of_a_step_is_that_steps_alone():
    """Three steps are in the window when the run is paused; the fourth is asked for by hand."""

    class Counting(Script):
        def poll(self):
            due = super().poll()
            self.step += 1  # a poll a step; nothing is said of these
            return due

    config = config_of(log_every=100, checkpoint_every=100, batch_size=8, epochs=1)
    events = run_script(config, Counting({3: ["pause"]}, paused=[["step"], ["resume"]]))
    singly = of(StepDone, run(config_of(log_every=1, checkpoint_every=100, batch_size=8, epochs=1)))
    first, alone, rest = of(StepDone, events)
    assert (first.step, alone.step, rest.step) == (3, 4, 8)
    assert alone.terms == singly[3].terms
    assert first.terms.loss == pytest.approx(np.mean([s.terms.loss for s in singly[:3]]), rel=1e-6)
    assert (
        of(Checkpoint, events)[-1].resume["epoch_sum"].shape
        == of(Checkpoint, events)[0].resume["epoch_sum"].shape
    )
    epoch = of(EpochDone, events)[0]
    assert epoch.train.loss == pytest.approx(np.mean([s.terms.loss for s in singly]), rel=1e-6)


def test_stop_keeps_what_was_learned_and_can_go_on():
    config = resolve(config_of(log_every=1, epochs=3), DATA)
    events = run_script(config, Script({5: ["stop"]}))
    assert of(Controlled, events) == [Controlled(5, 1, "stop")]
    *_, checkpoint, finished = events
    assert isinstance(checkpoint, Checkpoint)
    assert (checkpoint.step, finished.step, finished.reason) == (5, 5, "stopped")
    rest = run(config, resume=checkpoint.resume)
    assert losses(events) + losses(rest) == losses(run(config))
    assert rest[-1].reason == "completed"


@pytest.mark.parametrize("step", [0, 3, 5])
def test_a_stop_is_remembered_as_taken_up_so_that_going_on_does_not_stop_again(step):
    """Steps 0 and 3 have a checkpoint of their own already, step 5 has none."""
    events = run_script(config_of(log_every=1), Script({step: ["stop"]}))
    last = of(Checkpoint, events)[-1]
    assert last.step == step
    assert last.resume["scalars"][-1].item() == 1


def test_stop_ends_a_pause():
    events = run_script(config_of(log_every=1), Script({2: ["pause"]}, paused=[["stop"]]))
    assert [c.command for c in of(Controlled, events)] == ["pause", "stop"]
    assert (events[-1].step, events[-1].reason) == (2, "stopped")


def test_several_requests_at_once_are_taken_up_in_order():
    events = run_script(config_of(log_every=1), Script({1: [("beta", 3.0), ("beta", 2.0), "pause", "stop"]}))
    assert [(c.number, c.command, c.value) for c in of(Controlled, events)] == [
        (1, "beta", 3.0), (2, "beta", 2.0), (3, "pause", None), (4, "stop", None),
    ]  # fmt: skip
    assert events[-1].step == 1


def test_a_new_beta_counts_from_the_next_step():
    events = run_script(config_of(log_every=1), Script({3: [("beta", 7.0)]}))
    assert of(Controlled, events) == [Controlled(3, 1, "beta", 7.0)]
    assert [s.coefficients["beta"] for s in of(StepDone, events)] == [1.0] * 3 + [7.0] * 5
    for s in of(StepDone, events):
        assert s.terms.loss == pytest.approx(
            s.terms.distortion + s.coefficients["beta"] * s.terms.rate, rel=1e-5
        )
    assert losses(events)[:3] == losses(run(config_of(log_every=1)))[:3]
    v = of(EpochDone, events)[-1].validation
    assert v.objective == pytest.approx(v.distortion + 7 * v.rate, rel=1e-5)


def test_a_new_beta_starts_the_search_for_the_best_anew():
    config = config_of(log_every=1, epochs=8, checkpoint_every=1000)
    events = run_script(config, Script({28: [("beta", 500.0)]}))
    # the last epoch's objective is far above the earlier ones, and still it is the best of its kind
    objectives = [e.validation.objective for e in of(EpochDone, events)]
    assert objectives[-1] > 2 * objectives[-2]
    assert of(EpochDone, events)[-1].best
    assert events[-1].best_epoch == 8


def test_a_live_learning_rate_multiplies_the_plans():
    config = config_of(log_every=1)
    events = run_script(config, Script({3: [("learning_rate", 0.5)]}))
    plan = Plan(config, 65)
    assert [s.learning_rate for s in of(StepDone, events)] == [
        plan.learning_rate(i) * (1.0 if i < 3 else 0.5) for i in range(8)
    ]
    found, plain = ([s.terms for s in of(StepDone, e)] for e in (events, run(config)))
    assert found[:4] == plain[:4]  # the fourth step is the first to move the weights less
    assert all(a != b for a, b in zip(found[4:], plain[4:], strict=True))


def test_a_live_learning_rate_of_nothing_freezes_the_weights():
    events = run_script(config_of(log_every=1, checkpoint_every=1), Script({4: [("learning_rate", 0.0)]}))
    by_step = {c.step: c for c in of(Checkpoint, events)}
    assert frozen(by_step[5].last) == frozen(by_step[8].last)
    assert frozen(by_step[3].last) != frozen(by_step[4].last)


def test_live_settings_survive_an_interruption():
    config = resolve(config_of(log_every=1, epochs=3), DATA)
    whole = run_script(config, Script({3: [("beta", 7.0), ("learning_rate", 0.5)]}))
    checkpoint = next(c for c in of(Checkpoint, whole) if c.step == 6)
    rest = run(config, resume=checkpoint.resume)
    assert [frozen(e) for e in rest[1:]] == [frozen(e) for e in whole[whole.index(checkpoint) + 1 :]]


def test_nobody_in_control_asks_nothing_and_cannot_be_waited_for():
    assert NoControl().poll() == []
    with pytest.raises(RuntimeError):
        NoControl().wait()
    assert Command(1, "pause").value is None


# ---------------------------------------------------------------- when it goes wrong


def finite(weights):
    return all(bool(torch.as_tensor(v).isfinite().all()) for v in weights.values())


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("log_every", [1, 3, 20])
def test_a_loss_that_is_no_number_ends_in_failed_with_term_and_step(log_every):
    """A learning rate beyond all reason in step 4: step 5 is the first whose loss cannot be computed."""

    class Absurd(NoControl):
        polls = 0

        def poll(self):
            self.polls += 1
            return [Command(1, "learning_rate", 1e30)] if self.polls == 4 else []

    config = config_of(epochs=6, log_every=log_every, checkpoint_every=2)
    events = run(config, control=Absurd())
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert len(of(Failed, events)) == 1
    assert not of(Finished, events)
    assert "is not a finite number at step 5" in failed.reason
    assert any(f"the {term} " in failed.reason for term in ("distortion", "rate", "loss"))
    assert (failed.step, failed.epoch) == (5, 1)
    assert all(finite(c.last) and finite(c.best) for c in of(Checkpoint, events))
    # what was kept before the absurdity goes on without it
    kept = next(c for c in of(Checkpoint, events) if c.step == 2)
    assert isinstance(run(config, resume=kept.resume)[-1], Finished)


def test_the_term_that_broke_is_named():
    config = config_of(epochs=1, log_every=1)
    weights = dict(of(Checkpoint, run(config))[0].last)
    for name, term in (("decoder.2.bias", "distortion"), ("encoder.3.bias", "distortion")):
        broken = {**weights, name: torch.full_like(weights[name], torch.nan)}
        failed = run(config, initial=broken)[-1]
        assert isinstance(failed, Failed)
        assert f"the {term} is not a finite number" in failed.reason or "weight" in failed.reason
    # a variance that overflows breaks the rate before anything else
    huge = {**weights, "encoder.3.bias": weights["encoder.3.bias"].clone()}
    huge["encoder.3.bias"][3:] = 88.9
    failed = run(config, initial=huge)[-1]
    assert isinstance(failed, Failed)
    assert "the rate is not a finite number at step 1" in failed.reason


def test_a_broken_weight_is_never_saved():
    """Weights broken by the very step before a checkpoint, whose own loss was still fine."""
    script = Script({2: [("learning_rate", 1e45)]})
    events = run_script(config_of(log_every=1, checkpoint_every=3, epochs=3), script)
    assert [s.step for s in of(StepDone, events)] == [1, 2, 3]
    assert events[-1].reason.startswith("a weight is not a finite number after step 3;")
    assert [c.step for c in of(Checkpoint, events)] == [0]
    assert len(of(Failed, events)) == 1


def test_a_single_step_that_breaks_fails_once():
    script = Script({0: ["pause"]}, paused=[[("learning_rate", 1e38), "step"], ["step"], ["step"]])
    events = run_script(config_of(log_every=4, checkpoint_every=100), script)
    assert isinstance(events[-1], Failed)
    assert len(of(Failed, events)) == 1


# ---------------------------------------------------------------- fine-tuning


def test_fine_tuning_starts_from_the_given_weights():
    weights = of(Checkpoint, run(config_of(epochs=5)))[-1].last
    events = run(config_of(epochs=1, seed=9), initial=weights)
    assert frozen(of(Checkpoint, events)[0].last) == frozen(dict(weights))
    fresh = run(config_of(epochs=1, seed=9))
    assert of(EpochDone, events)[0].train.loss < of(EpochDone, fresh)[0].train.loss


@pytest.mark.parametrize(
    "changes",
    [{"latent_dim": 4}, {"architecture": SMALL_CONV}, {"architecture": Choice("mlp", MlpParams((9,)))}],
)
def test_fine_tuning_needs_the_same_shapes(changes):
    weights = of(Checkpoint, run(config_of(epochs=1)))[-1].last
    with pytest.raises(BadConfig, match="other shapes"):
        run(config_of(**changes), initial=weights)
    with pytest.raises(BadConfig, match="other shapes"):
        run(config_of(), blob_set(channels=3), initial=weights)


# ---------------------------------------------------------------- what is left to the program


def test_resolving_leaves_nothing_open_and_repeats():
    config = config_of(
        batch_size=0, log_every=0, checkpoint_every=0, threads=0, precision="auto", device="auto", side=0
    )
    resolved = resolve(config, DATA)
    training = resolved.training
    assert min(training.batch_size, training.log_every, training.checkpoint_every, training.threads) > 0
    assert "auto" not in (training.precision, training.device)
    assert resolved.data.side == 16
    assert resolve(resolved, DATA) == resolved


def test_what_is_asked_for_is_kept():
    config = config_of(
        batch_size=7,
        log_every=11,
        checkpoint_every=13,
        threads=1,
        precision="bfloat16",
        rate_schedule="constant",
    )
    assert resolve(config, DATA).training == config.training


@pytest.mark.parametrize(
    ("images", "batch"), [(1, 32), (1_000, 32), (12_800, 64), (60_000, 128), (10**6, 128)]
)
def test_batch_sizes_grow_with_the_dataset(images, batch):
    assert choose_batch_size(images) == batch


def test_an_absent_device_is_refused():
    absent = next(name for name in ("mps", "cuda") if not getattr(torch.backends, name).is_available()) \
        if not torch.cuda.is_available() else "mps"  # fmt: skip
    with pytest.raises(BadConfig, match=f"no {absent}; choose auto or cpu"):
        choose_device(absent)
    assert choose_device("cpu") == "cpu"
    assert choose_precision("float32", "cpu") == "float32"
    assert choose_precision("auto", "cpu") in ("float32", "bfloat16")


def test_a_side_is_the_first_the_model_accepts():
    assert choose_side(config_of(architecture="mlp"), (28, 32)) == 28
    assert choose_side(config_of(architecture="conv"), (28, 32)) == 32
    assert choose_side(config_of(architecture="conv", side=64), (28, 32)) == 64
    with pytest.raises(BadConfig, match="conv takes none of this dataset's sides"):
        choose_side(config_of(architecture="conv"), (28,))


def test_adam_is_that_of_torch():
    torch.manual_seed(0)
    start = [torch.randn(3, 4), torch.randn(5)]
    ours, theirs = ([p.clone().requires_grad_() for p in start] for _ in range(2))
    adam, reference = Adam(ours), torch.optim.Adam(theirs, lr=1.0)  # type: ignore[arg-type]
    for step in range(20):
        rate = 0.1 / (step + 1)
        for parameters in (ours, theirs):
            sum((p - 1).square().sum() * (i + 1) for i, p in enumerate(parameters)).backward()
        adam.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        reference.zero_grad()
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
        assert all(p.grad is None for p in ours)


def test_flops_are_those_of_the_layers():
    config = config_of(latent_dim=3)
    # two a weight, biases left out: 256-12-6 and 3-12-256
    assert forward_flops(config, (1, 16, 16)) == 2 * (256 * 12 + 12 * 6 + 3 * 12 + 12 * 256)
    # a 4x4 kernel at every place: 8x8 places of 1 to 4 channels, 4x4 of 4 to 8, and back
    conv = config_of(architecture=SMALL_CONV, latent_dim=3)
    kernels = 16 * (1 * 4 * 64 + 4 * 8 * 16)
    dense = 128 * 8 + 8 * 6 + 3 * 8 + 8 * 128
    assert forward_flops(conv, (1, 16, 16)) == 2 * (2 * kernels + dense)


def test_counting_and_timing_change_nothing():
    config = config_of(log_every=1)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert time_step(config, DATA) > 0
    count_parameters(config, DATA.shape)
    forward_flops(config, DATA.shape)
    assert torch.equal(before, torch.get_rng_state())
    assert losses(run(config)) == losses(run(config))
