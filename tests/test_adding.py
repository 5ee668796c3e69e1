"""The recipes of assets/docs/adding.md, each followed with a throw-away example that is registered here alone.

An example must go by itself through everything that lists, trains, saves, resumes, draws, sweeps, exports and
describes: nothing here touches more than the one or two places that its recipe names.
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import subprocess
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from helpers import blobs, config_of, of, until
from streamlit.testing.v1 import AppTest

from app.services import runs as server_runs
from app.state import session
from app.views.uses.shared import numbers, said
from app.widgets.config_form import as_params
from app.widgets.run_picker import describe
from vae_core.cli import main
from vae_core.cli.bar import epoch_words
from vae_core.config import RunConfig, TrainingConfig
from vae_core.data import open_images
from vae_core.data.imageset import Chunk, Source
from vae_core.data.registry import DATASETS, DatasetSpec
from vae_core.evaluation.metrics import METRICS, Metric, Value
from vae_core.evaluation.small_network import evenly
from vae_core.events import EpochDone, Resumed, StepDone
from vae_core.inference import load_run
from vae_core.models.networks import ARCHITECTURES, Architecture
from vae_core.objectives import LIKELIHOODS, OBJECTIVES, Coefficient, Likelihood, Objective, Term
from vae_core.objectives.losses import DISTORTION, RATE
from vae_core.options import Options, from_json, option
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places
from vae_core.runs.launchers import LAUNCHER_VARIABLE, LAUNCHERS, Handle
from vae_core.runs.record import FINISHED, INTERRUPTED, RUNNING
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import kept
from vae_core.uses.found import Found, Row
from vae_core.uses.intervals import of_mean
from vae_core.uses.registry import USES, Use, UseSettings

ROOT = Path(__file__).parent.parent
TRAIN = ["--latent-dim", "3", "--epochs", "2", "--batch-size", "16", "--precision", "float32", "--device", "cpu",
         "--threads", "1", "--log-every", "2"]  # fmt: skip


@pytest.fixture
def cli(places: Places, monkeypatch, capsys):
    """`vae-core WORDS` in this process, where the example is registered: what it printed. Fails when it does."""
    monkeypatch.setenv(HOME_VARIABLE, str(places.home))
    monkeypatch.setenv(DATA_VARIABLE, str(places.data_dir))

    def called(*words: str) -> str:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return called


@pytest.fixture
def page(places: Places, cli, _packages_are_looked_through_once):
    """A page of the app as it stands for a run."""

    def opened(view: str, **query: str) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
        at.query_params.update(query)
        at.run()
        at.switch_page(session.script(view))
        at.query_params.update(query)
        at.run()
        assert not at.exception
        assert not at.error, [e.value for e in at.error]
        return at

    return opened


def small_model() -> list[str]:
    return ["--model", "mlp", "--hidden", "12"]


def trained(cli, places: Places, *words: str) -> Run:
    """A run named `mine`, trained by the command line, then continued from its checkpoint."""
    cli("train", *TRAIN, *words, "--name", "mine")
    run = Store(places).find("mine")
    assert run.status().state == FINISHED
    assert "mine" in cli("runs")
    run.go_on(1)
    assert train_run(run, places).state == FINISHED
    assert [e.epoch for e in of(EpochDone, run.history())] == [1, 2, 3]
    return run


def looked_at(cli, page, places: Places, run: Run, tmp_path: Path) -> None:
    """Encoded, decoded, evaluated, exported and brought back, described and shown."""
    model = load_run(run)
    x = np.zeros((2, *model.shape), np.uint8)
    assert model.decode(model.encode(x).mean).shape == x.shape
    found = json.loads(cli("evaluate", "mine", "--json"))
    assert np.isfinite(found["distortion"])
    cli("export", "mine", "--to", str(tmp_path / "mine.gif"))
    cli("export", "mine", "--to", str(tmp_path / "mine.onnx"))
    cli("export", "mine", "--to", str(tmp_path / "mine.zip"))
    config = run.record().config
    cli("runs", "delete", "mine", "--yes")
    cli("import", str(tmp_path / "mine.zip"))
    back = Store(places).find("mine")
    assert back.record().config == config
    for name, weight in back.weights().items():
        assert (weight == model.model.state_dict()[name]).all()
    page("train", run=back.id)
    page("sliders", run=back.id)


def offered(page, label: str, name: str) -> None:
    """The form of a new run lists the example."""
    boxes = [box.options for box in page("train", open="new").selectbox if box.label == label]
    assert any(name in options for options in boxes)


# ---------------------------------------------------------------- a dataset


def build_stripes(side, places, progress):
    images, _ = blobs(60, side)
    return Source(60, 1, [Chunk(images, np.arange(60) % 3, None)], ("a", "b", "c"))


def test_a_dataset(cli, page, places, monkeypatch, tmp_path):
    spec = DatasetSpec("stripes", "Stripes", "Sixty striped images.", "procedural", 1, (16,), build_stripes)
    monkeypatch.setitem(DATASETS, "stripes", spec)
    assert "stripes" in cli("data", "list")
    run = trained(cli, places, "--dataset", "stripes", *small_model())
    assert describe(run).startswith("stripes · ")
    offered(page, "Dataset", "stripes")
    page("map", run=run.id)
    looked_at(cli, page, places, run, tmp_path)


# ---------------------------------------------------------------- a likelihood


@dataclass(frozen=True)
class LogisticParams(Options):
    spread: float = option(
        0.1, help="scale s of the pixel noise", unit="pixel value", minimum=0.001, maximum=10.0
    )


def logistic(logits, x, params, log_sigma=None):
    """-log Logistic(x; sigmoid(logits), s) = sum_i u_i + 2 log(1 + exp(-u_i)) + log s, u = (x - mu) / s."""
    from torch.nn.functional import softplus

    u = (x - logits.sigmoid()).flatten(1) / params.spread
    return (u + 2 * softplus(-u) + math.log(params.spread)).sum(1)


def test_a_likelihood(cli, page, places, monkeypatch, tmp_path):
    entry = Likelihood(
        "logistic",
        "Logistic",
        "A wide bell.",
        LogisticParams,
        logistic,
        "Σ u + 2 log(1 + e⁻ᵘ) + log s",
        density=True,
    )
    monkeypatch.setitem(LIKELIHOODS, "logistic", entry)
    run = trained(
        cli, places, "--dataset", "tiny", *small_model(), "--likelihood", "logistic", "--spread", "0.2"
    )
    assert run.record().config.objective.likelihood.params == LogisticParams(0.2)
    offered(page, "Likelihood", "logistic")
    cli(
        "sweep",
        *TRAIN,
        "--dataset",
        "tiny",
        *small_model(),
        "--likelihood",
        "logistic",
        "--betas",
        "1,4",
        "--name",
        "two",
    )
    assert len(json.loads(cli("sweep", "--resume", "two", "--json"))["runs"]) == 2
    looked_at(cli, page, places, run, tmp_path)


# ---------------------------------------------------------------- an objective


@dataclass(frozen=True)
class SquaredRateParams(Options):
    strictness: float = option(
        0.05, help="weight κ of the squared rate", minimum=0.0, maximum=100.0, title="κ"
    )


def squared_rate_terms(forward, params, moment):
    rate = forward.kl.mean(0).sum()
    return {"distortion": forward.distortion.mean(), "rate": rate, "squared_rate": rate.square()}


SQUARED_RATE = Objective(
    "squared_rate", "Squared rate", "A large rate costs more than in proportion.", SquaredRateParams,
    "distortion + κ · rate²",
    (
        DISTORTION,
        dataclasses.replace(RATE, weight=None),
        Term("squared_rate", "squared rate", "rate²", "rate²", "nats² per image", weight="kappa", help="what is charged"),
    ),
    squared_rate_terms,
    (Coefficient("kappa", "κ", lambda p, progress: p.strictness, help="weight of the squared rate"),),
    short="rate²", slug="rate2", stackable=True,
)  # fmt: skip


def test_an_objective(cli, page, places, monkeypatch, tmp_path):
    monkeypatch.setitem(OBJECTIVES, "squared_rate", SQUARED_RATE)
    words = ["--dataset", "tiny", *small_model(), "--objective", "squared_rate"]
    run = trained(cli, places, *words, "--strictness", "0.1", "--schedule", "warmup")
    for event in of(StepDone, run.history()):
        assert set(event.terms.values) == {"distortion", "rate", "squared_rate"}
        assert set(event.coefficients) == {"kappa"}
        assert event.terms.loss == pytest.approx(sum(event.terms.parts.values()), rel=1e-6)
    assert of(StepDone, run.history())[-1].coefficients == {"kappa": 0.1}
    epoch = of(EpochDone, run.history())[-1]
    assert f"rate² {epoch.validation.values['squared_rate']:.2f}" in epoch_words(epoch, SQUARED_RATE.terms)
    assert describe(run).endswith("rate², κ 0.1")
    offered(page, "Objective", "squared_rate")
    at = page("train", run=run.id, objective="squared_rate")
    assert "preview kappa" in str([element.proto for element in at.get("plotly_chart")])
    # it has no β, and says so instead of becoming a β-VAE
    assert main(["sweep", *TRAIN, *words, "--betas", "1,2"]) == 2
    looked_at(cli, page, places, run, tmp_path)


def test_an_objective_that_a_sweep_can_set(cli, places, monkeypatch):
    def at_kappa(params, value):
        from vae_core.options import Choice

        return Choice("squared_rate", SquaredRateParams(value))

    monkeypatch.setitem(
        OBJECTIVES,
        "squared_rate",
        dataclasses.replace(
            SQUARED_RATE,
            with_beta=at_kappa,
            coefficients=(Coefficient("beta", "κ", lambda p, progress: p.strictness, help="weight"),),
            terms=(*SQUARED_RATE.terms[:2], dataclasses.replace(SQUARED_RATE.terms[2], weight="beta")),
        ),
    )
    cli(
        "sweep",
        *TRAIN,
        "--dataset",
        "tiny",
        *small_model(),
        "--objective",
        "squared_rate",
        "--betas",
        "1,2",
        "--name",
        "two",
    )
    rows = json.loads(cli("sweep", "--resume", "two", "--json"))["runs"]
    assert [row["beta"] for row in rows] == [1.0, 2.0]
    assert [row["status"] for row in rows] == [FINISHED] * 2


# ---------------------------------------------------------------- an architecture


@dataclass(frozen=True)
class ResidualParams(Options):
    blocks: int = option(2, help="residual blocks on each side", unit="blocks", minimum=1, maximum=20)


def residual_encoder(params, shape, latent_dim):
    from torch import nn

    first = nn.Linear(math.prod(shape), 24)
    return nn.Sequential(nn.Flatten(), first, *blocks(params), nn.Linear(24, 2 * latent_dim))


def residual_decoder(params, shape, latent_dim):
    from torch import nn

    last = nn.Linear(24, math.prod(shape))
    return nn.Sequential(nn.Linear(latent_dim, 24), *blocks(params), last, nn.Unflatten(1, shape))


def blocks(params):
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(24, 24), nn.SiLU(), nn.Linear(24, 24))

        def forward(self, x):
            return x + self.inner(x)

    return [Block() for _ in range(params.blocks)]


def test_an_architecture(cli, page, places, monkeypatch, tmp_path):
    entry = Architecture("residual", "Residual", "Skips.", ResidualParams, residual_encoder, residual_decoder)
    monkeypatch.setitem(ARCHITECTURES, "residual", entry)
    words = ["--dataset", "tiny", "--model", "residual", "--blocks", "1"]
    run = trained(cli, places, *words)
    assert run.record().config.model.architecture.params == ResidualParams(1)
    offered(page, "Model", "residual")
    # runs of a sweep are trained one by one: its networks are not known to stack
    cli("sweep", *TRAIN, *words, "--betas", "1,2,3,4", "--name", "four")
    rows = json.loads(cli("sweep", "--resume", "four", "--json"))["runs"]
    assert [row["status"] for row in rows] == [FINISHED] * 4
    # no gates between its layers, and that is said before anything trains
    assert main(["train", *TRAIN, *words, "--objective", "multi_rate", "--name", "dial"]) == 1
    looked_at(cli, page, places, run, tmp_path)


# ---------------------------------------------------------------- a metric


def code_spread(mean, rng):
    """Largest standard deviation of a code's dimension over the images."""
    return float(mean.std(0).max())


