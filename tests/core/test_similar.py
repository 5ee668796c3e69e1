"""Nearest images by pixels, against a full search."""

import tracemalloc

import numpy as np
import pytest

from vae_core.data import similar
from vae_core.data.similar import nearest_images
from vae_core.errors import BadCodes

RNG = np.random.default_rng(0)


@pytest.fixture
def mapped(tmp_path):
    """300 images on disk, the last 20 copies of the first."""
    images = RNG.integers(0, 256, (300, 3, 8, 8), dtype=np.uint8)
    images[280:] = images[:20]
    np.save(tmp_path / "images.npy", images)
    return np.load(tmp_path / "images.npy", mmap_mode="c")


def by_hand(images, index, image):
    """Squared distances in grey levels: whole numbers, so that ties are ties."""
    return ((images[index].astype(int) - image.astype(int)) ** 2).sum((1, 2, 3))


@pytest.mark.parametrize("chunk", [1, 1000, 10**6])
def test_they_are_those_of_a_full_search(mapped, monkeypatch, chunk):
    monkeypatch.setattr(similar, "CHUNK_PIXELS", chunk)
    index = RNG.permutation(300)[:170]
    image = RNG.integers(0, 256, (3, 8, 8), dtype=np.uint8)
    told = []
    rows, distances = nearest_images(mapped, index, image, 12, lambda share, what: told.append(share))
    every = by_hand(mapped, index, image)
    assert rows.tolist() == every.argsort(kind="stable")[:12].tolist()
    np.testing.assert_allclose(distances, np.sqrt(np.sort(every)[:12]) / 255, rtol=1e-12)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_image_finds_itself_and_its_copy_in_the_order_of_the_index(mapped):
    rows, distances = nearest_images(mapped, np.arange(300)[::-1], mapped[4], 3)
    assert rows.tolist()[:2] == [299 - 284, 299 - 4]
    assert distances[:2].tolist() == [0.0, 0.0]
    assert distances[2] > 0


def test_black_and_white_are_as_far_apart_as_images_can_be():
    images = np.zeros((2, 3, 128, 128), np.uint8)
    images[0] = 255
    rows, distances = nearest_images(images, np.array([0, 1], np.uint8), images[1], 2)
    assert rows.tolist() == [1, 0]
    assert distances.tolist() == [0.0, pytest.approx(np.sqrt(3 * 128 * 128))]


def test_a_step_of_one_grey_level_among_many_pixels_is_seen():
    images = np.full((3, 1, 128, 128), 255, np.uint8)
    images[:, 0, 0, 0] = 3, 2, 1
    rows, distances = nearest_images(images, np.arange(3), np.zeros((1, 128, 128), np.uint8), 3)
    assert rows.tolist() == [2, 1, 0]
    assert (np.diff(distances) > 0).all()


def test_fewer_images_than_neighbours_do(mapped):
    rows, distances = nearest_images(mapped, np.array([9, 5]), mapped[5], 10)
    assert rows.tolist() == [1, 0]
    assert distances.shape == (2,)
    rows, distances = nearest_images(mapped, np.array([]), mapped[5], 10)
    assert rows.shape == distances.shape == (0,)
    assert nearest_images(mapped, np.arange(5), mapped[5], 0)[0].shape == (0,)


def test_memory_does_not_grow_with_the_images(tmp_path):
    images = np.lib.format.open_memmap(
        tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=(20_000, 1, 64, 64)
    )
    images[12_345] = 9
    tracemalloc.start()
    rows, distances = nearest_images(images, np.arange(20_000), images[12_345].copy(), 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (rows[0], distances[0]) == (12_345, 0)
    assert peak < 32e6  # all of them are 82 MB, and 655 MB as numbers to reckon with


def test_what_does_not_fit_is_refused(mapped):
    for image in (mapped[0].astype(float), mapped[0][:1], mapped[:1]):
        with pytest.raises(BadCodes, match=r"uint8 \(3, 8, 8\)"):
            nearest_images(mapped, np.arange(5), image, 3)
    for index in (np.ones(300, bool), np.array([0.5]), np.zeros((2, 2), int)):
        with pytest.raises(BadCodes, match="named by numbers"):
            nearest_images(mapped, index, mapped[0], 3)
    for index in ([0, 300], [-1, 2]):
        with pytest.raises(BadCodes, match="0 to 299"):
            nearest_images(mapped, np.array(index), mapped[0], 3)
    with pytest.raises(BadCodes, match="negative"):
        nearest_images(mapped, np.arange(5), mapped[0], -1)
