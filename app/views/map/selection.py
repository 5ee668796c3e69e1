"""Which images are selected: selected by the session, a few of them in the address."""

from __future__ import annotations

import numpy as np

from app.state import address, following, session
from vae_core.inference import StoredCodes
from vae_core.runs.run import Run

IN_ADDRESS = 40  # images of a selection that an address names


def select(run_id: str, images: np.ndarray) -> None:
    """Make images, by number, the selection; a small one is named in the address."""
    session.put(address.SELECTION_OF.of(run_id), np.asarray(images, np.int64))
    session.put(address.MAP_FIRST_PAGE, True)  # the widget may be there already
    following.leave(address.SELECTION, tuple(map(int, images)) if len(images) <= IN_ADDRESS else ())


def selected_images(run: Run, codes: StoredCodes) -> np.ndarray:
    """Image numbers of the selection: the session's, or those that a link names which was opened since."""
    selected = session.get(address.SELECTION_OF.of(run.id))
    if (linked := following.linked(address.SELECTION)) is not None:
        selected = np.array(linked[:IN_ADDRESS], np.int64)
        select(run.id, selected)
    elif selected is None or not len(selected):
        selected = np.zeros(0, np.int64)
        following.leave(address.SELECTION, ())  # it may still name those of another run
    found: np.ndarray = selected
    return found
