"""Figures say what they show: titles, units, one template, colours that can be told apart."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from app.plots.codes import effect_bars, kl_bars, label_shares, posterior_intervals, prior_densities
from app.plots.palette import CATEGORICAL, FADED
from app.plots.path import along_path
from app.plots.rate_distortion import SeedBand, kl_over_beta, over_beta, rate_distortion_curve
from app.plots.training import schedule_preview

RNG = np.random.default_rng(0)
POINTS = RNG.standard_normal((30, 2)).astype(np.float32)


def band(*values: float, spread: float = 0) -> SeedBand:
    mean = np.array(values, float)
    return mean, mean - spread, mean + spread


FIGURES = {
    "schedule": schedule_preview("β", "weight", np.arange(5), np.ones(5)),
    "kl": kl_bars(np.array([0.5, 0.001, 2.0])),
    "curve": rate_distortion_curve(
        [0.5, 1, 4], band(9, 5, 1), band(70, 80, 99, spread=2), tangent=(79.0, 0.5)
    ),
    "beta": over_beta([0, 1, 4], [("active", band(1, 2, 3))], "Active", "dimensions"),
    "kl over beta": kl_over_beta([0.5, 1], np.array([[2.0, 0.1], [1.0, 0.0]])),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())
def test_every_chart_has_a_title_and_named_axes(figure: go.Figure) -> None:
    assert figure.layout.title.text
    assert figure.layout.yaxis.title.text
    assert figure.layout.uirevision == "keep"


def test_a_large_number_keeps_its_digits_where_it_is_pointed_at() -> None:
    t = np.linspace(0, 1, 3)
    figure = along_path(
        "Change", t, [("change", np.array([39_200.0, 0.0123]))], low=0, high=1, waypoints=[0, 1]
    )
    assert list(figure.data[0].customdata) == ["39,200", "0.0123"]
    over = over_beta([0.5, 1], [("−ELBO", band(39_187.3, 5.0))], "t", "nats")
    assert list(over.data[0].customdata) == ["39,187", "5"]


def test_beside_the_map_everything_is_named() -> None:
    d = effect_bars(["z3", "z1"], np.array([-1.5, 0.2]))
    assert list(d.data[0].y) == ["z3", "z1"]
    assert "Cohen" in d.layout.xaxis.title.text
    labels = label_shares(["a", "b"], np.array([3, 1]), np.array([0, 0]))
    assert list(labels.data[0].y) == [0.75, 0.25]
    assert list(labels.data[1].y) == [0, 0], "nothing is left, and nothing divides by it"
    one = posterior_intervals([2, 0], np.array([0.5, 9.0, -1.0]), np.array([0.1, 9.0, 0.3]))
    assert list(one.data[0].x) == ["z2", "z0"]
    assert list(one.data[0].y) == [-1.0, 0.5]
    assert list(one.data[0].error_y.array) == [0.3, 0.1]
    edges = np.linspace(-4, 4, 9)
    many = prior_densities(edges, np.full((3, 8), 0.125), [2, 0])
    assert [a.text for a in many.layout.annotations] == ["z2", "z0"]
    bell = many.data[1].y
    assert bell.max() == pytest.approx(np.exp(-0.125) / np.sqrt(2 * np.pi))


def test_kl_bars_are_sorted_and_unused_ones_faded() -> None:
    bars = FIGURES["kl"].data[0]
    assert list(bars.x) == ["z2", "z0", "z1"]
    assert list(bars.marker.color) == [CATEGORICAL[0], CATEGORICAL[0], FADED]


def test_the_curve_has_its_seeds_tangent_and_way() -> None:
    way = ("the way of x", np.array([1.0, 2, 3]), np.array([9.0, 8, 7]), [(1, "β 4")])
    figure = rate_distortion_curve(
        [0.5, 1, 4], band(9, 5, 1), band(70, 72, 99, spread=2), tangent=(77.0, 1), path=way
    )
    by_name = {trace.name: trace for trace in figure.data if trace.name}
    seeds = by_name["least to most over seeds"]
    assert max(seeds.y) == 101
    assert min(seeds.y) == 68
    line = next(t for name, t in by_name.items() if "touches at β 1" in name)
    np.testing.assert_allclose(line.x + line.y, 77.0)
    assert list(by_name["β changed"].x) == [2.0]
    assert list(by_name["β changed"].text) == ["β 4"]


def test_points_that_crowd_are_named_at_the_ends_and_where_there_is_room() -> None:
    rate, distortion = np.array([8.0, 4, 0.3, 0.2, 0.1]), np.array([60.0, 70, 98, 99, 100])
    curve = rate_distortion_curve([1, 2, 4, 8, 16], (rate,) * 3, (distortion,) * 3).data[0]
    assert list(curve.text) == ["β 1", "β 2", "", "", "β 16"]
    assert list(curve.customdata) == ["β 1", "β 2", "β 4", "β 8", "β 16"], "the hand learns every name"
    same = np.array([2.0, 2.0])
    assert list(rate_distortion_curve([1, 2], (same,) * 3, (same,) * 3).data[0].text) == ["β 1", ""]


def test_a_beta_of_nought_stands_left_of_the_others_and_gaps_are_left_out() -> None:
    figure = over_beta([0, 1, 4], [("a", (np.array([1, np.nan, 3]),) * 3)], "x", "y")
    assert list(figure.data[0].x) == [1 / 3, 4]
    assert list(figure.data[0].y) == [1, 3]


def test_names_of_classes_are_drawn_as_they_were_typed() -> None:
    found = label_shares(["<b>a</b> & b", "c"], np.array([1, 2]), np.array([2, 1]))
    assert found.data[0].x == ("&lt;b&gt;a&lt;/b&gt; &amp; b", "c")
