"""The table of session and URL keys: links of before open as they did, and no page makes up a key of its own."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.state import address
from app.state.address import Family, Key
from vae_core.runs.run import Run

APP = Path(__file__).parents[2] / "app"
OWN = {
    APP / "state" / "address.py",
    APP / "state" / "session.py",
}  # they alone may touch Streamlit's own stores
KEYED = {
    "get",
    "put",
    "forget",
    "take",
    "setdefault",
    "param",
    "set_param",
    "is_link",
    "wrote",
}  # of app.state.session

PARAMS = {
    "train": "run dataset side limit validation split-seed model latent-dim hidden width units objective beta capacity "
    "gamma growth lowest-beta highest-beta likelihood sigma scale schedule warmup cycles rise free-bits input-noise noise-level epochs "
    "batch-size learning-rate rate-schedule precision device threads gpus seed checkpoint-every log-every fine-tune overlay",
    "map": "run split coordinates x y axis-from axis-to umap colour image sel prior beside formed",
    "sliders": "run z anchor-source anchor-label anchor-image",
    "interpolate": "run z s1 s2 s3 s4 s5 s6 s7 s8 from-image from-label from-source to-image to-label to-source path "
    "steps penalty position probe attribute group-a group-b on as frames size fps back beyond",
    "beta": "run look sweep sweep-ranged score way focus dial-run beta their-error their-error-over their-rate-over "
    "their-side their-channels their-dims their-span their-batch their-weight our-scale our-beta",
    "compare": "run models part rows codes temperature pick blurred",
    "uses": "run use",
    "learn": "run lesson step present notes",
    "home": "run",
}  # fmt: skip


def names(entry: Key[Any] | Family[Any]) -> list[str]:
    return [entry.name] if isinstance(entry, Key) else [entry.pattern.format(m) for m in entry.members()]


@pytest.mark.parametrize("page", PARAMS)
def test_links_of_before_have_a_place_in_the_table(page: str) -> None:
    found = {n for entry in address.table() if entry.in_address and page in entry.pages for n in names(entry)}
    wanted = set(PARAMS[page].split())
    if page == "beta":
        wanted |= {f"sweep-{name}" for name in names(address.SETTING) if name in PARAMS["train"].split()}
    assert wanted <= found, "a name that links carry stays"


@pytest.mark.parametrize("page", address.PAGES)
def test_a_name_means_one_thing_on_a_page(page: str) -> None:
    found = [n for entry in address.table() if page in entry.pages for n in names(entry)]
    assert len(found) == len(set(found)), sorted(n for n in found if found.count(n) > 1)


def test_every_entry_says_what_it_is() -> None:
    for entry in address.table():
        assert entry.words
        assert entry.pages
        assert set(entry.pages) <= set(address.PAGES)
        assert entry.in_address or not entry.bound


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        (address.POSITION, "0.25", 0.25), (address.POSITION, "nan", 0.5), (address.POSITION, "x", 0.5),
        (address.DIAL_BETA, "2.5", 2.5), (address.DIAL_BETA, "inf", 1.0), (address.DIAL_BETA, "", 1.0),
        (address.CHOSEN_IMAGE, "12", 12), (address.CHOSEN_IMAGE, "-1", None), (address.CHOSEN_IMAGE, "1" * 10, None),
        (address.CHOSEN_IMAGE, "²", None), (address.SELECTION, "3.x.5", (3, 5)), (address.SELECTION, "x", ()),
        (address.FINE_TUNE, "true", True), (address.FINE_TUNE, "yes", False), (address.STEPS, "5", 5),
        (address.STEPS, "5.5", 11), (address.CODE, "~AAAA", "~AAAA"),
    ],
)  # fmt: skip
def test_what_an_address_says_is_read_by_its_type(key: Key[Any], text: str, value: Any) -> None:
    assert key.read(text) == value
    assert key.read(None) == key.default


@pytest.mark.parametrize(
    "key", [k for k in address.table() if isinstance(k, Key) and k.in_address], ids=lambda k: k.name
)
def test_what_is_written_is_read_again(key: Key[Any]) -> None:
    other = {bool: True, int: 7, float: 0.125, str: "seven", tuple: (3, 4)}
    value = other.get(type(key.kind.read("7") or key.kind.read("true")), ["seven"])
    assert key.read(key.kind.write(value)) == value


def test_a_family_knows_its_members() -> None:
    assert address.WAYPOINT.of(8).name == "s8"
    with pytest.raises(KeyError, match="there is no 9"):
        address.WAYPOINT.of(9)
    assert address.WAYPOINTS_OF.has("waypoints of mine")
    assert not address.WAYPOINTS_OF.has("waypoints of ")
    assert not address.WAYPOINT.has("size")
    assert address.WAYPOINTS_OF.of("a").fresh() is not address.WAYPOINTS_OF.of("a").fresh(), (
        "a list of its own"
    )


# ---------------------------------------------------------------- through the session


def probe() -> None:
    import streamlit as st

    from app.state import address, session

    session.set_param(address.POSITION, 0.5)
    session.set_param(address.DIAL_BETA, 2.0)
    session.set_param(address.SELECTION, ())
    session.set_param(address.CHOSEN_IMAGE, 12)
    session.put(address.MAP_PAGE, 3)
    session.setdefault(address.FOLLOWED.of("focus"))["a"] = "2"
    taken = [session.take(address.DECK_SENT), session.take(address.DECK_SENT)]
    st.json(
        [
            session.get(address.MAP_PAGE),
            session.get(address.FOLLOWED.of("focus")),
            session.get(address.WAYPOINT_PLACE),
            taken,
        ]
    )


def test_the_address_holds_what_differs_from_the_default() -> None:
    at = AppTest.from_function(probe, default_timeout=60)
    for name, value in {"position": "0.7", "beta": "9", "sel": "1.2"}.items():
        at.query_params[name] = value
    at.session_state["deck sent"] = "~AA"
    at.run()
    assert not at.exception
    assert dict(at.query_params) == {"beta": "2", "image": "12"}
    assert at.json[0].value == '[3, {"a": "2"}, 0, ["~AA", ""]]'
    assert address.FOLLOWED.default == {}, "what is filled is a copy"


@pytest.mark.parametrize(
    ("view", "query"),
    [
        ("train", {"latent-dim": "6", "objective": "beta_vae", "beta": "2.5", "model": "mlp", "seed": "3"}),
        ("beta", {"look": "KL weights elsewhere", "their-side": "64", "their-weight": "0.5", "our-beta": "3.0"}),
        ("beta", {"sweep-epochs": "3", "sweep-ranged": "true"}),
        ("map", {"split": "train", "coordinates": "dimensions", "x": "z1", "beside": "nothing"}),
        ("interpolate", {"path": "spherical", "steps": "5", "frames": "12", "back": "false", "as": "PNG strip"}),
    ],
)  # fmt: skip
def test_an_old_link_opens_the_same_view(
    view: str, query: dict[str, str], open_page: Callable[..., AppTest], copied: Run
) -> None:
    at = open_page(view, run=copied.id, **query)
    assert not at.exception
    for name, text in query.items():
        value = at.session_state[name]
        assert (str(value).lower() if isinstance(value, bool) else str(value)) == text


# ---------------------------------------------------------------- free strings


def calls(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def free(node: ast.expr) -> bool:
    """Whether an expression is text that was written on the spot."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def in_table(node: ast.expr) -> bool:
    """Whether such text is the name of a key of the table. Of an f-string, the part before its first value is known."""
    entries = address.table()
    if isinstance(node, ast.Constant):
        return any(node.value == e.name if isinstance(e, Key) else e.has(str(node.value)) for e in entries)
    first = node.values[0] if isinstance(node, ast.JoinedStr) else None
    known = first.value if isinstance(first, ast.Constant) else ""
    return any(e.pattern.startswith(str(known)) and bool(known) for e in entries if isinstance(e, Family))


