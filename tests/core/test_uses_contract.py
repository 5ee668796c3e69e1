"""What all uses share: intervals, results and where they are kept, runs opened for use, networks learned for one number."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil

import numpy as np
import pytest
from helpers import blob_set, config_of, write_blobs

from vae_core.data import open_images
from vae_core.errors import BadConfig, BadRun, DataUnavailable, NoEncoder
from vae_core.options import leaves
from vae_core.places import Places
from vae_core.runs.record import FAILED, FINISHED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import kept, subject
from vae_core.uses.found import LOSES, OPEN, WINS, Found, Row, best, from_json, verdict
from vae_core.uses.intervals import Interval, of_mean, of_share, of_statistic, over_seeds, share_over_seeds
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES, UseSettings
from vae_core.uses.subject import NoLabels, NoWeights, learned, open_subject, part_of, usable

USE = USES["compress"]

# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(10, 20, 0.2993, 0.7007), (1, 10, 0.0179, 0.4042), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)  # fmt: skip
def test_shares_have_wilsons_interval(hits, count, low, high):
    """The last is the example of Newcombe (1998), table I, method 3."""
    found = of_share(hits, count)
    assert (found.value, found.count) == (hits / count, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_seeds_have_students_interval():
    found = over_seeds([1, 2, 3, 4, 5])
    half = 2.776445 * 2.5**0.5 / 5**0.5  # t of 4 degrees of freedom at 0.975, times s / √n
    assert (found.value, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half), abs=1e-5)
    assert over_seeds([0.0, 1.0]).high == pytest.approx(0.5 + 12.7062 * 0.5, abs=1e-3), "t of one degree"
    assert over_seeds([2.0, np.nan, 4.0, np.inf]) == over_seeds([2.0, 4.0])


def test_a_share_over_seeds_ends_at_0_and_1():
    assert share_over_seeds([0.9, 1.0, 1.0]).high == 1.0 < over_seeds([0.9, 1.0, 1.0]).high
    assert share_over_seeds([0.0, 0.1]).low == 0.0
    assert share_over_seeds([0.5, 0.51, 0.5]) == over_seeds([0.5, 0.51, 0.5])
    assert share_over_seeds([1.0]) == Interval(1.0, None, None, 1)


def test_the_bootstrap_covers_the_mean_in_about_95_of_100_samples():
    rng, hits, widths = np.random.default_rng(0), 0, []
    for _ in range(400):
        found = of_mean(rng.normal(7.0, 2.0, 50), rng, draws=200)
        hits += found.low <= 7.0 <= found.high
        widths.append(found.high - found.low)
    assert 0.90 < hits / 400 < 0.98
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 2 / 50**0.5, rel=0.06)


def test_of_one_value_there_is_no_interval_and_of_none_no_value():
    rng = np.random.default_rng(0)
    assert of_mean(np.array([3.0]), rng) == over_seeds([3.0]) == Interval(3.0, None, None, 1)
    for found in (of_mean(np.zeros(0), rng), over_seeds([]), over_seeds([np.nan]), of_share(0, 0)):
        assert found == Interval(None, None, None, 0)


def test_draws_in_which_a_statistic_has_no_value_do_not_count():
    images = np.arange(10)  # image 0 alone gives it a value, and a draw has that image in 65 of 100 cases
    found = of_statistic(
        lambda rows: float(images[rows].mean()) if 0 in rows else np.nan, 10, np.random.default_rng(0)
    )
    assert found.value == 4.5
    assert 0 < found.low < 4.5 < found.high < 9
    never = of_statistic(lambda rows: np.inf, 10, np.random.default_rng(0))
    assert never == Interval(None, None, None, 10)
    seldom = of_statistic(  # less than half of the draws
        lambda rows: 1.0 if len(set(rows[:3])) == 3 and rows[0] < 2 else np.nan, 10, np.random.default_rng(0)
    )
    assert seldom == Interval(1.0, None, None, 10)


def test_the_same_generator_gives_the_same_interval():
    values = np.random.default_rng(1).random(30)
    a, b = (of_mean(values, np.random.default_rng(5), 100) for _ in range(2))
    assert a == b


# ---------------------------------------------------------------- what was found


def row(value=1.0, low=None, high=None, *, method="m", ours=False, metric="PSNR", up=True, **at):
    return Row(method, ours, metric, "dB", value, low, high, 9, at, up)


def found_of(value=1.0, **pictures):
    rows = [
        row(value, 0.5, 1.5, ours=True, σ=0.25),
        row(None, method="none", kind="a <b> word"),
        row(2.0, metric="bytes", up=False),
    ]
    return Found(rows, ["One *sentence*.", "Another."], {"curve": [[0.5, None], ["α", True]]}, pictures, 1.25)


def test_what_was_found_comes_back_from_json():
    found = found_of(shown=np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4))
    back = from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)), found.pictures)
    assert list(back.rows) == list(found.rows)
    assert list(back.sentences) == list(found.sentences)
    assert (back.more, back.seconds) == (found.more, found.seconds)
    assert back.pictures is found.pictures
    for damaged in ({}, [], {**found.to_json(), "rows": [{"method": "m"}]}, {**found.to_json(), "rows": 3}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            from_json(damaged, {})


def test_every_sentence_begins_with_a_capital():
    said = ["interpolation is left out at 1 a class.", "β is 2.", "100 images.", "All."]
    assert list(Found([], said).sentences) == [
        "Interpolation is left out at 1 a class.", "β is 2.", "100 images.", "All.",
    ]  # fmt: skip
    assert from_json({**found_of().to_json(), "sentences": said}, {}).sentences[0][:5] == "Inter"


def test_rows_are_found_by_metric_conditions_and_whose_they_are():
    found = found_of()
    assert [one.method for one in found.of("PSNR")] == ["m", "none"]
    assert found.of("PSNR", {"σ": 0.25}) == found.of("PSNR", ours=True) == [found.rows[0]]
    assert found.of("PSNR", {"σ": 0.5}) == found.of("bytes", ours=True) == []


def test_the_best_row_is_the_highest_or_where_less_is_better_the_lowest():
    rows = [row(1.0), row(3.0), row(None), row(np.nan), row(2.0)]
    assert best(rows) is rows[1]
    fewer = [row(4.0, up=False), row(-1.0, up=False), row(None, up=False)]
    assert best(fewer) is fewer[1]
    assert best([]) is best([row(None)]) is None


def test_a_verdict_takes_intervals_that_lie_apart():
    a, b, between = row(1, 0.9, 1.1), row(2, 1.9, 2.1), row(1.5, 1.0, 2.0)
    assert (verdict(b, a), verdict(a, b), verdict(between, a), verdict(between, b)) == (
        WINS,
        LOSES,
        OPEN,
        OPEN,
    )
    fewer_a, fewer_b = (dataclasses.replace(one, up=False) for one in (a, b))
    assert (verdict(fewer_a, fewer_b), verdict(fewer_b, fewer_a)) == (WINS, LOSES)
    assert verdict(row(1, 0.5, 1.0), row(1, 1.0, 1.5)) == OPEN, "they touch"
    assert verdict(row(9), a) == verdict(a, row(None)) == OPEN, "one has no interval"
    assert verdict(row(0.5, 0.0, 1.0), row(-1, -2, -0.1)) == WINS, "an end at 0 is an end"


# ---------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with the blobs, and a VAE, a GAN and a dial of them; for reading only."""
    places = Places(tmp_path_factory.mktemp("uses"), tmp_path_factory.mktemp("downloads"))
    write_blobs(places.datasets)
    for objective in ("vae", "gan", "multi_rate"):
        made = Store(places).create(config_of(objective=objective, epochs=1), objective)
        status = train_run(made, places)
        assert status.state == FINISHED, status.error
    return places


