import numpy as np
import pytest

from vae_core.errors import BadCodes
from vae_core.latent.measures import image_change, image_length, support


def ramp(values, shape=(3, 4, 4)):
    """Pictures of one grey each."""
    return np.broadcast_to(np.asarray(values, np.float32)[:, None, None, None], (len(values), *shape))


def test_change_is_the_root_of_the_summed_squares_per_unit_of_path():
    t = np.array([0.0, 0.5, 0.6])
    change = image_change(ramp([0.0, 0.25, 0.75]), t)
    root = np.sqrt(3 * 4 * 4)
    np.testing.assert_allclose(change, [0.25 * root / 0.5, 0.5 * root / 0.1], rtol=1e-6)


def test_the_length_is_the_sum_of_the_changes_and_no_less_than_the_way_there():
    images = np.random.default_rng(0).random((9, 1, 5, 5))
    t = np.linspace(0, 1, 9)
    assert image_length(images) == pytest.approx((image_change(images, t) / 8).sum())
    assert image_length(images) > np.linalg.norm(images[-1] - images[0])
    assert image_length(ramp([0.0, 0.5, 1.0], (1, 2, 2))) == pytest.approx(2.0)
    assert image_length(images[:1]) == 0.0


def test_support_is_the_distance_to_the_nearest_code():
    codes = np.array([[0.0, 0.0], [3.0, 4.0]])
    path = np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 5.0], [1.5, 2.0]])
    np.testing.assert_allclose(support(path, codes), [0, 1, 1, 2.5])
    rng = np.random.default_rng(1)
    path, codes = rng.standard_normal((20, 6)), rng.standard_normal((300, 6))
    every = np.linalg.norm(path[:, None] - codes[None], axis=2).min(1)
    np.testing.assert_allclose(support(path, codes), every)


@pytest.mark.parametrize("t", [[0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, np.nan, 1.0]])
def test_positions_rise_and_are_as_many_as_the_pictures(t):
    with pytest.raises(BadCodes, match="3 pictures need as many rising positions"):
        image_change(ramp([0.0, 0.5, 1.0]), np.array(t))


@pytest.mark.parametrize(
    "images", [np.zeros((3, 4, 4)), np.zeros((3, 1, 4, 4), np.uint8), np.zeros((0, 1, 4, 4))]
)
def test_pictures_are_floats_with_channels(images):
    with pytest.raises(BadCodes, match="floats"):
        image_length(images)


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4))),
        (np.zeros(3), np.zeros((2, 3))),
        (np.zeros((2, 3)), np.zeros((0, 3))),
    ],
)
def test_a_path_and_codes_have_one_length(path, codes):
    with pytest.raises(BadCodes, match="a path"):
        support(path, codes)
