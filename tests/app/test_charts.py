"""Figures say what they show: titles, units, one template, colours that can be told apart."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from app import charts, pictures

RNG = np.random.default_rng(0)
POINTS = RNG.standard_normal((30, 2)).astype(np.float32)
FIGURES = {
    "schedule": charts.schedule("β", "weight", np.arange(5), np.ones(5)),
    "plain": charts.codes(POINTS, np.arange(30), None, (), title="Map", x="z0", y="z1"),
    "classes": charts.codes(
        POINTS, np.arange(30), np.arange(30) % 3, ("a", "b", "c"), title="Map", x="z0", y="z1"
    ),
    "values": charts.codes(
        POINTS, np.arange(30), POINTS[:, 0], (), title="Map", x="z0", y="z1", colour_title="error, nats"
    ),
    "kl": charts.kl_bars(np.array([0.5, 0.001, 2.0])),
    "curve": charts.rate_distortion([0.5, 1, 4], [9, 5, 1], [70, 80, 99], 1),
    "beta": charts.over_beta([0, 1, 4], [1, 2, 3], "Active", "dimensions"),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())
def test_every_chart_has_a_title_and_named_axes(figure: go.Figure) -> None:
    assert figure.layout.title.text
    assert figure.layout.yaxis.title.text
    assert figure.layout.uirevision == "keep"


def test_classes_are_told_apart_by_colour_and_beyond_ten_by_shape() -> None:
    labels = np.arange(30) % 15
    figure = charts.codes(POINTS, np.arange(30), labels, [str(i) for i in range(15)], title="t", x="x", y="y")
    looks = [(trace.marker.color, trace.marker.symbol) for trace in figure.data]
    assert len(set(looks)) == 15
    assert len({colour for colour, _ in looks[:10]}) == 10


def test_points_carry_their_image_and_row_so_that_a_click_finds_them() -> None:
    index = np.arange(100, 130)
    figure = charts.codes(POINTS, index, np.arange(30) % 3, ("a", "b", "c"), title="t", x="x", y="y")
    for trace in figure.data:
        for x, y, (image, row) in zip(trace.x, trace.y, trace.customdata, strict=True):
            assert image == index[row]
            assert (x, y) == tuple(POINTS[row])


def test_kl_bars_are_sorted_and_unused_ones_faded() -> None:
    bars = FIGURES["kl"].data[0]
    assert list(bars.x) == ["z2", "z0", "z1"]
    assert list(bars.marker.color) == [charts.CATEGORICAL[0], charts.CATEGORICAL[0], charts.FADED]


def test_pictures_are_cut_as_they_were_laid() -> None:
    from vae_core.runs.store import png_of

    for channels in (1, 3):
        images = RNG.integers(0, 256, (5, channels, 8, 8)).astype(np.uint8)
        assert np.array_equal(pictures.cut(png_of(images[None]), (channels, 8, 8)), images)


def test_enlarging_repeats_pixels() -> None:
    import io

    from PIL import Image

    image = RNG.integers(0, 256, (1, 16, 16)).astype(np.uint8)
    with Image.open(io.BytesIO(pictures.png(image, 256))) as big:
        assert big.size == (256, 256)
        assert np.array_equal(np.asarray(big)[::16, ::16], image[0])
