"""The server's garbage collection."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import gc
import torch
from streamlit import config
from app.services import warm_up

assert config.get_option("runner.postScriptGC"), "Streamlit's own choice, or there is nothing to spare"
before = len(gc.get_objects())
warm_up.spare_the_collector()
assert not config.get_option("runner.postScriptGC")
assert len(gc.get_objects()) < before / 100, "what was imported is not looked through again"
"""


@pytest.mark.slow
def test_what_was_imported_is_not_looked_through_after_every_script() -> None:
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
