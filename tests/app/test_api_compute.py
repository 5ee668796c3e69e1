"""Routes that compute: decode, encode, where the images lie. What they answer, and how they refuse."""

from __future__ import annotations

import base64
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from helpers import config_of, until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from app import web
from app.services import datasets, models, neighbours
from app.web import requests
from vae_core.data.user.drawing import as_digit
from vae_core.errors import BadImages
from vae_core.export.browser import UnknownToBrowser
from vae_core.inference import load_run
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=web.ROUTES))


def codes_of(n: int, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, dim)).astype("<f4")


def test_decode_answers_with_the_pictures(client: TestClient, copied: Run) -> None:
    z = codes_of(3)
    answer = client.post(f"/api/runs/{copied.id}/decode?stamp={copied.stamp()}", content=z.tobytes())
    assert answer.status_code == 200
    found = np.frombuffer(answer.content, np.uint8).reshape(3, 16, 16, 1).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(found, load_run(copied).decode_uint8(z))


@pytest.mark.parametrize(
    ("body", "query", "status", "said"),
    [
        (codes_of(1).tobytes()[:-1], "", 400, "4 numbers each"),
        (b"", "", 400, "4 numbers each"),
        (codes_of(models.DECODE_BATCH + 1).tobytes(), "", 413, "larger"),
        (np.full((1, 4), np.nan, "<f4").tobytes(), "", 409, "finite"),
        (codes_of(1).tobytes(), "?stamp=old", 410, "weights changed"),
    ],
)
def test_decode_refuses_with_a_reason(
    client: TestClient, copied: Run, body: bytes, query: str, status: int, said: str
) -> None:
    answer = client.post(f"/api/runs/{copied.id}/decode{query}", content=body)
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_a_deleted_run_is_said(client: TestClient, copied: Run) -> None:
    for method, path in (
        ("POST", "decode"),
        ("POST", "encode"),
        ("GET", "cloud.json"),
        ("GET", "image/0.png"),
    ):
        assert client.request(method, f"/api/runs/gone/{path}").status_code == 404


def test_too_many_at_once_are_told_to_come_again(client: TestClient, copied: Run) -> None:
    for _ in range(requests.AT_ONCE):
        assert requests._turns.acquire(blocking=False)
    try:
        answer = client.post(f"/api/runs/{copied.id}/decode", content=codes_of(1).tobytes())
        assert answer.status_code == 429
        assert "busy" in answer.json()["error"]
    finally:
        for _ in range(requests.AT_ONCE):
            requests._turns.release()
    assert client.post(f"/api/runs/{copied.id}/decode", content=codes_of(1).tobytes()).status_code == 200


