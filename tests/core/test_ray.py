"""Runs as jobs of a Ray cluster: a real one, of two nodes on this machine with a processor each.

The tests of the cluster follow one another on the same runs, since to start a job takes seconds.
"""

import signal
import sys
import time
from types import SimpleNamespace

import psutil
import pytest
from command_line import TINY, complains
from helpers import config_of, frozen, of, until, write_blobs
from ray_nodes import nodes_of

import vae_core
from vae_core.errors import BadConfig
from vae_core.events import Controlled, Resumed, Started, StepDone
from vae_core.places import Places
from vae_core.runs import record as record_module
from vae_core.runs import store as store_module
from vae_core.runs.gone import mark_if_gone
from vae_core.runs.launchers import LAUNCHER_VARIABLE, Handle, find_launcher, is_alive, ray_jobs
from vae_core.runs.launchers.ray_cluster import STUCK_SECONDS, Job, Needs, RayCluster, check_address
from vae_core.runs.launchers.ray_jobs import ADDRESS_VARIABLE, RAY, ending_of
from vae_core.runs.queue import Queue
from vae_core.runs.record import (
    FINISHED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STOPPED,
    Status,
)
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.study import record as study_record
from vae_core.study.driving import Driving
from vae_core.study.measuring import Inside
from vae_core.study.settings import StudySettings

ENDLESS = {"epochs": 100_000, "checkpoint_every": 1_000, "log_every": 100}
LEARNS = {"epochs": 120, "checkpoint_every": 50, "log_every": 10}  # for some seconds
NOWHERE = "http://127.0.0.1:9"  # the port of discard, where nobody listens


# ---------------------------------------------------------------- without a cluster


@pytest.fixture
def cli(request):
    """As the fixture vae_core, whose name the package has here."""
    return request.getfixturevalue("vae_core")


@pytest.mark.parametrize(
    "address", ["head:8265", "ray://head:10001", "http://", "http://a b", "http://head?x"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadConfig, match="such as http://head:8265"):
        check_address(address)


def test_an_address_is_kept_without_its_last_slash():
    assert check_address(" https://lab.example/ray/ ") == "https://lab.example/ray"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--launcher", "ray"], "needs the address of a cluster: --ray-address http://HEAD:8265"),
        (["--launcher", "ray", "--ray-address", "head"], "no address of a Ray cluster"),
        (["--ray-address", "http://head:8265"], "add that, or leave it out"),
        (["--retry", "1"], "--retry belongs to --launcher ray"),
        (["--launcher", "ray", "--ray-address", NOWHERE, "--retry", "-1"], "expected 0 to 100"),
    ],
)
@pytest.mark.parametrize("command", ["train", "sweep", "tune"])
def test_switches_that_do_not_go_together_create_nothing(cli, store, monkeypatch, command, words, says):
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    own = {"train": [], "sweep": ["--betas", "1"], "tune": ["--search", "free_bits=0..1"]}[command]
    complains(cli(command, *TINY, *own, *words), 1, says)
    assert store.own() == []


