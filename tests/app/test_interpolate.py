"""Interpolation: waypoints that an address carries, paths that meet them exactly, and what is said of a path."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import shown, to_take
from helpers import config_of, until
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.plots.palette import CATEGORICAL, FADED
from app.plots.path import TRACK_EDGE, along_path, leakage_bars, paths_on_map
from app.services import datasets, geodesics, run_codes
from app.state.code_format import pack
from app.views.interpolate import attributes, tokens, tracks
from app.widgets import image_picker
from vae_core import animation
from vae_core.config import ObjectiveConfig
from vae_core.data.registry import factor_words
from vae_core.inference import LoadedModel, StoredCodes, compute_codes, load_run
from vae_core.latent.paths import through
from vae_core.places import Places
from vae_core.runs.groups import write_group
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

Open = Callable[..., AppTest]
RNG = np.random.default_rng(0)


def component(at: AppTest, name: str = "position") -> dict[str, Any]:
    """What the page handed to the picture whose handle has this name."""
    for element in at.get("bidi_component"):
        data = json.loads(element.proto.json)
        if data.get("name") == name:
            return data
    raise AssertionError(f"there is no handle {name}")


def polyline(data: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Its positions (M,) and codes (M, D), bit for bit."""
    t = np.frombuffer(base64.b64decode(data["t"]), "<f8")
    return t, np.frombuffer(base64.b64decode(data["codes"]), "<f4").reshape(len(t), -1)


def tokens_of(at: AppTest) -> list[str]:
    return [v[0] if isinstance(v := at.query_params[f"s{i}"], list) else v for i in range(1, 9) if f"s{i}" in at.query_params]  # fmt: skip


def press(at: AppTest, key: str) -> AppTest:
    return at.button(key).click().run()


def fine(at: AppTest) -> None:
    assert not at.exception, at.exception
    assert not at.error, [e.value for e in at.error]


def found_codes(run: Run) -> StoredCodes:
    codes = run_codes.codes(run)
    return codes if codes is not None else compute_codes(run, load_run(run), datasets.images_of(run))  # type: ignore[arg-type]


# ---------------------------------------------------------------- tokens and tracks


def test_a_token_names_an_image_or_a_code(copied: Run, model: LoadedModel) -> None:
    assert tokens.image_of(tokens.image_token(7)) == (None, 7)
    assert tokens.image_of(tokens.image_token(12, 3)) == (3, 12)
    code = np.array([0.5, -1.25, 0.0, 2.0], np.float32)
    assert tokens.image_of(pack(code)) is None
    gallery = image_picker.gallery(copied, model)
    assert gallery is not None
    assert gallery.labels is not None
    encoded = tokens.encoded_image_of("i3.12", copied, model, gallery)
    assert encoded is not None
    assert encoded.image is not None
    rows = np.flatnonzero(gallery.labels == 3)
    images = datasets.images_of(copied)
    assert images is not None
    assert (encoded.image == images.images[gallery.index[rows[12 % len(rows)]]]).all()
    np.testing.assert_array_equal(tokens.encoded_image_of(pack(code), copied, model, gallery).code, code)  # type: ignore[union-attr]
    for bad in ("~abc", "1,2", "nan,0,0,0", "i", "ix.3", "x"):
        assert tokens.encoded_image_of(bad, copied, model, gallery) is None
    assert tokens.encoded_image_of("i3", copied, model, None) is None


@pytest.mark.parametrize(
    "text", ["0.5,-1.25,0,2", "[0.5, -1.25, 0, 2]", "np.array([0.5, -1.25, 0.0, 2.0])", " 0.5 , -1.25,0 ,2 "]
)
def test_a_code_is_read_however_it_is_pasted(text: str) -> None:
    code = tokens.code_of(text, 4)
    assert code is not None
    assert code.tolist() == [0.5, -1.25, 0.0, 2.0]
    assert tokens.code_of(tokens.written(code), 4).tolist() == code.tolist()  # type: ignore[union-attr]
    assert tokens.code_of(text, 5) is None


def test_a_code_is_written_as_the_shortest_text_of_the_same_float32() -> None:
    plain = np.array([0.5, -1.25, 0.1, -0.0, 2, 1e-7, 123456.7, 1 / 3], np.float32)
    assert tokens.written(plain) == "0.5, -1.25, 0.1, 0, 2, 0.0000001, 123456.7, 0.33333334"
    code = (RNG.standard_normal(5000) * 10.0 ** RNG.integers(-4, 4, 5000)).astype(np.float32)
    for text, number in zip(tokens.written(code).split(", "), code, strict=True):
        assert np.float32(text) == number
        digits = len(text.lstrip("-0.").replace(".", ""))
        assert np.float32(f"{number:.{max(1, digits - 1)}g}") != number or digits == 1, (
            "no shorter text would do"
        )