def faults(source: str) -> list[str]:
    """Keys that are written as free strings.

    - Streamlit's session_state and query_params are named at all: app.state.session alone reads and writes them;
    - a function of app.state.session that takes a key is given text;
    - a widget that is bound to the address, or kept over pages, has a key of free text, or another's `bind`;
    - an element's key is text that stands in the table: whoever else reads it must find it there.
    A literal key that stands nowhere in the table only tells elements of a page apart, which is fine.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ("session_state", "query_params"):
            owner = ast.unparse(node.value)
            if owner in ("st", "streamlit"):
                found.append(f"{node.lineno}: {owner}.{node.attr}")
    for call in calls(source):
        function, given = ast.unparse(call.func), {k.arg: k.value for k in call.keywords}
        if (
            function.removeprefix("session.") in KEYED
            and function.startswith("session.")
            and free(call.args[0])
        ):
            found.append(f"{call.lineno}: {function}({ast.unparse(call.args[0])})")
        key, bind = given.get("key"), given.get("bind", given.get("persist_state"))
        if bind is not None and (
            key is None or ast.unparse(bind) != ast.unparse(key).removesuffix(".name") + ".bind"
        ):
            found.append(f"{call.lineno}: {function} is bound, but not by its key's own `bind`")
        elif key is not None and free(key) and in_table(key):
            found.append(f"{call.lineno}: key={ast.unparse(key)} stands in the table")
    return found


@pytest.mark.parametrize("path", sorted(set(APP.rglob("*.py")) - OWN), ids=lambda p: str(p.relative_to(APP)))
def test_no_key_is_a_free_string(path: Path) -> None:
    found = faults(path.read_text(encoding="utf-8"))
    assert not found, f"{path.name}: take the key from app/state/address.py\n" + "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        'st.session_state["mine"]', 'st.query_params.get("z")', 'session.get("mine")', 'session.put(f"a {b}", 1)',
        'st.toggle("On", key="mine", bind="query-params")', 'st.toggle("On", key=f"{a}-b", bind="query-params")',
        "st.toggle('On', key=address.X.name, bind=address.Y.bind)", 'st.toggle("On", bind="query-params")',
        'st.text_input("Code", key="waypoint code")', 'st.text_input("β", key=f"live beta {run.id}")',
        'st.selectbox("Model", [], key="model")',
    ],
)  # fmt: skip
def test_a_free_string_is_found(source: str) -> None:
    assert faults(source)


@pytest.mark.parametrize(
    "source",
    [
        "session.get(address.CODE)", "st.toggle('On', key=address.X.name, bind=address.X.bind)",
        'st.plotly_chart(figure, key="chart change")', 'request.query_params.get("stamp")',
        "st.toggle('On', key=key.name, bind=key.bind)",
    ],
)  # fmt: skip
def test_what_is_no_key_of_the_table_may_be_said_freely(source: str) -> None:
    assert not faults(source)
