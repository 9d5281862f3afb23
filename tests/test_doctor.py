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
    assert "digits.safetensors" in told["weights"] and "judge-svhn.safetensors" in told["weights"]


def test_data_are_found_by_their_folders(tmp_path):
    (tmp_path / "face").mkdir()
    (line,) = [line for line in doctor(DoctorOptions(tmp_path)) if line.startswith("data")]
    assert line.endswith("face; without digits, textual_inversion, clip_zeroshot")
