import itertools
import json

import numpy as np
import pytest
from helpers import config_of

from vae_core.data import list_specs, open_images
from vae_core.data.imageset import SPLIT_SEED
from vae_core.data.sets import faces
from vae_core.errors import BadConfig, BadFactors
from vae_core.places import Places

NEUTRAL = {
    "smile": 0.6, "eyes": 0.8, "gaze": 0.5, "glasses": 0, "hair_colour": 0.3, "hair_length": 0.4, "skin": 0.3,
    "face_width": 0.5, "beard": 0, "background": 0.6,
}  # fmt: skip
SMOOTH = [attribute.name for attribute in faces.ATTRIBUTES if not attribute.binary]
BINARY = [attribute.name for attribute in faces.ATTRIBUTES if attribute.binary]


FIRST_PIXELS = [[165, 220, 225], [209, 143, 58], [51, 38, 46]]


def vector(**changes):
    return np.array([[{**NEUTRAL, **changes}[name] for name in faces.NAMES]], float)


def draw(side=64, style=faces.SECOND, **changes):
    """One picture, int (3, side, side) in 0 to 255."""
    return faces.render(vector(**changes), side, style)[0].astype(int)


def changed(a, b):
    """The smallest box around all pixels that differ: its (top, bottom, left, right)."""
    rows, columns = np.nonzero(np.abs(a - b).max(axis=0))
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_a_render_is_uint8_with_three_channels_and_repeats():
    attributes = faces.sample(np.random.default_rng(0), faces.BATCH + 5)
    images = faces.render(attributes)
    assert images.shape == (faces.BATCH + 5, 3, 64, 64)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, faces.render(attributes))
    assert faces.render(attributes[:0]).shape == (0, 3, 64, 64)


def test_a_face_does_not_depend_on_its_neighbours():
    attributes = faces.sample(np.random.default_rng(1), 7)
    alone = np.concatenate([faces.render(one[None]) for one in attributes]).astype(int)
    assert np.abs(faces.render(attributes) - alone).max() <= 1  # the last digit of vector arithmetic


@pytest.mark.parametrize("name", faces.NAMES)
def test_every_attribute_shows(name):
    rng = np.random.default_rng(2)
    low, high = (faces.sample(rng, 24) for _ in range(2))
    high[:] = low
    low[:, faces.NAMES.index(name)], high[:, faces.NAMES.index(name)] = 0, 1
    difference = np.abs(faces.render(low).astype(int) - faces.render(high))
    assert difference.mean(axis=(1, 2, 3)).min() > 0.8
    # and not as a faint veil: somewhere it is plain to see
    assert difference.max(axis=(1, 2, 3)).min() > 35


@pytest.mark.parametrize("name", SMOOTH)
def test_a_small_change_changes_little(name):
    steps = 401
    path = np.repeat(faces.sample(np.random.default_rng(3), 1, {"eyes": 0.6}), steps, axis=0)
    path[:, faces.NAMES.index(name)] = np.linspace(0, 1, steps)
    images = faces.render(path).astype(float).reshape(steps, -1)
    change = np.abs(np.diff(images, axis=0))
    # no jump: a 400th of the way is never more than a 40th of all the change there is, nor plain in one pixel
    assert change.mean(axis=1).max() < change.mean(axis=1).sum() / 40
    assert change.max() < 40


def test_a_smile_moves_only_mouth_and_cheeks():
    top, bottom, left, right = changed(draw(smile=0.0), draw(smile=1.0))
    assert top >= 32
    assert bottom <= 52
    assert left >= 12
    assert right <= 51
    # the nose stands above the mouth and keeps still
    np.testing.assert_array_equal(draw(smile=0.0)[:, 36:40, 30:34], draw(smile=1.0)[:, 36:40, 30:34])


def test_the_mouth_bends_with_the_smile():
    def redness_by_row(smile, columns):
        mouth = draw(smile=smile, beard=0, skin=0.0)[:, 39:50, columns]
        darkness = (255 - mouth[1]).astype(float) ** 4  # the lips are the least green
        return (darkness * np.arange(39, 50)[:, None]).sum() / darkness.sum()

    middle, corner = slice(31, 33), slice(28, 29)
    assert redness_by_row(0.0, middle) < redness_by_row(0.0, corner)  # corners hang
    assert redness_by_row(0.5, middle) > redness_by_row(0.5, corner)  # corners rise