def test_a_metric(cli, places, monkeypatch):
    value = Value(
        "code_spread",
        "Code spread",
        "Largest standard deviation of a dimension.",
        "units of the code",
        0.0,
        None,
    )
    cli("train", *TRAIN, "--dataset", "tiny", *small_model(), "--name", "mine")
    cli(
        "sweep", *TRAIN, "--dataset", "tiny", *small_model(), "--betas", "1,4", "--name", "two"
    )  # measured before
    monkeypatch.setitem(METRICS, "code_spread", Metric("code_spread", 1, code_spread, {"mean"}, (value,)))
    run = load_run(Store(places).find("mine"))
    data = open_images("tiny", 16, places)
    means = run.encode(data.images[run.config.data.split(data).test]).mean
    found = json.loads(cli("evaluate", "mine", "--scores", "--json"))
    assert found["scores"]["code_spread"] == pytest.approx(means.std(0).max(), rel=1e-5)
    rows = json.loads(cli("sweep", "--resume", "two", "--json"))["runs"]
    assert all(row["scores"]["code_spread"] > 0 for row in rows)
    assert "code_spread" in cli("evaluate", "mine", "--scores")


# ---------------------------------------------------------------- a use


@dataclass(frozen=True)
class SteadySettings(UseSettings):
    images: int = option(100, help="test images, evenly taken", minimum=2)


