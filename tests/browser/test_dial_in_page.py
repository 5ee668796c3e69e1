"""The β dial's JavaScript against torch, run by Chromium."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of
from playwright.sync_api import Browser, Route
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import web
from app.components import HERE
from app.services import models
from vae_core.export.browser import browser_decoder, browser_dial
from vae_core.inference import LoadedModel, load_run
from vae_core.models.build import make_model
from vae_core.models.multi_rate import GAIN
from vae_core.models.networks import ConvParams, MlpParams
from vae_core.objectives.losses import MultiRateParams
from vae_core.options import Choice
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places
from vae_core.runs.record import FINISHED, Record, data_of
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

BETAS = (0.2, 0.3, 1.0, 2.5, 30.0)
NETWORKS = {
    "mlp": Choice("mlp", MlpParams((13, 9))),
    "no hidden layer": Choice("mlp", MlpParams(())),
    "conv": Choice("conv", ConvParams(4, 8)),
    "odd conv": Choice("conv", ConvParams(5, 9)),  # channels that come in no blocks of four
}


Script = Callable[[str, Any], Any]


@pytest.fixture
def in_javascript(chromium: Browser) -> Script:
    """Runs the body of an async function, which sees `tools` (decoder.js, pixels.js) and what it is given, and returns
    its answer. On a page of an origin that no server stands behind.
    """

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path.removeprefix("/")
        if path:
            route.fulfill(path=HERE / path, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    def run(code: str, given: Any) -> Any:
        page = chromium.new_page()
        page.route("http://scripts.test/**", answer)
        page.goto("http://scripts.test/")
        modules = "...await import('/shared/decoder.js'), ...await import('/shared/pixels.js')"
        body = f"const tools = {{ {modules} }}; {code}"
        found = page.evaluate(f"async (given) => {{ {body} }}", given)
        page.close()
        return found

    return run


def planted(network: str, channels: int) -> LoadedModel:
    """An untrained dial, from 0.2 to 30, whose gates and biases are large enough to matter."""
    config = config_of(
        objective=Choice("multi_rate", MultiRateParams(0.2, 30.0)), architecture=NETWORKS[network]
    )
    data = blob_set(20, channels=channels)
    torch.manual_seed(4)
    fresh = make_model(config, data.shape).state_dict()
    weights = {k: torch.randn(v.shape) * (0.3 / GAIN if "gate" in k else 0.3) for k, v in fresh.items()}
    return LoadedModel(Record("a-1", "a", "now", config, None, {}, data_of(data)), weights, "0" * 16)


def arrays(model: LoadedModel) -> dict[str, np.ndarray]:
    assert model.gated is not None
    return {name: value.numpy() for name, value in model.gated.items()}


def exported(model: LoadedModel) -> dict[str, Any]:
    dial = browser_dial(model.record, arrays(model))
    return {"header": dial.header(), "floats": dial.weights.tolist()}


TURN = """
  const dial = new tools.Dial(given.header, Float32Array.from(given.floats));
  const first = { beta: dial.beta, picture: [...dial.decode(given.codes[0])] };
  const found = given.betas.map((beta) => {
    dial.turn(beta);
    return {
      beta: dial.beta,
      codes: given.images.map((image) => { const { mean, logVar } = dial.encode(Float32Array.from(image)); return [[...mean], [...logVar]]; }),
      pictures: given.codes.map((code) => [...dial.decode(code)]),
    };
  });
  dial.turn(1);
  return { first, found, again: [...dial.decode(given.codes[0])] };
"""


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_page_encodes_and_decodes_as_torch_does_at_every_beta(
    in_javascript: Script, network: str, channels: int
) -> None:
    model = planted(network, channels)
    images = blob_set(3, channels=channels).images
    codes = np.random.default_rng(0).standard_normal((3, 3))
    flat = (images.transpose(0, 2, 3, 1).reshape(3, -1) / 255).tolist()
    answer = in_javascript(TURN, exported(model) | {"images": flat, "codes": codes.tolist(), "betas": BETAS})
    seen = []
    for beta, found in zip(BETAS, answer["found"], strict=True):
        one = model.at_beta(beta)
        q, pictures = one.encode(images), one.decode(codes)
        assert found["beta"] == beta
        largest = np.abs(q.mean).max()  # untrained codes reach into the hundreds
        assert np.abs(np.array(found["codes"])[:, 0] - q.mean).max() < 1e-4 * max(1.0, largest / 10)
        assert np.abs(np.array(found["codes"])[:, 1] - q.log_var).max() < 1e-4 * max(1.0, largest / 10)
        shown = np.array(found["pictures"]).reshape(3, 16, 16, channels).transpose(0, 3, 1, 2)
        assert np.abs(shown - pictures).max() < 1e-4
        seen.append(pictures)
    assert min(np.abs(a - seen[2]).max() for a in (seen[0], seen[1], seen[3], seen[4])) > 0.05
    assert answer["first"]["beta"] == 1
    assert answer["first"]["picture"] == answer["again"]
    assert answer["again"] == answer["found"][2]["pictures"][0]


def test_at_beta_one_the_dial_paints_what_the_plain_decoder_does(in_javascript: Script) -> None:
    model = planted("conv", 3)
    plain = browser_decoder(model.record, arrays(model))
    code = """
      const dial = new tools.Dial(given.header, Float32Array.from(given.floats));
      const plain = new tools.Decoder(given.plain, Float32Array.from(given.weights));
      const image = () => ({ data: new Uint8ClampedArray(16 * 16 * 4) });
      const pictures = [dial, plain].map((decoder) => decoder.paint(given.code, image()));
      const back = pictures[0].data.filter((_, i) => i % 4 < 3), exact = dial.decode(given.code);
      return { pictures: pictures.map((p) => [...p.data]), gap: Math.max(...back.map((v, i) => Math.abs(v / 255 - exact[i]))) };
    """
    given = {"plain": plain.header(), "weights": plain.weights.tolist(), "code": [0.5, -1.0, 0.2]}
    found = in_javascript(code, exported(model) | given)
    dial, decoder = np.array(found["pictures"])
    assert np.abs(dial - decoder).max() <= 1
    assert np.ptp(decoder.reshape(-1, 4)[:, :3]) > 50
    assert found["gap"] < 1.01 / 255  # pictures read back are those painted, up to their bytes


def test_what_is_beyond_the_dial_or_no_picture_is_refused(in_javascript: Script) -> None:
    code = """
      const dial = new tools.Dial(given.header, Float32Array.from(given.floats));
      const said = (act) => { try { act(); return ""; } catch (error) { return error.message; } };
      return [0.1, 31, NaN, "x"].map((beta) => said(() => dial.turn(beta)))
        .concat(said(() => dial.encode(new Float32Array(7))), said(() => new tools.Dial(given.header, new Float32Array(7))));
    """
    *turns, picture, short = in_javascript(code, exported(planted("mlp", 1)))
    for said in turns:
        assert "not on this dial, which goes from 0.2 to 30" in said
    assert "16 × 16 × 1 numbers" in picture
    assert "incomplete" in short


# ---------------------------------------------------------------- the routes


@pytest.fixture
def client(places: Places, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The routes, on the home of `places`."""
    monkeypatch.setenv(HOME_VARIABLE, str(places.home))
    monkeypatch.setenv(DATA_VARIABLE, str(places.data_dir))
    return TestClient(Starlette(routes=web.ROUTES))


