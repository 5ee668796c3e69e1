"""Images that a run makes of a few labelled ones, to be taken away."""

from __future__ import annotations

from vae_core.runs.run import Run
from vae_core.uses.augment import Augment, folder_of
from vae_core.uses.subject import open_subject


def made_folder(run: Run, settings: Augment, method: str, n: int) -> bytes:
    """What a method makes of n real images a class, as a .zip ImageFolder. Seconds. Raises VaeCoreError."""
    return folder_of(open_subject(run, beta=settings.beta, device="cpu"), settings, method, n)
