"""A built wheel, installed away from the checkout, opens every page with nothing but what is inside it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from servers import Server, serve
from test_pages import PAGES
from watch import script_at_rest

from vae_core.places import Places

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's folder, as pip puts it into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    wheel = next(folder.glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert any(n.endswith("config.toml") for n in names)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)],
        check=True,
    )  # fmt: skip
    return folder / "site"


@pytest.fixture(scope="module")
def wheel_server(
    installed: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("wheel-home")
    found = serve(Places(home, home / "downloads"), installed.parent, pythonpath=installed)
    yield found
    found.stop()


def test_the_installed_package_is_what_is_served(installed: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import vae_core, app; print(vae_core.__file__); print(app.__file__)"],
        env={"PYTHONPATH": str(installed)}, cwd=installed.parent, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert all(path.startswith(str(installed)) for path in where)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_wheel_opens(wheel_server: Server, profile: BrowserContext, path: str) -> None:
    with closing(profile.new_page()) as page:
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(wheel_server.url + path)
        expect(page.get_by_role("heading", name=PAGES[path], exact=True).first).to_be_visible()
        script_at_rest(page)
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
        # the packaged theme holds wherever the server was started
        assert page.evaluate("getComputedStyle(document.body).getPropertyValue('color-scheme')") is not None
        colour = page.evaluate(
            "getComputedStyle(document.querySelector('[data-testid=stSidebar]')).backgroundColor"
        )
        assert colour == "rgb(247, 248, 250)"
        assert not faults


def test_pretrained_runs_are_inside_the_wheel(wheel_server: Server) -> None:
    for name in ("digits", "shapes", "faces", "mnist"):
        with urllib.request.urlopen(f"{wheel_server.url}/api/runs/{name}/decoder.json") as answer:
            header = json.load(answer)
        url = f"{wheel_server.url}/api/runs/{name}/decoder-{header['stamp']}.bin"
        with urllib.request.urlopen(url) as answer:
            assert len(answer.read()) == 4 * header["floats"]


def test_the_command_line_works_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vae_core.cli", "runs", "--home", str(tmp_path)], cwd=tmp_path,
        env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "faces" in done.stdout
    assert "pretrained" in done.stdout
