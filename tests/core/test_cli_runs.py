import json
import sys

from command_line import TINY, complains
from helpers import of

from vae_core.cli import main
from vae_core.events import StepDone
from vae_core.runs.launchers import LOCAL, Handle
from vae_core.runs.record import FINISHED, QUEUED, RUNNING, Status


def test_runs_are_listed_as_a_table_and_as_json(vae_core, mine, store):
    vae_core("train", *TINY, "--objective", "beta_vae", "--name", "other", "--epochs", "1")
    code, out, err = vae_core("runs")
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["name", "id", "dataset", "model", "D", "objective", "β", "status", "created"]
    assert sorted(row.split()[0] for row in rows) == ["mine", "other"]
    code, out, _ = vae_core("runs", "--json")
    found = {row["name"]: row for row in json.loads(out)}
    assert (found["mine"]["β"], found["other"]["β"]) == (1.0, 4.0)
    assert found["mine"] == {
        "name": "mine", "id": mine.id, "dataset": "tiny", "model": "mlp", "D": 3, "objective": "vae", "β": 1.0,
        "status": FINISHED, "created": mine.record().created.isoformat(),
    }  # fmt: skip


def test_an_unreadable_run_is_listed_as_such(vae_core, mine):
    (mine.path / "config.json").write_text("{")
    code, out, _ = vae_core("runs")
    assert code == 0
    assert "unreadable" in out
    assert mine.id in out


def test_no_runs_make_an_empty_table(vae_core):
    assert vae_core("runs", "--json") == (0, "[]\n", "")


def test_show_tells_all(vae_core, mine):
    code, out, err = vae_core("runs", "show", mine.id)
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert (shown["name"], shown["status"], shown["step"], shown["epochs"]) == ("mine", FINISHED, 8, 2)
    assert shown["config"]["training"]["threads"] == 1
    assert shown["data"]["shape"] == [1, 16, 16]
    assert shown["path"] == str(mine.path)


def test_home_may_stand_before_the_action_too(places, mine, capsys):
    assert main(["runs", "--home", str(places.home), "show", "mine"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == mine.id


def test_rename_and_delete(vae_core, mine, store):
    assert vae_core("runs", "rename", "mine", "yours") == (0, "", "")
    assert store.find("yours").id == mine.id
    complains(vae_core("runs", "rename", "yours", "not plain"), 1, "cannot name a run")
    complains(vae_core("runs", "delete", "yours"), 2, "--yes")
    assert mine.path.exists()
    assert vae_core("runs", "delete", "yours", "--yes") == (0, "", "")
    assert store.own() == []


def test_deleting_can_be_thought_better_of(vae_core, mine, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    for answer, code in (("n", 0), ("", 0)):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        assert vae_core("runs", "delete", "mine") == (code, "kept\n", "")
        assert mine.path.exists()
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert vae_core("runs", "delete", "mine")[0] == 0
    assert not mine.path.exists()


def test_resuming_a_finished_run_says_so_and_more_epochs_go_on(vae_core, mine):
    code, out, err = vae_core("runs", "resume", "mine")
    assert (code, err) == (0, "")
    assert out == "mine has finished; `--epochs N` goes on for N more\n"
    code, _, err = vae_core("runs", "resume", "mine", "--epochs", "1")
    assert code == 0
    assert "mine finished after 12 steps" in err
    assert mine.status().epochs == 3
    complains(vae_core("runs", "resume", "mine", "--epochs", "-1"), 1, "continued")


def test_an_interrupted_run_goes_on(vae_core, mine, store, places):
    whole = [e.terms for e in of(StepDone, mine.history())]
    vae_core("train", *TINY, "--name", "broken")
    run = store.find("broken")
    # killed after its first checkpoint, and nobody has noticed yet
    run.reset()
    run.write_status(Status(RUNNING, handle=Handle(LOCAL, {"pid": 2**22 + 1, "started": 1.0})))
    code, _, err = vae_core("runs", "resume", "broken")
    assert code == 0, err
    assert [e.terms for e in of(StepDone, run.history())] == whole


def test_a_queued_run_is_trained_by_resume(vae_core, store, mine):
    run = store.create(mine.record().config, "waiting")
    assert run.status().state == QUEUED
    assert vae_core("runs", "resume", "waiting")[0] == 0
    assert run.status().state == FINISHED
