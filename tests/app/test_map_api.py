"""What the map fetches: published numbers, tiles of small pictures, pairs of image and reconstruction."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import web
from app.components import map as latent_map
from app.services import array_store, datasets, run_codes, runs
from app.services.cache import LruCache
from vae_core.data import open_images
from vae_core.inference import compute_codes, load_run
from vae_core.pictures import sheet
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.worker import train_run


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=web.ROUTES))


def picture(content: bytes) -> np.ndarray:
    """PNG -> uint8 (H, W) or (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(content)))


def test_published_numbers_come_back_bit_for_bit(client: TestClient) -> None:
    xy = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    answer = client.get(array_store.url(xy))
    assert np.frombuffer(answer.content, "<f4").reshape(50, 2).tobytes() == xy.tobytes()
    assert "immutable" in answer.headers["cache-control"]
    assert array_store.url(xy.copy()) == array_store.url(xy), "the same content has the same address"
    assert array_store.url(xy, "<i4") != array_store.url(xy)
    assert client.get("/api/arrays/nothing.bin").status_code == 410


def test_a_published_picture_comes_back_as_one(client: TestClient) -> None:
    png = sheet(np.arange(12, dtype=np.uint8).reshape(1, 1, 1, 3, 4))
    found = array_store.picture(png)
    assert (found["width"], found["height"]) == (4, 3)
    answer = client.get(found["url"])
    assert answer.content == png
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/api/arrays/nothing.png").status_code == 410


def test_the_oldest_numbers_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_store, "_arrays", LruCache(1000, size=lambda array: array.nbytes))
    first, second = array_store.publish(np.zeros(100), "<f4"), array_store.publish(np.ones(100), "<f4")
    assert array_store.find(first) is not None  # and is now the one used last
    third = array_store.publish(np.full(100, 2.0), "<f4")
    assert array_store.find(second) is None
    assert array_store.find(first) is not None
    assert array_store.find(third) is not None
    big = array_store.publish(np.zeros(5000), "<f4")
    assert array_store.find(big) is not None, "the newest is kept whatever its size"


@pytest.fixture
def coded(copied: Run, places: Places) -> tuple[Run, np.ndarray]:
    """A run whose test images are here and encoded: with their numbers."""
    data = open_images("digits", 16, places)
    return copied, compute_codes(copied, load_run(copied), data, "test").index


def test_a_tile_holds_the_images_in_their_order(
    client: TestClient, coded: tuple[Run, np.ndarray], places: Places
) -> None:
    run, numbers = coded
    order = numbers[::-1][:70]
    digest = array_store.publish(order, "<i4")
    path = f"/api/runs/{run.id}/atlas/{run.stamp()}/test/{digest}"
    images = np.asarray(open_images("digits", 16, places).images)
    first = picture(client.get(f"{path}-0.png").content).reshape(8, 16, 8, 16).transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(first.reshape(64, 16, 16), images[order[:64], 0])
    second = picture(client.get(f"{path}-1.png").content).reshape(8, 16, 8, 16).transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(second.reshape(64, 16, 16)[:6], images[order[64:], 0])
    assert not second.reshape(64, 16, 16)[6:].any()
    assert client.get(f"{path}-2.png").status_code == 404
    assert client.get(path.replace(digest, "forgotten") + "-0.png").status_code == 410
    wrong = array_store.publish(np.array([10**6]), "<i4")
    assert client.get(path.replace(digest, wrong) + "-0.png").status_code == 404


def test_without_the_images_codes_are_decoded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.store().find("shapes")
    monkeypatch.setattr(datasets, "images_of", lambda run: None)
    codes = run_codes.codes(run)
    assert codes is not None
    numbers = codes.index[[5, 2, 9]]
    decoded = load_run(run).decode_uint8(codes.mean[[5, 2, 9]])
    path = f"/api/runs/{run.id}/atlas/{run.stamp()}/{codes.split}/{array_store.publish(numbers, '<i4')}-0.png"
    tile = picture(client.get(path).content)
    expected = decoded.reshape(3, decoded.shape[1], 32, 2, 32, 2).mean((3, 5))  # squares of 2×2
    tile = tile.reshape(8 * 32, 8 * 32, -1)
    for k in range(3):
        found = tile[:32, 32 * k : 32 * k + 32].transpose(2, 0, 1)
        assert np.abs(found - expected[k]).max() <= 1
    alone = picture(
        client.get(f"/api/runs/{run.id}/pair/{run.stamp()}/{codes.split}/{numbers[0]}.png").content
    )
    assert alone.shape[:2] == (64, 64), "the reconstruction alone"
    gone = client.get(f"/api/runs/{run.id}/pair/older/{codes.split}/{numbers[0]}.png")
    assert gone.status_code == 410
    assert "weights changed" in gone.json()["error"]


