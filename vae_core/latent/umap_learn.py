"""umap-learn as we use it: the only module that knows its names.

What we need of it is faster without its public class (see `parts`), but has private names: a version that has them
no more, or with other parameters, is used by the public call.
"""

from __future__ import annotations

import atexit
import importlib.util
import inspect
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

Array = npt.NDArray[Any]


class Parts(NamedTuple):
    """umap-learn's optimiser of a layout, and its spectral beginning of one."""

    optimise: Callable[..., Any]
    spectral: Callable[..., Any]


@cache
def parts() -> Parts | None:
    """The parts of umap-learn that a layout needs; None where this version has them no more.

    Without what only its UMAP class needs: pynndescent compiles for 10 s when it is first imported on a machine,
    and pandas, which scikit-learn takes in where it finds it, is 65 MB. What it compiles anew in every process, an
    epoch of a layout, is kept for the next: 1 s of each.
    """
    try:
        found = _import_parts()
        # as vae_core.latent.umap calls them
        inspect.signature(found.optimise).bind(*10 * [None], initial_alpha=1, move_other=True, tqdm_kwds={})
        inspect.signature(found.spectral).bind(*4 * [None], metric="euclidean")
    except (ImportError, AttributeError, TypeError) as error:
        log.warning("this version of umap-learn is used by its public call, which is slower: %s", error)
        return None
    return found


def _import_parts() -> Parts:
    absent = [name for name in ("umap", "pandas") if name not in sys.modules]
    try:
        if "umap" in absent:
            spec = importlib.util.find_spec("umap")
            if spec is None:
                raise ImportError("umap-learn is not installed")
            sys.modules["umap"] = importlib.util.module_from_spec(spec)  # the package's place, not run
        if "pandas" in absent:
            sys.modules["pandas"] = None  # type: ignore[assignment]  # not to be found
        try:
            from umap.layouts import optimize_layout_euclidean
        except RuntimeError:  # numba finds no folder it may write to for what umap wants compiled once
            import numba

            folder = tempfile.mkdtemp(prefix="numba-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            settings: Any = numba.config
            settings.CACHE_DIR, settings.CACHE_LOCATOR_CLASSES = folder, ""
            from umap.layouts import optimize_layout_euclidean
        from umap.spectral import spectral_layout

        epoch: Any = getattr(sys.modules["umap.layouts"], "_nb_optimize_layout_euclidean_single_epoch", None)
        if hasattr(epoch, "enable_caching"):  # umap-learn promises neither name
            epoch.enable_caching()
    finally:
        for name in absent:
            sys.modules.pop(name, None)
    return Parts(optimize_layout_euclidean, spectral_layout)


def fit(
    x: Array, neighbours: int, min_dist: float, metric: str, seed: int, start: Array | None, epochs: int, rate: float,
    tell: Callable[[float], object],
) -> Array:  # fmt: skip
    """A layout (N, 2) of codes x (N, D) by umap-learn's public call, from `start` (N, 2) or its own beginning.

    `neighbours` of each code without itself, fewer than N.
    """
    from umap import UMAP

    begin = start if start is not None else "spectral" if len(x) > 50 else "random"
    # umap-learn counts a code among its own neighbours
    mapper = UMAP(
        n_neighbors=max(2, min(neighbours + 1, len(x) - 1)), min_dist=min_dist, metric=metric, random_state=seed,
        n_jobs=1, init=begin, n_epochs=epochs, learning_rate=rate, tqdm_kwds=progress_bar(tell),
    )  # fmt: skip
    return np.asarray(mapper.fit_transform(x), np.float32)


def progress_bar(tell: Callable[[float], object]) -> dict[str, Any]:
    """Settings of umap-learn's progress bar that have it tell the share of the work done."""
    return {"disable": False, "file": _Percent(tell), "mininterval": 0.2}


class _Percent:
    """A file for a progress bar to write to: finds the percentage in what it is told."""

    def __init__(self, tell: Callable[[float], object]) -> None:
        self.tell = tell

    def write(self, text: str) -> int:
        found = re.search(r"(\d+)%", text)
        if found:
            self.tell(int(found.group(1)) / 100)
        return len(text)

    def flush(self) -> None:
        pass
