"""What a server does as it starts, with the slow parts of it left out."""

from __future__ import annotations

import os
import time

import pytest

from app.services import runs, umap, warm_up
from vae_core.places import Places
from vae_core.runs.store import IMPORTING, LEFT_SECONDS


def test_a_server_that_starts_sweeps_what_a_killed_one_left(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = places.runs / f"{IMPORTING}abc"
    left.mkdir(parents=True)
    old = time.time() - 2 * LEFT_SECONDS
    os.utime(left, (old, old))
    monkeypatch.setattr(warm_up.first_page, "wait", lambda seconds: True)
    monkeypatch.setattr(warm_up.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(warm_up._closing, "wait", lambda seconds: False)
    monkeypatch.setattr(warm_up.housekeeper, "start", lambda: None)
    for module, name in ((runs, "queue"), (umap, "warm"), (warm_up, "spare_the_collector")):
        monkeypatch.setattr(module, name, lambda: None)
    warm_up.warm_up()
    assert not left.exists()
    assert not warm_up.starting()