def measure(subject, settings, progress):
    """How far a code moves when its own picture is encoded again."""
    index = subject.test[evenly(len(subject.test), settings.images)]
    codes = subject.model.encode(subject.images(index)).mean
    again = subject.model.encode(subject.model.decode(codes)).mean
    progress(0.9, "encoded again")
    far = np.linalg.norm(again - codes, axis=1)
    found = of_mean(far, np.random.default_rng(settings.seed))
    row = Row.of("code", True, "distance", "", found, up=False)
    return Found([row], [f"A code moves by {row.value:.2f} when its picture is encoded again."])


def draw(view):
    said(view)
    numbers(view)


def test_a_use(cli, page, places, monkeypatch):
    cli("train", *TRAIN, "--dataset", "tiny", *small_model(), "--name", "mine")
    for name, parts in (
        ("vae_core.uses.steady", {"SETTINGS": SteadySettings, "VERSION": 1, "measure": measure}),
        ("app.views.uses.steady", {"draw": draw}),
    ):
        module = types.ModuleType(name)
        module.__dict__.update(parts)
        monkeypatch.setitem(sys.modules, name, module)
    use = Use(
        "steady",
        "Steady",
        "Does a code stay where it is?",
        {"distance": "Between the two codes."},
        "Training.",
    )
    monkeypatch.setitem(USES, "steady", use)
    found = json.loads(cli("uses", "steady", "mine", "--images", "5", "--json"))
    (row,) = found["rows"]
    assert row["low"] <= row["value"] <= row["high"]
    assert row["count"] == 5
    run = Store(places).find("mine")
    kept_one = kept.find(run, use, SteadySettings(images=5))
    assert kept_one is not None
    assert kept_one.rows[0].value == row["value"]
    at = page("uses", run=run.id, use="Steady", **{"set-steady-images": "5"})
    assert found["sentences"][0] in [words.value for words in at.markdown]