def test_what_the_pad_tells_is_checked() -> None:
    image = RNG.integers(0, 256, (6, 6, 1), np.uint8)
    told = {"code": [0.5, -1, 2.0], "picture": base64.b64encode(image.tobytes()).decode()}
    found = tokens.drawing_of(told, (1, 6, 6), 3)
    assert found is not None
    assert found[0].tolist() == [0.5, -1, 2]
    np.testing.assert_array_equal(found[1], image.transpose(2, 0, 1))
    nan, inf = json.loads("[NaN, Infinity]")
    for wrong in (
        None, [], {}, told | {"code": [0.5, -1]}, told | {"code": [0.5, -1, nan]}, told | {"code": [0.5, -1, inf]},
        told | {"code": [0.5, -1, 1e7]}, told | {"code": [0.5, -1, 10**400]}, told | {"code": [0.5, -1, "2"]},
        told | {"code": [0.5, -1, True]}, told | {"code": [[0.5, -1, 2]]}, told | {"code": "abc"},
        told | {"picture": told["picture"][:-4]}, told | {"picture": "é"}, told | {"picture": "!" * 48},
        told | {"picture": None},
    ):  # fmt: skip
        assert tokens.drawing_of(wrong, (1, 6, 6), 3) is None, wrong
    assert tokens.drawing_of(told, (3, 6, 6), 3) is None


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_a_track_meets_every_waypoint_exactly_and_keeps_to_its_path(kind: str, count: int) -> None:
    ends = RNG.standard_normal((count, 5)).astype(np.float32)
    track = tracks.track(kind, ends)
    assert (track.low, track.high) == (-0.5, 1.5)
    assert np.all(np.diff(track.t) > 0)
    np.testing.assert_array_equal(track.at(track.waypoints), ends)
    np.testing.assert_array_equal(track.at(np.array([k / (count - 1) for k in range(count)])), ends)
    t = np.linspace(-0.5, 1.5, 173)
    # straight pieces between 96 or more points per unit leave an arc by little
    scale = np.abs(ends).max()
    assert np.abs(track.at(t) - through(ends, t, kind)).max() < 2e-3 * scale * count
    frames = track.frames(11)
    assert len(frames) == 21
    assert {0.0, 1.0} <= set(frames.tolist())


def test_a_geodesics_track_has_its_waypoints_and_no_overshoot() -> None:
    codes = RNG.standard_normal((1 + 3 * 16, 4)).astype(np.float32)
    track = tracks.track("geodesic", codes[::16], codes)
    assert (track.low, track.high) == (0.0, 1.0)
    np.testing.assert_array_equal(track.at(track.waypoints), codes[::16])
    np.testing.assert_array_equal(track.at(track.t), codes)
    assert track.frames(5).tolist() == [0, 0.25, 0.5, 0.75, 1]


# ---------------------------------------------------------------- groups


def stored(**changes: Any) -> StoredCodes:
    n = 60
    labels = np.arange(n) % 3
    factors = np.stack((np.linspace(0, 1, n), np.arange(n) % 2, np.full(n, 0.5)), 1).astype(np.float32)
    mean = RNG.standard_normal((n, 2)).astype(np.float32)
    usual = {
        "mean": mean, "log_var": np.zeros_like(mean), "index": np.arange(n), "labels": labels, "factors": factors,
        "error": np.zeros(n), "label_names": ("a", "b", "c"), "factor_names": ("size", "hat", "same"), "split": "test",
    }  # fmt: skip
    return StoredCodes(**{**usual, **changes})


def test_groups_are_what_they_are_called() -> None:
    codes = stored()
    assert attributes.attributes(codes, {}) == ["label", "size", "hat"]
    parts = attributes.groups(codes, "label", "b", "the rest", {})
    assert codes.labels is not None
    assert (parts.a == (codes.labels == 1)).all()
    assert (parts.b == (codes.labels != 1)).all()
    parts = attributes.groups(codes, "label", "b", "c", {})
    assert (parts.b == (codes.labels == 2)).all()
    parts = attributes.groups(codes, "size", "top third", "bottom third", {})
    assert (parts.a.sum(), parts.b.sum()) == (20, 20)
    assert parts.a[-20:].all()
    parts = attributes.groups(codes, "hat", "the higher value", "the lower value", {})
    assert (parts.a == (np.arange(60) % 2 == 1)).all()
    assert (parts.b == ~parts.a).all()


