"""What all tests share: a home of one's own, and one small run trained once."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# two processes share the machine: a thread that has nothing to do must not spin, and linear algebra on more threads than
# there are cores is slower than on one. Before numpy and torch are there
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
# a process that a test starts keeps what it compiled, as Python does by default; else each compiles the package anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import pytest
from helpers import config_of, places_in

from vae_core.data import ImageSet, open_images
from vae_core.evaluation import classifier, regressor
from vae_core.inference import LoadedModel, load_run
from vae_core.models.networks import MlpParams
from vae_core.options import Choice
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.training import turns


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fast tier first; of the slow one the files that take longest, so that no process works alone at the end."""
    items.sort(key=lambda item: (tier := _tier(item), _place(item) if tier else 0))


def _tier(item: pytest.Item) -> int:
    if item.get_closest_marker("slow") is None:
        return 0
    return 1 if item.get_closest_marker("browser") or item.path.stem in LONGEST else 2


# of the slow tier by their seconds, longest first; those not named here come last, the browser's before the others
LONGEST = (
    "test_ray",
    "test_deck", "test_map", "test_path", "test_axe", "test_train", "test_pages_fit", "test_looking", "test_lessons",
    "test_adding", "test_queue", "test_turning", "test_poor_browsers", "test_wheel", "test_study_killed", "test_pages",
    "test_worker", "test_history", "test_study_component", "test_export", "test_two_servers", "test_several_processes",
    "test_tune_in_browser", "test_shipping", "test_stacked",
)  # fmt: skip


def _place(item: pytest.Item) -> int:
    return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files as wholes, so that what a file's tests share is made once, in the order in which they were collected.

    A file with tests of both tiers is two pieces. pytest-xdist's own groups are of no use: they find no mark under
    pytest 9.2, and its own order is by the number of tests.
    """
    from xdist.scheduler import LoadScopeScheduling

    class InOrder(LoadScopeScheduling):
        def schedule(self) -> None:
            if self.collection is None:
                self.pieces = _pieces(next(iter(self.registered_collections.values())))
            super().schedule()

        def _split_scope(self, nodeid: str) -> str:
            return self.pieces[nodeid]

    config.option.loadscopereorder = False
    return InOrder(config, log)


def _pieces(ids: list[str]) -> dict[str, str]:
    """Which piece of the work each test belongs to: tests of one file that were collected one after the other."""
    found, piece, last = {}, 0, None
    for one in ids:
        file = one.split("::")[0]
        piece += file != last
        found[one], last = f"{file} {piece}", file
    return found


@pytest.fixture(scope="session", autouse=True)
def _no_home_of_the_person(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing a test forgets to say may land in the home of whoever runs the tests."""
    os.environ[HOME_VARIABLE] = str(tmp_path_factory.mktemp("forgotten"))
    os.environ.pop(DATA_VARIABLE, None)


STEPS = {module: module.STEPS for module in (classifier, regressor, turns)}


@pytest.fixture(scope="session", autouse=True)
def _networks_of_a_moment() -> Iterator[None]:
    """Small networks that measure or compare images learn for a few steps: most tests only need that there is one."""
    with pytest.MonkeyPatch.context() as patched:
        for module in STEPS:
            patched.setattr(module, "STEPS", 20)
        yield


@pytest.fixture
def networks_that_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same networks trained as long as they are for a person, where a test needs what they tell to be right."""
    for module, steps in STEPS.items():
        monkeypatch.setattr(module, "STEPS", steps)


@pytest.fixture(scope="session")
def _packages_are_looked_through_once() -> Iterator[None]:
    """Streamlit looks for components in all that is installed, as a server does once; an AppTest would each time."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patched:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patched.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty home that knows one dataset, `tiny`."""
    return places_in(tmp_path)


@pytest.fixture
def store(places: Places) -> Store:
    return Store(places)


@pytest.fixture(scope="session")
def digits_places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A home with the digits built; for reading only."""
    home = tmp_path_factory.mktemp("digits")
    places = Places(home, home / "downloads")
    open_images("digits", 16, places)
    return places


@pytest.fixture(scope="session")
def digits(digits_places: Places) -> ImageSet:
    return open_images("digits", 16, digits_places)


@pytest.fixture(scope="session")
def trained(digits_places: Places) -> Run:
    """A small run on digits, finished; for reading only."""
    config = config_of(
        dataset="digits", side=16, architecture=Choice("mlp", MlpParams((64,))), latent_dim=4, epochs=8,
        validation=0.05, batch_size=32, log_every=20, checkpoint_every=130,
    )  # fmt: skip
    run = Store(digits_places).create(config, "trained")
    status = train_run(run, digits_places)
    assert status.state == FINISHED, status.error
    return run


@pytest.fixture(scope="session")
def model(trained: Run) -> LoadedModel:
    return load_run(trained)


@pytest.fixture
def copied(trained: Run, places: Places) -> Run:
    """The trained run in a home of its own, free to be changed; its dataset comes along."""
    shutil.copytree(trained.path, places.runs / trained.id)
    (places.datasets / "digits").symlink_to(trained.places.datasets / "digits")
    return Run(places.runs / trained.id, places)