@pytest.fixture
def dial_run(places: Places, store: Store) -> Run:
    run = store.create(config_of(objective="multi_rate", epochs=1), "turns")
    assert train_run(run, places).state == FINISHED
    return run


@pytest.mark.slow
def test_a_dial_is_served_under_its_stamp_and_its_decoder_is_that_of_beta_one(
    in_javascript: Script, client: TestClient, dial_run: Run
) -> None:
    header = client.get(f"/api/runs/{dial_run.id}/dial.json").json()
    assert header["stamp"] == dial_run.stamp()
    assert (header["lowest"], header["highest"]) == (0.1, 10.0)
    answer = client.get(f"/api/runs/{dial_run.id}/dial-{header['stamp']}.bin")
    weights = np.frombuffer(answer.content, "<f4")
    assert np.array_equal(weights, browser_dial(dial_run.record(), dial_run.arrays()).weights)
    assert "immutable" in answer.headers["cache-control"]
    assert client.get(f"/api/runs/{dial_run.id}/dial-0123456789abcdef.bin").status_code == 410
    shown = client.get(f"/api/runs/{dial_run.id}/decoder.json").json()
    floats = client.get(f"/api/runs/{dial_run.id}/decoder-{shown['stamp']}.bin").content
    code = [0.3, -0.2, 1.0]
    found = in_javascript(
        "return [...new tools.Decoder(given.header, Float32Array.from(given.floats)).decode(given.code)];",
        {"header": shown, "floats": np.frombuffer(floats, "<f4").tolist(), "code": code},
    )
    expected = load_run(dial_run).decode(np.array(code))
    assert np.abs(np.array(found).reshape(expected.shape) - expected).max() < 1e-4


def test_a_page_loads_a_dial_by_its_routes(in_javascript: Script, client: TestClient, dial_run: Run) -> None:
    header = client.get(f"/api/runs/{dial_run.id}/dial.json").json()
    floats = client.get(f"/api/runs/{dial_run.id}/dial-{header['stamp']}.bin").content
    answers = {
        f"/api/runs/{dial_run.id}/dial.json": base64.b64encode(json.dumps(header).encode()).decode(),
        f"/api/runs/{dial_run.id}/dial-{header['stamp']}.bin": base64.b64encode(floats).decode(),
    }
    model = load_run(dial_run).at_beta(5.0)
    image = blob_set(1).images
    code = """
      globalThis.fetch = async (url) => new Response(Uint8Array.from(atob(given.answers[url]), (c) => c.charCodeAt(0)));
      const dial = (await tools.loadDial(given.run)).turn(5), { mean } = dial.encode(Float32Array.from(given.image));
      return { stamp: dial.stamp, mean: [...mean], picture: [...dial.decode(mean)] };
    """
    found = in_javascript(
        code, {"run": dial_run.id, "answers": answers, "image": (image.ravel() / 255).tolist()}
    )
    mean = model.encode(image).mean
    assert found["stamp"] == dial_run.stamp()
    assert np.abs(np.array(found["mean"]) - mean[0]).max() < 1e-4
    assert np.abs(np.array(found["picture"]) - model.decode(mean).ravel()).max() < 1e-4


def test_a_dial_too_large_for_a_page_comes_without_layers(
    in_javascript: Script, client: TestClient, dial_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "BROWSER_FLOATS", 100)
    header = client.get(f"/api/runs/{dial_run.id}/dial.json").json()
    assert header["encoder"] == header["decoder"] == []
    said = in_javascript(
        "try { await tools.loadDial('r', given); } catch (error) { return [error.message, error.status]; }",
        header,
    )
    assert said == ["this network is too large to be turned in the browser", 413]


def test_a_run_without_a_dial_is_told_so(client: TestClient, copied: Run) -> None:
    answer = client.get(f"/api/runs/{copied.id}/dial.json")
    assert answer.status_code == 409
    assert f"the run {copied.name} has no β dial" in answer.json()["error"]
