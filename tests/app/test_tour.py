"""The tour's steps lead over real pages, and a page opens with it as without."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from app.components.tour import STEPS
from app.state import session


def test_each_step_opens_a_page_of_the_table() -> None:
    table = (Path(__file__).parents[2] / "app" / "main.py").read_text()
    entries = [
        node
        for node in ast.walk(ast.parse(table))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.Page"
    ]
    titles = {ast.literal_eval(node.args[0]): ast.literal_eval(node.keywords[0].value) for node in entries}
    assert len(STEPS) == 5
    for view, title, text in STEPS:
        assert titles[session.script(view)] == title
        assert len(text) < 130, "a few lines of the sidebar"


def test_a_page_opens_with_it(open_page: Callable[..., AppTest]) -> None:
    at = open_page("home", run="faces")
    assert not at.exception
    assert not at.error
