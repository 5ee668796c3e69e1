"""Home and the run picker where there are more runs than are listed unasked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from helpers import config_of
from streamlit.testing.v1 import AppTest

from app.services import runs
from app.widgets import run_picker
from vae_core.runs.record import FINISHED, Status
from vae_core.runs.run import Run
from vae_core.runs.store import Store

Open = Callable[..., AppTest]


@pytest.fixture
def many(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Five finished runs, oldest first, where two rows are listed."""
    monkeypatch.setattr(runs, "MOST_LISTED", 2)
    found = [store.create(config_of(seed=i), f"run-{i}") for i in range(5)]
    for run in found:
        run.write_status(Status(FINISHED))
    return found


def table(at: AppTest) -> Any:
    assert not at.exception
    return at.dataframe[0].value


def own_names(at: AppTest) -> list[str]:
    rows = table(at)
    return list(rows[rows["status"] != "pretrained"]["name"])


@pytest.mark.slow
def test_home_lists_the_newest_and_all_when_asked(open_page: Open, many: list[Run]) -> None:
    at = open_page("home")
    assert own_names(at) == ["run-4", "run-3"]
    assert (table(at)["status"] == "pretrained").any(), "the shipped runs stay in sight"
    older = at.toggle(key="runs older")
    assert older.label == "List 3 older too"
    older.set_value(True).run()
    assert own_names(at) == [f"run-{i}" for i in (4, 3, 2, 1, 0)]


def test_a_search_looks_through_all(open_page: Open, many: list[Run]) -> None:
    many[0].write_note("worth a Second look")
    at = open_page("home")
    at.text_input(key="runs search").set_value("second").run()
    assert own_names(at) == ["run-0"]
    at.text_input(key="runs search").set_value("run-1").run()
    assert own_names(at) == ["run-1"]


@pytest.mark.slow
def test_home_follows_what_others_do_to_the_runs(open_page: Open, many: list[Run], store: Store) -> None:
    at = open_page("home")
    store.rename(many[0], "renamed")
    at.run()
    assert own_names(at) == ["renamed", "run-4"]
    store.delete(many[0])
    many[4].update_status(state="failed")
    at.run()
    assert own_names(at) == ["run-4", "run-3"]
    assert list(table(at)["status"])[:2] == ["failed", "finished"]
    (many[3].path / "config.json").write_text("{")
    at.run()
    assert own_names(at) == ["run-4", "run-2"]
    assert "cannot be read" in at.warning[0].value
    shutil.rmtree(store.places.runs)
    at.run()
    assert own_names(at) == []


def test_no_toggle_stands_where_all_are_listed(open_page: Open, store: Store) -> None:
    store.create(config_of(), "one").write_status(Status(FINISHED))
    at = open_page("home")
    assert own_names(at) == ["one"]
    assert "runs older" not in [toggle.key for toggle in at.toggle]


def test_the_picker_describes_what_it_shows_alone_unless_it_searches(
    many: list[Run], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[str] = []
    real = run_picker.describe
    monkeypatch.setattr(run_picker, "SHOWN", 2)

    def describe(run: Run) -> str:
        described.append(run.id)
        return real(run)

    monkeypatch.setattr(run_picker, "describe", describe)

    def script() -> None:
        from app.widgets import run_picker

        run_picker._list(None)

    at = AppTest.from_function(script, default_timeout=60).run()
    assert not at.exception
    assert [b.label.split()[-1] for b in at.button] == ["run-4", "run-3"]
    assert described == [many[4].id, many[3].id]
    at.text_input(key="picker search").set_value("run-0").run()
    assert [b.label.split()[-1] for b in at.button] == ["run-0"]