def test_eyes_open_and_gaze_stay_within_the_eyes():
    for name in ("eyes", "gaze"):
        top, bottom, left, right = changed(draw(**{name: 0.0}), draw(**{name: 1.0}))
        assert top >= 25
        assert bottom <= 38
        assert left >= 16
        assert right <= 47
    white = [
        (draw(eyes=eyes, skin=1.0)[:, 27:37, 17:30].min(axis=0) > 140).sum() for eyes in (0, 0.3, 0.6, 1)
    ]
    assert white[0] > 10, "the eyes are never shut"
    assert white == sorted(white)
    assert white[-1] > 35


def test_the_gaze_is_seen_however_little_the_eyes_are_open():
    looks = [draw(eyes=0, gaze=gaze) for gaze in (0, 0.5, 1)]
    assert min(np.abs(a - b).max() for a, b in itertools.pairwise(looks)) > 60
    # unlike those of the first version, which shut
    shut = [draw(eyes=0, gaze=gaze, style=faces.FIRST) for gaze in (0, 1)]
    np.testing.assert_array_equal(*shut)


@pytest.mark.parametrize("name", ["hair", "background"])
def test_palettes_run_one_way(name):
    """So that one number of a code can follow them: every step leads away from where it began, none back."""

    def away(style):
        colours = faces.canvas.pick(getattr(style, name), np.linspace(0, 1, 50))
        return np.linalg.norm(colours - colours[0], axis=1)

    assert (np.diff(away(faces.SECOND)) > 0).all()
    assert (np.diff(away(faces.FIRST)) < 0).any(), "the first version's ran in a loop"


def test_there_is_one_shirt():
    collar = np.s_[:, 60:64, 26:38]
    np.testing.assert_array_equal(draw(background=0)[collar], draw(background=1)[collar])


@pytest.mark.parametrize("glasses", [0, 1])
@pytest.mark.parametrize("beard", [0, 1])
def test_a_mirrored_face_looks_the_other_way(glasses, beard):
    # all but the hair and its shadow, which end above row 28 and beside these columns
    within = np.s_[:, 29:52, 19:45]
    for gaze, style in [(g, s) for g in (0.0, 0.3, 0.5) for s in (faces.FIRST, faces.SECOND)]:
        one = draw(gaze=gaze, glasses=glasses, beard=beard, style=style)
        other = draw(gaze=1 - gaze, glasses=glasses, beard=beard, style=style)[:, :, ::-1]
        assert np.abs(one[within] - other[within]).max() <= 1


def test_the_background_leaves_the_face_alone():
    one, other = draw(background=0.0), draw(background=1.0)
    assert np.abs(one - other)[:, :3].min(axis=0).max() > 3
    np.testing.assert_array_equal(one[:, 14:45, 20:44], other[:, 14:45, 20:44])


def test_skin_and_hair_run_from_light_to_deep_and_dark_to_light():
    forehead = [draw(skin=skin)[:, 22, 27].sum() for skin in np.linspace(0, 1, 6)]
    assert forehead == sorted(forehead, reverse=True)
    crown = [draw(hair_colour=colour)[:, 9, 40].sum() for colour in np.linspace(0, 1, 6)]
    assert crown == sorted(crown)


def test_long_hair_hides_more_of_the_background_and_a_wide_face_too():
    bare = faces.SECOND.background[0] * 255

    def seen(**changes):
        picture = draw(background=0, **changes)
        disc = bare + (255 - bare) * 0.45
        return sum((np.abs(picture - colour[:, None, None]).max(axis=0) < 2).sum() for colour in (bare, disc))

    lengths = [seen(hair_length=length) for length in np.linspace(0, 1, 6)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] - lengths[-1] > 200
    assert seen(face_width=1) < seen(face_width=0) - 100


@pytest.mark.parametrize("name", faces.NAMES)
@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf])
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(BadFactors, match=name):
        faces.render(vector(**{name: value}))


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_attribute_is_0_or_1(name):
    with pytest.raises(BadFactors, match=name):
        faces.render(vector(**{name: 0.5}))


@pytest.mark.parametrize(
    "attributes", [np.zeros(10), np.zeros((2, 9)), np.array([["a"] * 10]), np.zeros((1, 10), complex)]
)
def test_other_shapes_and_kinds_are_refused(attributes):
    with pytest.raises(BadFactors):
        faces.render(attributes)


