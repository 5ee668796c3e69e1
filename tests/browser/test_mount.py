"""How components outlive the calls that Streamlit makes of them, in the orders in which it was seen to make them; and a
script that could not be fetched."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from servers import Server

from app.components import module_url

SETUP = """
async ([url, steps]) => {
  const { mounted } = await import(url);
  // what was put off to the next turn, and what that put off in its turn, has run
  const turns = async () => { for (let k = 0; k < 3; k++) await new Promise((go) => setTimeout(go)); };
  let made = 0;
  const root = {}, log = [], ends = {};
  const component = mounted(() => { const n = ++made; return { n, stop: () => log.push(`stop ${n}`) }; }, (i, c) => log.push(`${i.n} shows ${c.data}`));
  for (const step of steps) {
    if (step === "wait") await turns();
    else if (step.startsWith("end ")) await Promise.resolve().then(ends[step.slice(4)]);  // in the same turn
    else ends[step] = component({ parentElement: root, data: step });
  }
  await turns();
  return log;
}
"""


@pytest.mark.parametrize(
    ("steps", "log"),
    [
        # one after the other, then it goes
        (["a", "wait", "b", "wait", "end b"], ["1 shows a", "1 shows b", "stop 1"]),
        # a was superseded while the script loaded, and is ended in its turn
        (["a", "b", "end a", "wait", "c"], ["1 shows a", "1 shows b", "1 shows c"]),
        # and was called after b
        (["b", "a", "end a"], ["1 shows b", "1 shows a", "1 shows b"]),
        (["b", "wait", "a", "end a"], ["1 shows b", "1 shows a", "1 shows b"]),
        (["b", "a", "end a", "wait", "end b"], ["1 shows b", "1 shows a", "1 shows b", "stop 1"]),
        # the next comes at once, so that nothing old is shown in between
        (["a", "wait", "b", "end b", "c"], ["1 shows a", "1 shows b", "1 shows c"]),
        # both were superseded: what ended once is not ended again, beside a newer one by then
        (["a", "end a", "b", "end b", "wait", "c"], ["1 shows a", "1 shows b", "stop 1", "2 shows c"]),
        # it went before its script was there
        (["a", "end a"], ["1 shows a", "stop 1"]),
        (["a", "end a", "wait", "b"], ["1 shows a", "stop 1", "2 shows b"]),
    ],
)
def test_what_is_shown_is_the_newest_call_that_stands(
    visit: Callable[..., Page], steps: list[str], log: list[str]
) -> None:
    assert visit("/healthz").evaluate(SETUP, [module_url("shared/mount.js"), steps]) == log


def test_a_component_whose_script_could_not_be_fetched_tries_again(
    visit: Callable[..., Page], server: Server
) -> None:
    page = visit("/healthz")
    failed: set[str] = set()

    def first_fails(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name in failed:
            route.continue_()
        else:
            failed.add(name)
            route.abort("connectionreset")

    page.route("**/beta_cursor/index.js", first_fails)
    page.route("**/beta_cursor/marks.js", first_fails)  # which the first imports
    page.goto(f"{server.url}/tune?tuning=β&sweep=digits-beta")
    expect(page.locator(".beta-mark").first).to_be_attached()
    assert failed == {"index.js", "marks.js"}
