"""Several processes that train one run learn what one process learns, stop as one, and leave none behind."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from helpers import Script, blob_set, config_of, frozen, of, until
from safetensors.torch import load_file, save_file

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.devices import core_count
from vae_core.errors import BadConfig
from vae_core.events import Checkpoint, Controlled, EpochDone, StepDone
from vae_core.objectives.terms import Batch
from vae_core.options import replace_at
from vae_core.processes import child_environment
from vae_core.runs.gone import mark_if_gone
from vae_core.runs.record import FAILED, INTERRUPTED, STOPPED
from vae_core.runs.worker import train_run
from vae_core.training import Loop, NoControl, Team, resolve, train
from vae_core.training import team as team_module
from vae_core.training.stacked import why_apart
from vae_core.training.team import assembled, why_no_team

DATA = blob_set(lattice=6)
PLAIN = config_of(objective="beta_vae", log_every=1)
NEAR = 1e-4
two_cores = pytest.mark.skipif(core_count() < 2, reason="two processes need two cores")

# a batch of 17 has parts of 8 and 9, and one of 15 leaves a single image of the 16 that validate
CASES = {
    "β-VAE": PLAIN,
    "uneven": config_of(objective="beta_vae", batch_size=17),
    "one image left": config_of(objective="vae", batch_size=15, checkpoint_every=50),
    "autoencoder": config_of(objective="autoencoder", batch_size=17),
    "convolved": config_of(architecture="conv", batch_size=17, epochs=1),
    "total correlation": config_of(objective="beta_tcvae", batch_size=17),
    "capacity, free bits": config_of(objective="capacity", free_bits=0.3, batch_size=17),
    "learned σ": config_of(objective="beta_vae", likelihood="gaussian_optimal", batch_size=17),
    "every β": config_of(objective="multi_rate", batch_size=17),
    "guided": config_of(objective="guided", batch_size=17),
    "pairs": config_of(objective="ada_gvae", batch_size=17),
    "noise and shifts": config_of(input_noise="gaussian", augment="flips+shifts", batch_size=17),
}  # fmt: skip


def script():
    """Every request there is, at steps where none is asked by itself."""
    at = {2: [("beta", 7.0)], 3: [("learning_rate", 0.5)], 4: ["pause"], 7: ["stop"]}
    return Script(at, [["step"], ["resume"]])


def take_part(team):
    """What both processes do; the first one's control is the one that is asked."""
    found = {name: list(train(config, DATA, team=team)) for name, config in CASES.items()}
    checkpoint = of(Checkpoint, found["β-VAE"])[1]
    found["resumed"] = list(train(PLAIN, DATA, resume=checkpoint.resume, team=team))
    # the state of a process that trained alone
    alone = of(Checkpoint, list(train(PLAIN, DATA)))[1]
    found["joined"] = list(train(PLAIN, DATA, resume=alone.resume, team=team))
    steered = script()
    control = steered if team.leads else NoControl()
    found["steered"] = [steered.see(event) for event in train(PLAIN, DATA, control, team=team)]
    return found


def second(folder):
    """The second process of the tests: it leaves its last weights behind."""
    with assembled(1, 2, "cpu", folder) as team:
        found = take_part(team)
    weights = {name: of(Checkpoint, events)[-1].last for name, events in found.items()}
    save_file(
        {f"{name}/{k}": v for name, tensors in weights.items() for k, v in tensors.items()}, folder / "second"
    )


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """(events of the first process by case, last weights of the second) of two processes."""
    folder = tmp_path_factory.mktemp("team")
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        f"import pathlib, test_several_processes as here; here.second(pathlib.Path({str(folder)!r}))"
    )
    other = subprocess.Popen([sys.executable, "-c", code])
    try:
        with assembled(0, 2, "cpu", folder) as team:
            found = take_part(team)
        assert other.wait(60) == 0
    finally:
        other.kill()
    return found, load_file(folder / "second")


def curve(events):
    """(points of the curves, values of the epochs) as arrays."""
    steps = [[e.terms.loss, *e.terms.parts.values(), *e.terms.kl_per_dim] for e in of(StepDone, events)]
    epochs = [[e.train.objective, e.validation.loss, e.validation.objective] for e in of(EpochDone, events)]
    return np.array(steps), np.array(epochs)