def test_the_sampler_keeps_what_is_fixed_and_draws_the_rest():
    fixed = {"smile": 0.25, "glasses": 1}
    attributes = faces.sample(np.random.default_rng(4), 2000, fixed)
    assert attributes.shape == (2000, 10)
    for column, attribute in enumerate(faces.ATTRIBUTES):
        values = attributes[:, column]
        if attribute.name in fixed:
            assert set(values) == {fixed[attribute.name]}
        elif attribute.binary:
            assert set(values) == {0, 1}
            assert 0.45 < values.mean() < 0.55
        else:
            assert np.histogram(values, 10, (0, 1))[0].min() > 140
    np.testing.assert_array_equal(attributes, faces.sample(np.random.default_rng(4), 2000, fixed))


@pytest.mark.parametrize("fixed", [{"hat": 1}, {"smile": 2}, {"beard": 0.5}])
def test_the_sampler_refuses_what_it_cannot_fix(fixed):
    with pytest.raises(BadFactors):
        faces.sample(np.random.default_rng(0), 3, fixed)


def test_sides_agree():
    """A face at half the side is the face at full side, averaged, but for the edges."""
    large = draw(128).reshape(3, 64, 2, 64, 2).mean(axis=(2, 4))
    assert np.abs(large - draw(64)).mean() < 3
    with pytest.raises(BadFactors):
        draw(8)


@pytest.mark.parametrize("side", faces.SIDES)
def test_the_dataset_opens_with_its_attributes(tmp_path, monkeypatch, side):
    monkeypatch.setattr(faces, "COUNT", 620)
    images = open_images("faces", side, Places(home=tmp_path, data_dir=tmp_path))
    assert images.shape == (3, side, side)
    assert len(images) == 620
    assert images.factor_names == faces.NAMES
    assert set(np.unique(images.labels)) == {0, 1, 2, 3}
    for index in range(20):
        attributes = dict(zip(faces.NAMES, images.factors[index], strict=True))
        words = [name for name in ("glasses", "beard") if attributes[name]]
        assert images.label_of(index) == (" and ".join(words) or "plain")
    np.testing.assert_array_equal(images.images[:5], faces.render(faces.default_set()[:5], side))


def test_the_first_version_is_still_built(tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "COUNT", 620)
    places = Places(home=tmp_path, data_dir=tmp_path)
    first, second = open_images("faces_1", 32, places), open_images("faces", 32, places)
    assert (first.version, second.version) == (1, 2)
    vectors = faces.default_set(faces.FIRST_SEED)
    np.testing.assert_array_equal(first.images[:5], faces.render(vectors[:5], 32, faces.FIRST))
    assert first.factor_names == second.factor_names
    assert "faces_1" not in [spec.name for spec in list_specs(places)]
    # a pixel of its background, ears and shirt as they were drawn before there was another version
    assert first.images[0, :, 0, 0].tolist() == FIRST_PIXELS[0]
    assert first.images[1, :, 31, 16].tolist() == FIRST_PIXELS[1]
    assert first.images[2, :, 16, 12].tolist() == FIRST_PIXELS[2]


@pytest.mark.parametrize(("data", "name"), [({}, "faces"), ({"shape": [3, 64, 64]}, "faces_1"),
                                            ({"shape": [3, 64, 64], "version": 2}, "faces")])  # fmt: skip
def test_a_run_is_looked_at_with_the_faces_that_it_learned_from(store, data, name):
    run = store.create(config_of(dataset="faces", side=64), "old")
    raw = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps(raw | {"data": data}))
    assert run.record().effective.data.dataset == name


def test_the_faces_that_a_page_opens_on_smile():
    test = np.sort(np.random.default_rng(SPLIT_SEED).permutation(faces.COUNT)[: faces.COUNT // 10])
    for number in (0, test[0]):
        face = dict(zip(faces.NAMES, faces.default_set()[number], strict=True))
        assert face["smile"] > 0.65
        assert face["eyes"] > 0.65
        assert not face["beard"]


def test_the_default_set_is_always_the_same():
    attributes = faces.default_set()
    assert attributes.shape == (10_000, 10)
    np.testing.assert_array_equal(attributes, faces.default_set())


def test_another_side_is_refused(tmp_path):
    places = Places(home=tmp_path, data_dir=tmp_path)
    with pytest.raises(BadConfig):
        open_images("faces", 28, places)
    with pytest.raises(BadConfig):
        faces.build(28, places, lambda share, what: None)
