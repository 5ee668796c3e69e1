import json
import math
from dataclasses import FrozenInstanceError, dataclass, field

import pytest

from vae_core.errors import BadConfig
from vae_core.options import (
    Choice,
    Entry,
    NoParams,
    Options,
    choice,
    from_json,
    leaves,
    option,
    replace_at,
    to_json,
)


@dataclass(frozen=True)
class RoundParams(Options):
    radius: float = option(1.0, help="radius", minimum=0.5, maximum=2.0)


@dataclass(frozen=True)
class SquareParams(Options):
    edges: tuple[int, ...] = option((3, 4), help="lengths", minimum=1, maximum=9)


SHAPES = {
    entry.name: entry
    for entry in (
        Entry("round", "Round", "a circle", RoundParams),
        Entry("square", "Square", "a box", SquareParams),
        Entry("dot", "Dot", "nothing to set", NoParams),
    )
}


@dataclass(frozen=True)
class Pen(Options):
    colour: str = option("red", help="ink", values=("red", "blue"))
    width: int = option(2, help="line", unit="pixels", minimum=1, maximum=10)
    secret: int = option(0, help="set by the program", hidden=True)


@dataclass(frozen=True)
class Drawing(Options):
    shape: Choice = choice(SHAPES, "round", help="what is drawn")  # noqa: RUF009
    title: str = option("", help="any text")
    filled: bool = option(False, help="inside too")
    scale: float | None = option(None, help="or nothing", minimum=0.0)
    pen: Pen = field(default_factory=Pen)


# ---------------------------------------------------------------- making and checking


@pytest.mark.parametrize(
    ("cls", "field_name", "value", "says"),
    [
        (Pen, "width", 0, "width: 0 is below the least allowed, 1"),
        (Pen, "width", 11, "width: 11 is above the most allowed, 10"),
        (Pen, "width", 2.5, "width: expected a whole number, got 2.5"),
        (Pen, "width", "2", "width: expected a number, got '2'"),
        (Pen, "width", True, "width: expected a number, got True"),
        (Pen, "width", None, "width: expected a number, got None"),
        (Pen, "width", math.nan, "width: expected a finite number, got nan"),
        (Pen, "width", math.inf, "width: expected a finite number, got inf"),
        (Pen, "width", 10**400, "width: expected a finite number"),
        (Pen, "colour", "green", "colour: 'green' is not one of red, blue"),
        (Pen, "colour", 3, "colour: expected text, got 3"),
        (RoundParams, "radius", 10**400, "radius: expected a finite number"),
        (RoundParams, "radius", 0.49, "radius: 0.49 is below the least allowed, 0.5"),
        (SquareParams, "edges", 3, "edges: expected a list, got 3"),
        (SquareParams, "edges", "34", "edges: expected a list, got '34'"),
        (SquareParams, "edges", [3, 10], "edges: 10 is above the most allowed, 9"),
        (SquareParams, "edges", [3, "x"], "edges: expected a number, got 'x'"),
        (Drawing, "filled", 1, "filled: expected true or false, got 1"),
        (Drawing, "scale", -1.0, "scale: -1 is below the least allowed, 0"),
        (Drawing, "scale", "x", "scale: expected a number, got 'x'"),
        (Drawing, "shape", "cube", "shape: there is no 'cube'; choose one of round, square, dot"),
        (Drawing, "shape", {"radius": 1.0}, "shape: there is no None; choose one of round, square, dot"),
        (Drawing, "shape", {"name": ["round"]}, "shape: there is no ['round']"),
        (Drawing, "shape", 7, "shape: expected one of round, square, dot, got 7"),
        (Drawing, "shape", Choice("round", SquareParams()), "shape: expected one of round, square, dot"),
        (Drawing, "shape", {"name": "round", "radius": 9}, "shape.round.radius: 9 is above"),
        (Drawing, "shape", {"name": "round", "edges": []}, "shape.round.edges: unknown setting"),
        (Drawing, "pen", "thick", "pen: expected Pen, got 'thick'"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:24]),
)
def test_every_object_checks_itself_when_it_is_made(cls, field_name, value, says):
    with pytest.raises(BadConfig) as caught:
        cls(**{field_name: value})
    assert str(caught.value).startswith(says)


def test_bounds_themselves_are_allowed_and_numbers_take_the_type_of_their_field():
    assert (Pen(width=1).width, Pen(width=10).width) == (1, 10)
    assert (RoundParams(0.5).radius, RoundParams(2.0).radius) == (0.5, 2.0)
    assert type(Pen(width=3.0).width) is int
    assert type(RoundParams(1).radius) is float
    assert SquareParams([5, 6.0]).edges == (5, 6)
    assert Drawing(scale=None).scale is None
    assert type(Drawing(scale=2).scale) is float


