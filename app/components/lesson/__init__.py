"""A lesson in the browser: it asks, shows and answers; a server is asked for nothing while a hand tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.components import component

HTML = """
<div class="lesson" data-step="0" data-shown="0">
  <div class="overview" hidden></div>
  <div class="screen" hidden>
    <div class="bar">
      <nav class="steps" aria-label="screens of this lesson"></nav>
      <span class="tally" aria-live="polite"></span>
      <button type="button" class="all">All lessons</button>
      <button type="button" class="presenter" aria-pressed="false" title="Large type and one figure, for a projector (key P)">Present</button>
    </div>
    <p class="remark" hidden></p>
    <div class="body">
      <section class="talk" aria-label="what this screen asks">
        <h2 tabindex="-1"></h2>
        <div class="text"></div>
        <div class="question"><p class="ask" id="lesson-ask"></p><div class="answers" role="group" aria-labelledby="lesson-ask"></div></div>
        <p class="do" hidden></p>
        <div class="verdict" role="status"></div>
        <div class="walk"><button type="button" class="back">Back</button><button type="button" class="reveal" hidden>Show what happens</button><button type="button" class="next">Next</button></div>
      </section>
      <section class="figure" aria-label="figure"></section>
      <section class="end" aria-label="end of the lesson" hidden></section>
    </div>
  </div>
</div>
"""

_mount = component("lesson", HTML)


def lesson(
    data: dict[str, Any],
    key: str,
    *,
    on_moved: Callable[[], None],
    on_go: Callable[[], None],
    on_present: Callable[[], None],
) -> None:
    """Mount a lesson, or the overview of all.

    data: `lessons` [{"number", "title", "aim", "minutes", "steps"}]; `number` of the lesson shown, 0 for the overview; `step` to
    begin at, from 1; `present` whether it is shown for a hall; `opens` {"href", "label"}; `height`, a CSS length; and what
    app.services.lessons.for_component gives.
    `st.session_state[key]` then has "moved" {"lesson", "step"} (a state), and the triggers "go" {"lesson"} and "present" {"on": bool}.
    All of it comes from the browser: check it.
    """
    _mount(
        key=key, data=data, on_moved_change=on_moved, on_go_change=on_go, on_present_change=on_present,
    )  # fmt: skip
