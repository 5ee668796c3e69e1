"""Tune in Chromium: a study of shipped runs is seen and worked in one window, and links to β lead to its part."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from servers import Server
from watch import asked, script_at_rest

from vae_core.options import replace_at
from vae_core.places import assets, write_json
from vae_core.reading import read_json
from vae_core.runs.store import Store
from vae_core.study.record import Study, create
from vae_core.study.settings import StudySettings
from vae_core.study.trials import Ledger, Trial, write_ledger

Visit = Callable[..., Page]
BETAS = (0.3, 1.0, 3.0, 8.0, 20.0)


@pytest.fixture(scope="module")
def study(server: Server) -> Study:
    """A study whose trials are copies of the shipped sweep over β, one of them pruned."""
    base = Store(server.places).find("digits-beta1").record().effective
    made = create(server.places, StudySettings(base=replace_at(base, ("data", "limit"), 0), search=("beta=0.3..20:log",), trials=5, goals=("elbo",)), "by-eye")  # fmt: skip
    trials = []
    for i, beta in enumerate(BETAS):
        name = f"by-eye-t{i:03d}"
        run = server.places.runs / name
        shutil.copytree(assets() / "pretrained" / f"digits-beta{beta:g}", run)
        config = read_json(run / "config.json")
        write_json(run / "config.json", config | {"id": name, "name": name, "group": made.name})
        end = "pruned" if i == 4 else "complete"
        trials.append(Trial(i, {"beta": beta}, 0, run=name, end=end, numbers={"elbo": 100.0 + (i - 1) ** 2} if i < 4 else {}))  # fmt: skip
    write_ledger(made.path, Ledger(tuple(trials)))
    return made


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720)])
def test_a_study_is_seen_and_worked_without_scrolling(
    visit: Visit, study: Study, width: int, height: int
) -> None:
    page = visit(f"/tune?study={study.name}", width=width, height=height)
    expect(page.locator(".study .cell img").first).to_be_visible()
    script_at_rest(page)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollHeight - main.clientHeight") <= 1, "the page scrolls"
    box = page.locator(".study").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= height
    assert box["x"] + box["width"] <= width
    before = len(asked(page))
    page.locator(".cell").nth(2).hover()
    expect(page.locator(".card h3")).to_have_text("by-eye-t002")
    assert len(asked(page)) == before


def test_on_a_phone_nothing_is_wider_than_the_screen_and_the_pictures_come_first(
    visit: Visit, study: Study
) -> None:
    page = visit(f"/tune?study={study.name}", width=390, height=844, dark=True)
    cell = page.locator(".study .cell img").first
    expect(cell).to_be_visible()
    script_at_rest(page)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - innerWidth") <= 0
    box = cell.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844


def test_a_trial_opens_as_the_ordinary_run_it_is(visit: Visit, study: Study) -> None:
    page = visit(f"/tune?study={study.name}")
    page.locator(".cell").first.click()
    page.locator(".card").get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Sliders", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("run=by-eye-t000"))


def test_continue_around_here_opens_the_form_with_a_narrower_range(visit: Visit, study: Study) -> None:
    page = visit(f"/tune?study={study.name}")
    page.locator(".cell").nth(1).click()
    page.get_by_role("button", name="Continue around here").click()
    expect(page.get_by_role("spinbutton", name="to")).to_be_visible()
    assert 1 < float(page.get_by_role("spinbutton", name="to").input_value()) < 20


def test_a_link_to_beta_leads_to_its_part(visit: Visit) -> None:
    page = visit("/beta?sweep=digits-beta&focus=3", charts=False)
    expect(page.get_by_role("heading", name="Tune", exact=True)).to_be_visible()
    expect(page.get_by_role("slider", name="β cursor")).to_be_visible()
    expect(page.locator(".beta_cursor output b")).to_have_text("β 3")
