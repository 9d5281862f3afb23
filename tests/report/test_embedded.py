"""What ships is run by commands, each once; the README's test runs the real ones."""

import pytest

pytest.importorskip("tyro")

from sfumato.errors import UserError
from sfumato.report import embedded


def test_commands_run_once_and_a_failing_one_stops(tmp_path, monkeypatch, capfd):
    jobs = {"sound": [["doctor"]], "broken": [["digits", "generate", str(tmp_path / "out"), "--count", "0"]]}
    monkeypatch.setattr(embedded, "_commands", lambda *_: jobs)
    with pytest.raises(UserError, match=r"`sfumato digits generate .*out --count 0` failed, as said above"):
        embedded.run_embedded(tmp_path)
    shown = capfd.readouterr()
    assert "threads" in shown.out
    assert "sfumato: --count must be at least 1, got 0" in shown.err
    assert (tmp_path / "sound.done").exists()
    assert not (tmp_path / "broken.done").exists()
    jobs["broken"] = [["--version"]]
    embedded.run_embedded(tmp_path)
    assert "threads" not in capfd.readouterr().out, "what is finished is not done again"
    jobs["sound"] = [["doctor", "--data", str(tmp_path)]]
    embedded.run_embedded(tmp_path)
    assert "threads" in capfd.readouterr().out, "another command is another run"
