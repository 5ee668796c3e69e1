"""Numbers in sentences say what they are."""

import pytest

from vae_core.words import counted, listed, mean_count, one_decimal, percent, span


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1200, "1,200 images")]
)
def test_one_is_no_plural(count, text):
    assert counted(count) == text
    assert counted(1, "run") == "1 run"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.0"), (-0.04, "0.0"), (-3.44, "−3.4"), (0.06, "0.1"), (860, "860.0"), (-39_200, "−39,200.0")],
)
def test_what_rounds_to_nothing_has_no_sign(value, text):
    assert one_decimal(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.0"), (0.001, "less than 0.1"), (0.05, "0.1"), (2.5, "2.5")]
)
def test_a_span_is_nothing_only_where_it_is(value, text):
    assert span(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (1 - 1e-12, "100 %"), (0.42, "42 %"), (0.003, "0.3 %"), (1e-5, "under 0.1 %"),
     (0.996, "99.6 %"), (0.99999, "over 99.9 %"), (0.994, "99.4 %"), (0.98, "98 %")],
)  # fmt: skip
def test_a_share_is_none_or_all_only_where_it_is(share, text):
    assert percent(share) == text


def test_means_of_counts_and_lists():
    assert [mean_count(v) for v in (7, 7.3333, 0)] == ["7", "7.3", "0"]
    assert [listed("1"), listed("12"), listed("124")] == ["1", "1 and 2", "1, 2 and 4"]
