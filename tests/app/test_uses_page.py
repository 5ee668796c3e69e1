"""The Uses page: what it offers, what it measures beside the server, what it keeps, and what it says when that fails."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from conftest import shown, to_take, worked_out
from filelock import FileLock
from helpers import config_of, until, write_blobs
from streamlit.testing.v1 import AppTest

from app.services import runs as run_service
from app.services import uses as work
from app.state import address
from app.views.uses.shared import interval, table_of
from vae_core.options import to_json
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import kept
from vae_core.uses.found import Found, Row
from vae_core.uses.registry import USES, Use, UseSettings
from vae_core.uses.represent_settings import Represent

Open = Callable[..., AppTest]
USE = USES["represent"]
alone = pytest.mark.usefixtures("no_pretrained")


def link(run: Run, use: Use = USE, **settings: object) -> dict[str, str]:
    """The address of a use of a run with these settings, by their switches."""
    said = {
        address.USE_SETTING.of(f"{use.name}-{k.replace('_', '-')}").name: str(v) for k, v in settings.items()
    }
    return {"run": run.id, "use": use.title, **said}


def fine(at: AppTest) -> None:
    assert not at.exception
    assert not at.error, [e.value for e in at.error]


def buttons(at: AppTest) -> set[str]:
    return {button.label for button in at.button}


def asks(at: AppTest) -> bool:
    """Whether it can be measured now."""
    return "Measure" in buttons(at)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A home with a VAE, an autoencoder and a GAN of the blobs; for reading only."""
    places = Places(tmp_path_factory.mktemp("uses"), tmp_path_factory.mktemp("downloads"))
    write_blobs(places.datasets)
    for name, objective in (("mine", "vae"), ("plain", "autoencoder"), ("faker", "gan")):
        made = Store(places).create(config_of(objective=objective, epochs=1), name)
        assert train_run(made, places).state == FINISHED
    return places


def taken(home: Places, places: Places, name: str) -> Run:
    """A run of it in a home of the test's own."""
    run = Store(home).find(name)
    shutil.copytree(run.path, places.runs / run.id)
    return Run(places.runs / run.id, places)


@pytest.fixture
def run(home: Places, places: Places) -> Run:
    return taken(home, places, "mine")


def planted() -> Found:
    """What Represent finds: images nearest to two others at two numbers of labels."""
    rows = [
        Row(f"probe on {name}", name == "codes", "accuracy", "", value, value - 0.05, value + 0.05, 5, {"per class": most, "labels": labels})
        for most, labels, values in ((1.0, 2.0, (0.51, 0.43, 0.5)), ("all", 8.0, (0.71, 0.83, 0.6)))
        for name, value in zip(("codes", "PCA", "pixels"), values, strict=True)
    ]  # fmt: skip
    near = {name: [[0, 1], [1, 2]] for name in ("codes", "PCA", "pixels")}
    more = {
        "labels": [2, 8], "per_class": [1, "all"],
        "near": {"rows": near, "test_labels": ["left", "right"], "near_labels": ["left", "right", "left"]},
    }  # fmt: skip
    pictures = np.arange(5 * 256, dtype=np.uint8).reshape(5, 1, 16, 16)
    return Found(
        rows, ["Codes lose to *PCA* by 0.12."], more, {"test": pictures[:2], "near": pictures[2:]}, 3.0
    )


BEGIN = """
import json, os, sys, time
from pathlib import Path
import numpy as np
from filelock import FileLock
from vae_core.processes import send
home, data_dir, run, use, settings = sys.argv[1:]
folder = Path(__file__).parent
(folder / "asked.json").write_text(json.dumps([os.getpid(), home, data_dir, run, use, json.loads(settings)]))
out = os.fdopen(os.dup(1), "wb")
send(out, "progress", share=0.25, words="codes of *images*")
"""
WAIT = """
with FileLock(folder / "go"):  # held by the test until it says go
    pass
"""
DONE = """
said = json.loads((folder / "found.json").read_text())
with np.load(folder / "found.npz") as npz:
    send(out, "done", dict(npz), stamp=said["stamp"], found=said)
"""
FAIL = """
send(out, "failed", error="the images of tiny [all of them] are not here; import them again")
sys.exit(1)
"""
DIE = """
sys.stderr.write("a warning\\nMemoryError: 9 GB are too much\\n")
sys.exit(3)
"""


