"""One table of colours: nobody else names any."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import plotly.colors
import pytest

import app
from app.components import HERE
from app.plots import palette

APP = Path(app.__file__).parent
COLOUR = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)


def test_streamlits_own_charts_have_the_same_colours() -> None:
    theme = tomllib.loads((APP / ".streamlit" / "config.toml").read_text())["theme"]
    assert tuple(theme["chartCategoricalColors"]) == palette.CATEGORICAL


def test_scripts_and_styles_name_no_colour() -> None:
    files = [path for kind in ("*.js", "*.css", "*.ts") for path in HERE.rglob(kind)]
    assert len(files) > 50
    assert {path.name: found for path in files if (found := COLOUR.findall(path.read_text()))} == {}


def test_no_other_python_names_one() -> None:
    mine = APP / "plots" / "palette.py"
    others = [path for path in APP.rglob("*.py") if path != mine]
    assert {path.name: found for path in others if (found := COLOUR.findall(path.read_text()))} == {}


def test_every_use_of_a_style_sheets_own_colour_is_of_one_that_is_set() -> None:
    named = set(re.findall(r"(--[\w-]+):", palette.for_styles(".x")))
    used = {
        name
        for path in HERE.rglob("*.css")
        for name in re.findall(r"var\((--[\w-]*color)\)", path.read_text())
    }
    assert {name for name in used if not name.startswith("--st-")} == named


def test_viridis_is_plotlys() -> None:
    """matplotlib's and plotly's scale, at other places: they differ by what rounding leaves."""
    wanted = plotly.colors.sample_colorscale(
        "Viridis", np.linspace(0, 1, len(palette.VIRIDIS)), colortype="tuple"
    )
    found = np.array([palette.rgb(colour) for colour in palette.VIRIDIS]) / 255
    assert np.abs(found - np.array(wanted)).max() < 0.03


def test_a_colour_is_let_through() -> None:
    assert palette.rgb("#D55E00") == (213, 94, 0)
    assert palette.faint("#D55E00", 0.5) == "rgba(213,94,0,0.5)"


@pytest.mark.parametrize("name", ["categorical", "viridis", "mark", "faded", "none"])
def test_scripts_are_handed_what_their_types_say(name: str) -> None:
    given = palette.for_scripts()
    assert name in given
    assert f"  {name}: string" in (HERE / "shared" / "types.d.ts").read_text().split("interface Palette")[1]
    assert len(given) == 5
