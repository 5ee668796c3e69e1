"""Between neighbours: on a known place exactly, elsewhere near the truth of a smooth map."""

import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent import placing
from vae_core.latent.placing import code_at, place


def sheet(count, seed=0):
    """A curved surface in 6 dimensions, and its flat map."""
    flat = np.random.default_rng(seed).uniform(-1, 1, (count, 2))
    x, y = flat.T
    return np.stack((x, y, x * y, x**2, np.sin(2 * y), np.cos(x + y)), 1), flat


def test_new_codes_land_where_the_map_has_their_like():
    codes, points = sheet(4000)
    new, truth = sheet(300, seed=1)
    error = np.linalg.norm(place(new, codes, points) - truth, axis=1)
    assert np.median(error) < 0.01  # neighbours are 0.03 apart
    assert error.max() < 0.1
    back = np.linalg.norm(code_at(truth, points, codes) - new, axis=1)
    assert np.median(back) < 0.02  # codes of neighbours are 0.05 apart
    # better than the nearest alone
    assert np.median(np.linalg.norm(place(new, codes, points, k=1) - truth, axis=1)) > 0.012


def test_a_known_code_lands_exactly_on_its_point_and_a_point_has_exactly_its_code():
    codes, points = sheet(500)
    codes = codes.astype(np.float32) + 1e3  # far out, where rounding would tell
    np.testing.assert_allclose(place(codes[:50], codes, points), points[:50], atol=1e-12)
    np.testing.assert_allclose(code_at(points[:50], points, codes), codes[:50], rtol=1e-12)


def test_codes_closer_than_a_product_can_tell_are_told_apart():
    """|a|^2 - 2 a.b + |b|^2 of codes near 1,000 is right to 1e-9, their squared distances here are 1e-12."""
    codes = 1e3 + 1e-6 * np.random.default_rng(0).standard_normal((12, 6))
    points = np.arange(24.0).reshape(12, 2)
    np.testing.assert_allclose(place(codes, codes, points), points)


def test_near_a_known_code_is_near_its_point():
    codes, points = sheet(500)
    for step in (1e-3, 1e-6, 1e-9, 1e-160):
        moved = np.zeros((5, 6))
        moved[:, 0] = step
        # towards 0, where a code lies, so that the step is not rounded away
        away = place(moved, codes - codes[7], points) - points[7]
        assert np.linalg.norm(away, axis=1).max() < 30 * step


@pytest.mark.slow
def test_nothing_jumps_where_neighbours_change():
    codes, points = sheet(400)
    ends = codes[[3, 200]]
    path = ends[0] + np.linspace(0, 1, 20_001)[:, None] * (ends[1] - ends[0])
    steps = np.linalg.norm(np.diff(place(path, codes, points), axis=0), axis=1)
    assert steps.max() < 0.01  # a neighbour is 0.1 away
    assert steps.sum() > np.linalg.norm(points[3] - points[200]) * 0.99


def test_duplicates_are_met_in_their_middle():
    codes = np.array([[0.0, 0], [0, 0], [1, 0], [0, 1], [5, 5]])
    points = np.array([[0.0, 0], [2, 0], [9, 9], [9, 9], [9, 9]])
    np.testing.assert_allclose(place(np.zeros((1, 2)), codes, points, k=3), [[1, 0]])
    same = np.zeros((40, 3))
    found = place(same[:2], same, np.full((40, 2), 7.0), k=5)
    np.testing.assert_allclose(found, 7.0)
    assert np.isfinite(place(same[:1] + 1, same, np.full((40, 2), 7.0), k=5)).all()


def test_of_equally_far_neighbours_none_has_more_right():
    corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    for k in (2, 3):
        found = place(np.zeros((1, 2)), corners, corners, k=k)
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= 1
    np.testing.assert_allclose(place(np.zeros((1, 2)), corners, corners, k=4), 0, atol=1e-12)
    np.testing.assert_allclose(place(np.zeros((1, 2)), corners, corners, k=99), 0, atol=1e-12)


def test_fewer_points_than_neighbours_do():
    codes, points = sheet(3)
    found = place(codes.mean(0)[None], codes, points, k=15)
    assert (found > points.min(0)).all()
    assert (found < points.max(0)).all()
    np.testing.assert_allclose(place(codes, codes, points, k=15), points)
    np.testing.assert_allclose(place(codes + 50, codes[:1], points[:1]), points[[0, 0, 0]])


def test_what_is_found_lies_among_the_neighbours_however_far_away():
    codes, points = sheet(500)
    for far in (3.0, 1e4, 1e9):
        found = code_at([[far, far]], points, codes)
        assert (found >= codes.min(0)).all()
        assert (found <= codes.max(0)).all()


def test_rows_off_the_map_do_not_count():
    codes, points = sheet(300)
    points[5], codes[6, 2] = np.nan, np.inf
    usable = np.delete(np.arange(300), [5, 6])
    new, _ = sheet(20, seed=2)
    np.testing.assert_allclose(place(new, codes, points), place(new, codes[usable], points[usable]))


def test_chunks_give_what_one_piece_gives(monkeypatch):
    codes, points = sheet(300)
    new, _ = sheet(50, seed=2)
    whole = place(new, codes, points)
    monkeypatch.setattr(placing, "CHUNK_NUMBERS", 2000)
    np.testing.assert_allclose(place(new, codes, points), whole)
    assert place(new[:0], codes, points).shape == (0, 2)


def test_what_does_not_fit_is_refused():
    codes, points = sheet(30)
    for new in (np.zeros((2, 5)), np.zeros(6), np.full((1, 6), np.nan)):
        with pytest.raises(BadCodes, match=r"codes are expected as finite numbers \(Q, 6\)"):
            place(new, codes, points)
    with pytest.raises(BadCodes, match=r"places on the map are expected as finite numbers \(Q, 2\)"):
        code_at(codes, points, codes)
    with pytest.raises(BadCodes, match="row by row"):
        place(codes, codes, points[:9])
    with pytest.raises(BadCodes, match="k = 0"):
        place(codes, codes, points, k=0)
    with pytest.raises(TooFewPoints, match="nothing on the map"):
        place(codes, codes[:0], points[:0])