def same(events, expected):
    for found, wanted in zip(curve(events), curve(expected), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=NEAR, atol=NEAR)
    found, wanted = (of(Checkpoint, some)[-1].last for some in (events, expected))
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=NEAR, atol=NEAR)


@two_cores
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_does(together, name):
    alone = list(train(CASES[name], DATA))
    same(together[0][name], alone)
    assert [type(event) for event in together[0][name]] == [type(event) for event in alone]


@two_cores
@pytest.mark.slow
def test_both_processes_hold_the_same_weights_to_the_bit(together):
    events, second_weights = together
    for name, some in events.items():
        for key, weight in of(Checkpoint, some)[-1].last.items():
            assert torch.equal(weight, second_weights[f"{name}/{key}"]), (name, key)


@two_cores
@pytest.mark.slow
def test_a_resumed_team_goes_on_bit_for_bit_and_so_may_other_numbers_of_processes(together):
    events = together[0]
    whole, checkpoint = events["β-VAE"], of(Checkpoint, events["β-VAE"])[1]
    later = [e for e in whole if isinstance(e, (StepDone, EpochDone)) and e.step > checkpoint.step]
    assert [frozen(e) for e in events["resumed"] if isinstance(e, (StepDone, EpochDone))] == [
        frozen(e) for e in later
    ]
    ends = [frozen(of(Checkpoint, some)[-1].last) for some in (whole, events["resumed"])]
    assert ends[0] == ends[1]
    one_goes_on = list(train(PLAIN, DATA, resume=checkpoint.resume))
    same(one_goes_on, events["resumed"])
    same(events["joined"], one_goes_on)


@two_cores
@pytest.mark.slow
def test_requests_reach_all_before_the_same_step(together):
    steered = script()
    alone = [steered.see(event) for event in train(PLAIN, DATA, steered)]
    told = of(Controlled, together[0]["steered"])
    assert [frozen(event) for event in told] == [frozen(event) for event in of(Controlled, alone)]
    assert [event.command for event in told] == [
        "beta",
        "learning_rate",
        "pause",
        "step",
        "pause",
        "resume",
        "stop",
    ]
    same(together[0]["steered"], alone)


# ---------------------------------------------------------------- what each takes, without another process


@pytest.mark.parametrize("changes", [
    {}, {"augment": "flips+shifts"}, {"input_noise": "salt_pepper"}, {"objective": "ada_gvae"}, {"objective": "guided"},
])  # fmt: skip
def test_the_parts_of_a_batch_make_up_the_batch_with_its_noise(changes):
    config = resolve(config_of(batch_size=17, **changes), DATA)

    def batch_of(team):
        loop = Loop(config, DATA, NoControl(), team=team)
        return loop.feed.batch(loop.next_index(), loop.generator, 3)

    whole, parts = batch_of(Team()), [batch_of(Team(rank, 3)) for rank in range(3)]
    assert [len(part.images) for part in parts] == [5, 6, 6]
    for name in ("images", "noisy", "second"):
        if getattr(whole, name) is not None:
            assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name)), name
    for part in parts:
        assert (part.targets is None and whole.targets is None) or torch.equal(part.targets, whole.targets)
    wanted = whole.noise(34, 2).unflatten(0, (2, 17))
    drawn = [part.noise(2 * len(part.images), 2).unflatten(0, (2, -1)) for part in parts]
    assert torch.equal(torch.cat(drawn, 1), wanted), "of pairs, the first images lie before the second"
    states = [batch.generator.get_state() for batch in (whole, *parts)]
    assert all(torch.equal(states[0], state) for state in states)


def test_a_batch_of_fewer_images_than_processes_is_taken_whole_by_each():
    assert Team(1, 2).part(1) is None
    assert Batch(torch.zeros(1, 1, 2, 2), torch.Generator()).whole == 1


def test_each_process_has_its_share_of_the_threads_and_at_least_one():
    assert [Team(0, size).threads(4) for size in (1, 2, 3, 8)] == [4, 2, 1, 1]


# ---------------------------------------------------------------- refusals


