"""Codes that came with a pretrained run, read without torch: a first page shows them before it is imported."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vae_core.inference import codes_bytes, compute_codes, load_run, stored_codes
from vae_core.runs.array_files import read_shipped_codes
from vae_core.runs.run import Run


@pytest.fixture
def shipped(copied: Run, tmp_path: Path) -> Run:
    """A run that brings its codes along, as a pretrained one does."""
    data = copied.record().effective.data.dataset
    codes = stored_codes(copied)
    if codes is None:
        from vae_core.data import open_images

        codes = compute_codes(copied, load_run(copied), open_images(data, 16, copied.places))
    (copied.path / "codes.npz").write_bytes(codes_bytes(codes, copied.stamp()))
    shutil.rmtree(copied.places.derived, ignore_errors=True)
    return copied


def test_they_are_those_that_the_run_stores(shipped: Run) -> None:
    found, expected = read_shipped_codes(shipped.path), stored_codes(shipped)
    assert found is not None
    assert expected is not None
    np.testing.assert_array_equal(found[0], expected.mean)
    np.testing.assert_array_equal(found[1], expected.log_var)


def test_codes_of_other_weights_and_damaged_ones_are_none(shipped: Run) -> None:
    folder = shipped.path
    assert read_shipped_codes(folder) is not None
    whole = (folder / "codes.npz").read_bytes()
    for damaged in (whole[:200], b"", b"PK\x03\x04" + bytes(80)):
        (folder / "codes.npz").write_bytes(damaged)
        assert read_shipped_codes(folder) is None
    (folder / "codes.npz").write_bytes(whole)
    with open(folder / "model.safetensors", "ab") as weights:
        weights.write(b" ")
    assert read_shipped_codes(folder) is None, "the codes are of other weights"
    (folder / "codes.npz").unlink()
    assert read_shipped_codes(folder) is None


@pytest.mark.parametrize("module", ["vae_core.runs.array_files", "vae_core.latent.statistics"])
def test_they_are_read_without_torch(module: str) -> None:
    code = f"import sys, {module}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
