"""The command latent-explorer in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vae_core.places import Places

# The first two draw suggestions of a location bar that nobody sees, in a page of their own: half of all processor time
# of a short visit. The others Playwright switches off by the same argument, of which the last one counts.
UNUSED = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "PaintHolding", "HttpsUpgrades", "MediaRouter", "OptimizationHints"]  # fmt: skip
CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    f"--disable-features={','.join(UNUSED)}",
]  # fmt: skip


@dataclass
class Server:
    """latent-explorer in a process of its own."""

    url: str
    places: Places
    process: subprocess.Popen
    log: Path

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve(places: Places, cwd: Path, *more: str, pythonpath: Path | None = None, port: int = 0) -> Server:
    """Start a server and wait until it answers. `pythonpath` goes before what is installed."""
    places.home.mkdir(parents=True, exist_ok=True)
    port, log = port or free_port(), places.home / "server.log"
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("STREAMLIT_", "LATENT_EXPLORER_"))
    }
    if pythonpath is not None:
        environment["PYTHONPATH"] = str(pythonpath)
    command = [
        sys.executable, "-m", "app.server", "--port", str(port), "--home", str(places.home), "--data-dir",
        str(places.data_dir), *more,
    ]  # fmt: skip
    with open(log, "ab") as out:
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=out, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(f"{url}/healthz", process)
    except RuntimeError as fault:
        raise RuntimeError(f"{fault}: {log.read_text()}") from None
    return Server(url, places, process, log)


def wait_until_it_answers(url: str, process: subprocess.Popen) -> None:
    """Ask until the server of this process answers. Raises RuntimeError if it ends, or has not after a minute."""
    for _ in range(600):
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=1).read()
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            raise RuntimeError(f"the server of {url} ended with {process.returncode}")
    process.kill()
    raise RuntimeError(f"the server of {url} did not answer")