def test_sides_of_a_factor_are_called_as_its_values_are() -> None:
    smile, glasses = factor_words("faces", "smile"), factor_words("faces", "glasses")
    assert attributes.said("top third", smile) == "top third (laughing)"
    assert attributes.said("up to median", smile) == "up to median (sad)"
    assert [attributes.said(s, glasses) for s in ("the lower value", "yes")] == ["none", "worn"]
    assert attributes.said("the rest", smile) == "the rest"
    assert attributes.said("yes", None) == "yes"


def test_saved_groups_are_those_whose_codes_are_known() -> None:
    codes = stored(index=np.arange(100, 160))
    saved = {"tall": np.array([3, 101, 103]), "elsewhere": np.array([5, 900]), "the rest": np.array([159])}
    assert attributes.attributes(codes, saved) == ["label", "size", "hat", attributes.SAVED]
    assert attributes.attributes(codes, {"elsewhere": saved["elsewhere"]}) == ["label", "size", "hat"]
    first, second = attributes.sides(codes, attributes.SAVED, saved)
    assert list(first) == ["tall", "the rest"]
    assert list(second) == ["the rest", "tall"], "a group of that name is no choice of its own"
    parts = attributes.groups(codes, attributes.SAVED, "tall", "the rest", saved)
    assert np.flatnonzero(parts.a).tolist() == [1, 3]
    assert (parts.b == ~parts.a).all()
    parts = attributes.groups(codes, attributes.SAVED, "the rest", "tall", saved)
    assert np.flatnonzero(parts.a).tolist() == [59]
    assert np.flatnonzero(parts.b).tolist() == [1, 3]


def test_a_factor_with_one_common_value_still_parts_in_two() -> None:
    values = np.array([0.0] * 50 + [1.0] * 5 + [2.0] * 5, np.float32)[:, None]
    parts = attributes.groups(
        stored(factors=values, factor_names=("rare",)), "rare", "top third", "bottom third", {}
    )
    assert parts.a.sum() == 10
    assert not (parts.a & parts.b).any()


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_the_path_goes_to_the_browser_with_exact_ends(open_page: Open, copied: Run, kind: str) -> None:
    at = open_page("interpolate", run=copied.id, path=kind, steps="5", s1="i0", s2="i3.1", s3="i9")
    fine(at)
    data = component(at)
    t, codes = polyline(data)
    model = load_run(copied)
    gallery = image_picker.gallery(copied, model)
    for (place, text), token, number in zip(data["marks"], ("i0", "i3.1", "i9"), "123", strict=True):
        encoded = tokens.encoded_image_of(token, copied, model, gallery)
        assert encoded is not None
        assert text == number
        np.testing.assert_array_equal(codes[t == place][0], encoded.code)
    assert (data["low"], data["high"], data["inside"]) == (-0.5, 1.5, [0, 1])
    assert data["frames"] == [-0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]


def chart(at: AppTest) -> str:
    """What the chart under the strip is called."""
    (found,) = [
        c for c in at.get("plotly_chart") if len(json.loads(c.proto.spec)["layout"].get("shapes", ())) > 3
    ]
    return str(json.loads(found.proto.spec)["layout"]["title"]["text"])


def test_one_chart_stands_under_the_strip_and_a_link_has_it(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id)
    for name, title, told in (
        ("image change", "Image change", "how fast the decoded picture changes"),
        ("distance to real codes", "Distance to the nearest", "far above the dashed line"),
        ("probability of label", "Probability of each label", "always guessing"),
    ):
        at.selectbox("chart").set_value(name).run()
        fine(at)
        assert chart(at).startswith(title)
        assert told in shown(at)
    assert at.query_params["chart"] in ("probability of label", ["probability of label"])
    again = open_page("interpolate", run=copied.id, chart="distance to real codes")
    assert chart(again).startswith("Distance to the nearest")


def test_a_link_of_before_that_names_a_probe_opens_its_chart(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id, probe="label")
    fine(at)
    assert chart(at).startswith("Probability of each label")
    assert "probe" not in at.query_params


