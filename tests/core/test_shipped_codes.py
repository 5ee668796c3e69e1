"""Codes that came with a pretrained run, read without torch: a first page shows them before it is imported."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vae_core.inference import codes_bytes, compute_codes, load_run, stored_codes
from vae_core.runs.kept_codes import SHIPPED_CODES, KeptCodes, read_kept_codes
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


def read(run: Run, dims: int | None = None) -> KeptCodes | None:
    dims = dims or run.record().effective.model.latent_dim
    return read_kept_codes(run.path / SHIPPED_CODES, run.stamp(), dims)


def test_they_are_those_that_the_run_stores(shipped: Run) -> None:
    found, expected = read(shipped), stored_codes(shipped)
    assert found is not None
    assert expected is not None
    for name, value in vars(found).items():
        np.testing.assert_array_equal(value, getattr(expected, name))


def test_codes_of_other_weights_and_damaged_ones_are_none(shipped: Run) -> None:
    folder = shipped.path
    assert read(shipped) is not None
    assert read(shipped, dims=99) is None, "the codes are of another width"
    whole = (folder / "codes.npz").read_bytes()
    for damaged in (whole[:200], b"", b"PK\x03\x04" + bytes(80)):
        (folder / "codes.npz").write_bytes(damaged)
        assert read(shipped) is None
    (folder / "codes.npz").write_bytes(whole)
    with open(folder / "model.safetensors", "ab") as weights:
        weights.write(b" ")
    assert read(shipped) is None, "the codes are of other weights"
    (folder / "codes.npz").unlink()
    assert read(shipped) is None


def test_arrays_that_do_not_fit_each_other_are_none(shipped: Run) -> None:
    path = shipped.path / SHIPPED_CODES
    with np.load(path, allow_pickle=False) as npz:
        arrays = dict(npz)
    for name, value in (
        ("error", arrays["error"][1:]),
        ("mean", arrays["mean"] * np.nan),
        ("format", np.array(2)),
    ):
        np.savez(path, **(arrays | {name: value}))
        assert read(shipped) is None, name
    np.savez(path, **arrays)
    assert read(shipped) is not None


@pytest.mark.parametrize("module", ["vae_core.runs.kept_codes", "vae_core.latent.statistics"])
def test_they_are_read_without_torch(module: str) -> None:
    code = f"import sys, {module}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
