"""A map along one's own axis, and the way back from linear maps."""

import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.axes import custom_axis, lift, project
from vae_core.latent.pca import Projection, pca


def planted(count=3000, seed=0):
    """Two groups 6 apart along one direction of a random rotation; the rest varies most along a second."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    a = np.arange(count) % 2 == 0
    flat = rng.standard_normal((count, 5)) * [0.5, 3, 1, 0.2, 0.1]
    flat[:, 0] += np.where(a, 3, -3)
    return flat @ rotation.T + 4, a, rotation


def test_x_leads_from_b_to_a_and_y_is_what_varies_most_besides():
    codes, a, rotation = planted()
    b = ~a
    b[:500] = False  # a group may be a part
    found = custom_axis(codes, a, b)
    direction = codes[a].mean(0) - codes[b].mean(0)
    np.testing.assert_allclose(found.axes[0], direction / np.linalg.norm(direction), atol=1e-6)
    assert found.axes[0] @ rotation[:, 0] > 0.99
    assert abs(found.axes[1] @ rotation[:, 1]) > 0.99
    assert found.axes[1][np.abs(found.axes[1]).argmax()] > 0
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(found.points, (codes - codes.mean(0)) @ found.axes.T, atol=1e-4)
    # x in units of the code, to the right for a
    apart = found.points[a, 0].mean() - found.points[b, 0].mean()
    assert apart == pytest.approx(np.linalg.norm(direction), rel=1e-5)
    # b is not all of the rest, so that the group means are not 6 apart along that axis alone
    total = 9 + 0.25 + 9 + 1 + 0.04 + 0.01
    np.testing.assert_allclose(found.explained, [9.25 / total, 9 / total], atol=0.02)
    assert found.points.dtype == np.float32
    swapped = custom_axis(codes, b, a)
    np.testing.assert_allclose(swapped.points, found.points * [-1, 1], atol=1e-4)


def test_y_is_the_first_component_of_what_x_leaves():
    codes, a, _ = planted(200)
    found = custom_axis(codes, a, ~a)
    across = found.axes[0].astype(float)
    rest = codes - np.outer(codes @ across, across)
    np.testing.assert_allclose(pca(rest).points[:, 0], found.points[:, 1], atol=1e-4)


def test_y_does_not_flip_between_runs():
    for seed in range(8):
        codes, a, _ = planted(200, seed)
        axis = custom_axis(codes, a, ~a).axes[1]
        assert axis[np.abs(axis).argmax()] > 0


def test_two_images_span_x():
    codes, _, _ = planted(50)
    one, other = np.zeros(50, bool), np.zeros(50, bool)
    one[7], other[3] = True, True
    found = custom_axis(codes, one, other)
    distance = np.linalg.norm(codes[7] - codes[3])
    assert found.points[7, 0] - found.points[3, 0] == pytest.approx(distance, rel=1e-5)
    assert found.points[7, 1] == pytest.approx(found.points[3, 1], abs=1e-5)


def test_where_nothing_is_left_y_is_zero():
    a = np.array([True, False, False])
    b = ~a
    found = custom_axis(np.array([[4.0], [1.0], [3.0]]), a, b)
    np.testing.assert_allclose(found.points, [[4 / 3, 0], [-5 / 3, 0], [1 / 3, 0]], rtol=1e-5)
    assert found.axes.tolist() == [[1.0], [0.0]]
    assert found.explained.tolist() == [1.0, 0.0]
    line = np.outer([0.0, 1.0, 2.5], [0.3, -0.4, 0.1]) + 1 / 3
    found = custom_axis(line, a, b)
    assert found.axes[1].tolist() == [0, 0, 0]
    assert found.points[:, 1].tolist() == [0, 0, 0]
    assert found.explained == pytest.approx([1, 0])
    two = custom_axis(np.array([[0.0, 1], [2, 1]]), np.array([True, False]), np.array([False, True]))
    assert two.points.tolist() == [[1, 0], [-1, 0]]


def test_groups_without_a_difference_or_an_image_are_refused():
    codes, a, _ = planted(200)
    with pytest.raises(TooFewPoints, match="the same mean code"):
        custom_axis(codes, a, a)
    with pytest.raises(TooFewPoints, match="second group has no image"):
        custom_axis(codes, a, np.zeros(200, bool))
    with pytest.raises(TooFewPoints, match="all codes are the same"):
        custom_axis(np.ones((9, 3)), np.arange(9) < 4, np.arange(9) > 4)
    with pytest.raises(TooFewPoints, match="not finite"):
        custom_axis(np.where(codes > 8, np.nan, codes), a, ~a)
    with pytest.raises(BadCodes, match="200 truth values"):
        custom_axis(codes, a, np.arange(200))


@pytest.mark.parametrize("kind", ["pca", "custom"])
def test_lifting_is_the_way_back(kind):
    codes, a, _ = planted(400)
    found = pca(codes) if kind == "pca" else custom_axis(codes, a, ~a)
    spots = np.array([[0, 0], [2.5, -1], [-30, 4]])
    lifted = lift(found, spots)
    assert lifted.shape == (3, 5)
    np.testing.assert_allclose(lifted[0], codes.mean(0), atol=1e-5)
    np.testing.assert_allclose(project(found, lifted), spots, atol=1e-4)
    np.testing.assert_allclose(project(found, codes), found.points, atol=1e-4)
    # of all codes at a place, the one nearest to a code there lies in the plane: what is left stands upright on it
    away = codes - lift(found, found.points)
    np.testing.assert_allclose(away @ found.axes.T, 0, atol=1e-4)


def test_codes_in_a_plane_come_back_whole():
    flat = np.random.default_rng(0).standard_normal((30, 2)) @ np.array([[1.0, 2, 0], [0, 1, -1]]) + 3
    found = pca(flat)
    np.testing.assert_allclose(lift(found, found.points), flat, atol=1e-5)


def test_what_does_not_fit_a_linear_map_is_refused():
    found = pca(planted(50)[0])
    for spots in (np.zeros((3, 5)), np.zeros(2), np.array([[np.nan, 0]])):
        with pytest.raises(BadCodes, match=r"\(Q, 2\)"):
            lift(found, spots)
    with pytest.raises(BadCodes, match=r"\(Q, 5\)"):
        project(found, np.zeros((1, 4)))
    for step in (lift, project):
        with pytest.raises(BadCodes, match="no axes"):
            step(Projection(np.zeros((4, 2), np.float32)), np.zeros((1, 2)))