@pytest.fixture(scope="module")
def vae(home):
    return Store(home).find("vae")


@pytest.fixture
def mine(vae, places):
    """The VAE in a home of its own, free to be changed."""
    shutil.copytree(vae.path, places.runs / vae.id)
    return Run(places.runs / vae.id, places)


@pytest.fixture
def kept_one(mine):
    """What was kept of it, and where."""
    found = found_of(shown=np.arange(6, dtype=np.uint8))
    return found, kept.keep(mine, mine.stamp(), USE, USE.settings(), found)


def test_what_is_kept_is_found_again(mine, kept_one):
    found, path = kept_one
    back = kept.find(mine, USE, USE.settings())
    assert back is not None
    assert back.to_json() == found.to_json()
    np.testing.assert_array_equal(back.pictures["shown"], found.pictures["shown"])
    assert kept.where(mine, USE, USE.settings()) == path.with_suffix("")
    assert path.is_relative_to(mine.places.derived)


def test_what_was_found_with_other_settings_or_of_another_use_is_not_it(mine, kept_one):
    others = [USE.settings(seed=1), USE.settings(beta=2.0), USE.settings(images=10)]
    names = {kept.name_of(USE, settings) for settings in (USE.settings(), *others)}
    assert len(names) == 4
    assert all(kept.find(mine, USE, settings) is None for settings in others)
    represent = USES["represent"]
    path = kept_one[1]
    for ending in (".json", ".npz"):
        shutil.copy(
            path.with_suffix(ending),
            path.with_name(f"{kept.name_of(represent, represent.settings())}{ending}"),
        )
        shutil.copy(path.with_suffix(ending), path.with_name(f"{kept.name_of(USE, others[0])}{ending}"))
    assert kept.find(mine, represent, represent.settings()) is None
    assert kept.find(mine, USE, others[0]) is None, "a file that was renamed"