class Process:
    """What measures instead of the real thing: it says how far it is, waits for `go`, and ends as it is told to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.script = folder, folder / "planted.py"
        folder.mkdir()
        self.held = FileLock(folder / "go")
        self.held.acquire()
        monkeypatch.setattr(work, "COMMAND", [sys.executable, str(self.script)])

    def does(self, *parts: str) -> None:
        self.script.write_text(BEGIN + "".join(parts))

    def finds(self, run: Run, settings: UseSettings, found: Found) -> None:
        kept.write(self.folder / "found", run, run.stamp(), USE, settings, found)

    def go(self) -> None:
        self.held.release()

    @property
    def asked(self) -> list[Any]:
        """Its process, and what it was asked."""
        return list(json.loads((self.folder / "asked.json").read_text()))


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(tmp_path / "process", monkeypatch)


def under_way(run: Run, settings: UseSettings | None = None) -> None:
    """Wait until the process has said how far it is."""
    task = work.find(run, USE, settings or USE.settings())
    assert task is not None
    until(lambda: task.share > 0 or task.done, "the process says how far it is")


# ---------------------------------------------------------------- before


@alone
def test_without_a_run_it_says_what_to_do(open_page: Open) -> None:
    at = open_page("uses")
    fine(at)
    assert at.info
    assert not asks(at)


@alone
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_every_use_of_an_autoencoder_opens_and_is_offered(
    open_page: Open, home: Places, places: Places, use: Use
) -> None:
    at = open_page("uses", **link(taken(home, places, "plain"), use))
    fine(at)
    assert asks(at)
    told = shown(at)
    assert use.question in told
    assert "Not measured yet" in told
    assert "Meanwhile" not in told
    assert all(meaning.split(":")[0][:30] in told for meaning in use.means), (
        "what the numbers mean is there to be asked"
    )


SETTINGS: dict[str, dict[str, Any]] = {
    "denoise": {"noise": "salt_pepper", "images": 30, "levels": "0.1 0.25"},
    "anomaly": {"left_out": "left", "most": 25, "seed": 3},
    "augment": {"per_class": "2 5"},
    "compress": {"images": 50, "seed": 2},
    "represent": {"transfer": "true", "repeats": 3, "start_from": "plain"},
    "synthesize": {"temperatures": "0.5 1", "unseen": "false"},
}
MEANT: dict[str, dict[str, Any]] = {
    "denoise": {"noise": "salt_pepper", "images": 30, "levels": (0.1, 0.25)},
    "augment": {"per_class": (2, 5)},
    "represent": {"transfer": True, "repeats": 3, "start_from": "plain"},
    "synthesize": {"temperatures": (0.5, 1.0), "unseen": False},
}


@alone
@pytest.mark.parametrize("name", USES)
def test_settings_in_the_address_are_those_that_are_measured(
    open_page: Open, run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(work, "start", lambda *asked: started.append(asked))
    at = open_page("uses", **link(run, USES[name], **SETTINGS[name]))
    fine(at)
    at.button(key="measure use").click().run()
    fine(at)
    wanted = USES[name].settings(**MEANT.get(name, SETTINGS[name]))
    assert [(asked.id, use.name, settings) for asked, use, settings in started] == [(run.id, name, wanted)]


def test_a_run_that_has_not_learned_yet_is_told_what_it_needs_and_others_are_offered(
    open_page: Open, store: Store
) -> None:
    at = open_page("uses", **link(store.create(config_of(), "queued"), USES["compress"]))
    fine(at)
    assert ["queued never started" in i.value and "train it first" in i.value for i in at.info] == [True]
    assert not asks(at)
    assert [link.proto.label for link in at.get("page_link")].count("Train") == 2, (
        "in the list, and beside it"
    )
    assert "Meanwhile, as measured on" in shown(at)
    assert any(label.startswith("Open ") for label in buttons(at))


@alone
def test_a_dial_asks_for_a_beta_and_offers_some(open_page: Open, store: Store, places: Places) -> None:
    write_blobs(places.datasets)
    dial = store.create(config_of(objective="multi_rate", epochs=1), "dial")
    assert train_run(dial, places).state == FINISHED
    at = open_page("uses", **link(dial))
    fine(at)
    assert ["holds a whole dial of βs" in i.value for i in at.info] == [True]
    assert not asks(at)
    at.button(key="beta 1").click().run()
    fine(at)
    assert not at.info
    assert asks(at)
    assert at.query_params[address.USE_SETTING.of("represent-beta").name] in ("1.0", ["1.0"])


@alone
def test_an_address_that_makes_no_sense_is_no_end(open_page: Open, run: Run) -> None:
    at = open_page("uses", **link(run, repeats="0", transfer="maybe", seed="x"))
    fine(at)
    assert asks(at)
    odd = open_page("uses", **link(run, USES["denoise"], levels="many 9", images=30, noise="salt_pepper"))
    assert not odd.exception
    fault = "Levels: expected a number, got 'many'"
    assert sorted(e.value for e in odd.error) == [fault, f"{fault}. Put it right in *Settings*."]
    assert not asks(odd)
    assert odd.number_input(key=address.USE_SETTING.of("denoise-images").name).value == 30
    assert odd.selectbox(key=address.USE_SETTING.of("denoise-noise").name).value == "salt_pepper"
    odd.text_input(key=address.USE_SETTING.of("denoise-levels").name).set_value("0.5").run()
    fine(odd)
    assert asks(odd)
    unknown = open_page("uses", run=run.id, use="Cook")
    fine(unknown)
    assert USES["denoise"].question in shown(unknown)


# ---------------------------------------------------------------- while it is measured


@alone
def test_it_is_measured_beside_the_server_and_then_shown_at_once(
    open_page: Open, run: Run, process: Process
) -> None:
    process.does(WAIT, DONE)
    process.finds(run, Represent(repeats=3), planted())
    at = open_page("uses", **link(run, repeats=3))
    at.button(key="measure use").click().run()
    under_way(run, Represent(repeats=3))
    at.run()
    fine(at)
    bar = at.get("progress")[0].proto
    assert (bar.value, bar.text) == (25, r"Represent: codes of \*images\*")
    assert "Stop" in buttons(at)
    assert not asks(at), "it is measured already"
    pid, *asked = process.asked
    assert asked[:4] == [str(run.places.home), str(run.places.data_dir), run.id, "represent"]
    assert asked[4]["repeats"] == 3
    assert pid != os.getpid()
    other = open_page("uses", **link(run, repeats=4))
    assert asks(other), "with other settings it is not"
    process.go()
    worked_out(at)
    fine(at)
    assert not at.get("progress")
    assert not buttons(at) & {"Measure", "Stop", "Try again"}
    assert r"Codes lose to \*PCA\* by 0.12." in shown(at)
    found = kept.find(run, USE, Represent(repeats=3))
    assert found is not None
    assert found.to_json() == planted().to_json()
    assert kept.find(run, USE, USE.settings()) is None


@alone
def test_stop_ends_the_process_and_keeps_nothing(open_page: Open, run: Run, process: Process) -> None:
    process.does(WAIT, DONE)
    process.finds(run, USE.settings(), planted())
    at = open_page("uses", **link(run))
    at.button(key="measure use").click().run()
    under_way(run)
    at.run()
    at.button(key="stop use").click().run()
    pid = process.asked[0]
    until(lambda: not psutil.pid_exists(pid), "the process is gone")
    worked_out(at)
    fine(at)
    assert not at.warning, "a stop is no fault"
    assert asks(at)
    assert kept.find(run, USE, USE.settings()) is None
    process.go()
    at.button(key="measure use").click().run()  # and it can be begun again
    worked_out(at)
    assert "Codes lose" in shown(at)


@alone
def test_a_measurement_that_fails_says_why_and_is_tried_again(
    open_page: Open, run: Run, process: Process
) -> None:
    process.does(FAIL)
    at = open_page("uses", **link(run))
    at.button(key="measure use").click().run()
    worked_out(at)
    fine(at)
    assert [w.value for w in at.warning] == [
        r"The images of tiny \[all of them\] are not here; import them again"
    ]
    assert not asks(at)
    process.does(DONE)
    process.finds(run, USE.settings(), planted())
    at.button(key="use again").click().run()
    worked_out(at)
    fine(at)
    assert not at.warning
    assert "Codes lose" in shown(at)


@alone
@pytest.mark.parametrize(
    ("end", "says"),
    [
        (DIE, "ended early: MemoryError: 9 GB are too much; try again"),
        ("sys.exit(0)", "ended early: it said nothing; try again"),
        ("send(out, 'done', stamp='x', found={'rows': 3})", "TypeError"),
        ("out.write(b'no message\\n')", "JSONDecodeError"),
    ],
    ids=["dies", "ends", "nonsense", "garbage"],
)
def test_a_process_that_dies_says_so(
    open_page: Open, run: Run, process: Process, end: str, says: str
) -> None:
    process.does(end)
    at = open_page("uses", **link(run))
    at.button(key="measure use").click().run()
    worked_out(at)
    assert not at.exception
    assert says in at.warning[0].value
    assert "Try again" in buttons(at)
    assert kept.find(run, USE, USE.settings()) is None


@alone
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_gan_is_told_that_it_cannot_be_used(
    open_page: Open, home: Places, places: Places, use: Use
) -> None:
    at = open_page("uses", **link(taken(home, places, "faker"), use))
    fine(at)
    assert ["is a GAN" in i.value for i in at.info] == [True]
    assert not asks(at)


# ---------------------------------------------------------------- once it is known


@alone
def test_a_kept_result_is_shown_at_once_with_its_numbers_to_take_away(open_page: Open, run: Run) -> None:
    kept.keep(run, run.stamp(), USE, USE.settings(), planted())
    at = open_page("uses", **link(run))
    fine(at)
    assert not asks(at)
    assert [button.proto.label for button in to_take(at)] == ["Numbers (CSV)"]
    assert "● probe on codes" in set(at.dataframe[0].value["method"])
    assert "0.71 (0.66 to 0.76)" in set(at.dataframe[0].value["accuracy"])


@alone
def test_what_was_kept_and_is_gone_can_be_measured_again(open_page: Open, run: Run, process: Process) -> None:
    process.does(DONE)
    process.finds(run, USE.settings(), planted())
    at = open_page("uses", **link(run))
    at.button(key="measure use").click().run()
    worked_out(at)
    assert not asks(at)
    shutil.rmtree(run.places.derived)
    at.run()
    at.button(key="measure use").click().run()
    worked_out(at)
    assert "Codes lose" in shown(at)


@alone
def test_a_damaged_result_is_measured_again(open_page: Open, run: Run) -> None:
    path = kept.keep(run, run.stamp(), USE, USE.settings(), planted())
    path.with_suffix(".npz").write_bytes(b"")
    at = open_page("uses", **link(run))
    fine(at)
    assert asks(at)


def test_a_table_for_a_file_has_every_number() -> None:
    table = table_of(planted())
    assert list(table.columns) == [
        "method",
        "vae",
        "per class",
        "labels",
        "metric",
        "unit",
        "value",
        "low",
        "high",
        "count",
    ]
    assert list(table["vae"]) == [True, False, False] * 2
    assert list(table["value"]) == [0.51, 0.43, 0.5, 0.71, 0.83, 0.6]
    assert table_of(Found([], [])).empty
    assert interval(Row("m", True, "x", "", None, None, None, 0)) == "–"
    assert interval(Row("m", True, "x", "", 2.0, None, None, 1)) == "2"


# ---------------------------------------------------------------- what is shipped


def test_meanwhile_a_shipped_result_is_shown_and_its_run_is_a_press_away(
    open_page: Open, home: Places, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(Store(home).find("plain").path, tmp_path / "shipped" / "plain")
    shipped = Run(tmp_path / "shipped" / "plain", run.places, read_only=True)
    kept.write(
        shipped.path / kept.FOLDER / kept.name_of(USE, USE.settings()),
        shipped,
        shipped.stamp(),
        USE,
        USE.settings(),
        planted(),
    )
    monkeypatch.setattr(Store, "pretrained", lambda self: [shipped])
    at = open_page("uses", **link(run, repeats=3))
    fine(at)
    told = shown(at)
    assert "Not measured yet for **mine**" in told
    assert "Meanwhile, as measured on **plain**" in told
    assert "Codes lose" in told
    at.button(key=f"open {shipped.id}").click().run()
    fine(at)
    assert at.query_params["run"] in (shipped.id, [shipped.id])
    assert not asks(at), "its result is shown, whatever the settings were"
    assert "Codes lose" in shown(at)
    other = open_page("uses", **link(run, USES["augment"]))
    fine(other)
    assert "Meanwhile" not in shown(other), "nothing is shipped of it"


def test_every_shipped_result_opens(open_page: Open, places: Places) -> None:
    """The first of each use; what is read without its images, which a machine may lack."""
    opened = []
    for use in USES.values():
        for one in run_service.store().pretrained():
            if kept.find(one, use, use.settings()) is not None:
                at = open_page("uses", run=one.id, use=use.title)
                fine(at)
                assert not at.warning
                assert not asks(at)
                assert at.dataframe
                opened.append(use.name)
                break
    assert {"compress", "denoise"} <= set(opened)


def test_what_is_shipped_on_other_settings_opens_by_its_address(open_page: Open, places: Places) -> None:
    opened = []
    for one in run_service.store().pretrained():
        for path in sorted((one.path / kept.FOLDER).glob("*.json")):
            raw = json.loads(path.read_text(encoding="utf-8"))
            use = USES[raw["use"]]
            usual = to_json(use.settings())
            if changes := {k: v for k, v in raw["settings"].items() if v != usual[k]}:
                at = open_page("uses", **link(one, use, **changes))
                fine(at)
                assert not at.warning
                assert not asks(at), path
                opened.append((use.name, one.name, changes))
    assert opened == [("anomaly", "mnist", {"left_out": "each"})]