def test_what_cannot_be_shared_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(team_module, "core_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert why_no_team(1, "mps", 1) == why_no_team(4, "cpu", 16) == ""
    assert why_no_team(5, "cpu", 16) == (
        "gpus: 5 processes need a processor core each, and this machine has 4 processor cores; choose at most 4"
    )
    assert (
        why_no_team(2, "cuda", 16)
        == "gpus: 2 processes need a GPU each, and this machine has 1 GPU; choose at most 1"
    )
    assert "not on mps" in why_no_team(2, "mps", 16)
    assert "a batch of 3 cannot be shared by 4" in why_no_team(4, "cpu", 3)
    with pytest.raises(BadConfig, match="gpus: 5 processes need"):
        resolve(config_of(gpus=5), DATA)


@pytest.mark.parametrize("objective", ["gan", "vae_gan"])
def test_a_game_of_two_networks_is_trained_by_one_process(objective):
    config = replace_at(RunConfig(), ("objective", "objective"), objective)
    with pytest.raises(BadConfig, match=rf"gpus: {objective} is trained by one process, .*; choose 1"):
        replace_at(config, ("training", "gpus"), 2)


def test_a_learner_that_knows_no_team_is_refused(monkeypatch):
    from vae_core.training import learners

    class Selfish:
        pass

    monkeypatch.setitem(learners.LEARNERS, "vae", lambda *_: Selfish())
    with pytest.raises(BadConfig, match="is trained by one process"):
        Loop(resolve(config_of(), DATA), DATA, NoControl(), team=Team(0, 2))


def test_runs_of_several_processes_are_not_stacked():
    runs = [config_of(gpus=2, objective="beta_vae"), config_of(gpus=2, objective="beta_vae")]
    assert "by several each" in why_apart(runs)


# ---------------------------------------------------------------- a run folder, and processes that end

LONG = config_of(objective="beta_vae", epochs=2_000, checkpoint_every=20, log_every=1, gpus=2)


def at_step(step, do):
    """A watch that does something once the step is done."""
    return lambda event: do() if isinstance(event, StepDone) and event.step == step else None


@two_cores
@pytest.mark.slow
def test_a_lost_process_ends_the_run_which_goes_on_and_may_be_handed_to_one(store, places):
    run = store.create(LONG)
    not_ours = set(psutil.Process().children())  # such as a browser of the tests before

    def others():
        return [child for child in psutil.Process().children() if child not in not_ours]

    status = train_run(run, places, at_step(30, lambda: others()[0].kill()))
    assert (status.state, status.error) == (
        FAILED,
        "process 2 of 2 was killed, as the system does where memory runs out; resume the run to go on from its last "
        "checkpoint",
    )
    assert not others()
    run.go_on()
    status = train_run(run, places, at_step(50, lambda: run.request("stop")))
    assert (status.state, status.error) == (STOPPED, "")
    assert not others()
    run.go_on(gpus=1)
    assert train_run(run, places, at_step(70, lambda: run.request("stop"))).state == STOPPED
    told = [event.terms.loss for event in of(StepDone, run.history())]
    alone = train(run.record().resolved, open_images("tiny", 16, places))
    expected = [event.terms.loss for event in itertools.islice(alone, 150) if isinstance(event, StepDone)]
    assert len(told) >= 70
    np.testing.assert_allclose(told[:70], expected[:70], rtol=NEAR)


def in_a_group(run):
    """A worker that leads a group of processes of its own, as a launcher starts it; given once it has learned some more."""
    step = run.status().step
    arguments = ["--home", str(run.places.home), "--data-dir", str(run.places.data_dir), run.id]
    worker = subprocess.Popen(
        [sys.executable, "-m", "vae_core.runs.worker", *arguments],
        start_new_session=True,
        env=child_environment(),
    )
    until(lambda: worker.poll() is not None or run.status().step > step + 5, "it learns")
    return worker, psutil.Process(worker.pid).children()


@two_cores
@pytest.mark.slow
def test_ctrl_c_stops_all_cleanly_and_a_kill_of_the_first_leaves_none_behind(store, places):
    run = store.create(LONG)
    worker, others = in_a_group(run)
    assert len(others) == 1
    os.killpg(worker.pid, signal.SIGINT)  # a terminal sends it to all
    assert worker.wait(60) == 0
    assert (run.status().state, run.status().error) == (STOPPED, "")
    assert not any(other.is_running() for other in others)
    run.go_on()
    worker, others = in_a_group(run)
    worker.kill()
    worker.wait(60)
    until(lambda: not any(other.is_running() for other in others), "the other is gone too")
    assert mark_if_gone(run)
    assert run.status().state == INTERRUPTED
    assert run.resume_state() is not None
