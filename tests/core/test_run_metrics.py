"""What a sweep's runs measure, kept beside their weights, and the sweep as a whole."""

import dataclasses
import json

import numpy as np
import pytest
from helpers import blob_set, config_of, of

from vae_core.data import open_images
from vae_core.errors import BadImages, BadRun
from vae_core.evaluation import last_epoch as last_epoch_module
from vae_core.evaluation import run_metrics as run_metrics_module
from vae_core.evaluation import sweep_report as sweep_report_module
from vae_core.evaluation.last_epoch import last_epoch, provisional
from vae_core.evaluation.likelihood import evaluate
from vae_core.evaluation.metrics import METRICS, Inputs, Metric, Result, Value, compute_metrics
from vae_core.evaluation.metrics.sharpness import sharpness
from vae_core.evaluation.run_metrics import measure, stored
from vae_core.evaluation.sweep_report import gather, incomplete, measure_all, unmeasured
from vae_core.events import Controlled, EpochDone, Resumed, to_line
from vae_core.inference import load_run
from vae_core.latent.statistics import active_units
from vae_core.objectives.likelihoods import GaussianParams
from vae_core.options import Choice
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED, RUNNING, STOPPED
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep, members, with_beta


@pytest.fixture
def data(places):
    return open_images("tiny", 16, places)


@pytest.fixture
def swept(store, places):
    """A finished sweep of β 0.1, 1 and 30."""
    for run in create_sweep(store, config_of(epochs=3), [0.1, 1, 30], "mine"):
        assert train_run(run, places).state == FINISHED
    return members(store, "mine")


def everything(found, data, **more):
    assert measure_all(found, lambda run: data, **more) == []


# ---------------------------------------------------------------- one run


def test_the_numbers_are_those_of_evaluate_and_the_same_when_read_back(swept, data):
    run = swept[1].run
    assert stored(run) is None
    found = measure(run, data)
    model = load_run(run)
    direct = evaluate(model, data)
    assert found.evaluation == direct
    index = np.sort(data.test)
    means = model.encode(data.images[index]).mean
    assert found.images.tolist() == index.tolist()
    assert np.allclose(found.codes, means, atol=1e-5)
    assert found.active.tolist() == active_units(means).tolist()
    assert found.active.sum() == direct.active_units
    noise = np.random.default_rng(0).standard_normal((256, 3)).astype(np.float32)
    expected = sharpness(model.decode(noise), data.images[index] / 255)
    assert found.values == {"sharpness": pytest.approx(expected)}  # nine images are too few for the others
    assert found.results["mig"] == Result(1, {}, "scores need 100 images with known factors; there are 9")
    assert found.lacking == []
    run_metrics_module._read.cache_clear()
    again = stored(run)
    assert again is not None
    assert again.evaluation == found.evaluation
    assert (again.codes == found.codes).all()
    assert again.results == found.results


def test_nothing_is_computed_twice_but_for_new_weights(swept, data, places, monkeypatch):
    calls = []
    monkeypatch.setattr(run_metrics_module, "evaluate", lambda *a, **k: calls.append(1) or evaluate(*a, **k))
    everything(swept, data)
    everything(swept, data)
    assert len(calls) == 3
    run = swept[0].run
    run.go_on(1)
    assert train_run(run, places).state == FINISHED
    assert stored(run) is None
    assert [m.run.id for m in unmeasured(swept)] == [run.id]
    everything(swept, data)
    assert len(calls) == 4


def test_runs_that_share_weights_but_not_their_likelihood_share_no_numbers(store, places, data):
    """Before the first step all runs of a seed have the same weights, so the same stamp."""
    one = store.create(config_of(epochs=1, learning_rate=1e-7), "one")
    other = store.create(config_of(epochs=1, likelihood=Choice("gaussian", GaussianParams())), "other")
    train_run(one, places)
    train_run(other, places)
    for name in ("model.safetensors", "resume.safetensors"):
        (other.path / name).write_bytes((one.path / name).read_bytes())
    assert one.stamp() == other.stamp()
    a = measure(one, data)
    assert stored(other) is None
    b = measure(other, data)
    assert a.evaluation.distortion != b.evaluation.distortion
    assert stored(one) is None  # the newest is kept


