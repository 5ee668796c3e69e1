import numpy as np
import pytest

from vae_core.data import open_images
from vae_core.data.sets import shapes
from vae_core.errors import BadConfig, BadFactors
from vae_core.places import Places

SQUARE, ELLIPSE, HEART = range(3)


def draw(shape=SQUARE, scale=5, orientation=0, x=16, y=16):
    """One picture, float (64, 64) in [0, 1]."""
    return shapes.render(np.array([[shape, scale, orientation, x, y]]))[0, 0] / 255


def centroid(picture):
    rows, columns = np.indices(picture.shape)
    return np.array([(picture * columns).sum(), (picture * rows).sum()]) / picture.sum()


def test_a_render_is_uint8_with_a_channel_and_repeats():
    factors = shapes.sample(np.random.default_rng(0), 50)
    images = shapes.render(factors)
    assert images.shape == (50, 1, 64, 64)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, shapes.render(factors))
    np.testing.assert_array_equal(images[7:8], shapes.render(factors[7:8]))
    assert shapes.render(factors[:0]).shape == (0, 1, 64, 64)


@pytest.mark.parametrize("scale", range(6))
def test_areas_are_those_of_geometry(scale):
    size = 0.5 + 0.1 * scale
    square = (2 * shapes.SQUARE_HALF) ** 2
    ellipse = np.pi * np.prod(shapes.ELLIPSE_AXES)
    # a square of side 1/√2 and two half discs of radius √2/4
    heart = (1 / 2 + np.pi / 8) * shapes.HEART_SIZE**2
    for shape, area in enumerate((square, ellipse, heart)):
        assert draw(shape, scale).sum() == pytest.approx(area * size**2, rel=0.02)


@pytest.mark.parametrize("shape", range(3))
def test_the_centroid_stays_while_the_sprite_turns(shape):
    for orientation in range(0, 40, 3):
        assert centroid(draw(shape, 5, orientation)) == pytest.approx([32, 32], abs=0.15)


def test_a_step_moves_the_sprite_by_one_pixel():
    still = draw(HEART, 3, 7, 10, 12)
    np.testing.assert_array_equal(draw(HEART, 3, 7, 11, 12), np.roll(still, 1, axis=1))
    np.testing.assert_array_equal(draw(HEART, 3, 7, 10, 13), np.roll(still, 1, axis=0))


def test_no_sprite_touches_the_border():
    corners = [(x, y) for x in (0, 31) for y in (0, 31)]
    factors = [(s, 5, o, x, y) for s in range(3) for o in range(40) for x, y in corners]
    images = shapes.render(np.array(factors))[:, 0]
    inner = images[:, 1:-1, 1:-1].sum(axis=(1, 2), dtype=np.int64)
    np.testing.assert_array_equal(images.sum(axis=(1, 2), dtype=np.int64), inner)


def test_orientation_counts_counterclockwise():
    upright = draw(HEART)
    turned = draw(HEART, orientation=10)
    np.testing.assert_allclose(turned[1:, 1:], np.rot90(upright[1:, 1:]), atol=0.005)


def test_symmetries_are_those_of_the_shapes():
    for orientation in range(10):
        square = draw(SQUARE, 4, orientation)
        ellipse = draw(ELLIPSE, 4, orientation)
        np.testing.assert_allclose(square, draw(SQUARE, 4, orientation + 10), atol=0.005)
        np.testing.assert_allclose(ellipse, draw(ELLIPSE, 4, orientation + 20), atol=0.005)
        assert np.abs(ellipse - draw(ELLIPSE, 4, orientation + 10)).sum() > 50
        assert np.abs(draw(HEART, 4, orientation) - draw(HEART, 4, orientation + 20)).sum() > 50
    # the sprite's middle is pixel 32 of 64, so the first column has no counterpart
    heart = draw(HEART)[:, 1:]
    np.testing.assert_allclose(heart, heart[:, ::-1], atol=0.005)


def test_every_orientation_of_a_heart_differs():
    pictures = shapes._sprites()[HEART, 5].reshape(40, -1)
    assert len(np.unique(pictures, axis=0)) == 40


