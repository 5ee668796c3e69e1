"""Searches for geodesics behind the page: at most two at a time; one that is stopped gives the best path so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.services.tasks import Lane, Task

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.latent.geodesic import Geodesic

POINTS = 17  # codes between two waypoints, both counted

# settings that change in a row begin a search each: the older ones end with the best they have
LANE = Lane("geodesics", workers=2, niceness=0, cancels_older=True)

Codes = npt.NDArray[Any]


def _key(model: LoadedModel, waypoints: Codes, penalty: float) -> tuple[str, bytes, float]:
    return model.stamp, np.ascontiguousarray(waypoints, np.float32).tobytes(), round(float(penalty), 6)


def start(model: LoadedModel, waypoints: Codes, penalty: float, real: Codes | None) -> Task[Geodesic]:
    """Search for the geodesic through waypoints (K, D), unless that was begun.

    `real` (N, D) are the codes that a penalty keeps it near.
    """

    def job(task: Task[Geodesic]) -> Geodesic:
        from vae_core.latent.geodesic import geodesic

        return geodesic(
            model, waypoints, points=POINTS, penalty=penalty, codes=real, progress=task.report,
            control=lambda: task.cancelled,
        )  # fmt: skip

    return LANE.submit(_key(model, waypoints, penalty), job, name="geodesic", returns_best=True)


def find(model: LoadedModel, waypoints: Codes, penalty: float) -> Task[Geodesic] | None:
    """The search for this geodesic, if one was begun."""
    return LANE.find(_key(model, waypoints, penalty))


def forget(model: LoadedModel, waypoints: Codes, penalty: float) -> None:
    """Let it begin anew, after a fault or an early stop."""
    LANE.forget(_key(model, waypoints, penalty))
