"""Two servers of one home, each a process of its own, and the workers they start: no two train at a time."""

import signal
import subprocess
import sys

import psutil
import pytest
from helpers import config_of, until

from vae_core.processes import child_environment
from vae_core.runs.record import FINISHED, INTERRUPTED

SERVER = (
    "import sys, threading\n"
    "from pathlib import Path\n"
    "from vae_core.places import Places\n"
    "from vae_core.runs.queue import Queue\n"
    "queue = Queue(Places(Path(sys.argv[1]), Path(sys.argv[2])))\n"
    "queue.start()\n"
    "print('ready', flush=True)\n"
    "sys.stdin.read()\n"
    "queue.stop()\n"
)


@pytest.mark.slow
def test_two_servers_hand_out_one_slot_even_where_one_is_killed(places, store):
    """Both look at once; the one that looks after the queue is killed while a run trains; a worker is killed too."""
    runs = [store.create(config_of(epochs=2), f"run-{number}") for number in range(3)]
    long = store.create(config_of(epochs=100_000, log_every=100), "long")
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(places.home), str(places.data_dir)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=child_environment(),
        )
        for _ in range(2)
    ]  # fmt: skip
    most = 0

    def workers():
        found = []
        for process in psutil.process_iter(["cmdline", "ppid"]):
            words = process.info["cmdline"] or []
            if "vae_core.runs.worker" in words and str(places.home) in words:
                found.append(process)
        # what a worker is about to start bears its command line for a moment
        own = {process.pid for process in found}
        return [process for process in found if process.info["ppid"] not in own]

    def count():
        nonlocal most
        most = max(most, len(workers()))

    try:
        for server in servers:
            assert server.stdout.readline() == b"ready\n"
        until(lambda: long.status().step > 0, "all others had their turn", meanwhile=count)
        assert [run.status().state for run in runs] == [FINISHED] * 3
        (worker,) = workers()
        owner = next(server for server in servers if server.pid == worker.ppid())
        owner.kill()
        owner.wait()
        after = store.create(config_of(epochs=1), "after")
        step = long.status().step
        until(lambda: long.status().step > step + 100, "the run goes on without its server", meanwhile=count)
        worker.send_signal(signal.SIGKILL)
        until(lambda: after.status().state == FINISHED, "the other server has taken over", meanwhile=count)
        assert long.status().state == INTERRUPTED
        assert most == 1
    finally:
        for server in servers:
            server.kill()
            server.wait()
            server.stdin.close()
            server.stdout.close()
        for process in workers():
            process.kill()
        until(lambda: not workers(), "no worker is left")
