"""How long training takes, on the pages: what is remembered is shown, what is old or unknown is timed beside."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable

import pytest
from helpers import config_of, until
from streamlit.testing.v1 import AppTest

from app.services import timing, warm_up
from app.services.tasks import DONE, FAILED
from app.services.waiting import ahead
from vae_core.config import ENOUGH_STEPS, RunConfig
from vae_core.data import open_images
from vae_core.places import Places
from vae_core.runs.record import RUNNING
from vae_core.runs.store import Store
from vae_core.runs.timing import FRESH, Costs, Timings, key_of
from vae_core.training import Plan, plan_of, resolve

Open = Callable[..., AppTest]
FORM = {"dataset": "tiny", "model": "mlp", "latent-dim": "3", "batch-size": "16", "epochs": "4"}
REAL_TIME = timing._time


def settings(places: Places) -> tuple[RunConfig, str]:
    """What the form says, resolved, and the name under which its costs are remembered."""
    data = open_images("tiny", 16, places)
    form = config_of(
        architecture=RunConfig().model.architecture, epochs=4, validation=RunConfig().data.validation,
        learning_rate=RunConfig().training.learning_rate, precision="auto", device="auto", threads=0, log_every=0,
        checkpoint_every=0,
    )  # fmt: skip
    mlp = dataclasses.replace(form.model, architecture=config_of().model.architecture)
    resolved = resolve(dataclasses.replace(form, model=mlp), data)
    return resolved, key_of(resolved, data.fingerprint)


def words(at: AppTest) -> str:
    return " ".join(element.value for element in [*at.markdown, *at.caption])


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> Callable[[Costs], None]:
    """What is known of every network, with a start-up of two seconds."""

    def remember(costs: Costs) -> None:
        monkeypatch.setattr(Timings, "known", lambda self, key: costs)
        monkeypatch.setattr(Timings, "startup", 2.0)

    return remember


def steps_of(at: AppTest) -> int:
    size = next(m.value for m in at.markdown if "parameters" in m.value)
    return int(size.split(" steps")[0].split(" ")[-1].replace(",", ""))


def test_the_form_counts_start_up_validation_and_pictures(open_page: Open, remembered) -> None:
    remembered(Costs(step=1.0, at=time.time()))
    at = open_page("train", **FORM)
    steps = steps_of(at)
    assert f"about **{5 * round((steps + 2) / 5)} s** here" in words(at)
    remembered(Costs(step=0.0, validation=300.0, codes=30.0, pictures=30.0, at=time.time()))
    assert "about **24 min** here" in words(open_page("train", **FORM))  # 4 epochs of 360 s


def test_an_estimate_is_not_timed_beside_a_run(open_page: Open, store: Store) -> None:
    store.create(config_of(), "busy").update_status(state=RUNNING)
    assert "time is estimated while nothing trains" in words(open_page("train", **FORM))


def test_a_sweep_takes_as_long_as_its_runs(
    open_page: Open, remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(Costs(step=0.0, validation=118.0, at=time.time()))
    form = {f"sweep-{k}": v for k, v in FORM.items()} | {"sweep-epochs": "1"}
    at = open_page("tune", tuning="β", **form)
    at.text_input(key="sweep-betas").set_value("1 2 3 4 5").run()
    assert "About **10 min** here." in words(at)
    monkeypatch.setenv("LATENT_EXPLORER_JOBS", "2")
    assert "About **6 min** here." in words(at.run()), "two at a time: three rounds"


# ---------------------------------------------------------------- the process that times


def fake(code: str) -> str:
    """Python that stands for the process."""
    return f"import sys, json; sys.stdin.read(); {code}"


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch):
    """Let the service time, by Python of a test's own."""
    monkeypatch.setattr(timing, "_time", REAL_TIME)
    real = timing.subprocess.Popen

    def by(code: str) -> None:
        monkeypatch.setattr(
            timing.subprocess, "Popen", lambda command, **how: real([sys.executable, "-c", fake(code)], **how)
        )

    return by


ANSWER = json.dumps({"startup": 3.0, "costs": dataclasses.asdict(Costs(0.25))})


