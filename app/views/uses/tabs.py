"""Which function draws which use."""

from __future__ import annotations

from importlib import import_module

from app.views.uses.shared import View


def draw(view: View) -> None:
    """Draw what was found of a use: by `draw` of the module of this package that has the use's name."""
    import_module(f"app.views.uses.{view.use.name}").draw(view)
