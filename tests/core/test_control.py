import multiprocessing
import threading

import pytest
from helpers import config_of

from vae_core.errors import BadConfig
from vae_core.events import (
    Command,
)
from vae_core.places import Places
from vae_core.runs.control import FileControl
from vae_core.runs.record import RUNNING, STOPPED
from vae_core.runs.run import Run

# ---------------------------------------------------------------- requests


def test_requests_are_numbered_and_read_in_order(store):
    run = store.create(config_of())
    run.update_status(state=RUNNING)
    assert [run.request("pause"), run.request("beta", 2.5), run.request("resume")] == [1, 2, 3]
    assert run.requests() == [Command(1, "pause"), Command(2, "beta", 2.5), Command(3, "resume")]
    assert run.requests(after=2) == [Command(3, "resume")]
    assert run.requests(after=3) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dance", None),
        ("beta", None),
        ("beta", -1.0),
        ("beta", float("nan")),
        ("beta", 1e9),
        ("learning_rate", None),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(store, name, value):
    run = store.create(config_of())
    with pytest.raises(BadConfig):
        run.request(name, value)
    assert run.requests() == []


def test_an_autoencoder_has_no_beta_to_change(store):
    run = store.create(config_of(objective="autoencoder"))
    with pytest.raises(BadConfig, match="no coefficient such as β"):
        run.request("beta", 2.0)
    assert run.request("learning_rate", 0.5) == 1


def test_a_queued_run_is_stopped_at_once(store):
    run = store.create(config_of())
    assert run.request("stop") == 0
    assert run.status().state == STOPPED
    assert run.requests() == []


def test_a_request_line_on_its_way_is_not_read(store):
    run = store.create(config_of())
    run.request("pause")
    with open(run.path / "control.jsonl", "ab") as file:
        file.write(b'{"number": 2, "na')
    assert run.requests() == [Command(1, "pause")]


def test_a_request_after_a_torn_line_is_whole(store):
    run = store.create(config_of())
    run.request("pause")
    with open(run.path / "control.jsonl", "ab") as file:
        file.write(b'{"number": 2, "na')  # killed while writing
    assert run.request("resume") == 2
    assert run.requests() == [Command(1, "pause"), Command(2, "resume")]


def test_requests_go_on_above_those_taken_up_where_the_run_came_without_them(store):
    """An archive holds no requests; its checkpoint knows the number of the last one, and takes up later ones alone."""
    run = store.create(config_of())
    run.update_status(state=RUNNING, control=3)
    assert run.request("pause") == 4
    run.update_status(state=STOPPED)
    run.go_on()
    assert run.status().control == 4


def _ask(path, home, count):
    run = Run(path, Places(home, home))
    for _ in range(count):
        run.request("learning_rate", 0.5)


def test_requests_from_several_threads_and_processes_get_numbers_of_their_own(store):
    run = store.create(config_of())
    context = multiprocessing.get_context("fork")
    askers = [
        *(threading.Thread(target=_ask, args=(run.path, store.places.home, 10)) for _ in range(3)),
        *(context.Process(target=_ask, args=(run.path, store.places.home, 10)) for _ in range(2)),
    ]
    for asker in askers[::-1]:  # processes first: forking beside running threads is asking for trouble
        asker.start()
    for asker in askers:
        asker.join()
    assert [command.number for command in run.requests()] == list(range(1, 51))


# ---------------------------------------------------------------- taken up by the process


def test_requests_are_taken_up_once_and_in_order(store):
    run = store.create(config_of())
    run.update_status(state=RUNNING)
    control = FileControl(run.path)
    assert control.poll() == []
    run.request("beta", 2.0)
    run.request("pause")
    assert control.poll() == [Command(1, "beta", 2.0), Command(2, "pause")]
    assert control.poll() == []
    run.request("resume")
    assert control.poll() == [Command(3, "resume")]


def test_waiting_ends_with_a_request_or_a_signal(store):
    run = store.create(config_of())
    run.update_status(state=RUNNING)
    control = FileControl(run.path)
    control.poll()
    for wake in (lambda: run.request("resume"), lambda: setattr(control, "stop_asked", True)):
        waiter = threading.Thread(target=control.wait)
        waiter.start()
        waiter.join(0.2)
        assert waiter.is_alive()
        wake()
        waiter.join(10)
        assert not waiter.is_alive()
        control.poll()
