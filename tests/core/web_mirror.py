"""Small image sets in the published formats, and a server on this machine that offers them."""

from __future__ import annotations

import hashlib
import http.server
import threading
from pathlib import Path

import numpy as np

from vae_core.data.sets import idx
from vae_core.places import Places

NOWHERE = "http://127.0.0.1:9/"  # the discard port: nothing listens
IDX_SETS = (idx.MNIST, idx.FASHION_MNIST, idx.KMNIST, idx.EMNIST_LETTERS)


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def idx_files(spec: idx.IdxSet, train: int = 6, test: int = 3) -> tuple[dict[str, bytes], np.ndarray]:
    """The four files' contents by stem, and the images as they lie in the files, (train + test, 28, 28)."""
    images = np.random.default_rng(0).integers(0, 256, (train + test, 28, 28), np.uint8)
    labels = np.arange(train + test) % len(spec.label_names) + spec.first_label
    parts = (images[:train], labels[:train], images[train:], labels[train:])
    return {stem: idx_bytes(part) for stem, part in zip(spec.stems, parts, strict=True)}, images


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def leftovers(places: Places) -> list[str]:
    """Files in data_dir other than the lock, which is empty."""
    return [name for name in listing(places.data_dir) if not name.endswith(".lock")]


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Mirror:
    """A web server with `files` by path, which lists what was `asked` for.

    It hangs up half-way on `short`, and sends `encoded` files, which are .gz, as if gzip were their transport alone.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.short: set[str] = set()
        self.encoded: set[str] = set()
        self.asked: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.lstrip("/")
                mirror.asked.append(name)
                data = mirror.files.get(name)
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                if name in mirror.encoded:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if name in mirror.short else data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