def test_what_is_not_known_is_timed_and_remembered(places: Places, timed) -> None:
    timed(f"print('some words'); print({ANSWER!r})")
    config = resolve(config_of(), open_images("tiny", 16, places))
    first = timing.estimate(config, 16)
    assert first.costs is None
    assert first.seconds(Plan(config, 65)) is None
    assert timing.estimate(config, 16).task is first.task, "a second page follows the same task"
    assert first.task is not None
    assert first.task.wait(60)
    assert first.task.state == DONE, first.task.error
    then = timing.estimate(config, 16)
    assert then.task is None
    assert (then.costs.step, then.startup) == (0.25, 3.0)
    assert then.seconds(Plan(config, 65)) == pytest.approx(3.0 + 8 * 0.25)
    assert timing.estimate(dataclasses.replace(config), 16, may_time=False).task is None


def test_what_is_old_is_shown_and_timed_anew(places: Places, timed, monkeypatch: pytest.MonkeyPatch) -> None:
    timed(f"print({ANSWER!r})")
    data = open_images("tiny", 16, places)
    config = resolve(config_of(), data)
    key = key_of(config, data.fingerprint)
    Timings(places).keep(key, Costs(99.0))
    assert timing.estimate(config, 16).task is None
    for _ in range(2):  # and once more after as long
        later = time.time() + 10 * FRESH
        monkeypatch.setattr(timing.time, "time", lambda later=later: later)
        found = timing.estimate(config, 16)
        assert found.task is not None
        assert found.costs is not None
        assert found.task.wait(60)
        assert Timings(places).known(key).step == 0.25


def test_a_process_that_fails_is_not_asked_again_and_again(places: Places, timed) -> None:
    timed("sys.exit('no')")
    config = resolve(config_of(), open_images("tiny", 16, places))
    task = timing.estimate(config, 16).task
    assert task is not None
    assert task.wait(60)
    assert (task.state, task.error) == (FAILED, "steps could not be timed here")
    assert timing.estimate(config, 16).task is None


def test_a_run_that_begins_ends_the_timing(places: Places, store: Store, timed) -> None:
    timed("import threading; threading.Event().wait()")
    config = resolve(config_of(), open_images("tiny", 16, places))
    task = timing.estimate(config, 16).task
    assert task is not None
    store.create(config_of(), "mine")  # it waits in the queue
    assert timing.estimate(config, 16).task is None
    assert task.wait(60)
    assert task.cancelled
    assert not (places.home / "timings.json").exists()


def test_nothing_is_timed_while_the_server_starts(
    places: Places, timed, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed(f"print({ANSWER!r})")
    looked, starting = [], [True]
    monkeypatch.setattr(warm_up, "starting", lambda: looked.append(1) or starting[0])
    config = resolve(config_of(), open_images("tiny", 16, places))
    task = timing.estimate(config, 16).task
    assert task is not None
    until(lambda: len(looked) > 2, "it looks whether the server still starts")
    assert not task.done
    starting[0] = False
    assert task.wait(60)
    assert task.state == DONE


# ---------------------------------------------------------------- what waits


def test_a_run_that_waits_takes_as_long_as_its_automatic_epochs_will(places: Places, store: Store) -> None:
    """They are bounded by minutes once it is known how long a step takes, as the worker bounds them."""
    first, second = (store.create(config_of(epochs=0, most_minutes=1.0)) for _ in range(2))
    first.update_status(queued=1.0)
    second.update_status(queued=2.0)
    store.create(config_of(), "at-work").update_status(state=RUNNING, eta=5.0)
    assert ahead(second).seconds is None, "nothing is known yet"
    data = open_images("tiny", 16, places)
    step = 60.0 / (ENOUGH_STEPS + 100)
    resolved = plan_of(first.record().config, data).config
    Timings(places).keep(key_of(resolved, data.fingerprint), Costs(step=step), 2.0)
    found = ahead(second)
    assert (found.training, found.waiting) == (("at-work",), (first.name,))
    assert found.seconds == pytest.approx(5.0 + 2.0 + 60.0, abs=8 * step)
    assert plan_of(first.record().config, data).steps_total * step > 65, "without the bound"
