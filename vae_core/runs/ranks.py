"""The other processes of a run that several train together (setting `gpus`).

Whoever trains the run folder is the first of them: it alone is asked, reports and saves. It starts the others, each of which
reads the folder and does nothing but learn with it: `python -m vae_core.runs.ranks --home HOME --data-dir DIR --rank 1 --folder
DIR --parent PID RUN_ID`. None outlives it, and it ends where one of them does.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from vae_core.config import RunConfig
from vae_core.errors import ProcessLost, VaeCoreError
from vae_core.places import Places
from vae_core.processes import child_environment, end_with_parent, receive, send
from vae_core.runs.control import FileControl
from vae_core.runs.reporter import StoppedEarly
from vae_core.runs.run import Run
from vae_core.training.team import ALONE, Team, assembled

READY, FAULT = "ready", "fault"  # what a process says of itself: images and checkpoint are read; why it ends
LOOK_SECONDS = 0.05
END_SECONDS = 5.0  # that the others have to end by themselves once the run is done, and to be seen to be gone
STUCK_SECONDS = (
    30.0  # after which a first process that has not noticed is freed from waiting for one that is gone
)


@contextlib.contextmanager
def team_of(run: Run, config: RunConfig, control: FileControl) -> Iterator[Team]:
    """The processes that train the run together, as the first of them sees it; all others are gone afterwards.

    config: as it stands in the run's record, resolved. Raises ProcessLost where one of them ended before the run did, also out of
    the body, StoppedEarly where `control` asks for a stop before all are there.
    """
    if config.training.gpus == 1:
        yield ALONE
        return
    others = Others(run, config.training.gpus)
    try:
        with tempfile.TemporaryDirectory(prefix="vae-team-") as folder:
            others.start(Path(folder), control)
            entered = contextlib.ExitStack()
            team = entered.enter_context(
                assembled(0, config.training.gpus, config.training.device, Path(folder))
            )
        with entered:
            yield team
        others.finish()
    except RuntimeError as fault:  # whatever torch calls a process that does not answer
        if why := others.why_lost():
            raise ProcessLost(why) from fault
        raise
    finally:
        others.end()


class Others:
    """All processes of a run but the first, as that one sees them."""

    def __init__(self, run: Run, size: int) -> None:
        self.run, self.size = run, size
        self.processes: list[subprocess.Popen[bytes]] = []
        self.threads: list[threading.Thread] = []
        self.ready: set[int] = set()
        self.faults: dict[int, str] = {}  # by rank, of those that are gone
        self.done = threading.Event()

    def start(self, folder: Path, control: FileControl) -> None:
        """Start them and wait until all are ready to meet in the folder."""
        places = self.run.places
        for rank in range(1, self.size):
            with _signals_held():
                process = subprocess.Popen(
                    [
                        sys.executable, "-m", "vae_core.runs.ranks", "--home", str(places.home), "--data-dir",
                        str(places.data_dir), "--rank", str(rank), "--folder", str(folder),
                        "--parent", str(os.getpid()), self.run.id,
                    ],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=places.home, env=child_environment(),
                )  # fmt: skip
            self.processes.append(process)
            thread = threading.Thread(
                target=self._listen, args=(rank, process), name=f"rank {rank}", daemon=True
            )
            self.threads.append(thread)
            thread.start()
        while len(self.ready) < self.size - 1:
            if self.faults:
                raise ProcessLost(self.why_lost())
            if control.stop_pending():
                raise StoppedEarly
            time.sleep(LOOK_SECONDS)

    def _listen(self, rank: int, process: subprocess.Popen[bytes]) -> None:
        """Hear what a process says, until it is gone."""
        assert process.stdout is not None
        while message := receive(process.stdout):
            if message.say == READY:
                self.ready.add(rank)
            elif message.say == FAULT:
                self.faults[rank] = f"failed: {message.values['why']}"
        code = process.wait()
        if code and not self.done.is_set():
            self.faults.setdefault(rank, _ended_with(code))
            if not self.done.wait(STUCK_SECONDS):
                _free()

    def why_lost(self) -> str:
        """A sentence on the first process that is gone, which may take a moment to be seen; empty where all are there."""
        end = time.monotonic() + END_SECONDS
        while not self.faults:
            if time.monotonic() > end:
                return ""
            time.sleep(LOOK_SECONDS)
        rank = next(iter(self.faults))
        return f"process {rank + 1} of {self.size} {self.faults[rank]}; resume the run to go on from its last checkpoint"

    def finish(self) -> None:
        """Wait for them once the run is done: they took the same last step."""
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)

    def end(self) -> None:
        """Kill those that are still there."""
        self.done.set()
        for process in self.processes:
            process.kill()
        for thread in self.threads:
            thread.join()
        for process in self.processes:
            if process.stdout is not None:
                process.stdout.close()


def _ended_with(code: int) -> str:
    if code != -signal.SIGKILL:
        return f"ended with code {code}"
    return "was killed, as the system does where memory runs out"


def _free() -> None:
    """End what this process waits for: it then raises."""
    with contextlib.suppress(Exception):
        from torch.distributed import distributed_c10d

        distributed_c10d._abort_process_group()


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """What is started within never gets the signals that stop a run: the first process takes them, and tells the others."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def main(argv: list[str] | None = None) -> int:
    """Learn with the first process until the run ends."""
    from vae_core.data import open_images
    from vae_core.training import train

    parser = argparse.ArgumentParser(prog="python -m vae_core.runs.ranks", description=__doc__)
    for name in ("--home", "--data-dir", "--rank", "--folder", "--parent"):
        parser.add_argument(name, required=True)
    parser.add_argument("run")
    args = parser.parse_args(argv)
    end_with_parent(int(args.parent))
    speak = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints is no message
    with (
        contextlib.ExitStack() as entered
    ):  # the fault is told before the others see that this process is gone
        try:
            places = Places(Path(args.home), Path(args.data_dir))
            run = Run(places.runs / args.run, places)
            config = run.record().effective
            data = open_images(config.data.dataset, config.data.side, places)
            resume = run.resume_state()
            initial = None if resume else run.initial_weights()
            send(speak, READY)
            size, device = config.training.gpus, config.training.device
            team = entered.enter_context(assembled(int(args.rank), size, device, Path(args.folder)))
            for _ in train(config, data, resume=resume, initial=initial, team=team):
                pass
        except Exception as fault:
            why = str(fault) if isinstance(fault, VaeCoreError) else f"{type(fault).__name__}: {fault}"
            with contextlib.suppress(OSError):
                send(speak, FAULT, why=" ".join(why.split())[:500])
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