def test_a_choice_is_made_by_name_by_dict_and_by_itself():
    wanted = Choice("square", SquareParams((5,)))
    assert Drawing(shape={"name": "square", "edges": [5]}).shape == wanted
    assert Drawing(shape=wanted).shape == wanted
    assert Drawing(shape="square").shape == Choice("square", SquareParams((3, 4)))
    assert Drawing().shape == Choice("round", RoundParams(1.0))


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        Pen().width = 3  # type: ignore[misc]


# ---------------------------------------------------------------- JSON

DRAWING = Drawing(
    shape=Choice("square", SquareParams((1, 9))), title="a β", filled=True, scale=0.25, pen=Pen("blue", 7, 3)
)


def test_json_keeps_every_setting():
    text = json.dumps(to_json(DRAWING))
    assert from_json(Drawing, json.loads(text)) == DRAWING
    assert json.loads(text) == {
        "shape": {"name": "square", "edges": [1, 9]},
        "title": "a β",
        "filled": True,
        "scale": 0.25,
        "pen": {"colour": "blue", "width": 7, "secret": 3},
    }


def test_what_json_leaves_out_takes_its_default():
    assert from_json(Drawing, {}) == Drawing()
    assert from_json(Drawing, {"pen": {"width": 4}}) == Drawing(pen=Pen(width=4))
    assert from_json(Drawing, {"shape": "dot"}) == Drawing(shape="dot")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"pne": 1}, "pne: unknown setting; known here: shape, title, filled, scale, pen"),
        ({"pen": {"hue": 1}}, "pen.hue: unknown setting; known here: colour, width, secret"),
        ({"shape": {"name": "dot", "edges": 1}}, "shape.edges: unknown setting; known here: none"),
        ({"pen": {"width": 99}}, "pen.width: 99 is above"),
        ({"shape": {"name": "round", "radius": 99}}, "shape.radius: 99 is above"),
        ({"shape": {"name": "cube"}}, "shape: there is no 'cube'"),
        ({"shape": {"name": {}}}, "shape: there is no {}"),
        ({"pen": 3}, "pen: expected an object with named settings, got 3"),
        ([], "Drawing: expected an object with named settings, got []"),
        (None, "Drawing: expected an object with named settings, got None"),
    ],
)
def test_json_says_where_it_is_wrong(data, says):
    with pytest.raises(BadConfig) as caught:
        from_json(Drawing, data)
    assert str(caught.value).startswith(says)


def test_unknown_keys_are_collected_when_asked_for_and_the_rest_is_read():
    data = to_json(DRAWING)
    data["future"] = 1
    data["pen"]["nib"] = "gold"
    data["shape"]["corners"] = 4
    unknown: list[str] = []
    assert from_json(Drawing, data, unknown=unknown) == DRAWING
    assert sorted(unknown) == ["future", "pen.nib", "shape.corners"]


def test_a_wrong_value_is_an_error_also_where_unknown_keys_are_collected():
    with pytest.raises(BadConfig, match=r"pen\.width"):
        from_json(Drawing, {"pen": {"width": 99}}, unknown=[])


# ---------------------------------------------------------------- walking and changing


def test_leaves_come_depth_first_with_a_choices_parameters_behind_it():
    found = [(".".join(leaf.path), leaf.owner) for leaf in leaves(Drawing)]
    assert found == [
        ("shape", ""),
        ("shape.radius", "round"),
        ("shape.edges", "square"),
        ("title", ""),
        ("filled", ""),
        ("scale", ""),
        ("pen.colour", ""),
        ("pen.width", ""),
    ]


def test_a_leaf_says_what_an_interface_needs():
    width = next(leaf for leaf in leaves(Drawing) if leaf.name == "width")
    assert (width.default, width.hint, width.spec.unit, width.spec.maximum) == (2, int, "pixels", 10)
    shape = next(leaf for leaf in leaves(Drawing) if leaf.name == "shape")
    assert list(shape.registry or {}) == ["round", "square", "dot"]


def test_replace_at_reaches_into_groups_and_choices_and_changes_nothing_else():
    assert replace_at(DRAWING, ("title",), "b") == Drawing(
        DRAWING.shape, "b", DRAWING.filled, DRAWING.scale, DRAWING.pen
    )
    thin = replace_at(DRAWING, ("pen", "width"), 1)
    assert (thin.pen, thin.shape) == (Pen("blue", 1, 3), DRAWING.shape)
    longer = replace_at(DRAWING, ("shape", "edges"), (2, 2, 2))
    assert longer.shape == Choice("square", SquareParams((2, 2, 2)))
    assert replace_at(longer, ("shape",), "round").shape == Choice("round", RoundParams())
    assert DRAWING.pen.width == 7
    with pytest.raises(BadConfig, match="width: 99"):
        replace_at(DRAWING, ("pen", "width"), 99)
    with pytest.raises(BadConfig, match="edges: 99"):
        replace_at(DRAWING, ("shape", "edges"), (99,))
