import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_core.errors import BadCodes
from vae_core.latent.paths import PATHS, lerp, slerp, through

KINDS = pytest.mark.parametrize("kind", PATHS)
WITHIN = np.linspace(0, 1, 9)


def planted(count, size=5, seed=0):
    return np.random.default_rng(seed).standard_normal((count, size))


@KINDS
@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_waypoint_is_met_exactly_at_its_share_of_the_way(kind, count, dtype):
    waypoints = planted(count).astype(np.float32)
    path = through(waypoints, np.linspace(0, 1, count).astype(dtype), kind)
    np.testing.assert_array_equal(path, waypoints)
    finer = through(waypoints, np.linspace(0, 1, (count - 1) * 16 + 1), kind)
    np.testing.assert_array_equal(finer[::16], waypoints)
    assert finer.dtype == np.float64


@pytest.mark.parametrize(("kind", "of_two"), [("linear", lerp), ("spherical", slerp)])
def test_two_waypoints_are_the_path_between_two_codes_overshoot_included(kind, of_two):
    a, b = planted(2)
    t = np.linspace(-0.5, 1.5, 41)
    np.testing.assert_allclose(through(np.stack((a, b)), t, kind), of_two(a, b, t), rtol=1e-12)


@pytest.mark.parametrize(("kind", "of_two"), [("linear", lerp), ("spherical", slerp)])
def test_each_leg_takes_an_equal_share(kind, of_two):
    waypoints = planted(5)
    for leg in range(4):
        path = through(waypoints, (leg + WITHIN) / 4, kind)
        np.testing.assert_allclose(path, of_two(waypoints[leg], waypoints[leg + 1], WITHIN), atol=1e-12)


def test_beyond_the_ends_the_outer_legs_go_on_by_half_a_leg():
    waypoints = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    path = through(waypoints, np.array([-0.5, -0.25, 1.25, 1.5]))
    np.testing.assert_allclose(path, [[-0.5, 0], [-0.25, 0], [1, 2.5], [1, 3]])


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(2, 8),
    seed=st.integers(0, 2**16),
    kind=st.sampled_from(sorted(PATHS)),
    t=st.floats(-0.5, 1.5),
)
def test_a_path_is_continuous_and_ends_at_its_ends(count, seed, kind, t):
    waypoints = planted(count, 4, seed)
    near = np.clip(np.array([t - 1e-5, t, t + 1e-5]), -0.5, 1.5)
    path = through(waypoints, near, kind)
    assert np.isfinite(path).all()
    # an arc turns by at most pi within a leg, a line goes its length: both within their norms' reach
    fastest = (count - 1) * 4 * (np.pi + 1) * np.linalg.norm(waypoints, axis=1).max()
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() <= 1e-5 * fastest + 1e-5
    np.testing.assert_array_equal(through(waypoints, np.array([0.0, 1.0]), kind), waypoints[[0, -1]])


@KINDS
def test_equal_waypoints_make_a_path_that_stays(kind):
    waypoints = np.tile([1.0, 2.0], (3, 1))
    np.testing.assert_allclose(
        through(waypoints, np.linspace(-0.5, 1.5, 21), kind), 1.0 * waypoints[[0] * 21]
    )


@pytest.mark.parametrize(
    ("waypoints", "said"),
    [
        (np.zeros((1, 3)), "2 to 8 waypoints"),
        (np.zeros((9, 3)), "2 to 8 waypoints"),
        (np.zeros(3), "2 to 8 waypoints"),
        (np.zeros((2, 0)), "2 to 8 waypoints"),
        (np.array([[0.0], [np.nan]]), "finite"),
    ],
)
def test_waypoints_are_two_to_eight_finite_codes(waypoints, said):
    with pytest.raises(BadCodes, match=said):
        through(waypoints, WITHIN)


@pytest.mark.parametrize("t", [np.array([-0.51]), np.array([1.51]), np.array([np.nan]), np.float64(0.5)])
def test_a_position_lies_within_reach(t):
    with pytest.raises(BadCodes, match=r"from -0.5 to 1.5"):
        through(np.eye(2), t)


def test_an_unknown_path_is_refused_by_name():
    with pytest.raises(BadCodes, match="'winding'; there are linear, spherical"):
        through(np.eye(2), WITHIN, "winding")
    assert through(np.eye(2), np.zeros(0)).shape == (0, 2)


def test_a_great_arc_beyond_its_ends_never_turns_round():
    a, b = np.array([3.0, 0.0]), np.array([0.0, 0.5])
    t = np.linspace(-0.5, 1.5, 81)
    norms = np.linalg.norm(slerp(a, b, t), axis=1)
    assert (norms > 0).all()
    assert np.abs(np.diff(norms)).max() < 0.2  # continuous where the rule for the norm changes
    inside = (t >= 0) & (t <= 1)
    np.testing.assert_allclose(norms[inside], (1 - t[inside]) * 3 + t[inside] * 0.5)
    # the angle goes on in the same sense
    path = slerp(a, b, t)
    angles = np.unwrap(np.arctan2(path[:, 1], path[:, 0]))
    assert (np.diff(angles) > 0).all()
