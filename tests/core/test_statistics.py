import numpy as np
import pytest

from vae_core.latent.statistics import active_units, nearest, order_by_kl


def test_a_dimension_is_active_when_its_mean_varies_by_more_than_a_hundredth():
    rng = np.random.default_rng(0)
    unit = rng.standard_normal(500)
    unit = (unit - unit.mean()) / unit.std()  # variance exactly one
    scales = np.sqrt([0.0, 0.0099, 0.0101, 1.0])
    means = 5 + unit[:, None] * scales
    assert active_units(means).tolist() == [False, False, True, True]
    assert active_units(means.astype(np.float32)).tolist() == [False, False, True, True]


def test_one_image_has_no_active_units():
    assert active_units(np.ones((1, 3))).sum() == 0


def test_dimensions_are_ordered_from_most_to_least_used_with_ties_by_number():
    assert order_by_kl(np.array([0.1, 3.0, 0.1, 7.0])).tolist() == [3, 1, 0, 2]
    assert order_by_kl(np.full(4, np.nan)).tolist() == [0, 1, 2, 3]
    assert order_by_kl(np.zeros(0)).tolist() == []


def test_neighbours_are_those_of_a_full_search():
    rng = np.random.default_rng(1)
    points, query = rng.standard_normal((200, 5)), rng.standard_normal((7, 5))
    index, distance = nearest(query, points, 6)
    assert index.shape == distance.shape == (7, 6)
    every = np.linalg.norm(query[:, None] - points[None], axis=2)
    np.testing.assert_array_equal(index, every.argsort(1)[:, :6])
    np.testing.assert_allclose(distance, np.sort(every, 1)[:, :6])


def test_a_point_is_its_own_nearest_neighbour_at_no_distance():
    points = np.random.default_rng(2).standard_normal((50, 3)).astype(np.float32) + 1000
    index, distance = nearest(points[7], points, 3)
    assert index[0, 0] == 7
    assert distance[0, 0] == pytest.approx(0.0, abs=1e-3)
    assert np.isfinite(distance).all()


def test_there_are_no_more_neighbours_than_points():
    index, distance = nearest(np.zeros((2, 3)), np.eye(3), 10)
    assert index.shape == distance.shape == (2, 3)
    assert sorted(index[0]) == [0, 1, 2]
