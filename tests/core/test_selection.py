import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.selection import effect_sizes


def test_effects_are_the_planted_ones():
    rng = np.random.default_rng(0)
    inside = rng.random(40_000) < 0.2
    codes = rng.standard_normal((40_000, 4)) * [1, 10, 0.01, 1]
    codes[inside] += np.array([2.0, -5, 0.008, 0])
    np.testing.assert_allclose(effect_sizes(codes, inside), [2, -0.5, 0.8, 0], atol=0.05)
    np.testing.assert_allclose(effect_sizes(codes, ~inside), [-2, 0.5, -0.8, 0], atol=0.05)
    np.testing.assert_allclose(
        effect_sizes((codes * 7 + 3).astype(np.float32), inside), effect_sizes(codes, inside), atol=1e-4
    )


def test_by_hand():
    codes = np.array([[1.0], [3.0], [4.0], [6.0], [8.0]])
    inside = np.array([False, False, True, True, True])
    # means 6 and 2, squares 8 and 2 over 3 degrees of freedom
    assert effect_sizes(codes, inside)[0] == pytest.approx(4 / np.sqrt(10 / 3))
    # one image alone: the spread is the rest's
    alone = np.array([False, False, False, False, True])
    assert effect_sizes(codes, alone)[0] == pytest.approx((8 - 3.5) / np.sqrt(13 / 3))


def test_a_constant_dimension_has_none_and_one_without_spread_an_infinite_one():
    inside = np.arange(30) < 10
    codes = np.full((30, 4), 0.1)
    codes[:, 1] = np.where(inside, 0.3, 0.1)
    codes[:, 2] = np.where(inside, 0.1, 0.7)
    codes[:, 3] = np.where(inside, 0.1, np.arange(30))
    found = effect_sizes(codes, inside)
    assert found[:3].tolist() == [0, np.inf, -np.inf]
    assert -5 < found[3] < -1


def test_what_cannot_be_compared_is_refused():
    codes = np.eye(4)
    with pytest.raises(TooFewPoints, match="nothing is selected"):
        effect_sizes(codes, np.zeros(4, bool))
    with pytest.raises(TooFewPoints, match="everything is selected"):
        effect_sizes(codes, np.ones(4, bool))
    with pytest.raises(TooFewPoints, match="a third"):
        effect_sizes(codes[:2], np.array([True, False]))
    with pytest.raises(BadCodes, match="4 truth values"):
        effect_sizes(codes, np.arange(4))
    with pytest.raises(BadCodes, match="4 truth values"):
        effect_sizes(codes, np.ones(3, bool))
    with pytest.raises(BadCodes, match="finite"):
        effect_sizes(codes * np.nan, np.arange(4) < 2)
