"""Flips and shifts: what they do to planted images, and that they repeat."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, frozen

from vae_core.events import Checkpoint
from vae_core.training import resolve, train
from vae_core.training.feed import Feed, augmented
from vae_core.training.stacked import train_stacked


def ramps(count: int = 200, side: int = 16) -> torch.Tensor:
    """Images (N, 2, S, S) whose channels say each pixel's row and column."""
    rows, columns = np.mgrid[:side, :side]
    return torch.from_numpy(np.stack([rows, columns]).astype(np.uint8)).repeat(count, 1, 1, 1)


def test_flips_mirror_about_half_of_the_images_and_leave_the_others() -> None:
    x = ramps()
    found = augmented(x, "flips", np.random.default_rng(0))
    mirrored = (found == x.flip(3)).flatten(1).all(1)
    same = (found == x).flatten(1).all(1)
    assert bool((mirrored ^ same).all())
    assert 70 < int(mirrored.sum()) < 130


def test_shifts_move_whole_images_by_up_to_an_eighth_and_repeat_the_edge() -> None:
    x = ramps()
    found = augmented(x, "shifts", np.random.default_rng(0)).numpy()
    centre = found[:, :, 8, 8].astype(int) - 8  # (down, right) of each
    assert set(centre[:, 0]) == set(centre[:, 1]) == {-2, -1, 0, 1, 2}
    for image, (down, right) in zip(found, centre, strict=True):
        np.testing.assert_array_equal(image[0, :, 0], np.clip(np.arange(16) + down, 0, 15))
        np.testing.assert_array_equal(image[1, 0], np.clip(np.arange(16) + right, 0, 15))


def test_looking_and_none_change_nothing() -> None:
    data = blob_set()
    splits = config_of().data.split(data)
    index = torch.from_numpy(splits.train[:5])
    plain = torch.from_numpy(data.images[splits.train[:5]]).float() / 255
    for kinds, step in (("none", 3), ("flips+shifts", None)):
        feed = Feed(data, splits.train, 0, torch.device("cpu"), torch.contiguous_format, augment=kinds)
        assert torch.equal(feed.floats(index, step), plain)
    shifted = Feed(data, splits.train, 0, torch.device("cpu"), torch.contiguous_format, augment="shifts")
    assert not torch.equal(shifted.floats(index, 3), plain)
    assert torch.equal(shifted.floats(index, 3), shifted.floats(index, 3))
    assert not torch.equal(shifted.floats(index, 3), shifted.floats(index, 4))


@pytest.mark.slow
def test_an_augmented_run_goes_on_and_stacks_as_if_nothing_had_happened() -> None:
    config = resolve(config_of(augment="flips+shifts"), blob_set())
    whole = list(train(config, blob_set()))
    middle = next(
        i for i, e in enumerate(whole) if isinstance(e, Checkpoint) and 0 < e.step < whole[0].steps_total
    )
    rest = list(train(config, blob_set(), resume=whole[middle].resume))
    assert [frozen(e) for e in rest[1:]] == [frozen(e) for e in whole[middle + 1 :]]
    last = [
        event.last
        for n, event in train_stacked([config, config], blob_set())
        if isinstance(event, Checkpoint)
    ][-1]
    for name, value in whole[-2].last.items():
        torch.testing.assert_close(last[name], value, rtol=1e-3, atol=1e-4)
