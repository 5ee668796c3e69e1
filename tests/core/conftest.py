"""The core is tested on what a test plants, not on the runs that happen to be shipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import TINY
from web_mirror import Mirror

from vae_core.cli import main
from vae_core.runs import store


@pytest.fixture(autouse=True)
def _nothing_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store, "assets", lambda: tmp_path / "nothing-shipped")


@pytest.fixture
def vae_core(places, capsys):
    """vae_core("runs", "show", ...) in the test's home -> (exit code, what it printed, what it complained of)."""

    def call(*words):
        capsys.readouterr()
        try:
            code = main([*words, "--home", str(places.home), "--data-dir", str(places.data_dir)])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()
    yield mirror
    mirror.close()


@pytest.fixture
def mine(store, places, vae_core):
    """A finished run named mine."""
    code, _, err = vae_core("train", *TINY, "--name", "mine")
    assert code == 0, err
    return store.find("mine")