@pytest.mark.parametrize("change", [{"stamp": "0" * 16}, {"version": USE.version + 1}, {"run": "another"}])
def test_what_was_found_of_other_weights_or_by_another_version_is_not_it(mine, kept_one, change):
    path = kept_one[1]
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert kept.find(mine, USE, USE.settings()) is None
    assert kept.where(mine, USE, USE.settings()) is None


@pytest.mark.parametrize("ending", [".json", ".npz"])
@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"[1]"]
)
def test_damaged_files_are_as_if_nothing_was_found(mine, kept_one, ending, damage):
    path = kept_one[1].with_suffix(ending)
    path.write_bytes(damage(path.read_bytes()))
    assert kept.find(mine, USE, USE.settings()) is None


def test_no_wrong_byte_of_the_pictures_breaks_a_page(mine, kept_one):
    path = kept_one[1].with_suffix(".npz")
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        found = kept.find(mine, USE, USE.settings())  # a byte that nobody reads may be wrong
        assert found is None or "shown" not in found.pictures or list(found.pictures["shown"]) == [*range(6)]


def test_half_of_the_files_is_as_if_nothing_was_found(mine, kept_one):
    kept_one[1].with_suffix(".npz").unlink()
    assert kept.find(mine, USE, USE.settings()) is None


def test_what_lies_beside_a_shipped_run_is_found_with_its_very_weights_alone(mine, vae):
    found, usual = found_of(2.5), USE.settings()
    beside = mine.path / kept.FOLDER / kept.name_of(USE, usual)
    kept.write(beside, mine, mine.stamp(), USE, usual, found)
    assert kept.find(mine, USE, usual).to_json() == found.to_json()
    assert kept.where(mine, USE, usual) == beside
    again = kept.keep(mine, mine.stamp(), USE, usual, found_of(4.0))
    assert kept.find(mine, USE, usual).rows[0].value == 4.0, "what was measured here comes first"
    again.with_suffix(".npz").write_bytes(b"damaged")
    assert kept.find(mine, USE, usual).rows[0].value == 2.5, "what is shipped still holds"
    shutil.rmtree(again.parent)
    other = Store(vae.places).find("multi_rate")
    shutil.copy(other.path / "model.safetensors", mine.path / "model.safetensors")
    assert kept.find(mine, USE, usual) is None


def test_a_run_without_weights_has_nothing_kept(store):
    assert kept.find(store.create(config_of(), "queued"), USE, USE.settings()) is None


# ---------------------------------------------------------------- opened for use


def test_a_run_is_opened_with_its_images_and_what_it_learned_from(vae):
    opened = open_subject(vae)
    assert (opened.run, opened.note) == (vae, "")
    assert not set(opened.train) & set(opened.test)
    assert len(opened.train) + len(opened.splits.validation) + len(opened.test) == len(opened.data) == 90
    np.testing.assert_array_equal(opened.images(opened.test[:3]), blob_set().images[opened.test[:3]])
    np.testing.assert_array_equal(opened.labels(), blob_set().labels)


def test_labels_that_are_not_there_or_are_all_one_are_refused(vae):
    opened = open_subject(vae)
    without = dataclasses.replace(opened, data=dataclasses.replace(opened.data, labels=None))
    with pytest.raises(NoLabels, match="have no labels"):
        without.labels()
    one = np.where(np.arange(90) < 5, -1, 1)  # -1 is no label
    with pytest.raises(NoLabels, match="have one label"):
        dataclasses.replace(opened, data=dataclasses.replace(opened.data, labels=one)).labels()


def test_a_gan_is_no_use(home):
    with pytest.raises(NoEncoder, match="gan is a GAN"):
        open_subject(Store(home).find("gan"))


def test_a_dial_takes_a_beta_and_nothing_else_does(home, vae):
    dial = Store(home).find("multi_rate")
    with pytest.raises(BadConfig, match="say at which one"):
        open_subject(dial)
    with pytest.raises(BadConfig, match="has no β dial"):
        open_subject(vae, beta=2.0)
    with pytest.raises(BadConfig, match="not on this dial"):
        open_subject(dial, beta=1e6)
    a, b = (open_subject(dial, beta=beta).model for beta in (1.0, 4.0))
    assert a.stamp.split("-")[0] == b.stamp.split("-")[0] == dial.stamp(), "by which a result is kept"


def test_a_run_that_never_started_is_refused(store):
    with pytest.raises(BadRun, match="never started"):
        open_subject(store.create(config_of(), "queued"))


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (RUNNING, "wait for its first checkpoint"),
        (FAILED, "ended before its first checkpoint, .* train it first"),
    ],
)
def test_a_run_without_weights_is_told_what_it_needs(mine, state, says):
    (mine.path / "model.safetensors").unlink()
    mine.write_status(Status(state))
    with pytest.raises(NoWeights, match=f"the run vae .*{says}.*choose another run"):
        usable(mine)


