"""Formats that are not read are refused by name, with a line that converts them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases.foreign import BEGINNINGS, cifar_binary, idx_files
from image_sources import refused, taken

from vae_core.data.user.foreign import FORMATS, pixel_table
from vae_core.places import Places

LINE = re.compile(r'`python -c "(.*?)"`')


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_format_is_refused_by_its_name(name: str, tmp_path: Path, places: Places) -> None:
    data, called = BEGINNINGS[name]
    (tmp_path / name).write_bytes(data)
    text = refused(tmp_path / name, places, f"{name}: ", called)
    assert "FILE" not in text


def test_folders_of_such_files_name_them_too(tmp_path: Path, places: Places) -> None:
    idx_files(tmp_path / "idx")
    refused(
        tmp_path / "idx",
        places,
        "no image was found",
        "MNIST's IDX format",
        "To read it, convert it by `python -c",
    )


@pytest.mark.parametrize(
    "line",
    [line for known in FORMATS for line in LINE.findall(known.line)] + LINE.findall(pixel_table(b"pixel0")),
)
def test_the_lines_are_python_that_a_shell_passes_on(line: str) -> None:
    compile(line, "line", "exec")
    assert not set(line) & set('"$`!')


def run(text: str, cwd: Path) -> None:
    subprocess.run([sys.executable, "-c", LINE.findall(text)[0]], cwd=cwd, check=True, capture_output=True)


def test_the_lines_convert(tmp_path: Path, places: Places) -> None:
    images = idx_files(tmp_path / "idx")
    run(refused(tmp_path / "idx", places), tmp_path / "idx")
    _, found = taken(tmp_path / "idx" / "images.npz", places, 32, name="idx")
    np.testing.assert_array_equal(found.images[:, 0, 2:30, 2:30], images)
    assert found.labels is not None
    assert found.labels.tolist() == [i % 10 for i in range(20)]

    images = cifar_binary(tmp_path / "data_batch_1.bin")
    run(refused(tmp_path / "data_batch_1.bin", Places(tmp_path / "other", tmp_path)), tmp_path)
    _, found = taken(tmp_path / "images.npz", places, 32, name="cifar")
    np.testing.assert_array_equal(found.images, images)

    rows = np.random.default_rng(0).integers(0, 256, (6, 784), np.uint8)
    head = "label," + ",".join(f"pixel{i}" for i in range(784))
    (tmp_path / "train.csv").write_text(
        head + "\n" + "".join(f"{k % 3}," + ",".join(map(str, row)) + "\n" for k, row in enumerate(rows))
    )
    run(refused(tmp_path / "train.csv", Places(tmp_path / "third", tmp_path)), tmp_path)
    _, found = taken(tmp_path / "images.npz", places, 32, name="pixels")
    np.testing.assert_array_equal(found.images[:, 0, 2:30, 2:30].reshape(6, 784), rows)
    assert found.label_names == ("0", "1", "2")
