"""The core is tested on what a test plants, not on the runs that happen to be shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae_core.runs import store


@pytest.fixture(autouse=True)
def _nothing_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store, "assets", lambda: tmp_path / "nothing-shipped")
