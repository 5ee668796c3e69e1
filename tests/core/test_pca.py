import numpy as np
import pytest

from vae_core.errors import TooFewPoints
from vae_core.latent.pca import pca


def planted(spreads, count=4000, seed=0):
    """Codes with given standard deviations along the columns of a random rotation; and that rotation."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((len(spreads), len(spreads))))
    codes = rng.standard_normal((count, len(spreads))) * spreads
    return codes @ rotation.T + rng.uniform(-5, 5, len(spreads)), rotation


def test_pca_finds_the_planted_axes_and_their_shares():
    codes, rotation = planted([5.0, 2.0, 0.5, 0.1])
    found = pca(codes)
    assert found.points.shape == (4000, 2)
    assert found.points.dtype == np.float32
    for axis, true in zip(found.axes, rotation.T[:2], strict=True):
        assert abs(axis @ true) > 0.999
        assert np.linalg.norm(axis) == pytest.approx(1.0, rel=1e-5)
        assert axis[np.abs(axis).argmax()] > 0
    total = 25 + 4 + 0.25 + 0.01
    np.testing.assert_allclose(found.explained, [25 / total, 4 / total], atol=0.01)
    np.testing.assert_allclose(found.mean, codes.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found.points.std(0), [5, 2], rtol=0.05)
    np.testing.assert_allclose(found.points, (codes - codes.mean(0)) @ found.axes.T, atol=1e-4)


def test_pca_agrees_with_scikit_learn():
    from sklearn.decomposition import PCA

    codes, _ = planted([3.0, 2.0, 1.0], count=50)
    found, theirs = pca(codes), PCA(2).fit(codes)
    np.testing.assert_allclose(found.explained, theirs.explained_variance_ratio_)
    np.testing.assert_allclose(np.abs(found.axes @ theirs.components_.T), np.eye(2), atol=1e-5)


def test_pca_does_not_flip_between_runs():
    codes, _ = planted([3.0, 2.0, 1.0])
    a, b = pca(codes), pca(codes[::-1] * 1.0001)
    np.testing.assert_allclose(a.axes, b.axes, atol=1e-3)


def test_pca_of_one_dimension_lies_on_a_line():
    codes = np.array([[1.0], [2.0], [4.0]])
    found = pca(codes)
    np.testing.assert_allclose(found.points, [[-4 / 3, 0], [-1 / 3, 0], [5 / 3, 0]], rtol=1e-5)
    assert found.explained.tolist() == [1.0, 0.0]
    assert found.axes.shape == (2, 1)


def test_pca_of_two_dimensions_turns_them():
    codes, _ = planted([2.0, 1.0])
    found = pca(codes)
    assert found.explained.sum() == pytest.approx(1.0)
    distances = [np.linalg.norm(x[:50, None] - x[None, :50], axis=2) for x in (found.points, codes)]
    np.testing.assert_allclose(*distances, rtol=1e-3, atol=1e-4)


def test_pca_with_a_collapsed_dimension():
    codes = np.zeros((10, 3))
    codes[:, 1] = np.arange(10)
    found = pca(codes)
    np.testing.assert_allclose(np.abs(found.axes[0]), [0, 1, 0], atol=1e-12)
    assert found.explained.tolist() == [1.0, 0.0]
    assert np.isfinite(found.points).all()


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.zeros((2, 3)), "at least 3 codes; there are 2"),
        (np.zeros((0, 3)), "there are 0"),
        (np.ones((9, 3)), "all codes are the same"),
        (np.full((9, 3), np.nan), "not finite"),
        (np.where(np.arange(27).reshape(9, 3) == 5, np.inf, 1.0), "not finite"),
    ],
)
def test_pca_of_too_little_is_refused(codes, says):
    with pytest.raises(TooFewPoints, match=says):
        pca(codes)