def test_too_many_a_second_are_told_to_come_again(
    client: TestClient, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PER_SECOND", 3)
    monkeypatch.setattr(requests, "_started", deque([time.monotonic() + 60] * 3, maxlen=3))
    body = codes_of(1).tobytes()
    answer = client.post(f"/api/runs/{copied.id}/decode", content=body)
    assert (answer.status_code, "a second" in answer.json()["error"]) == (429, True)
    monkeypatch.setattr(requests, "_started", deque([time.monotonic() - 2] * 3, maxlen=3))
    assert client.post(f"/api/runs/{copied.id}/decode", content=body).status_code == 200


def test_a_refusal_gives_its_turn_back(client: TestClient, copied: Run) -> None:
    address, nan = f"/api/runs/{copied.id}/decode", np.full((1, 4), np.nan, "<f4").tobytes()
    for _ in range(2 * requests.AT_ONCE):
        assert client.post(address, content=nan).status_code == 409, "refused by the network, within the turn"
    assert client.post(address, content=codes_of(1).tobytes()).status_code == 200


def test_weights_that_change_while_a_request_is_read_are_said(
    client: TestClient, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp, read = copied.stamp(), requests.read_body

    async def checkpoint_lands(request: Request, most: int) -> bytes:
        body = await read(request, most)
        path = copied.path / "model.safetensors"
        tensors = safetensors.numpy.load_file(path)
        name = next(n for n in tensors if n.endswith("bias"))
        safetensors.numpy.save_file(tensors | {name: tensors[name] + 0.01}, path)
        return body

    monkeypatch.setattr(requests, "read_body", checkpoint_lands)
    drawing = np.full((10, 10), 255, np.uint8).tobytes()
    for path, body in (("decode?", codes_of(1).tobytes()), ("encode?width=10&height=10&", drawing)):
        address = f"/api/runs/{copied.id}/{path}stamp={stamp}"
        answer = client.post(address, content=body)
        assert (answer.status_code, "weights changed" in answer.json()["error"]) == (410, True)
        stamp = copied.stamp()
    assert client.post(f"/api/runs/{copied.id}/decode", content=codes_of(1).tobytes()).status_code == 200


def test_a_drawing_is_encoded_as_mnist_would_make_it(client: TestClient, copied: Run) -> None:
    drawing = np.zeros((120, 90), np.uint8)
    drawing[10:100, 40:52] = 255
    answer = client.post(
        f"/api/runs/{copied.id}/encode?width=90&height=120", content=drawing.tobytes()
    ).json()
    # the run is on scikit-learn's digits, which fill their picture
    digit = as_digit(drawing, 16, box=1.0)
    picture = np.frombuffer(base64.b64decode(answer["picture"]), np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(picture, digit)
    expected = load_run(copied).encode(digit[None])
    np.testing.assert_allclose(answer["mean"], expected.mean[0], atol=1e-6)
    np.testing.assert_allclose(answer["std"], expected.std[0], atol=1e-6)
    assert (digit != as_digit(drawing, 16)).any()


def test_a_drawing_for_another_dataset_has_mnists_margin(client: TestClient, places: Places) -> None:
    run = Store(places).create(config_of(), "with-a-margin")
    assert train_run(run, places).state == FINISHED
    drawing = np.zeros((120, 90), np.uint8)
    drawing[10:100, 40:52] = 255
    answer = client.post(f"/api/runs/{run.id}/encode?width=90&height=120", content=drawing.tobytes()).json()
    side = answer["width"]
    picture = np.frombuffer(base64.b64decode(answer["picture"]), np.uint8).reshape(side, side).copy()
    rows = np.flatnonzero(picture.max(1))
    assert rows[-1] - rows[0] + 1 == round(side * 20 / 28)
    np.testing.assert_array_equal(picture, as_digit(drawing, side)[0])
    np.testing.assert_allclose(answer["mean"], load_run(run).encode(picture[None, None]).mean[0], atol=1e-6)


@pytest.mark.parametrize(
    ("query", "size", "status", "said"),
    [
        ("width=10&height=10", 99, 400, "10×10 bytes"),
        ("width=10", 100, 400, "height"),
        ("width=9999&height=10", 10, 400, "8 to 512"),
        ("width=10&height=10", 600 * 600, 413, "larger"),
        ("width=10&height=10", 100, 409, "nothing is drawn"),
    ],
)
def test_encode_refuses_with_a_reason(
    client: TestClient, copied: Run, query: str, size: int, status: int, said: str
) -> None:
    answer = client.post(f"/api/runs/{copied.id}/encode?{query}", content=bytes(size))
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_the_cloud_is_that_of_the_training_images(client: TestClient, copied: Run) -> None:
    head = client.get(f"/api/runs/{copied.id}/cloud.json").json()
    assert head["what"] == "training images"
    n, d = head["count"], head["latent_dim"]
    body = client.get(f"/api/runs/{copied.id}/cloud-{head['version']}.bin").content
    means = np.frombuffer(body, "<f4", n * d).reshape(n, d)
    index = np.frombuffer(body, "<i4", n, 4 * n * d)
    labels = np.frombuffer(body, "<i4", n, 4 * n * (d + 1))
    assert len(body) == 4 * n * (d + 2)
    data = datasets.images_of(copied)
    assert data is not None
    assert not set(index) & set(np.load(copied.places.datasets / "digits" / "16" / "test.npy"))
    np.testing.assert_allclose(means[:50], load_run(copied).encode(data.images[index[:50]]).mean, atol=1e-5)
    assert data.labels is not None
    np.testing.assert_array_equal(labels, data.labels[index])
    assert len(head["quantiles"]) == 101
    np.testing.assert_allclose(np.linalg.norm(head["axes"], axis=1), 1, atol=1e-5)
    gone = client.get(f"/api/runs/{copied.id}/cloud-other.bin")
    assert gone.status_code == 410


def test_a_cloud_that_is_encoded_keeps_nobody_waiting(
    client: TestClient, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, encode = threading.Event(), threading.Event(), neighbours._sample

    def slow(*key: Any) -> neighbours.CodeSample:
        begun.set()
        assert go_on.wait(60)
        return encode(*key)

    monkeypatch.setattr(neighbours, "_sample", slow)
    address = f"/api/runs/{copied.id}/cloud.json"
    with ThreadPoolExecutor(1) as tab:
        first = tab.submit(client.get, address)
        try:
            assert begun.wait(60)
            for _ in range(2 * requests.AT_ONCE):
                assert client.get(address).status_code == 202
            assert client.get(f"/api/runs/{copied.id}/cloud-any.bin").status_code == 202
            assert client.get(f"/api/runs/{copied.id}/crowd-any.bin").status_code == 202
            assert client.get("/api/runs/faces/cloud.json").status_code == 202, "one run at a time"
            decoded = client.post(f"/api/runs/{copied.id}/decode", content=codes_of(1).tobytes())
            assert decoded.status_code == 200
        finally:
            go_on.set()
        assert first.result().status_code == 200
    assert client.get(address).json() == first.result().json()


def test_a_cloud_that_failed_is_tried_again(
    client: TestClient, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*key: Any) -> None:
        raise BadImages("the file is gone")

    address = f"/api/runs/{copied.id}/cloud.json"
    with monkeypatch.context() as patched:
        patched.setattr(neighbours, "_sample", fails)
        for _ in range(2):
            assert "the file is gone" in client.get(address).json()["error"]
    assert client.get(address).status_code == 200


def gathered(client: TestClient, address: str) -> bytes:
    until(lambda: client.get(address).status_code != 202, "the images are encoded")
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content


def test_all_training_images_are_encoded_behind_the_page(
    client: TestClient, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "SAMPLE", 100)
    head = client.get(f"/api/runs/{copied.id}/cloud.json").json()
    data, d = datasets.images_of(copied), head["latent_dim"]
    assert data is not None
    train = copied.record().effective.data.split(data).train
    assert (head["count"], head["known"]) == (100, len(train))
    body = gathered(client, f"/api/runs/{copied.id}/crowd-{head['version']}.bin")
    n = len(body) // 4 // (d + 2)
    np.testing.assert_array_equal(np.frombuffer(body, "<i4", n, 4 * n * d), train)
    means = np.frombuffer(body, "<f4", n * d).reshape(n, d)
    np.testing.assert_allclose(means[-50:], load_run(copied).encode(data.images[train[-50:]]).mean, atol=1e-5)
    assert client.get(f"/api/runs/{copied.id}/crowd-other.bin").status_code == 410


def test_images_that_cannot_be_encoded_are_not_tried_again(
    client: TestClient, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Run] = []

    def fails(run: Run, key: object) -> bytes:
        tried.append(run)
        raise OSError("the disk is gone")

    monkeypatch.setattr(neighbours, "_encode_all", fails)
    head = client.get(f"/api/runs/{copied.id}/cloud.json").json()
    address = f"/api/runs/{copied.id}/crowd-{head['version']}.bin"
    until(lambda: client.get(address).status_code not in (202, 429), "it was tried")
    answer = client.get(address)
    assert answer.status_code == 409
    assert "not all images could be encoded" in answer.json()["error"]
    assert client.get(address).status_code == 409
    assert len(tried) == 1


def test_what_a_page_looks_through_is_bounded(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = client.get("/api/runs/faces/cloud.json").json()
    monkeypatch.setattr(neighbours, "SEARCHED", 3_000 * head["latent_dim"])
    body = gathered(client, f"/api/runs/faces/crowd-{head['version']}.bin")
    assert len(body) == 4 * 3_000 * (head["latent_dim"] + 2)


def test_a_shipped_run_brings_its_cloud(client: TestClient, store: Store) -> None:
    head = client.get("/api/runs/faces/cloud.json").json()
    assert (head["count"], head["images"]) == (5_000, False)
    assert client.get("/api/runs/faces/image/0.png").status_code == 404


def test_no_codes_and_no_images_are_said(client: TestClient, copied: Run) -> None:
    (copied.places.datasets / "digits").unlink()
    answer = client.get(f"/api/runs/{copied.id}/cloud.json")
    assert answer.status_code == 409
    assert "no codes came with it" in answer.json()["error"]


def test_an_image_comes_as_png(client: TestClient, copied: Run) -> None:
    import io

    from PIL import Image

    data = datasets.images_of(copied)
    assert data is not None
    answer = client.get(f"/api/runs/{copied.id}/image/5.png")
    with Image.open(io.BytesIO(answer.content)) as opened:
        np.testing.assert_array_equal(np.asarray(opened), data.images[5][0])
    assert client.get(f"/api/runs/{copied.id}/image/{len(data)}.png").status_code == 404


def test_a_large_decoder_is_left_to_the_server(monkeypatch: pytest.MonkeyPatch, copied: Run) -> None:
    assert models.decoder_header(copied)["layers"]
    assert models.decoder_header(copied)["why"] == ""
    monkeypatch.setattr(models, "BROWSER_PRODUCTS", 10)
    head = models.decoder_header(copied)
    assert head["layers"] == []
    assert head["why"].startswith("its network is too large for this page, with ")
    assert (head["width"], head["latent_dim"], head["stamp"]) == (16, 4, copied.stamp())


def test_a_kind_the_browser_does_not_know_is_left_to_the_server(
    monkeypatch: pytest.MonkeyPatch, copied: Run
) -> None:
    def unknown(run: Run) -> None:
        raise UnknownToBrowser("a kind of its own")

    monkeypatch.setattr(models, "browser_decoder", unknown)
    head = models.decoder_header(copied)
    assert (head["layers"], head["width"], head["latent_dim"], head["stamp"]) == ([], 16, 4, copied.stamp())
    assert head["why"] == "this page does not know the kind of its network"


def test_products_are_counted(copied: Run) -> None:
    hidden = 64
    assert models.browser_decoder(copied)[1].products == 4 * hidden + hidden * 256