def test_links_of_before_open_the_same_two_images(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id, **{"from-image": "3", "to-image": "12", "to-label": "4"})
    fine(at)
    assert tokens_of(at) == ["i3", "i4.12"]
    assert "from-image" not in at.query_params


def test_a_link_opens_the_very_waypoints(open_page: Open, copied: Run) -> None:
    code = pack(np.array([0.5, -1.0, 0.25, 1.0]))
    at = open_page(
        "interpolate", run=copied.id, s1="i2", s2=code, s3="i5.0", path="spherical", position="0.125"
    )
    fine(at)
    again = open_page("interpolate", run=copied.id, **{k: v[0] if isinstance(v, list) else v for k, v in at.query_params.items() if k != "run"})  # fmt: skip
    assert tokens_of(again) == tokens_of(at) == ["i2", code, "i5.0"]
    assert component(again)["position"] == component(at)["position"] == 0.125
    assert component(again)["codes"] == component(at)["codes"]


def test_a_code_from_the_sliders_becomes_a_waypoint(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id, z="0.5,-1,0,2")
    fine(at)
    assert tokens_of(at) == ["i0", "i7", pack(np.array([0.5, -1, 0, 2]))]
    assert "z" not in at.query_params
    assert "from the sliders" in shown(at)
    t, codes = polyline(component(at))
    np.testing.assert_array_equal(codes[t == 1][0], np.array([0.5, -1, 0, 2], np.float32))


def test_a_ninth_waypoint_is_refused_and_said(open_page: Open, copied: Run) -> None:
    eight = [f"i{k}" for k in range(8)]
    at = open_page(
        "interpolate", run=copied.id, z="0.5,-1,0,2", **{f"s{k + 1}": t for k, t in enumerate(eight)}
    )
    fine(at)
    assert tokens_of(at) == eight
    assert "was not added: a path has 8 waypoints at most" in at.warning[0].value
    at.run()
    assert not at.warning


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"s1": "i0", "s2": "1,2", "s3": "i4"}, "left out"),
        ({"s1": "~zz"}, "left out"),
        ({"z": "1,2"}, "none of this run"),
    ],
)
def test_a_code_of_another_run_is_said(
    open_page: Open, copied: Run, query: dict[str, str], said: str
) -> None:
    at = open_page("interpolate", run=copied.id, **query)
    fine(at)
    assert said in at.warning[0].value
    assert all(tokens.image_of(t) for t in tokens_of(at))
    assert len(tokens_of(at)) >= 2


@pytest.mark.slow
def test_waypoints_are_added_moved_changed_and_removed(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id)
    assert tokens_of(at) == ["i0", "i7"]
    assert at.button("remove waypoint").disabled
    press(at, "add waypoint")
    assert tokens_of(at) == ["i0", "i7", "i8"]
    press(at, "earlier waypoint")
    assert tokens_of(at) == ["i0", "i8", "i7"]
    at.selectbox("waypoint label").set_value("5").run()
    assert tokens_of(at) == ["i0", "i5.8", "i7"]
    at.number_input("waypoint place").set_value(2).run()
    assert tokens_of(at) == ["i0", "i5.2", "i7"]
    at.text_input("waypoint code").set_value("1, 0, -1, 0.5").run()
    assert tokens_of(at) == ["i0", pack(np.array([1, 0, -1, 0.5])), "i7"]
    press(at, "later waypoint")
    press(at, "open waypoint 0")
    press(at, "remove waypoint")
    assert tokens_of(at) == ["i7", pack(np.array([1, 0, -1, 0.5]))]
    fine(at)
    for _ in range(6):
        press(at, "add waypoint")
    assert len(tokens_of(at)) == 8
    assert at.button("add waypoint").disabled
    fine(at)


def test_a_code_that_is_none_is_said_and_changes_nothing(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id)
    at.text_input("waypoint code").set_value("1, 2, three").run()
    assert "needs 4 numbers between commas" in at.error[0].value
    assert tokens_of(at) == ["i0", "i7"]
    at.run()
    fine(at)


