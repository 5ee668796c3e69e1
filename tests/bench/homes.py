"""What a home of many runs costs: listing it, the run picker, Home, a tick of the queue, a look of the studies' driver.

    python tests/bench/homes.py [--runs 10 1000 5000] [--rounds 5] [--grouped 0] [--study 0] [--images 0] [--cpu]

One small run is trained; its config.json, status.json and thumbnail.png, under other ids and names, are the runs of each
home, and every tenth has a note. Each home is measured in a process of its own. `cold` is the first call of that process
(the files themselves are in the system's memory, and imports are done), `warm` the median of `--rounds` later ones.
Milliseconds of a script are those in Streamlit's AppTest: what a browser draws comes beside them. `--cpu` counts the
processor's time of that process instead of the wall's, for a machine that is busy with other things.

`--grouped 50` makes every 50 runs those of one study. `--study 1000` writes a study of so many complete trials besides,
and times, by the wall, its ledger, Optuna's journal (an append and a sync to disk at each ask and tell), and a run's events.
`--images 100000` brings so many in and times what a run does with them, by the wall too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places

MAIN = Path(__file__).parents[2] / "app" / "main.py"
MILLI = 1e3
clock = time.process_time if "CPU" in os.environ else time.perf_counter


def real_run(folder: Path) -> Path:
    """The folder of a small run, trained to its end in a home under `folder`."""
    from helpers import config_of, write_blobs

    from vae_core.runs.store import Store
    from vae_core.runs.worker import train_run

    places = Places(folder, folder / "downloads")
    write_blobs(places.datasets)
    run = Store(places).create(config_of(), "real")
    train_run(run, places)
    return run.path


def write_home(home: Path, real: Path, count: int, grouped: int = 0) -> None:
    """A home of `count` finished runs that are alike but for id, name, group, age, seed, D and learning rate."""
    config = json.loads((real / "config.json").read_text())
    status = (real / "status.json").read_bytes()
    picture = real / "thumbnail.png"
    shutil.copytree(real.parents[1] / "datasets", home / "datasets")
    now = time.time()
    for i in range(count):
        folder = home / "runs" / f"tiny-{i:06x}"
        folder.mkdir(parents=True)
        said = config | {"name": f"run-{i:05d}", "group": f"study-{i // grouped}" if grouped else ""}
        for settings in (said["config"], said["resolved"]):
            settings["training"]["seed"] = i
            settings["training"]["learning_rate"] = (1 + i % 97) / 1e4
            settings["model"]["latent_dim"] = 2 + i % 31
        (folder / "config.json").write_text(json.dumps(said, indent=1))
        os.utime(folder / "config.json", (now - count + i,) * 2)
        (folder / "status.json").write_bytes(status)
        if picture.exists():
            os.link(picture, folder / "thumbnail.png")
        if i % 10 == 0:
            (home / "notes" / folder.name).mkdir(parents=True)
            (home / "notes" / folder.name / "note.txt").write_text("worth a second look")


# ---------------------------------------------------------------- one home, in a process of its own


def took(what: Callable[[], Any]) -> float:
    """Milliseconds."""
    begin = clock()
    what()
    return MILLI * (clock() - begin)


def cold_and_warm(what: Callable[[], Any], rounds: int) -> list[float]:
    first = took(what)
    return [first, statistics.median(took(what) for _ in range(rounds))]


def measure(home: Path, what: str, rounds: int) -> dict[str, list[float]]:
    """(cold, warm) milliseconds by what was timed, of one `what`."""
    places = Places(home, home / "downloads")
    return {"core": _core, "pages": _pages, "study": _study, "images": _images}[what](places, rounds)


def _core(places: Places, rounds: int) -> dict[str, list[float]]:
    from vae_core.runs.queue import Queue
    from vae_core.runs.store import Store
    from vae_core.study.driver import wanting

    store = Store(places)
    last = store.own()[0]
    queue = Queue(places)
    found = {
        "own()": cold_and_warm(store.own, rounds),
        "all()": cold_and_warm(store.all, rounds),
        "readable()": cold_and_warm(store.readable, rounds),
        "own(), every status": cold_and_warm(lambda: [run.status() for run in store.own()], rounds),
        "listing: readable(), status": cold_and_warm(
            lambda: [(run.record(), run.status()) for run in store.readable()], rounds
        ),
        "find(id)": cold_and_warm(lambda: store.find(last.id), rounds),
        "find(name)": cold_and_warm(lambda: store.find("run-00000"), rounds),
        "queue.tick()": cold_and_warm(queue.tick, rounds),
        "driver's look": cold_and_warm(lambda: wanting(places), rounds),
    }
    queue.stop()
    last.write_status(last.status())  # one of them learns

    def one_new() -> None:
        last.write_status(last.status())
        _ = [(run.record(), run.status()) for run in store.readable()]

    found["listing, one status new"] = [0.0, statistics.median(took(one_new) for _ in range(rounds))]
    return found


def _pages(places: Places, rounds: int) -> dict[str, list[float]]:
    from streamlit.navigation.page import StreamlitPage
    from streamlit.testing.v1 import AppTest

    from app.state import session
    from app.widgets import run_picker

    spent: dict[str, list[float]] = {}

    def timed(name: str, of: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin = clock()
            try:
                return of(*args, **kwargs)
            finally:
                spent.setdefault(name, []).append(MILLI * (clock() - begin))

        return call

    session.sync_run = timed("which run is looked at", session.sync_run)
    run_picker.show = timed("picker, closed", run_picker.show)
    run_picker._list = timed("picker, open", run_picker._list)
    StreamlitPage.run = timed("Home's script", StreamlitPage.run)  # type: ignore[method-assign]

    def picker() -> None:
        from app.widgets import run_picker

        run_picker._list(None)

    whole = AppTest.from_file(str(MAIN), default_timeout=600)
    pages = [took(whole.run) for _ in range(rounds + 1)]
    opened = AppTest.from_function(picker, default_timeout=600)
    for _ in range(rounds + 1):
        opened.run()
    if whole.exception or opened.exception:
        raise SystemExit(f"{whole.exception} {opened.exception}")
    spent["the page, with all of AppTest"] = pages
    return {name: [times[0], statistics.median(times[1:])] for name, times in spent.items()}


# ---------------------------------------------------------------- a study


def _study(places: Places, rounds: int) -> dict[str, list[float]]:
    """Of a study of COUNT trials, from the environment."""
    from dataclasses import replace

    from vae_core.config import RunConfig
    from vae_core.runs.event_log import EventLog
    from vae_core.study.field_checks import read_fields
    from vae_core.study.goals import parse_goal
    from vae_core.study.search import Search
    from vae_core.study.settings import StudySettings
    from vae_core.study.trials import COMPLETE, Ledger, Trial, read_ledger, write_ledger

    count = int(os.environ["COUNT"])
    folder = places.home / "studies" / "long"
    folder.mkdir(parents=True)
    base = RunConfig()
    searched = ("learning_rate=0.0001..0.01", "latent_dim=2..32")
    goals, fields = (parse_goal("elbo"),), read_fields(searched, base)
    settings = StudySettings(base, searched, ("elbo",), trials=count)
    search = Search(folder, settings, fields, goals, "long")
    asked, trials = [], []
    for i in range(count):
        begin = clock()
        one = search.ask(i, {"learning_rate": 1e-4 * (1 + i % 99), "latent_dim": 2 + i % 31})
        search.tell(one.number, COMPLETE, {"elbo": -100.0 - i % 7})
        asked.append(MILLI * (clock() - begin))
        trials.append(
            Trial(i, one.values, 0, f"tiny-{i:06x}", one.number, COMPLETE, "", {"elbo": -100.0 - i % 7})
        )
    ledger = Ledger(tuple(trials))
    part = max(1, min(100, count // 4))
    found = {
        "journal: ask and tell, first and last": [
            statistics.median(asked[:part]),
            statistics.median(asked[-part:]),
        ],
        "ledger: write all": cold_and_warm(lambda: write_ledger(folder, ledger), rounds),
    }
    read = []
    for changed in range(1, rounds + 2):
        write_ledger(folder, replace(ledger, importance_of=changed))
        read.append(took(lambda: read_ledger(folder)))
    found["ledger: read all"] = [read[0], statistics.median(read[1:])]
    tried = iter(range(count, count + 10))
    found["sampler: ask of TPE, after all trials"] = cold_and_warm(lambda: search.ask(next(tried)), rounds)
    found["journal: open anew"] = cold_and_warm(
        lambda: Search(folder, settings, fields, goals, "long").known(), 2
    )
    log = EventLog(folder / "events.jsonl")
    line = {
        "event": "StepDone",
        "step": 1000,
        "epoch": 3,
        "loss": 104.25,
        "terms": {"distortion": 80.5, "rate": 23.75},
    }

    def append(lines: int) -> None:
        for _ in range(lines):
            log.append(line)

    def synced() -> None:
        append(1)
        log.sync()

    found["events: append and flush, 1,000 lines"] = cold_and_warm(lambda: append(1000), rounds)
    found["events: sync"] = cold_and_warm(synced, rounds)
    log.close()
    found["journal, kB; ledger, kB"] = [
        (folder / name).stat().st_size / 1e3 for name in ("journal.log", "trials.json")
    ]
    return found


# ---------------------------------------------------------------- a set of images


def _images(places: Places, rounds: int) -> dict[str, list[float]]:
    """Of a set of COUNT images of 28 x 28, from the environment."""
    import numpy as np
    import torch

    from vae_core.data.imageset import Chunk, Source, read_images, write_images

    count, part = int(os.environ["COUNT"]), 10_000
    rng = np.random.default_rng(0)
    sizes = [min(part, count - begin) for begin in range(0, count, part)]
    chunks = (
        Chunk(rng.integers(0, 256, (n, 1, 28, 28), np.uint8), np.zeros(n, np.int64), None) for n in sizes
    )
    folder = places.datasets / "large" / "28"
    folder.parent.mkdir(parents=True)
    test = np.arange(0, count, 10)
    data: list[Any] = []
    found = {
        "bring in": [
            took(lambda: write_images(folder, "large", "Large", Source(count, 1, chunks, test=test)))
        ]
        * 2,
        "open": cold_and_warm(lambda: data.append(read_images(folder)), rounds),
    }
    train = data[0].split(0).train
    found["split"] = cold_and_warm(lambda: data[0].split(0), rounds)
    found["order of an epoch"] = cold_and_warm(lambda: rng.permutation(train), rounds)
    images = torch.from_numpy(data[0].images)
    found["a batch of 128"] = cold_and_warm(
        lambda: images.index_select(0, torch.from_numpy(rng.choice(count, 128))), 50 * rounds
    )
    found["indices held, MB"] = [(train.nbytes + test.nbytes) / 1e6, data[0].labels.nbytes / 1e6]
    return found


# ---------------------------------------------------------------- all homes


def apart(home: Path, what: str, rounds: int, count: int = 0) -> dict[str, list[float]]:
    """What a fresh process measures of that home."""
    environment = os.environ | {
        HOME_VARIABLE: str(home),
        DATA_VARIABLE: str(home / "downloads"),
        "COUNT": str(count),
    }
    environment |= {"CPU": "1"} if "--cpu" in sys.argv and what in ("core", "pages") else {}
    command = [sys.executable, __file__, "--of", str(home), "--what", what, "--rounds", str(rounds)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(found: dict[int, dict[str, list[float]]]) -> None:
    least = min(found)
    heads = "".join(f"{f'{count:,} runs':>30s}" for count in found)
    print(f"{'ms: cold / warm (ratio)':32s}{heads}")
    for name in found[least]:
        cells = ""
        for times in found.values():
            cold, warm = times[name]
            ratio = f"({warm / found[least][name][1]:.1f})" if found[least][name][1] else ""
            cells += f"{cold:10.1f} /{warm:9.1f} {ratio:>7s}".rjust(30)
        print(f"{name:32s}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--grouped", type=int, default=0)
    parser.add_argument("--study", type=int, default=0)
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--what", default="core", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.of:
        print(json.dumps(measure(args.of, args.what, args.rounds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        real = real_run(Path(folder) / "real")
        found: dict[int, dict[str, list[float]]] = {}
        for count in args.runs:
            home = Path(folder) / str(count)
            write_home(home, real, count, args.grouped)
            found[count] = {}
            for what in ("core", "pages"):
                found[count] |= apart(home, what, args.rounds)
            show({least: found[least] for least in sorted({min(found), count})})
        if args.study:
            print(f"a study of {args.study:,} trials, first / later ms")
            for name, (first, later) in apart(
                Path(folder) / "study", "study", args.rounds, args.study
            ).items():
                print(f"{name:40s}{first:10.2f} /{later:10.2f}")


if __name__ == "__main__":
    main()
