"""Ten lines about a machine."""

import torch

from sfumato.doctor import DoctorOptions, doctor


def test_ten_lines_that_are_true_here(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = doctor(DoctorOptions())
    assert capsys.readouterr().out.splitlines() == lines
    assert len(lines) == 10
    told = {line.split()[0]: line for line in lines}
    assert torch.__version__ in told["sfumato"]
    assert f"{torch.get_num_threads()} of" in told["threads"]
    assert str(tmp_path) in told["disk"]
    assert "hw2_data is not here; `bash get_dataset.sh` fetches it" in told["data"]
    assert "all that ship are there: digits, faces64, judge-mnistm" in told["weights"]


def test_a_launchers_left_overs_are_one_line_more(monkeypatch):
    monkeypatch.setenv("RANK", "abc")
    lines = doctor(DoctorOptions())
    assert len(lines) == 11
    assert lines[-1].startswith("launcher   RANK=abc is no number of a process; `unset RANK`")


def test_missing_weights_are_named(tmp_path, monkeypatch):
    (tmp_path / "digits.safetensors").touch()
    monkeypatch.setattr("sfumato.doctor._WEIGHTS", tmp_path)
    (line,) = [line for line in doctor(DoctorOptions()) if line.startswith("weights")]
    assert line.startswith("weights    faces64.safetensors, judge-mnistm.safetensors") and "digits.saf" not in line


def test_data_are_found_by_their_folders(tmp_path):
    (tmp_path / "face").mkdir()
    (tmp_path / "face" / "noise").mkdir()
    (tmp_path / "digits").mkdir()
    (line,) = [line for line in doctor(DoctorOptions(tmp_path)) if line.startswith("data")]
    assert line.endswith("face; without digits, textual_inversion, clip_zeroshot")
    (tmp_path / "file").touch()
    (line,) = [line for line in doctor(DoctorOptions(tmp_path / "file")) if line.startswith("data")]
    assert "is a file" in line