def picture(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_upload_of_another_size_and_colour_is_a_waypoint(open_page: Open, copied: Run) -> None:
    array = RNG.integers(0, 256, (40, 30, 3), np.uint8)
    at = open_page("interpolate", run=copied.id)
    at.file_uploader[0].upload("mine.png", picture(array), "image/png").run()
    at.run()
    fine(at)
    model = load_run(copied)
    code = model.encode(array.transpose(2, 0, 1)).mean[0]
    t, codes = polyline(component(at))
    assert np.abs(codes[t == 0][0] - code).max() < 0.2, "encoded as any picture is"
    assert any("mine.png · its reconstruction" in c.value for c in at.caption)
    assert tokens_of(at)[1] == "i7"
    # the link carries its code
    again = open_page("interpolate", run=copied.id, s1=tokens_of(at)[0], s2="i7")
    assert np.abs(polyline(component(again))[1] - codes).max() < 1e-3


def test_an_upload_that_is_no_picture_is_said(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id)
    at.file_uploader[0].upload("bad.png", b"not an image", "image/png").run()
    assert not at.exception
    assert "bad.png" in at.error[0].value
    assert tokens_of(at) == ["i0", "i7"]


def test_a_geodesic_is_found_and_kept(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id, path="geodesic")
    fine(at)
    model = load_run(copied)
    gallery = image_picker.gallery(copied, model)
    ends = np.stack([tokens.encoded_image_of(t, copied, model, gallery).code for t in ("i0", "i7")])  # type: ignore[union-attr]
    search = geodesics.find(model, ends, 0.0)
    assert search is not None
    until(lambda: search.done, "the geodesic is found")
    assert not search.error
    at.run()
    fine(at)
    data = component(at)
    assert (data["low"], data["high"]) == (0, 1)
    codes = polyline(data)[1]
    np.testing.assert_array_equal(codes[[0, -1]], ends)
    assert search.result is not None
    np.testing.assert_array_equal(codes, search.result.codes)
    assert search.result.energy[1] <= search.result.energy[0]
    assert at.button("find geodesic").disabled
    assert sum(" · image length " in m.value for m in at.markdown) == 3, "the three paths are told apart"
    assert geodesics.start(model, ends, 0.0, None) is search, "looked for once"


def test_a_search_is_followed_and_can_be_stopped(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held at a place that it told, however fast it may be."""
    import vae_core.latent.geodesic as module

    real = module.geodesic

    def held(*args: Any, progress: Callable[[float, str], None], control: Callable[[], bool], **kwargs: Any) -> Any:  # fmt: skip
        progress(0.4, "energy 73% of the straight line's")
        until(control, "the search is stopped")
        return real(*args, progress=progress, control=control, **kwargs)

    monkeypatch.setattr(module, "geodesic", held)
    at = open_page("interpolate", run=copied.id, path="geodesic", s1="i30", s2="i31")
    until(lambda: "73%" in "".join(b.proto.text for b in at.run().get("progress")), "how far it is is shown")
    fine(at)
    (bar,) = at.get("progress")
    assert bar.proto.text.startswith("looking for the geodesic: energy 73% of the straight line's")
    assert bar.proto.value == 40
    assert component(at)["high"] == 1.5, "the straight line is shown meanwhile"
    press(at, "stop geodesic")
    until(lambda: "Stopped early" in shown(at.run()), "the best so far is taken")
    assert not at.get("progress")
    assert component(at)["high"] == 1


def test_a_search_that_is_stopped_keeps_the_best_so_far(copied: Run) -> None:
    model = load_run(copied)
    ends = RNG.standard_normal((8, 4)).astype(np.float32) * 2
    search = geodesics.start(model, ends, 1.0, found_codes(copied).mean)
    search.cancel()
    until(lambda: search.done, "the search has ended")
    assert search.result is not None
    np.testing.assert_array_equal(search.result.codes[:: geodesics.POINTS - 1], ends)
    geodesics.forget(model, ends, 1.0)
    assert geodesics.find(model, ends, 1.0) is None


def test_a_fault_of_the_search_is_a_sentence(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vae_core.latent.geodesic as module
    from vae_core.errors import BadCodes

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise BadCodes("the planted fault")

    monkeypatch.setattr(module, "geodesic", refuse)
    at = open_page("interpolate", run=copied.id, path="geodesic", s1="i20", s2="i21")
    at.run()
    until(lambda: "planted fault" in " ".join(e.value for e in at.run().error), "the fault is shown")
    assert not at.exception
    assert (component(at)["low"], component(at)["high"]) == (-0.5, 1.5), "the straight line stays"


def test_equal_waypoints_are_said(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id, s1="i4", s2="i4")
    fine(at)
    assert "All waypoints have the same code" in shown(at)
    at = open_page("interpolate", run=copied.id, s1="i4", s2="i4", s3="i5", path="spherical")
    fine(at)
    assert "Two waypoints in a row have the same code" in shown(at)


@pytest.mark.parametrize("objective", ["vae", "autoencoder"])
def test_a_code_of_one_number_and_a_posterior_without_width(
    open_page: Open, places: Places, objective: str
) -> None:
    run = Store(places).create(
        config_of(latent_dim=1, objective=ObjectiveConfig(objective).objective), f"narrow-{objective}"
    )
    assert train_run(run, places).state == FINISHED
    for kind in ("linear", "spherical"):
        at = open_page("interpolate", run=run.id, path=kind)
        fine(at)
        assert polyline(component(at))[1].shape[1] == 1


def test_a_run_without_codes_begins_at_the_prior_and_says_so(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "images_of", lambda run: None)
    monkeypatch.setattr(run_codes, "codes", lambda run, split="test": None)
    at = open_page("interpolate", run=copied.id)
    fine(at)
    text = shown(at)
    assert "This run carries no codes" in text
    assert "are not here" in text
    assert "A direction needs codes" in text
    assert len(tokens_of(at)) == 2
    assert at.get("bidi_component")


def test_images_without_labels_or_factors_have_no_probabilities(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = dataclasses.replace(found_codes(copied), labels=None, factors=None, split="bare")
    monkeypatch.setattr(run_codes, "codes", lambda run, split="test": bare)
    at = open_page("interpolate", run=copied.id)
    fine(at)
    assert "No probabilities" in shown(at)
    assert "A direction needs codes of images with labels" in shown(at)


def test_too_few_of_a_class_is_said(open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    few = dataclasses.replace(
        found_codes(copied), labels=np.zeros(len(found_codes(copied)), int), factors=None, split="few"
    )
    monkeypatch.setattr(run_codes, "codes", lambda run, split="test": few)
    at = open_page("interpolate", run=copied.id)
    fine(at)
    assert "five images or more of two classes" in shown(at)


# ---------------------------------------------------------------- directions


def test_a_direction_is_the_difference_of_the_groups(open_page: Open, copied: Run) -> None:
    codes = found_codes(copied)
    assert codes.labels is not None
    at = open_page(
        "interpolate",
        run=copied.id,
        attribute="label",
        **{"group-a": "3", "group-b": "8", "on": "waypoint 2"},
    )
    fine(at)
    data = component(at, "strength")
    t, walk = polyline(data)
    expected = codes.mean[codes.labels == 3].mean(0) - codes.mean[codes.labels == 8].mean(0)
    np.testing.assert_allclose(walk[t == 3][0] - walk[t == 0][0], 3 * expected, atol=1e-5)
    model = load_run(copied)
    encoded = tokens.encoded_image_of("i7", copied, model, image_picker.gallery(copied, model))
    assert encoded is not None
    np.testing.assert_array_equal(walk[t == 0][0], encoded.code)
    assert (data["low"], data["high"], data["name"]) == (-3, 3, "strength")
    # group B never is group A, whatever the link says
    at.selectbox("group-a").set_value("8").run()
    fine(at)
    assert at.selectbox("group-b").value != "8"


def test_a_saved_group_is_a_direction(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id)
    assert attributes.SAVED not in at.selectbox("attribute").options
    codes = found_codes(copied)
    write_group(copied, "mine", codes.index[:20])
    write_group(copied, "others", codes.index[50:80])
    at = open_page("interpolate", run=copied.id, attribute=attributes.SAVED, on="waypoint 1")
    fine(at)
    assert at.selectbox("group-a").options == ["mine", "others"]

    def step() -> np.ndarray:
        t, walk = polyline(component(at, "strength"))
        return (walk[t == 3][0] - walk[t == 0][0]) / 3

    np.testing.assert_allclose(step(), codes.mean[:20].mean(0) - codes.mean[20:].mean(0), atol=1e-5)
    at.selectbox("group-b").set_value("others").run()
    fine(at)
    np.testing.assert_allclose(step(), codes.mean[:20].mean(0) - codes.mean[50:80].mean(0), atol=1e-5)
    assert "20 images and 30 images" in shown(at)
    # the same name with other images is another direction, and other bars
    before = leakage_of(at)
    write_group(copied, "mine", codes.index[100:140])
    at.run()
    fine(at)
    np.testing.assert_allclose(step(), codes.mean[100:140].mean(0) - codes.mean[50:80].mean(0), atol=1e-5)
    assert leakage_of(at) != before


def leakage_of(at: AppTest) -> Any:
    specs = [json.loads(c.proto.spec) for c in at.get("plotly_chart")]
    return next(s["data"][0]["x"] for s in specs if s["data"][0]["type"] == "bar")


# ---------------------------------------------------------------- new weights


def test_new_weights_encode_the_waypoints_anew_and_say_so(open_page: Open, copied: Run) -> None:
    array = RNG.integers(0, 256, (16, 16), np.uint8)
    code = np.array([0.5, -1.0, 0.25, 1.0], np.float32)
    at = open_page("interpolate", run=copied.id, s1="i3", s2=pack(code), s3="i4")
    press(at, "open waypoint 2")
    at.file_uploader[0].upload("mine.png", picture(array), "image/png").run()
    at.run()
    fine(at)
    old = tokens_of(at)
    assert "encoded anew" not in shown(at)
    copied.go_on(1)
    assert train_run(copied, copied.places).state == FINISHED
    at.run()
    fine(at)
    assert "the waypoints were encoded anew" in shown(at)
    model = load_run(copied)
    t, codes = polyline(component(at))
    assert tokens_of(at)[:2] == old[:2]
    assert tokens_of(at)[2] != old[2]
    met = [codes[t == place][0] for place in (0, 0.5, 1)]
    encoded = tokens.encoded_image_of("i3", copied, model, image_picker.gallery(copied, model))
    assert encoded is not None
    np.testing.assert_array_equal(met[0], encoded.code)
    np.testing.assert_array_equal(met[1], code)
    np.testing.assert_array_equal(met[2], model.encode(array[None, None]).mean[0])
    assert component(at)["header"]["stamp"] == model.stamp
    assert any("mine.png · its reconstruction" in c.value for c in at.caption), "its picture is kept"


# ---------------------------------------------------------------- to take away


@pytest.mark.parametrize("form", ["GIF", "MP4", "PNG strip", "frames (zip)", "codes (npz)"])
def test_files_are_made_on_a_press_and_hold_the_path(open_page: Open, copied: Run, form: str) -> None:
    at = open_page("interpolate", run=copied.id, frames="5", size="32", **{"as": form})
    assert to_take(at)[0].proto.disabled
    press(at, "make file")
    fine(at)
    assert not to_take(at)[0].proto.disabled
    made = at.session_state["export"][1]
    model = load_run(copied)
    t, codes = polyline(component(at))
    path = tracks.Track("linear", t, codes, -0.5, 1.5, np.array([0.0, 1.0])).at(np.linspace(0, 1, 5))
    if form == "GIF":
        with Image.open(io.BytesIO(made)) as gif:
            assert (gif.n_frames, gif.size) == (8, (32, 32)), "five there, three back"
    elif form == "MP4":
        assert made[4:8] == b"ftyp"
    elif form == "frames (zip)":
        with zipfile.ZipFile(io.BytesIO(made)) as files:
            names = sorted(files.namelist())
            assert len(names) == 5
            with Image.open(files.open(names[-1])) as last:
                small = np.asarray(last.convert("L"))[::2, ::2]
        assert (small == model.decode_uint8(codes[t == 1][0])[0, 0]).all(), (
            "the end is the decode of its code"
        )
    elif form == "codes (npz)":
        with np.load(io.BytesIO(made), allow_pickle=False) as npz:
            np.testing.assert_array_equal(npz["codes"], path)
            np.testing.assert_array_equal(npz["stations"], path[[0, -1]])
    else:
        with Image.open(io.BytesIO(made)) as strip:
            assert strip.height >= 32
            assert strip.width >= 5 * 32
    at.number_input("frames").set_value(6).run()
    assert to_take(at)[0].proto.disabled, "more frames are another file"


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_a_file_may_go_beyond_the_ends(open_page: Open, copied: Run, kind: str) -> None:
    at = open_page(
        "interpolate",
        run=copied.id,
        path=kind,
        frames="9",
        beyond="true",
        s1="i0",
        s2="i7",
        s3="i9",
        **{"as": "codes (npz)"},
    )
    press(at, "make file")
    fine(at)
    t, codes = polyline(component(at))
    with np.load(io.BytesIO(at.session_state["export"][1]), allow_pickle=False) as npz:
        np.testing.assert_allclose(npz["t"], np.linspace(-0.5, 1.5, 9))
        # -0.5 -0.25 0 ... 1 1.25 1.5: three of them are the waypoints
        np.testing.assert_array_equal(npz["codes"][[2, 4, 6]], npz["stations"])
        np.testing.assert_array_equal(npz["stations"], codes[np.isin(t, (0, 0.5, 1))])
        np.testing.assert_allclose(npz["codes"][[0, -1]], codes[[0, -1]], atol=1e-6)
    at.checkbox("beyond").set_value(False).run()
    assert to_take(at)[0].proto.disabled, "between the ends is another file"


def test_a_geodesic_has_no_beyond(open_page: Open, copied: Run) -> None:
    at = open_page(
        "interpolate", run=copied.id, frames="5", beyond="true", path="geodesic", **{"as": "codes (npz)"}
    )
    model = load_run(copied)
    gallery = image_picker.gallery(copied, model)
    ends = np.stack([tokens.encoded_image_of(t, copied, model, gallery).code for t in ("i0", "i7")])  # type: ignore[union-attr]
    search = geodesics.find(model, ends, 0.0)
    assert search is not None
    until(lambda: search.done, "the geodesic is found")
    at.run()
    assert at.checkbox("beyond").disabled
    press(at, "make file")
    fine(at)
    with np.load(io.BytesIO(at.session_state["export"][1]), allow_pickle=False) as npz:
        np.testing.assert_array_equal(npz["t"], np.linspace(0, 1, 5))


def test_decoding_tells_how_far_it_is(model: LoadedModel) -> None:
    codes, told = RNG.standard_normal((70, 4)).astype(np.float32), []
    found = tracks.decoded(model, codes, lambda share, what: told.append((round(share, 3), what)))
    assert np.abs(found.astype(int) - model.decode_uint8(codes)).max() <= 1
    assert told == [
        (0.457, "decoded 32 of 70 frames"), (0.914, "decoded 64 of 70 frames"), (1, "decoded 70 of 70 frames"),
    ]  # fmt: skip


def test_without_ffmpeg_there_is_no_mp4_and_the_page_says_so(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "ffmpeg", lambda: None)
    at = open_page("interpolate", run=copied.id, **{"as": "MP4"})
    fine(at)
    assert at.button("make file").disabled
    assert "MP4 needs ffmpeg" in shown(at)


# ---------------------------------------------------------------- figures


def test_charts_along_a_path_share_its_axis_and_mark_the_place() -> None:
    t = np.linspace(-0.5, 1.5, 9)
    figure = along_path(
        "Image change, pixels per unit of path", t, [("change", np.arange(8.0))], low=-0.5, high=1.5, waypoints=[0, 1],
        position=0.25, reference=("usual", 3.0),
    )  # fmt: skip
    low, high = figure.layout.xaxis.range
    # position t lies where the strip's picture of it does: 4 % of the width in from either end
    assert (-0.5 - low) / (high - low) == pytest.approx(0.04)
    assert (high - 1.5) / (high - low) == pytest.approx(0.04)
    assert (figure.layout.margin.l, figure.layout.margin.r) == (0, 0)
    np.testing.assert_allclose(figure.data[0].x, (t[:-1] + t[1:]) / 2)
    assert 0.25 in [shape.x0 for shape in figure.layout.shapes]
    assert 3.0 in [shape.y0 for shape in figure.layout.shapes]
    assert figure.layout.uirevision == "keep"


def test_the_strips_edge_is_the_charts() -> None:
    from app.components.path import EDGE

    assert EDGE == TRACK_EDGE


def test_the_map_of_paths_and_the_leakage_bars() -> None:
    line = np.stack((np.linspace(0, 1, 5), np.zeros(5)), 1)
    figure = paths_on_map(RNG.standard_normal((20, 2)), [("linear", line)], line[[0, -1]], x="z0", y="z1", title="Paths")  # fmt: skip
    assert [trace.name for trace in figure.data] == ["images", "linear", "waypoints"]
    assert list(figure.data[-1].text) == ["1", "2"]
    bars = leakage_bars(["a", "b"], np.array([0.5, 0.1]), np.array([0.4, -0.1]), np.array([0.6, 0.3]), "change").data[0]  # fmt: skip
    np.testing.assert_allclose(bars.error_x.array, [0.1, 0.2])
    np.testing.assert_allclose(bars.error_x.arrayminus, [0.1, 0.2])
    assert list(bars.marker.color) == [CATEGORICAL[0], FADED]