def test_images_that_are_gone_or_replaced_are_refused(mine, places):
    shutil.rmtree(places.datasets / "tiny")
    with pytest.raises(DataUnavailable, match=r"the images of vae \(tiny\) are not here"):
        open_subject(mine)
    write_blobs(places.datasets, seed=9)
    record = mine.record()
    mine.write_record(dataclasses.replace(record, data={**record.data, "fingerprint": "of-the-earlier"}))
    with pytest.raises(BadRun, match="are not those that vae was trained on"):
        open_subject(mine)


def test_a_built_in_set_that_differs_here_is_used_and_said(mine, places, monkeypatch):
    built_in = dataclasses.replace(
        open_images("tiny", 16, places), own=False, fingerprint="rounded otherwise"
    )
    monkeypatch.setattr(subject, "open_images", lambda *_: built_in)
    assert "differ in a few pixels' rounding" in open_subject(mine).note
    monkeypatch.setitem(USE.__dict__, "_module", Planted)
    stamp, found = measure(mine, USE, UseSettings())
    assert stamp == mine.stamp()
    assert [words[:20] for words in found.sentences] == ["Planted.", "The images of tiny o"]


class Planted:
    """A use that finds what is planted."""

    SETTINGS, VERSION = UseSettings, 1

    @staticmethod
    def measure(subject, settings, progress):
        return Found([], ["Planted."], {})


class NotJson(Planted):
    @staticmethod
    def measure(subject, settings, progress):
        return Found([row(float("nan"))], [])


def test_a_number_that_is_none_is_the_uses_own_fault(vae, monkeypatch):
    monkeypatch.setitem(USE.__dict__, "_module", NotJson)
    with pytest.raises(ValueError, match="not JSON compliant"):
        measure(vae, USE, UseSettings())


# ---------------------------------------------------------------- networks for one number


def test_part_of_a_set_keeps_what_belongs_to_its_images():
    data = blob_set()
    train, test = np.array([7, 3, 50, 21]), np.array([10, 0])
    part = part_of(data, train, test)
    rows = [7, 3, 50, 21, 10, 0]
    np.testing.assert_array_equal(part.images, data.images[rows])
    np.testing.assert_array_equal(part.labels, data.labels[rows])
    np.testing.assert_array_equal(part.factors, data.factors[rows])
    np.testing.assert_array_equal(part.test, [4, 5])
    assert part.fingerprint != data.fingerprint
    split = config_of(validation=0.25).data.split(part)
    assert sorted([*split.train, *split.validation]) == [0, 1, 2, 3], "no test image is learned from"


def test_a_network_is_learned_in_memory_and_leaves_nothing(home):
    before = sorted(home.home.rglob("*"))
    told = []
    part = part_of(blob_set(), np.arange(40), np.arange(40, 50))
    config = config_of(latent_dim=2, epochs=3)
    model = learned(config, part, lambda share, words: told.append((share, words)), name="a test's network")
    assert model.encode(part.images).mean.shape == (50, 2)
    assert {words for _, words in told} == {"training a test's network"}
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] == 1
    assert sorted(home.home.rglob("*")) == before
    again = learned(config, part)
    np.testing.assert_array_equal(model.encode(part.images).mean, again.encode(part.images).mean)
    further = learned(config_of(latent_dim=2, epochs=1, learning_rate=1e-9), part, initial=model)
    np.testing.assert_allclose(
        further.encode(part.images).mean, model.encode(part.images).mean, atol=1e-3, err_msg="it goes on from those weights"
    )  # fmt: skip


def test_what_progress_raises_ends_the_learning():
    steps = itertools.count(1)

    def stop(share, words):
        if next(steps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learned(config_of(epochs=1_000, log_every=1), blob_set(), stop)
    assert next(steps) == 4


# ---------------------------------------------------------------- every use


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_every_use_is_whole(use):
    assert issubclass(use.settings, UseSettings)
    assert use.settings() == use.settings(), "its defaults are complete"
    assert use.version >= 1
    assert callable(use.measure)
    assert use.question.endswith("?")
    assert use.changes.endswith(".")
    assert use.means
    assert all(meaning.endswith(".") for meaning in use.means.values())
    assert all(leaf.spec.help for leaf in leaves(use.settings)), (
        "the form and the command line say what is asked"
    )


def test_all_six_are_there():
    assert list(USES) == ["denoise", "anomaly", "augment", "compress", "represent", "synthesize"]
    assert len({use.title for use in USES.values()}) == 6, "a page finds them by title"