def test_where_ray_is_not_installed_the_command_says_so_and_a_server_lets_runs_wait(
    cli, places, store, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv(ADDRESS_VARIABLE, NOWHERE)
    says = "Ray is not installed here; pip install 'latent-explorer[ray]'"
    complains(cli("train", *TINY, "--launcher", "ray"), 1, says)
    run = store.create(config_of())
    Queue(places, None, RAY).tick()
    assert (run.status().state, run.status().note) == (QUEUED, f"its worker cannot be started: {says}; it is tried again every 1 s")  # fmt: skip


@pytest.fixture
def unreachable(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv(ADDRESS_VARIABLE, NOWHERE)
    monkeypatch.setattr(find_launcher(RAY), "clusters", {})
    return Handle(RAY, {"address": NOWHERE, "job": "latent-explorer-x", "submitted": 1.0})


def test_runs_wait_for_a_cluster_that_does_not_answer_and_say_so(places, store, unreachable):
    run, now = store.create(config_of()), [0.0]
    queue = Queue(places, None, RAY, now=lambda: now[0])
    queue.tick()
    assert run.status().state == QUEUED
    assert "the Ray cluster at http://127.0.0.1:9 does not answer" in run.status().note
    assert run.status().note.endswith("it is tried again every 1 s")
    now[0] = 1.0
    queue.tick()
    assert run.status().note.endswith("it is tried again every 2 s")
    queue.stop()


def test_a_run_is_lost_once_neither_its_cluster_nor_itself_shows_life(places, store, unreachable):
    run = store.create(config_of())
    run.write_status(Status(RUNNING, unreachable, heartbeat=time.time(), step=3))
    queue = Queue(places)
    queue.tick()
    assert run.status().state == RUNNING, "it may live: it has shown itself a moment ago"
    with pytest.raises(OSError, match="does not answer"):
        mark_if_gone(run)
    run.update_status(heartbeat=time.time() - record_module.LOST_SECONDS - 1)
    with run.lock():
        assert not mark_if_gone(run), "its lock is held: it lives"
    queue.tick()
    assert (run.status().state, run.status().step) == (INTERRUPTED, 3)
    assert "does not answer" in run.status().error
    assert run.status().error.endswith("resume it to go on from the last checkpoint")
    queue.stop()


@pytest.mark.slow
def test_runs_of_a_cluster_that_is_gone_hold_no_slot_for_ever(places, store, unreachable):
    for n in range(3):
        store.create(config_of(), f"old-{n}").write_status(Status(FINISHED, unreachable, heartbeat=1.0))
    new = store.create(config_of(), "new")
    queue = Queue(places)
    until(lambda: new.status().state == FINISHED, "it is trained here", meanwhile=queue.tick, runs=[new])
    queue.stop()


@pytest.mark.parametrize(
    ("job", "why", "waits"),
    [
        (Job("FAILED", message="…\nlatent-explorer: no home here\n", code=78), "no home here", True),
        (Job("FAILED", message="(ModuleNotFoundError: No module named 'vae_core')", code=1), "have no Latent Explorer", True),
        (Job("FAILED", message="python: No module named vae_core.runs.cluster_worker", code=1), "one without clusters", True),
        (Job("FAILED", message="sh: 1: exec: python: not found", code=127), "have no Latent Explorer", True),
        (Job("FAILED", error="JOB_SUPERVISOR_ACTOR_START_TIMEOUT"), "no room", True),
        (Job("FAILED", message="its node has died", error="JOB_SUPERVISOR_ACTOR_DIED"), "node that trained it was lost", False),
        (Job("FAILED", message="latent-explorer: no home here", code=1), "", False),
        (Job("STOPPED"), "stopped on the cluster", False),
    ],
)  # fmt: skip
def test_how_a_job_ended_is_one_sentence(job, why, waits):
    found = ending_of(job)
    assert (why in found.why, found.waits) == (True, waits)
    assert bool(found.why) == bool(why)


def told(nodes, jobs=()):
    """A cluster that has just said so, and is not asked again."""
    never = time.monotonic() + 1e6
    found = {str(number): job for number, job in enumerate(jobs)}
    return RayCluster(NOWHERE, found=found, nodes=nodes, due=never, nodes_due=never)


def test_a_run_asks_for_no_more_than_the_largest_node_has():
    nodes = {"head": Needs(0, 0), "big": Needs(16, 0), "gpus": Needs(4, 2)}
    assert told(nodes).fitted(0, 0) == Needs(1, 0), "one where the run leaves it open"
    assert told(nodes).fitted(32, 0) == Needs(16, 0)
    assert told(nodes).fitted(8, 1) == Needs(4, 1), "as many as are beside a GPU"
    assert told(nodes).fitted(8, 4) == Needs(4, 2)
    assert told({"a": Needs(8, 0)}).fitted(2, 1) == Needs(2, 0)
    assert told(nodes).at_once(Needs(3, 0), ask=True) == 6
    assert told(nodes).at_once(Needs(1, 1), ask=True) == 2
    assert told({}).at_once(Needs(1, 0), ask=True) == 1


def test_a_run_has_room_where_one_node_has_it():
    now, nodes = time.monotonic(), {"a": Needs(3, 0), "b": Needs(3, 0)}
    two = Needs(2, 0)
    on_a, on_b = Job("RUNNING", two, "a", began=now), Job("RUNNING", two, "b", began=now)
    waits, over = Job("PENDING", two, began=now), Job("SUCCEEDED", two, "b")
    assert told(nodes, [on_a, over]).has_room(two)
    assert not told(nodes, [on_a, on_b]).has_room(two), "two are free, on no one node"
    assert told(nodes, [on_a, on_b]).has_room(Needs(1, 0))
    assert not told(nodes, [on_a, waits]).has_room(two), "what waits there is to have the other node"
    stuck = Job("PENDING", Needs(1, 0), began=now - STUCK_SECONDS - 1)
    assert not told(nodes, [stuck]).has_room(two), "others have what seems free"
    assert told({}, []).has_room(two), "it tells a cluster that grows to grow"
    assert not told({}, [waits]).has_room(two)


# ---------------------------------------------------------------- two nodes


@pytest.fixture(scope="module")
def nodes():
    """A head and a second node; that one is gone is seen within seconds."""
    pytest.importorskip("ray")
    with nodes_of(
        2,
        health_check_initial_delay_ms=0,
        health_check_period_ms=1000,
        health_check_failure_threshold=3,
    ) as started:
        yield started


@pytest.fixture(scope="module")
def home(tmp_path_factory, nodes):
    """A home that the nodes share, with its queue and runs by name."""
    root = tmp_path_factory.mktemp("shared")
    places = Places(root / "home", root / "downloads")
    write_blobs(places.datasets)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ADDRESS_VARIABLE, nodes.address)
        patched.setenv(LAUNCHER_VARIABLE, RAY)
        patched.setattr(store_module, "assets", lambda: root / "nothing-shipped")
        home = SimpleNamespace(places=places, store=Store(places), runs={}, queue=Queue(places, None, RAY))
        home.queue.start()
        yield home
        home.queue.stop()


def known(nodes):
    return find_launcher(RAY).clusters[nodes.address].jobs()


def node_of(nodes, run):
    return known(nodes)[run.status().handle.job["job"]].node


def worker_of(run):
    """The process that trains a run."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "vae_core.runs.cluster_worker" in words and words[-1] == run.id:
            return process
    raise AssertionError(f"nothing trains {run.id}")


@pytest.mark.slow
def test_two_runs_train_at_once_on_two_nodes_and_a_third_waits(nodes, home):
    names = {"killed": config_of(**LEARNS), "steered": config_of(**ENDLESS), "third": config_of(epochs=1)}
    home.runs |= {name: home.store.create(config, name) for name, config in names.items()}
    home.queue.wake()
    two = [home.runs["killed"], home.runs["steered"]]
    until(lambda: all(run.status().step > 0 for run in two), "both learn", runs=two)
    assert len({node_of(nodes, run) for run in two}) == 2
    assert home.runs["third"].status().state == QUEUED
    for run in two:
        job = known(nodes)[run.status().handle.job["job"]]
        assert (job.status, job.needs.cpus, job.needs.gpus) == ("RUNNING", 1.0, 0.0)
        assert run.record().effective.training.threads == 1


@pytest.mark.slow
def test_a_killed_worker_is_interrupted_and_goes_on_bit_for_bit(nodes, home, tmp_path):
    run = home.runs["killed"]
    until(lambda: run.status().step > 100, "it has saved itself", runs=[run])
    worker_of(run).send_signal(signal.SIGKILL)
    until(lambda: run.status().state == INTERRUPTED, "it is marked")
    assert run.status().error.startswith("its worker was killed")
    # the third has its room now; meanwhile the same run undisturbed, here
    whole = Store(Places(tmp_path / "home", tmp_path / "downloads"))
    write_blobs(whole.places.datasets)
    undisturbed = whole.create(config_of(**LEARNS), "whole")
    assert train_run(undisturbed, whole.places).state == FINISHED
    run.go_on()
    home.queue.wake()
    until(lambda: run.status().state == FINISHED, "it goes on", runs=[run])
    assert home.runs["third"].status().state == FINISHED
    assert of(Resumed, run.history())
    assert frozen(run.arrays()) == frozen(undisturbed.arrays())
    steps = [[frozen(event) for event in of(StepDone, one.history())] for one in (run, undisturbed)]
    assert steps[0] == steps[1]


@pytest.mark.slow
def test_the_queue_of_another_server_adopts_and_the_folder_pauses_steers_and_stops(home):
    run = home.runs["steered"]
    home.queue.stop()
    home.queue = Queue(home.places, None, RAY, retry=1)
    home.queue.start()
    run.request("pause")
    until(lambda: run.status().state == PAUSED, "it pauses", runs=[run])
    run.request("beta", 3.0)
    run.request("resume")
    until(lambda: run.status().state == RUNNING, "it goes on", runs=[run])
    assert len(of(Started, run.history())) == 1, "it is the same process"
    run.request("stop")
    until(lambda: run.status().state == STOPPED, "it stops", runs=[run])
    assert [event.command for event in of(Controlled, run.history())] == ["pause", "beta", "resume", "stop"]
    until(lambda: not is_alive(run.status().handle), "its job has ended")


@pytest.mark.slow
def test_a_study_tries_as_much_at_once_as_there_is_room(home):
    settings = StudySettings(
        base=config_of(**ENDLESS), search=("free_bits=0..1",), sampler="random", trials=5
    )
    study = study_record.create(home.places, settings, "mine")
    with Driving(study, Inside()) as driving:
        driving.advance()
        assert len(study.ledger().under_way()) == 2
    study.stop()
    until(lambda: all(run.status().state == STOPPED for run in study.runs()), "both have stopped")


@pytest.mark.slow
def test_the_command_line_follows_a_run_from_its_folder(nodes, home, capsys):
    from vae_core.cli import main

    where = ["--home", str(home.places.home), "--data-dir", str(home.places.data_dir)]
    assert main(["train", *TINY, *where, "--name", "followed", "--launcher", "ray"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said if line.startswith("epoch")] == ["epoch 1", "epoch 2"]
    assert said[-1].startswith("followed finished after")


@pytest.mark.slow
def test_what_cannot_begin_on_a_node_says_why_and_waits(nodes, home, monkeypatch):
    """Four faults, each a job of its own, while nobody looks after the queue."""
    home.queue.stop()
    launcher, store = find_launcher(RAY), home.store

    def starts(run):
        handle = launcher.start(run.places, run.id)
        run.update_status(state=RUNNING, handle=handle, heartbeat=time.time())
        return run

    with monkeypatch.context() as patched:
        patched.setattr(ray_jobs, "PYTHON", f"{sys.executable} -I -S")
        bare = starts(store.create(config_of(), "bare"))
    with monkeypatch.context() as patched:
        patched.setattr("vae_core.__version__", "9.9")
        other = starts(store.create(config_of(), "other"))
    no_images = starts(store.create(config_of(dataset="mnist"), "no-images"))
    link = home.places.home.parent / "mounted"
    link.symlink_to(home.places.home)
    through = Places(link, home.places.data_dir)
    starts(Store(through).create(config_of(), "unseen"))
    link.unlink()  # from where the job will look for it, seconds later
    unseen = store.find("unseen")
    refused = {
        bare: "the nodes of the cluster have no Latent Explorer",
        other: f"has Latent Explorer {vae_core.__version__}, and what started the run 9.9; install one version on all machines",
        no_images: f"let all machines share the folder {home.places.data_dir}",
        unseen: f"the home {link} is not to be seen from the node",
    }
    for run, says in refused.items():
        until(lambda run=run: mark_if_gone(run), "its job has ended")
        assert (run.status().state, run.status().handle) == (QUEUED, None), run.status()
        assert says in run.status().note
        assert run.status().note.count("\n") == 0
        run.request("stop")
        assert run.status().state == STOPPED
    assert launcher.log(home.places, bare.id) == ""


@pytest.mark.slow
def test_a_run_whose_node_is_lost_is_started_again_elsewhere(nodes, home):
    home.queue = Queue(home.places, None, RAY, retry=1)
    home.queue.start()
    long = config_of(**ENDLESS | {"checkpoint_every": 20})
    two = [home.store.create(long, name) for name in ("stays", "lost")]
    until(lambda: all(run.status().step > 100 for run in two), "both learn", runs=two)
    lost, stays = sorted(two, key=lambda run: node_of(nodes, run) != nodes.others[0].node_id)
    nodes.cluster.remove_node(nodes.others[0], allow_graceful=False)
    until(lambda: lost.status().state == QUEUED, "it waits again", runs=two)
    assert lost.status().tries == 1
    assert lost.status().note.startswith(
        "retry 1 of 1, from the last checkpoint: the node that trained it was lost"
    )
    stays.request("stop")
    until(lambda: lost.status().live and of(Resumed, lost.history()), "it goes on", runs=[lost])
    assert (lost.status().tries, stays.status().state) == (1, STOPPED)
    home.runs["lost"] = lost


@pytest.mark.slow
def test_the_head_is_lost_for_good(nodes, home, monkeypatch):
    lost = home.runs["lost"]
    monkeypatch.setattr(record_module, "LOST_SECONDS", 3.0)
    nodes.cluster.shutdown()
    until(lambda: lost.status().state == INTERRUPTED, "it is marked")
    assert "does not answer" in lost.status().error
    assert lost.status().tries == 1
    lost.go_on()
    assert lost.status().tries == 0, "a person begins anew"
    home.queue.wake()
    until(lambda: "its worker cannot be started" in lost.status().note, "it waits for the cluster")