def test_codes_that_the_last_epoch_kept_are_decoded_where_the_images_are_elsewhere(
    client: TestClient, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = copied.epoch_codes()[-1]
    monkeypatch.setattr(datasets, "images_of", lambda run: None)
    decoded = load_run(copied).decode_uint8(kept.mean[[4, 1]])[:, 0]
    numbers = kept.images[[4, 1]]
    alone = picture(
        client.get(f"/api/runs/{copied.id}/pair/{copied.stamp()}/epochs/{numbers[0]}.png").content
    )
    np.testing.assert_array_equal(alone, decoded[0])
    tiles = f"/api/runs/{copied.id}/atlas/{copied.stamp()}/epochs/{array_store.publish(numbers, '<i4')}-0.png"
    tile = picture(client.get(tiles).content)
    assert np.abs(tile[:16, 16:32].astype(int) - decoded[1]).max() <= 1


def test_the_codes_of_epochs_are_read_once_until_there_are_more(copied: Run) -> None:
    first = run_codes.epoch_codes(copied)
    assert run_codes.epoch_codes(copied) is first
    copied.go_on(1)
    assert train_run(copied, copied.places).state == FINISHED
    again = run_codes.epoch_codes(copied)
    assert len(again) == len(first) + 1


def test_a_pair_is_the_image_beside_its_reconstruction(
    client: TestClient, coded: tuple[Run, np.ndarray], places: Places
) -> None:
    run, numbers = coded
    model, images = load_run(run), open_images("digits", 16, places).images
    number = int(numbers[3])
    found = picture(client.get(f"/api/runs/{run.id}/pair/{run.stamp()}/test/{number}.png").content)
    np.testing.assert_array_equal(found[:, :16], images[number, 0])
    rebuilt = np.rint(model.reconstruct(images[number : number + 1])[0, 0] * 255)
    assert np.abs(found[:, 16:] - rebuilt).max() <= 1
    other = next(i for i in range(len(images)) if i not in numbers)
    unstored = client.get(f"/api/runs/{run.id}/pair/{run.stamp()}/test/{other}.png")
    assert picture(unstored.content).shape == (16, 32), "encoded for it"
    assert client.get(f"/api/runs/{run.id}/pair/{run.stamp()}/test/99999.png").status_code == 404
    older = picture(client.get(f"/api/runs/{run.id}/pair/older/test/{number}.png").content)
    np.testing.assert_array_equal(older, images[number, 0], "no reconstruction by other weights")


def test_neighbours_on_the_map_share_tiles() -> None:
    side = np.arange(64)
    xy = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)[np.random.default_rng(0).permutation(4096)]
    order = latent_map.morton(xy.astype(np.float32))
    assert sorted(order) == list(range(4096))
    for tile in xy[order].reshape(64, 64, 2):  # 64 places of a square of eight by eight
        assert (np.ptp(tile, axis=0) == 7).all()


def test_the_first_tiles_show_pictures_from_everywhere() -> None:
    xy = np.random.default_rng(1).uniform(size=(20_000, 2)).astype(np.float32)
    order = latent_map.along_tiles(xy)
    assert sorted(order) == list(range(len(xy)))
    first = latent_map.OVERVIEW[0] * latent_map.TILE
    met = {tuple(cell) for cell in np.floor(xy[order[:first]] * 8).astype(int)}
    assert len(met) == 64, "each of eight by eight fields has one among them"
    rest = order[sum(latent_map.OVERVIEW) * latent_map.TILE :]
    tile = xy[rest[latent_map.TILE : 2 * latent_map.TILE]]
    assert np.ptp(tile, axis=0).max() < 0.3, "neighbours share the others"
    assert sorted(latent_map.along_tiles(xy[:100])) == list(range(100))


def test_selections_travel_as_bits() -> None:
    inside = np.random.default_rng(0).random(77) < 0.3
    np.testing.assert_array_equal(latent_map.rows_of(latent_map.bits_of(inside), 77), inside)
    assert latent_map.bits_of(np.zeros(9, bool)) == ""
    for nonsense in ("", "????", "AAAA", "é"):
        assert not latent_map.rows_of(nonsense, 77).any()


def test_colours_say_what_is_missing() -> None:
    colour = latent_map.classes(np.array([0, 1, -1, 7]), ["a", "b"], "letter")
    digest = colour["values"].split("/")[-1].removesuffix(".bin")
    kept = array_store.find(digest)
    assert kept is not None
    assert kept.tolist() == [0, 1, 255, 255]
    values = np.append(np.arange(101.0), np.nan)
    number = latent_map.numbers(values, "error, nats")
    assert (number["low"], number["high"]) == (1.0, 99.0)
    assert latent_map.numbers(np.full(3, np.nan), "x")["high"] == 1.0