def test_images_of_other_sizes_are_refused(swept, data):
    with pytest.raises(BadImages, match="was trained on 90"):
        measure(swept[0].run, dataclasses.replace(blob_set(count=80), fingerprint=data.fingerprint))
    with pytest.raises(BadImages, match="of shape"):
        measure(swept[0].run, blob_set(side=32))


def test_runs_measured_on_other_images_are_not_matched(swept, data):
    """A set that is built anew may differ by a grey level; that is measured, but its codes are not compared."""
    everything(swept[:2], data)
    measure(swept[2].run, blob_set(seed=1))
    report = gather(swept)
    assert report.split == "test"
    assert [m.beta for m in report.aligned] == [0.1, 1.0]


def test_a_run_without_weights_says_so(store, data):
    run = store.create(config_of())
    with pytest.raises(BadRun):
        measure(run, data)
    assert stored(run) is None


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 nothing", None])
def test_a_damaged_file_is_measured_again(swept, data, damage):
    run = swept[0].run
    found = measure(run, data)
    path = run.places.derived / run.stamp() / "measured.npz"
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    assert stored(run) is None
    assert measure(run, data).evaluation == found.evaluation
    assert stored(run) is not None


def test_whole_factors_are_scored(swept, data, monkeypatch):
    """The test split of the blobs is too small for scores; of more images a code that is its factor scores high."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 5, (600, 2))
    codes = factors + 0.01 * rng.standard_normal((600, 2))
    arrays = {"mean": codes, "log_var": np.zeros_like(codes), "factors": factors}
    assert compute_metrics(Inputs.of_arrays(**arrays), [METRICS["mig"]])["mig"].values["mig"] > 0.9
    few = {name: array[:20] for name, array in arrays.items()}
    found = compute_metrics(Inputs.of_arrays(**few), [METRICS["mig"]])["mig"]
    assert found == Result(1, {}, "scores need 100 images with known factors; there are 20")
    whole = dataclasses.replace(data, factors=np.rint(data.factors * 3))
    seen = []

    def planted(mean, log_var, factors, rng):
        seen.append((mean.shape, log_var.shape, factors.dtype))
        return 0.5

    monkeypatch.setitem(METRICS, "mig", dataclasses.replace(METRICS["mig"], compute=planted))
    assert measure(swept[0].run, whole).values["mig"] == 0.5
    assert seen == [((9, 3), (9, 3), np.dtype(np.int64))]


# ---------------------------------------------------------------- metrics that come later


def counted_metric(calls, version=1):
    """A throw-away metric of the posterior means and the labels."""

    def spread(mean, labels, rng):
        calls.append((mean.shape, labels.shape))
        return version + float(mean.std())

    value = Value("spread", "Spread of codes", "Standard deviation of all codes.", unit="1", high=None)
    return Metric("spread", version, spread, {"mean", "labels"}, (value,), group="codes")


@pytest.fixture
def no_other(monkeypatch):
    """Fails the test when anything is computed that was known already."""

    def never(*args, **kwargs):
        raise AssertionError("computed again")

    def forbid():
        monkeypatch.setattr(run_metrics_module, "evaluate", never)
        for name, metric in list(METRICS.items()):
            if name != "spread":
                arguments = ", ".join(sorted(metric.needs))
                forbidden = eval(f"lambda {arguments}, rng: never()", {"never": never})
                monkeypatch.setitem(METRICS, name, dataclasses.replace(metric, compute=forbidden))

    return forbid


def test_a_metric_added_later_is_computed_for_measured_runs_and_only_that_one(
    swept, data, monkeypatch, no_other
):
    everything(swept, data)
    before = gather(swept)
    first = stored(swept[0].run)
    calls = []
    monkeypatch.setitem(METRICS, "spread", counted_metric(calls))
    no_other()
    assert unmeasured(swept) == []
    assert [m.beta for m in incomplete(swept)] == [0.1, 1.0, 30.0]
    assert gather(swept).split == "test", "the numbers that are known stay on the page"
    everything(swept, data)
    assert calls == [((9, 3), (9,))] * 3
    assert incomplete(swept) == []
    again = stored(swept[0].run)
    assert again.evaluation == first.evaluation
    assert again.codes.tolist() == first.codes.tolist()
    assert {name: r for name, r in again.results.items() if name != "spread"} == first.results
    assert again.values["spread"] == pytest.approx(1 + again.codes.std(), rel=1e-4)
    after = gather(swept)
    assert set(after.curve.scores) == {*before.curve.scores, "spread"}
    assert "Spread of codes is best at β 0.1" in after.read("spread").text
    everything(swept, data)
    assert len(calls) == 3, "not computed twice"


def test_a_metric_of_a_higher_version_is_computed_again_and_its_old_value_not_shown(
    swept, data, monkeypatch, no_other
):
    run, calls = swept[0].run, []
    monkeypatch.setitem(METRICS, "spread", counted_metric(calls))
    old = measure(run, data).values["spread"]
    monkeypatch.setitem(METRICS, "spread", counted_metric(calls, version=2))
    no_other()
    assert "spread" not in stored(run).values
    assert [m.name for m in stored(run).lacking] == ["spread"]
    found = measure(run, data)
    assert found.results["spread"].version == 2
    assert found.values["spread"] == pytest.approx(old + 1)
    assert len(calls) == 2
    assert stored(run).values == found.values


def test_what_takes_minutes_is_computed_when_asked_for_of_as_many_images_as_it_wants(
    swept, data, monkeypatch
):
    run, sizes = swept[0].run, []

    def slow(mean, rng, progress):
        progress(0.5, "half")
        sizes.append(len(mean))
        return float(len(mean))

    value = Value("slow", "Slow", "Images it was computed of.", high=None)
    entry = Metric("slow", 1, slow, {"mean"}, (value,), most=4, on_request=True)
    monkeypatch.setitem(METRICS, "slow", entry)
    found = measure(run, data)
    assert found.lacks(entry)
    assert found.lacking == []
    seen = []
    found = measure(run, data, also=["slow"], progress=lambda share, what: seen.append((share, what)))
    assert found.values["slow"] == 4
    assert (0.5, "slow: half") in seen
    assert stored(run).values == found.values
    measure(run, data, also=["slow", "mig"])
    assert sizes == [4]
    assert incomplete(swept, ["slow"]) == swept[1:]
    everything(swept, data, also=["slow"])
    assert sizes == [4] * len(swept)
    assert incomplete(swept, ["slow"]) == []


def test_all_is_measured_anew_on_other_images(swept, data, monkeypatch):
    calls = []
    monkeypatch.setitem(METRICS, "spread", counted_metric(calls))
    run = swept[0].run
    first = measure(run, data)
    other = measure(run, dataclasses.replace(blob_set(seed=1), fingerprint="another"))
    assert len(calls) == 2
    assert other.evaluation != first.evaluation
    assert other.fingerprint == "another"


def test_a_file_from_before_metrics_had_versions_is_read(swept, data, no_other, monkeypatch):
    """It held scores and sharpness by name; what it lacks is computed, what it holds is not."""
    run = swept[0].run
    data = dataclasses.replace(data, factors=None)  # then what it lacks cannot be computed either
    found = measure(run, data)
    path = run.places.derived / run.stamp() / "measured.npz"
    with np.load(path, allow_pickle=False) as npz:
        arrays = {name: npz[name] for name in npz.files}
    described = json.loads(str(arrays["told"]))
    del described["metrics"]
    scores = {"mig": 0.25, "dci_completeness": 0.5, "a_score_that_is_gone": 0.1}
    arrays["told"] = np.array(json.dumps(described | {"sharpness": 0.75, "scores": scores}))
    np.savez(path, **arrays)
    run_metrics_module._read.cache_clear()
    old = stored(run)
    assert old.evaluation == found.evaluation
    assert old.values == {"mig": 0.25, "dci_completeness": 0.5, "sharpness": 0.75}
    assert {metric.name for metric in old.lacking} == set(METRICS) - {
        "mig", "dci", "sharpness", "dci_lib",
    }  # fmt: skip
    monkeypatch.setitem(METRICS, "spread", counted_metric([]))
    no_other()
    again = measure(run, data)
    assert again.values == old.values | {"spread": again.values["spread"]}
    assert again.lacking == []


def test_what_was_refused_for_factors_that_are_no_whole_numbers_is_computed_now(swept, data, monkeypatch):
    run = swept[0].run
    found = measure(run, data)
    path = run.places.derived / run.stamp() / "measured.npz"
    with np.load(path, allow_pickle=False) as npz:
        arrays = {name: npz[name] for name in npz.files}
    described = json.loads(str(arrays["told"]))
    assert described.pop("numbered")
    described["metrics"]["mig"]["why_not"] = "the factors of tiny are no whole numbers"
    np.savez(path, **arrays | {"told": np.array(json.dumps(described))})
    run_metrics_module._read.cache_clear()
    assert [metric.name for metric in stored(run).lacking] == ["mig"]
    assert measure(run, data).results == found.results


# ---------------------------------------------------------------- progress and stopping


class EnoughError(Exception):
    pass


def test_progress_rises_and_names_the_run(swept, data):
    seen = []
    everything(swept, data, progress=lambda share, what: seen.append((share, what)))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert {what.split(":")[0] for _, what in seen} == {m.run.name for m in swept}


def test_a_stop_keeps_what_was_measured(swept, data):
    def stop(share, what):
        if share > 0.5:
            raise EnoughError

    with pytest.raises(EnoughError):
        measure_all(swept, lambda run: data, progress=stop)
    assert [m.beta for m in unmeasured(swept)] == [1.0, 30.0]


def test_a_run_whose_images_are_missing_is_named_and_the_rest_go_on(swept, data):
    problems = measure_all(swept, lambda run: None if run.id == swept[0].run.id else data)
    assert problems == ["mine-beta0.1: its images are not on this machine"]
    assert [m.beta for m in unmeasured(swept)] == [0.1]


# ---------------------------------------------------------------- the whole


def test_the_report_holds_what_was_measured(swept, data):
    everything(swept, data)
    report = gather(swept)
    assert (report.split, report.missing) == ("test", ())
    assert report.curve.betas.tolist() == [0.1, 1.0, 30.0]
    for i, row in enumerate(report.rows):
        direct = evaluate(load_run(row.member.run), data)
        assert report.curve.distortion.mean[i] == direct.distortion
        assert report.curve.rate.mean[i] == direct.rate
        assert report.curve.active.mean[i] == direct.active_units
        assert report.kl[1][i].tolist() == sorted(direct.kl_per_dim, reverse=True)
    assert report.curve.rate.mean[0] > report.curve.rate.mean[2]
    assert report.tangent.total == report.curve.total.mean.min()
    assert report.reading.elbo == (report.tangent.beta,)
    assert [m.beta for m in report.aligned] == [0.1, 1.0, 30.0]
    assert report.alignment.dims.shape == (3, 3)
    assert "β" in report.reading.text


def test_until_all_is_measured_every_number_is_of_validation(swept, data):
    report = gather(swept)
    assert report.split == "validation"
    assert len(report.missing) == 3
    assert report.alignment is None
    for row in report.rows:
        v = of(EpochDone, row.member.run.history())[-1]
        assert (row.numbers.distortion, row.numbers.rate) == (v.validation.distortion, v.validation.rate)
        assert row.numbers.active.sum() == v.active_units
    measure(swept[0].run, data)
    assert gather(swept).split == "validation"  # one point of another split would not be comparable
    everything(swept, data)
    assert gather(swept).split == "test"


@pytest.mark.slow
def test_unfinished_runs_are_no_points_but_counted(store, swept, data, places):
    everything(swept, data)
    create_sweep(store, config_of(epochs=3), [2, 4], "other")
    report = gather(members(store, "other"))
    assert report.reading.text == "No run of this sweep has finished yet. 2 runs still have to finish."
    assert report.tangent is None
    swept[2].run.update_status(state=RUNNING)
    report = gather(members(store, "mine"))
    assert report.curve.betas.tolist() == [0.1, 1.0]
    assert report.reading.text.endswith("1 run still has to finish.")
    assert report.split == "test"
    assert provisional(members(store, "mine")[2]) is not None


def test_runs_that_broke_off_or_were_stopped_do_not_wait(swept, data, store):
    everything(swept, data)
    swept[0].run.update_status(state=STOPPED)
    swept[2].run.update_status(state=FAILED, error="the loss is not a finite number at step 3")
    report = gather(members(store, "mine"))
    assert report.curve.betas.tolist() == [1.0]
    assert report.waiting == 0
    assert report.reading.text == (
        "One β does not make a curve yet. 1 run was stopped and is not in the curve. "
        "1 run broke off and is not in the curve."
    )
    swept[0].run.update_status(state=INTERRUPTED)
    assert gather(members(store, "mine")).apart == ("2 runs broke off and are not in the curve.",)


def test_a_run_whose_beta_was_changed_on_the_way_is_no_point_of_the_curve(swept, data, store, places):
    everything(swept, data)
    run = swept[1].run
    with open(run.path / "events.jsonl", "a") as file:
        line = to_line(Controlled(5, 1, "beta", 10.0))
        file.write(json.dumps(line, separators=(",", ":")) + "\n")
    report = gather(members(store, "mine"))
    assert report.curve.betas.tolist() == [0.1, 30.0]
    assert report.reading.elbo != (1.0,)
    assert [m.beta for m in report.aligned] == [0.1, 30.0]
    assert report.kl[0].tolist() == [0.1, 30.0]
    told = "mine-beta1 is not in the curve: its β was changed while it learnt, 1 to 10."
    assert report.reading.text.endswith(told)
    assert report.rows[1].numbers is not None, "what it measures is still told"


def test_seeds_make_a_band_and_one_seed_is_aligned(store, places, data):
    for run in create_sweep(store, config_of(epochs=1), [1, 4], "mine", seeds=2):
        train_run(run, places)
    found = members(store, "mine")
    everything(found, data)
    report = gather(found)
    assert report.curve.rate.count.tolist() == [2, 2]
    assert report.curve.rate.low[0] < report.curve.rate.high[0]
    assert [(m.beta, m.seed) for m in report.aligned] == [(1.0, 0), (4.0, 0)]
    assert [(m.beta, m.seed) for m in gather(found, seed=1).aligned] == [(1.0, 1), (4.0, 1)]
    assert gather(found, reference=5.0).alignment.reference == 1


def test_an_autoencoder_in_a_group_has_no_point(store, swept, data, places):
    run = store.create(config_of(objective="autoencoder", epochs=1), group="mine")
    train_run(run, places)
    found = members(store, "mine")
    everything(found, data)
    assert gather(found).curve.betas.tolist() == [0.1, 1.0, 30.0]


def test_runs_of_other_sizes_are_no_sweep(store, swept, data, places):
    run = store.create(with_beta(config_of(latent_dim=2, epochs=1), 4), group="mine")
    train_run(run, places)
    found = members(store, "mine")
    everything(found, data)
    with pytest.raises(BadRun, match="no sweep"):
        gather(found)


def test_runs_of_several_likelihoods_are_no_sweep(store, swept, data, places):
    run = store.create(with_beta(config_of(likelihood="gaussian", epochs=1), 4), group="mine")
    train_run(run, places)
    with pytest.raises(BadRun, match="different likelihoods"):
        gather(members(store, "mine"))


# ---------------------------------------------------------------- the end of a log


@pytest.mark.slow
@pytest.mark.parametrize("tail", [40, 1_000, 1 << 18])
def test_the_last_epoch_is_that_of_the_whole_history(swept, monkeypatch, tail):
    monkeypatch.setattr(last_epoch_module, "TAIL", tail)
    last_epoch_module._last_epoch.cache_clear()
    for m in swept:
        assert last_epoch(m.run) == of(EpochDone, m.run.history())[-1]


def test_epochs_that_a_resume_superseded_do_not_count(store):
    run = store.create(config_of())
    first, second = [dataclasses.replace(e, step=s) for e, s in ((_event(), 10), (_event(), 20))]
    text = [to_line(first), to_line(second), to_line(Resumed(12, 99, 9))]
    path = run.path / "events.jsonl"
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in text) + '{"torn')
    assert last_epoch(run).step == 10
    assert last_epoch(store.create(config_of())) is None


def _event():
    from vae_core.events import Terms

    terms = Terms(90.0, 90.0, {"distortion": 80.0, "rate": 10.0}, {}, (5.0, 5.0))
    return EpochDone(0, 1, terms, terms, 2, True)


def test_a_second_look_reads_no_numbers_from_disk_and_matches_nothing_anew(swept, data, monkeypatch):
    everything(swept, data)
    first = gather(swept)

    def never(*args, **kwargs):
        raise AssertionError("computed or read again")

    monkeypatch.setattr(np, "load", never)
    monkeypatch.setattr(sweep_report_module, "align", never)
    monkeypatch.setattr(run_metrics_module, "load_run", never)
    assert gather(swept).alignment is first.alignment
    other = gather(swept, score="mig")
    assert "MIG is not known" in other.reading.text
