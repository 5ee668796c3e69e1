"""A drawing becomes what MNIST's makers would have made of it."""

import numpy as np
import pytest

from vae_core.data.user.drawing import as_digit
from vae_core.errors import BadImages


def bar(height=200, width=300, top=10, left=200, tall=150, wide=20):
    drawing = np.zeros((height, width), np.uint8)
    drawing[top : top + tall, left : left + wide] = 255
    return drawing


@pytest.mark.parametrize(("side", "tall"), [(28, 20), (32, 20), (16, 11), (64, 46)])
def test_it_fills_the_box_and_lies_in_the_middle(side, tall):
    digit = as_digit(bar(), side)
    assert digit.shape == (1, side, side)
    rows, columns = np.flatnonzero(digit[0].max(1)), np.flatnonzero(digit[0].max(0))
    assert rows[-1] - rows[0] + 1 == tall
    assert abs((rows[0] + rows[-1]) / 2 - (side - 1) / 2) <= 0.5
    assert abs((columns[0] + columns[-1]) / 2 - (side - 1) / 2) <= 0.5


def test_where_and_how_large_it_was_drawn_does_not_matter():
    small = as_digit(bar(top=40, left=10, tall=75, wide=10), 28)
    np.testing.assert_array_equal(as_digit(bar(), 28), small)


def test_it_is_centred_by_mass_not_by_its_box():
    drawing = np.zeros((100, 80), np.uint8)
    drawing[0:100, 0:30] = 255  # a heavy left side,
    drawing[48:52, 30:80] = 255  # and a thin arm to the right
    digit = as_digit(drawing, 28)[0].astype(float)
    centre = (digit.sum(0) @ np.arange(28)) / digit.sum()
    assert abs(centre - 13.5) < 1
    columns = np.flatnonzero(digit.max(0))
    assert (columns[0] + columns[-1]) / 2 > 15  # the box alone would lie to the left of that


def test_what_would_not_fit_around_its_mass_stays_inside():
    drawing = np.zeros((100, 100), np.uint8)
    drawing[:, 0:30] = 255
    drawing[48:52, 30:100] = 255
    digit = as_digit(drawing, 28, box=1.0)[0].astype(float)
    columns = np.flatnonzero(digit.max(0))
    assert (columns[0], columns[-1]) == (0, 27)
    assert (digit.sum(0) @ np.arange(28)) / digit.sum() < 11, "its mass lies left of the middle"


def test_a_thin_line_still_reaches_white():
    assert as_digit(bar(wide=2), 28).max() == 255


@pytest.mark.parametrize(
    "wrong", [np.zeros((9, 9), np.uint8), np.zeros((3, 9, 9), np.uint8), np.zeros((9, 9))]
)
def test_nothing_drawn_or_no_drawing_is_said(wrong):
    with pytest.raises(BadImages, match=r"drawn|drawing"):
        as_digit(wrong, 28)


def test_the_box_may_be_the_whole_picture():
    digit = as_digit(bar(left=100, tall=150, wide=150), 32, box=1.0)
    assert (digit[0] > 0).all()
