"""The one place that imports torchvision, and the reason why that needs care.

The registry's torchvision is built for CUDA. Beside a CPU build of torch its C++ operators cannot load, and
its import then fails ("operator torchvision::nms does not exist"), although the datasets, all that is wanted
here, are plain Python. Declaring the two operators it registers against is enough to let the import pass.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import threading
from typing import Any

MISSING_OPERATORS = ("nms", "qnms")
_keep: list[Any] = []  # a torch Library takes its declarations back when it is collected
_lock = threading.Lock()


def torchvision() -> Any:
    """The package torchvision, imported on the first call (that takes seconds)."""
    with _lock:
        if "torchvision" not in sys.modules and not operators_load():
            _declare_operators()
        import torchvision

        return torchvision


def torchvision_datasets() -> Any:
    """The module torchvision.datasets."""
    return torchvision().datasets


def operators_load() -> bool:
    """Whether torchvision's C++ operators load beside this torch; loads them if so, without importing it."""
    import torch

    package = importlib.util.find_spec("torchvision")
    if package is None or not package.submodule_search_locations:
        return False
    loaders = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    folder = package.submodule_search_locations[0]
    library = importlib.machinery.FileFinder(folder, loaders).find_spec("_C")
    if library is None or library.origin is None:
        return False
    try:
        load: Any = torch.ops.load_library  # torch leaves it untyped
        load(library.origin)
    except OSError:
        return False
    return True


def _declare_operators() -> None:
    import torch

    library_class: Any = torch.library.Library  # torch leaves it untyped
    library = library_class("torchvision", "FRAGMENT")
    for name in MISSING_OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _keep.append(library)
