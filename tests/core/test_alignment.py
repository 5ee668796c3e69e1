"""Maps laid over each other, where it is known what turned them."""

import numpy as np
import pytest

from vae_core.errors import BadCodes
from vae_core.latent.alignment import procrustes

RNG = np.random.default_rng(0)
FIXED = RNG.standard_normal((200, 2)) * [3, 1] + [5, -2]


def turn(angle, mirrored=False):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]]) @ (np.diag([1.0, -1.0]) if mirrored else np.eye(2))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("scale", [1e-6, 0.3, 1e6])
def test_a_turned_mirrored_scaled_and_shifted_copy_is_brought_back(mirrored, scale):
    moving = scale * FIXED @ turn(2.2, mirrored) + [-40, 17]
    found = procrustes(moving, FIXED)
    np.testing.assert_allclose(found.apply(moving), FIXED, atol=1e-6)
    assert found.scale == pytest.approx(1 / scale, rel=1e-6)
    assert np.sign(np.linalg.det(found.rotation)) == (-1 if mirrored else 1)
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(2), atol=1e-12)
    assert found.disparity == pytest.approx(0, abs=1e-9)
    other = RNG.standard_normal((5, 2))
    np.testing.assert_allclose(found.apply(scale * other @ turn(2.2, mirrored) + [-40, 17]), other, atol=1e-6)


def test_disparity_is_the_share_that_remains_and_scipys():
    from scipy.spatial import procrustes as theirs

    moving = FIXED @ turn(1.0) + 0.8 * RNG.standard_normal(FIXED.shape)
    found = procrustes(moving, FIXED)
    left = ((found.apply(moving) - FIXED) ** 2).sum() / ((FIXED - FIXED.mean(0)) ** 2).sum()
    assert found.disparity == pytest.approx(left)
    assert found.disparity == pytest.approx(theirs(FIXED, moving)[2])
    assert 0.05 < found.disparity < 0.5


def test_no_other_similarity_comes_nearer():
    moving = FIXED @ turn(0.4, True) + RNG.standard_normal(FIXED.shape)
    found = procrustes(moving, FIXED)
    best = ((found.apply(moving) - FIXED) ** 2).sum()
    for _ in range(300):
        more = turn(RNG.normal(0, 0.1), RNG.random() < 0.2) * found.scale * RNG.normal(1, 0.05)
        tried = moving @ found.rotation @ more + found.shift + RNG.normal(0, 0.1, 2)
        assert ((tried - FIXED) ** 2).sum() > best


def test_unrelated_maps_remain_apart():
    assert procrustes(RNG.permutation(FIXED), FIXED).disparity > 0.9


def test_maps_without_extent_are_shifted_alone():
    spot = np.full((200, 2), 0.1)
    for moving, fixed, disparity in ((spot, FIXED, 1.0), (FIXED, spot, 1.0), (spot, spot + 3, 0.0)):
        found = procrustes(moving, fixed)
        assert (found.scale, found.disparity) == (1.0, disparity)
        assert (found.rotation == np.eye(2)).all()
        np.testing.assert_allclose(found.apply(moving).mean(0), fixed.mean(0))
    one = procrustes(FIXED[:1], FIXED[3:4])
    np.testing.assert_allclose(one.apply(FIXED[:1]), FIXED[3:4])
    assert (procrustes(FIXED[:0], FIXED[:0]).apply(FIXED) == FIXED).all()


def test_a_line_is_turned_and_not_mirrored():
    line = FIXED * [1, 0]
    for angle in np.arange(0.1, 6.3, 0.3):
        moving = 2 * line @ turn(angle)
        found = procrustes(moving, line)
        np.testing.assert_allclose(found.apply(moving), line, atol=1e-9)
        assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_rows_that_are_not_finite_do_not_count():
    moving, fixed = FIXED @ turn(1.3), FIXED.copy()
    moving[4], fixed[7, 1] = np.nan, np.inf
    found = procrustes(moving, fixed)
    np.testing.assert_allclose(found.apply(FIXED @ turn(1.3)), FIXED, atol=1e-9)


def test_maps_are_pairs_of_planes():
    for moving, fixed in ((FIXED, FIXED[:5]), (np.zeros((5, 3)), np.zeros((5, 3))), (FIXED[0], FIXED[0])):
        with pytest.raises(BadCodes, match=r"\(N, 2\) both"):
            procrustes(moving, fixed)