# ---------------------------------------------------------------- a page

GREETING = """\
import streamlit as st

from app.state import session
from app.views.uses.shared import numbers, said


def page() -> None:
    st.title("Greeting")
    run = session.run_or_none()
    st.write(f"Hello, {run.name}" if run else session.NO_RUN)


page()
"""
LINE = '    st.Page("views/greeting.py", title="Greeting", icon=":material/waving_hand:", url_path="greeting"),\n'


def test_a_page(cli, tmp_path):
    """In a copy of the app: one view, and one line in the page table of main.py."""
    cli("train", *TRAIN, "--dataset", "tiny", *small_model(), "--name", "mine")
    copy = tmp_path / "app"
    shutil.copytree(ROOT / "app", copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "views" / "greeting.py").write_text(GREETING)
    main_py = (copy / "main.py").read_text()
    assert main_py.count("PAGES = [\n") == 1
    (copy / "main.py").write_text(main_py.replace("PAGES = [\n", f"PAGES = [\n{LINE}"))

    at = AppTest.from_file(str(copy / "main.py"), default_timeout=120)
    at.query_params["run"] = "mine"
    at.run()
    assert not at.exception
    links = {link.proto.label: link.proto for link in at.sidebar.get("page_link")}
    assert list(links)[:3] == ["Greeting", "Home", "Learn"], "the navigation lists it"
    run_id = at.session_state["run"]
    assert f"run={run_id}" in links["Greeting"].query_string, "its link keeps the run"

    at.switch_page("views/greeting.py")
    at.query_params["run"] = run_id
    at.run()
    assert not at.exception
    assert at.title[0].value == "Greeting"
    assert "Hello, mine" in [words.value for words in at.markdown]


# ---------------------------------------------------------------- a setting


@dataclass(frozen=True)
class WithPatience(TrainingConfig):
    patience: float = option(0.9, help="share of a step that is waited for", minimum=0.0, maximum=1.0)


@dataclass(frozen=True)
class PatientConfig(RunConfig):
    training: WithPatience = field(default_factory=WithPatience)


