"""Measure a use of a run, timed; the command line, a page's process and scripts call it."""

from __future__ import annotations

import dataclasses
import json
import time

from vae_core.data.imageset import Progress, silent
from vae_core.runs.run import Run
from vae_core.uses.found import Found
from vae_core.uses.registry import Use, UseSettings
from vae_core.uses.subject import open_subject


def measure(
    run: Run, use: Use, settings: UseSettings, progress: Progress = silent, device: str = "auto"
) -> tuple[str, Found]:
    """(stamp of the weights, what was found). Raises VaeCoreError with a sentence where it cannot be measured."""
    progress(0.0, "reading the run")
    subject = open_subject(run, beta=settings.beta, device=device)
    began = time.perf_counter()
    found = use.measure(subject, settings, progress)
    notes = [subject.note] if subject.note else []
    found = dataclasses.replace(
        found, seconds=time.perf_counter() - began, sentences=[*found.sentences, *notes]
    )
    json.dumps(found.to_json(), allow_nan=False)  # a NaN or an array in it is a fault of the use, said here
    return subject.model.stamp.split("-")[0], found
