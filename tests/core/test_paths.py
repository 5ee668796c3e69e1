import numpy as np
import pytest

from vae_core.errors import BadCodes
from vae_core.latent.paths import grid, lerp, slerp, traverse

T = np.linspace(0, 1, 11)
OUT = np.array([-0.5, 0.0, 0.5, 1.0, 1.5])


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    return 2 * rng.standard_normal(10), 0.5 * rng.standard_normal(10)


def test_a_straight_line_goes_evenly_from_one_to_the_other(pair):
    a, b = pair
    path = lerp(a, b, T)
    assert path.shape == (11, 10)
    np.testing.assert_array_equal(path[0], a)
    np.testing.assert_array_equal(path[-1], b)
    np.testing.assert_allclose(path[5], (a + b) / 2)
    np.testing.assert_allclose(np.diff(path, axis=0), np.broadcast_to((b - a) / 10, (10, 10)))
    np.testing.assert_allclose(lerp(a, b, OUT)[-1], b + (b - a) / 2)


def test_a_great_arc_ends_exactly_at_its_ends(pair):
    for a, b in (pair, [v.astype(np.float32) for v in pair]):
        path = slerp(a, b, T)
        np.testing.assert_array_equal(path[0], a)
        np.testing.assert_array_equal(path[-1], b)


def test_a_great_arc_turns_evenly_while_its_norm_goes_linearly(pair):
    a, b = pair
    path = slerp(a, b, T)
    norms = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(norms, np.linspace(np.linalg.norm(a), np.linalg.norm(b), 11))
    units = path / norms[:, None]
    turns = np.arccos(np.clip((units[:-1] * units[1:]).sum(1), -1, 1))
    whole = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    np.testing.assert_allclose(turns, whole / 10)
    # and never leaves the plane of its ends
    basis, _ = np.linalg.qr(np.stack((a, b), 1))
    np.testing.assert_allclose(path, path @ basis @ basis.T, atol=1e-12)


def test_a_quarter_circle_is_a_quarter_circle():
    angle = np.pi / 2 * T
    path = slerp(np.array([2.0, 0.0]), np.array([0.0, 2.0]), T)
    np.testing.assert_allclose(path, 2 * np.stack((np.cos(angle), np.sin(angle)), 1), atol=1e-12)


def test_an_arc_may_overshoot():
    path = slerp(np.array([1.0, 0.0]), np.array([0.0, 1.0]), OUT)
    np.testing.assert_allclose(path[-1], [-np.sin(np.pi / 4), np.cos(np.pi / 4)], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1.0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([1.0, 2.0], [3.0, 6.0]),
        ([1.0, 2.0], [-1.0, -2.0]),
        ([1.0, 2.0], [-3.0, -6.0]),
        ([0.0, 0.0], [1.0, 2.0]),
        ([1.0, 2.0], [0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([1.0], [3.0]),
        ([1.0], [-3.0]),
    ],
)
def test_where_there_is_no_single_arc_the_line_is_taken(a, b):
    a, b = np.array(a), np.array(b)
    np.testing.assert_array_equal(slerp(a, b, T), lerp(a, b, T))


@pytest.mark.parametrize("angle", [1e-9, 1e-7, 1e-5, 1e-4, np.pi - 1e-4, np.pi - 1e-5, np.pi - 1e-9])
def test_nearly_equal_and_nearly_opposite_ends_make_a_finite_path(angle):
    a, b = np.array([1.0, 0.0, 0.0]), np.array([np.cos(angle), np.sin(angle), 0.0])
    path = slerp(a, b, T)
    assert np.isfinite(path).all()
    assert np.linalg.norm(path, axis=1).max() <= 1 + 1e-6
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.4


@pytest.mark.parametrize("path", [lerp, slerp])
@pytest.mark.parametrize(
    ("a", "b", "t"),
    [
        (np.zeros(3), np.zeros(4), T),
        (np.zeros((1, 3)), np.zeros((1, 3)), T),
        (np.zeros(3), np.zeros(3), np.float64(0.5)),
    ],
)
def test_a_path_needs_two_codes_of_one_length(path, a, b, t):
    with pytest.raises(BadCodes, match="two codes of one length"):
        path(a, b, t)


@pytest.mark.parametrize("path", [lerp, slerp])
def test_no_points_make_an_empty_path(path):
    assert path(np.ones(3), np.zeros(3), np.zeros(0)).shape == (0, 3)


def test_a_traversal_varies_one_coordinate_alone():
    z = np.array([0.5, -1.0, 2.0])
    path = traverse(z, 1, np.array([-3.0, 0.0, 3.0]))
    np.testing.assert_array_equal(path, [[0.5, -3, 2], [0.5, 0, 2], [0.5, 3, 2]])
    assert path.dtype == np.float32
    np.testing.assert_array_equal(z, [0.5, -1.0, 2.0])


def test_a_grid_varies_two_rows_along_the_second():
    z = np.array([9.0, 9.0, 9.0])
    plane = grid(z, (2, 0), np.array([1.0, 2.0, 3.0]), np.array([-1.0, -2.0]))
    assert plane.shape == (2, 3, 3)
    for row, y in enumerate((-1, -2)):
        for column, x in enumerate((1, 2, 3)):
            np.testing.assert_array_equal(plane[row, column], [y, 9, x])
    np.testing.assert_array_equal(z, 9)


@pytest.mark.parametrize("dim", [-1, 3, 99])
def test_there_is_no_dimension_beyond_the_code(dim):
    with pytest.raises(BadCodes, match=f"no dimension {dim}: the code has 3"):
        traverse(np.zeros(3), dim, T)
    with pytest.raises(BadCodes, match=f"no dimension {dim}: the code has 3"):
        grid(np.zeros(3), (0, dim), T, T)