def test_edges_are_soft_and_the_inside_is_white():
    picture = draw(ELLIPSE, 5, 3)
    assert picture.max() == 1
    assert picture[32, 32] == 1
    assert 20 < ((picture > 0) & (picture < 1)).sum() < 200


def test_the_index_runs_over_the_whole_grid():
    assert shapes.GRID == 737_280
    np.testing.assert_array_equal(
        shapes.to_factors(np.array([0, 1, 32])), [[0] * 5, [0, 0, 0, 0, 1], [0, 0, 0, 1, 0]]
    )
    np.testing.assert_array_equal(shapes.to_factors(np.array([shapes.GRID - 1])), [[2, 5, 39, 31, 31]])
    cells = np.random.default_rng(1).integers(shapes.GRID, size=1000)
    np.testing.assert_array_equal(shapes.to_index(shapes.to_factors(cells)), cells)


@pytest.mark.parametrize(
    "factors",
    [
        np.array([[3, 0, 0, 0, 0]]),
        np.array([[0, 0, 40, 0, 0]]),
        np.array([[0, 0, 0, 0, -1]]),
        np.array([[0, 0, 0, 0]]),
        np.array([0, 0, 0, 0, 0]),
        np.array([[0.0, 0, 0, 0, 0]]),
    ],
)
def test_factors_off_the_grid_are_refused(factors):
    with pytest.raises(BadFactors):
        shapes.render(factors)
    with pytest.raises(BadFactors):
        shapes.to_index(factors)


def test_the_refusal_names_the_factor():
    with pytest.raises(BadFactors, match="orientation runs from 0 to 39"):
        shapes.render(np.array([[0, 0, 40, 0, 0]]))


@pytest.mark.parametrize("index", [np.array([shapes.GRID]), np.array([-1]), np.array([0.5]), np.array([[1]])])
def test_cells_off_the_grid_are_refused(index):
    with pytest.raises(BadFactors):
        shapes.to_factors(index)


def test_the_sampler_keeps_what_is_fixed_and_draws_the_rest():
    factors = shapes.sample(np.random.default_rng(2), 4000, {"shape": 2, "x": 31})
    assert set(factors[:, 0]) == {2}
    assert set(factors[:, 3]) == {31}
    for column in (1, 2, 4):
        size = shapes.FACTOR_SIZES[column]
        counts = np.bincount(factors[:, column], minlength=size)
        assert len(counts) == size
        assert counts.min() > 0.5 * 4000 / size
    np.testing.assert_array_equal(
        factors, shapes.sample(np.random.default_rng(2), 4000, {"shape": 2, "x": 31})
    )


@pytest.mark.parametrize("fixed", [{"colour": 0}, {"shape": 3}, {"scale": -1}, {"x": 1.5}])
def test_the_sampler_refuses_what_it_cannot_fix(fixed):
    with pytest.raises(BadFactors):
        shapes.sample(np.random.default_rng(0), 3, fixed)


def test_the_subset_is_always_the_same_and_has_no_cell_twice():
    subset = shapes.default_subset()
    assert subset.shape == (30_000, 5)
    assert len(np.unique(shapes.to_index(subset))) == 30_000
    np.testing.assert_array_equal(subset, shapes.default_subset())
    for column, size in enumerate(shapes.FACTOR_SIZES):
        assert len(np.unique(subset[:, column])) == size


def test_the_dataset_opens_with_its_factors(tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "COUNT", 2_300)
    images = open_images("shapes", 64, Places(home=tmp_path, data_dir=tmp_path))
    assert images.shape == (1, 64, 64)
    assert len(images) == 2_300
    assert images.factor_names == shapes.FACTOR_NAMES
    assert images.factors.dtype == np.float32
    np.testing.assert_array_equal(images.images, shapes.render(images.factors.astype(int)))
    np.testing.assert_array_equal(images.labels, images.factors[:, 0])
    assert images.label_of(0) in shapes.SHAPE_NAMES


def test_another_side_is_refused(tmp_path):
    places = Places(home=tmp_path, data_dir=tmp_path)
    with pytest.raises(BadConfig):
        open_images("shapes", 32, places)
    with pytest.raises(BadConfig):
        shapes.build(32, places, lambda share, what: None)
