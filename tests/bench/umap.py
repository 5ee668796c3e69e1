"""How long a UMAP takes, and how good it is, beside plain umap-learn.

    python tests/bench/umap.py [--rounds 3]

10,000 x 10 codes in ten planted clusters, then the codes that came with the MNIST run. In each round, one after the
other, all with the round's number as seed: umap-learn as it comes, in a fresh process; a job of ours in a fresh
process whose numba finds nothing kept, and in one that finds what the last left; a job handed to the warm process.
umap-learn is given its numba's folder filled, which spares it 10 s. Ours makes a map of a sample first. Quality is
scikit-learn's trustworthiness (k = 15) on 2,000 codes, the same for all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.pop(0)  # where this file has the name of the package to be measured
from app.services import umap as service
from app.services.tasks import DONE
from vae_core.latent.umap import UmapParams
from vae_core.places import assets

PLAIN = """
import sys
import numpy as np
import umap
codes = np.load(sys.argv[1])
np.save(sys.argv[2], umap.UMAP(random_state=int(sys.argv[3])).fit_transform(codes))
"""


def planted() -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = 2 * rng.standard_normal((10, 10))
    return (centres[np.arange(10_000) % 10] + 0.7 * rng.standard_normal((10_000, 10))).astype(np.float32)


def quality(codes: np.ndarray, points: np.ndarray) -> float:
    from sklearn.manifold import trustworthiness

    rows = np.random.default_rng(0).choice(len(codes), 2000, replace=False)
    return float(trustworthiness(codes[rows], points[rows], n_neighbors=15))


def plain(codes: np.ndarray, seed: int, folder: Path) -> tuple[float, np.ndarray]:
    """Seconds of a whole fresh process, and its map."""
    np.save(folder / "codes.npy", codes)
    command = [sys.executable, "-c", PLAIN, str(folder / "codes.npy"), str(folder / "plain.npy"), str(seed)]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin, np.load(folder / "plain.npy")


def ours(codes: np.ndarray, seed: int, folder: Path) -> tuple[float, float, np.ndarray]:
    """Seconds until the sample's map can be read and until the whole can, and the whole."""
    result = folder / "ours.npz"
    first = 0.0
    begin = time.perf_counter()
    task = service.start(codes, UmapParams(seed=seed), result)
    while not task.wait(0.01):
        if not first and task.partial is not None:
            first = time.perf_counter() - begin
    whole = time.perf_counter() - begin
    if task.state != DONE:
        raise SystemExit(f"the job {task.state}: {task.error}")
    points = service.read(result)
    service.stop(result)
    result.unlink()
    return first, whole, points


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        try:
            mnist = np.load(assets() / "pretrained" / "mnist" / "codes.npz")["mean"]
            compare("planted clusters", planted(), rounds, folder)
            compare("codes of the MNIST run", mnist.astype(np.float32), rounds, folder)
        finally:
            service.cool()
            os.chdir(home)


def compare(title: str, codes: np.ndarray, rounds: int, folder: Path) -> None:
    seconds: dict[str, list[float]] = {}
    good: dict[str, list[float]] = {"plain": [], "ours": []}
    for seed in range(rounds):
        row: dict[str, float] = {}
        os.environ["NUMBA_CACHE_DIR"] = str(folder / "plain-kept")
        if not (folder / "plain-kept").exists():
            subprocess.run([sys.executable, "-c", "import umap"], check=True)
        row["plain, fresh process"], theirs = plain(codes, seed, folder)
        os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(dir=folder)
        row["cold, first sample"], row["cold, whole"], points = ours(codes, seed, folder)
        row["second process, first sample"], row["second process, whole"], _ = ours(codes, seed, folder)
        service.warm()
        while service.warms():
            time.sleep(0.05)
        row["warm, first sample"], row["warm, whole"], again = ours(codes, seed, folder)
        if not (points == again).all():
            raise SystemExit("the same seed gave another map")
        service.cool()
        for name, value in row.items():
            seconds.setdefault(name, []).append(value)
        good["plain"].append(quality(codes, theirs))
        good["ours"].append(quality(codes, points))
    print(f"{title}, {len(codes):,} x {codes.shape[1]}: medians of {rounds} rounds, seconds")
    for name, values in seconds.items():
        ratios = [value / base for value, base in zip(values, seconds["plain, fresh process"], strict=True)]
        print(
            f"  {name:29s} {statistics.median(values):6.2f}   ({min(values):.2f} to {max(values):.2f})"
            f"   / plain = {statistics.median(ratios):.2f}"
        )
    for name, values in good.items():
        print(
            f"  trustworthiness, {name:5s} {statistics.mean(values):.4f}   ({min(values):.4f} to {max(values):.4f})"
        )
    print(
        "  wanted: cold, whole / plain at most 0.33; warm, first sample at most 5 s; trustworthiness no lower"
    )


if __name__ == "__main__":
    main()
