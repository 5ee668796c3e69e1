"""The one table of colours: charts take it from here, and the components' scripts are handed it as data.

What belongs to the theme (text, background, borders) is not here: the page knows that in either scheme. These colours
stand on light and dark ground alike. app/.streamlit/config.toml repeats CATEGORICAL, for Streamlit's own charts; a test
compares the two.
"""

from __future__ import annotations

# Okabe & Ito's colours, which people with any colour deficiency tell apart, then two more for ten classes
# (Okabe & Ito 2008, Color Universal Design)
CATEGORICAL = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C", "#5D3A9B", "#7A5C2E",
)  # fmt: skip
# viridis (Smith & van der Walt 2015) at nine places, straight between; plotly's scale of that name has ten
VIRIDIS = (
    "#440154", "#472D7B", "#3B528B", "#2C728E", "#21918C", "#28AE80", "#5EC962", "#ADDC30", "#FDE725",
)  # fmt: skip
MARK = CATEGORICAL[5]  # what is pointed out: a cursor, a chosen image, a warning
FADED = "#B8C0C8"  # what is not in use, or not in question
NONE = "#8C9298"  # points that have no value to be coloured by
RULE = "#808890"  # lines and areas that explain a chart, made faint
ON_PRIMARY = "light-dark(#fff, #10151b)"  # writing on the accent colour, by theme
CLEAR = "rgba(0,0,0,0)"


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb", each 0...255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def faint(colour: str, opacity: float = 0.18) -> str:
    """A colour "#rrggbb", let through: CSS text."""
    red, green, blue = rgb(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def for_scripts() -> dict[str, object]:
    """What a component's script is handed as its data's `palette`; its type is Palette in components/shared/types.d.ts."""
    return {
        "categorical": list(CATEGORICAL), "viridis": list(VIRIDIS), "mark": MARK, "faded": FADED, "none": NONE,
    }  # fmt: skip


def for_styles(selector: str) -> str:
    """The colours that style sheets use, as custom properties of what `selector` names."""
    return f"{selector} {{ --mark-color: {MARK}; }}\n"