@pytest.fixture
def patience(monkeypatch):
    """The program as if TrainingConfig had one option more."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("app", "vae_core"):
            for attribute, value in list(vars(module).items()):
                if value is RunConfig:
                    monkeypatch.setattr(module, attribute, PatientConfig)


def test_a_setting(cli, page, places, tmp_path, request):
    cli("train", *TRAIN, "--dataset", "tiny", *small_model(), "--name", "older")
    older = Store(places).find("older")
    request.getfixturevalue("patience")
    (older.path / "config.json").touch()  # what this process has read already it would not read again
    assert older.record().config.training.patience == 0.9, "a run of before has the default"
    assert not older.record().warnings

    words = ["--dataset", "tiny", *small_model(), "--patience", "0.25"]
    run = trained(cli, places, *words)
    record = run.record()
    assert record.config.training.patience == record.resolved.training.patience == 0.25
    assert json.loads((run.path / "config.json").read_text())["config"]["training"]["patience"] == 0.25
    assert {key.name: text for key, text in as_params(record.config, "training").items()}[
        "patience"
    ] == "0.25"
    asked = page("train", run=run.id, patience="0.25").number_input(key="patience")
    assert (asked.value, asked.label, asked.min, asked.max) == (0.25, "Patience", 0.0, 1.0)

    cli("sweep", *TRAIN, *words, "--betas", "1,4", "--name", "two")
    swept = [r.record().config.training.patience for r in Store(places).own() if r.record().group == "two"]
    assert swept == [0.25, 0.25]

    # a version without the setting reads the run all the same, and says what it left out
    raw, unknown = json.loads((run.path / "config.json").read_text())["config"], []
    assert from_json(RunConfig, raw, unknown=unknown).training == TrainingConfig(
        **{k: v for k, v in raw["training"].items() if k != "patience"}
    )
    assert unknown == ["training.patience"]
    assert main(["train", *TRAIN, *words, "--patience", "2", "--name", "wrong"]) == 2
    cli("export", "mine", "--to", str(tmp_path / "mine.zip"))
    cli("runs", "delete", "mine", "--yes")
    cli("import", str(tmp_path / "mine.zip"))
    assert Store(places).find("mine").record().config == record.config


# ---------------------------------------------------------------- a launcher

JOBS: list[subprocess.Popen[bytes]] = []  # the batch system of the recipe: what was submitted, by its number


def submit(command: list[str]) -> int:
    JOBS.append(subprocess.Popen([sys.executable, *command[1:]], cwd=ROOT))
    return len(JOBS) - 1


def state_of(number: int) -> str:
    return "running" if number < len(JOBS) and JOBS[number].poll() is None else "ended"


def cancel(number: int) -> None:
    JOBS[number].kill()


def output_of(folder: Path) -> str:
    return f"what {folder.name} printed"


class BatchLauncher:
    """Trains each run as a job of a batch system that sees this home."""

    name = "batch"

    def start(self, places: Places, run_id: str) -> Handle:
        command = ["python", "-m", "vae_core.runs.worker", "--queued", "--home", str(places.home)]
        number = submit([*command, "--data-dir", str(places.data_dir), run_id])
        return Handle(self.name, {"number": number})

    def alive(self, handle: Handle) -> bool:
        return state_of(handle.job["number"]) in ("waiting", "running")

    def stop(self, handle: Handle) -> None:
        cancel(handle.job["number"])

    def log(self, places: Places, run_id: str) -> str:
        return output_of(places.runs / run_id)


@pytest.fixture
def batch(monkeypatch):
    launcher = BatchLauncher()
    monkeypatch.setitem(LAUNCHERS, launcher.name, launcher)
    monkeypatch.setenv(LAUNCHER_VARIABLE, launcher.name)
    yield launcher
    server_runs.stop_queue()
    for job in JOBS:
        job.kill()
        job.wait()
    JOBS.clear()


@pytest.mark.slow
def test_a_launcher(cli, places, batch):
    store = Store(places)
    run = store.create(config_of(epochs=40, batch_size=1, checkpoint_every=100), "mine")
    after = store.create(config_of(), "after")
    server_runs.queue().wake()  # as a page does
    until(lambda: run.has_weights() and run.status().step > 100, "it learns", runs=[run])
    handle = run.status().handle
    assert handle == Handle("batch", {"number": 0})
    assert json.loads((run.path / "status.json").read_text())["handle"] == dataclasses.asdict(handle)
    assert after.status().state != RUNNING, "the only slot is taken"
    assert batch.log(places, run.id) == f"what {run.id} printed"

    # another server adopts it, and marks it when the batch system has lost it
    server_runs.stop_queue()
    server_runs.queue()
    assert run.status().state == RUNNING
    batch.stop(handle)
    until(lambda: run.status().state == INTERRUPTED, "it is marked", runs=[run])
    until(lambda: after.status().state == FINISHED, "the next one has the slot", runs=[after])
    assert len(JOBS) == 2
    assert '"interrupted"' in cli("runs", "--json")
    cli("runs", "resume", "mine")
    assert run.status().state == FINISHED
    assert of(Resumed, run.history())
