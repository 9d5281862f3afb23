"""From a folder of noises to a folder of faces."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.diffusion import Clamped, NetworkDenoiser, sample
from sfumato.errors import UserError
from sfumato.faces.generate import GenerateOptions, generate
from sfumato.faces.model import load_faces
from sfumato.faces.noises import NoiseOptions, noise, noise_paths, read_noise
from sfumato.faces.painting import Sampling, paint
from sfumato.images import to_range
from sfumato.models.face_unet import FaceUNet

pytest.importorskip("safetensors")
FEW = Sampling(steps=5)


@pytest.fixture
def unet(tiny, tmp_path):
    tiny.save(tmp_path / "faces.safetensors", dtype=torch.float32)
    return tmp_path / "faces.safetensors"


def test_every_noise_becomes_the_picture_of_its_stem(tiny, unet, noise_folder, tmp_path):
    out = generate(GenerateOptions(noise_folder, tmp_path / "a" / "out", unet, FEW))
    assert sorted(path.name for path in out.glob("*.png")) == ["1.png", "10.png", "2.png"]
    for stem in ("1", "2", "10"):
        x = paint(tiny, read_noise(noise_folder / f"{stem}.pt", 16)[None], FEW)
        picture = Image.open(out / f"{stem}.png")
        difference = np.asarray(picture).astype(int) - to_range(x, "minmax")[0].numpy().astype(int)
        assert abs(difference).max() <= 1
        assert json.loads(picture.text["sfumato"])["noise"] == f"{stem}.pt"


def test_a_weak_network_guides_alone_where_there_are_no_labels(tiny, unet, noise_folder, tmp_path):
    """x0 + (w - 1) (x0 - x0_weak): by itself it changes nothing, and by another network what was computed here."""
    weak, noise = load_faces(unet), read_noise(noise_folder / "1.pt", 16)[None]
    plain = paint(tiny, noise, FEW)
    assert (paint(tiny.with_weak(weak), noise, replace(FEW, weak_scale=3.0)) - plain).abs().max() < 1e-4
    for value in weak.network.parameters():
        value.data *= 0.9
    weak.save(tmp_path / "weak.safetensors", dtype=torch.float32)

    def guided(x, t):
        c, w = (network(x, t) for network in (tiny.network, weak.network))
        return c + 2.0 * (c - w)

    asked = replace(FEW, weak_scale=3.0, weak=tmp_path / "weak.safetensors")
    steps = FEW.walk(Clamped(NetworkDenoiser(guided, tiny.schedule, "eps"), recompute_eps=False), noise)
    generate(GenerateOptions(noise_folder, tmp_path / "out", unet, asked, saving="fixed"))
    with Image.open(tmp_path / "out" / "1.png") as picture:
        found, told = np.asarray(picture).astype(int), json.loads(picture.text["sfumato"])
    assert abs(found - to_range(sample(steps), "fixed")[0].numpy()).max() <= 1
    assert (told["weak_scale"], told["weak"]["name"]) == (3.0, "weak.safetensors")
    assert abs(found - to_range(plain, "fixed")[0].numpy()).max() > 5
    with pytest.raises(UserError, match=r"--weak-scale 3: .*faces.safetensors holds no weak network"):
        generate(GenerateOptions(noise_folder, tmp_path / "none", unet, replace(FEW, weak_scale=3.0)))
    assert not (tmp_path / "none").exists()


def test_noises_are_taken_in_natural_order(noise_folder):
    (noise_folder / "10.pt").rename(noise_folder / "10.PT")
    (noise_folder / "._1.pt").write_bytes(b"what macOS keeps beside a file")
    (noise_folder / "²³.pt").write_bytes((noise_folder / "1.pt").read_bytes())  # digits to Python, and no number
    assert [path.name for path in noise_paths(noise_folder)] == ["1.pt", "2.pt", "10.PT", "²³.pt"]


def test_an_interrupted_run_goes_on_and_other_settings_are_refused(unet, noise_folder, tmp_path):
    options = GenerateOptions(noise_folder, tmp_path / "out", unet, FEW)
    generate(options)
    (tmp_path / "out" / "2.png").unlink()
    os.utime(tmp_path / "out" / "1.png", (0, 0))
    generate(options)
    assert (tmp_path / "out" / "2.png").exists()
    assert (tmp_path / "out" / "1.png").stat().st_mtime == 0
    before = (tmp_path / "out" / "1.png").read_bytes()
    torch.save(torch.load(noise_folder / "1.pt") * 0.9, noise_folder / "1.pt")
    generate(options)
    assert (tmp_path / "out" / "1.png").read_bytes() != before, "another noise of the same name is another picture"
    with pytest.raises(UserError, match="give its settings to go on, or another folder to begin anew, or --overwrite"):
        generate(GenerateOptions(noise_folder, tmp_path / "out", unet, Sampling(steps=6)))


def test_processes_share_the_noises(unet, noise_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, expected in (("1", {"2.png"}), ("0", {"1.png", "2.png", "10.png"})):
        monkeypatch.setenv("RANK", rank)
        generate(GenerateOptions(noise_folder, tmp_path / "out", unet, FEW))
        assert {path.name for path in (tmp_path / "out").glob("*.png")} == expected


@pytest.mark.parametrize(
    ("name", "as_saved"),
    [
        ("7.pt", lambda noise: noise),
        ("7.pt", lambda noise: noise[0]),
        ("7.pt", lambda noise: noise.clone().requires_grad_()),
        ("7.pt", lambda noise: torch.nn.Parameter(noise)),
        ("7.pt", lambda noise: torch.nn.Parameter(noise[0], requires_grad=False)),
        ("7.pt", lambda noise: noise.double().numpy()),
        ("7.pt", lambda noise: {"noise": noise[0].numpy()}),
        ("7.npy", lambda noise: noise.numpy()),
        ("7.NPY", lambda noise: noise[0].double().numpy()),
    ],
)
def test_a_noise_is_the_same_however_it_was_saved(tmp_path, name, as_saved):
    noise = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(7))
    (tmp_path / "noise").mkdir()
    with open(tmp_path / "noise" / name, "wb") as file:
        (torch.save if name == "7.pt" else lambda value, file: np.save(file, value))(as_saved(noise), file)
    (path,) = noise_paths(tmp_path / "noise")
    got = read_noise(path, 16)
    assert torch.equal(got, noise[0]) and got.dtype == torch.float32 and not got.requires_grad


def test_two_noises_of_one_picture_are_refused(noise_folder):
    np.save(noise_folder / "2.npy", np.zeros((3, 16, 16), np.float32))
    with pytest.raises(UserError, match=r"2\.pt: would be painted where 2\.npy is, as 2\.png; keep one of them"):
        noise_paths(noise_folder)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/sfumato-was-here",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (torch.zeros(1, 3, 32, 16), r"has the shape \[1, 3, 32, 16\]; this network needs \[1, 3, 16, 16\]"),
        (torch.zeros(1, 3, 16, 16, dtype=torch.int64), "holds int64 numbers"),
        (torch.full((1, 3, 16, 16), float("nan")), "768 of its numbers are NaN or infinite"),
        ({"noise": torch.zeros(1), "seed": 3}, "holds a dict"),
        (Evil(), r"holds (posix|nt|os).system; a noise is a tensor"),
    ],
)
def test_a_bad_noise_is_refused_before_anything_is_painted(unet, noise_folder, tmp_path, content, words):
    torch.save(content, noise_folder / "7.pt")
    with pytest.raises(UserError, match=r"7\.pt: " + words):
        generate(GenerateOptions(noise_folder, tmp_path / "out", unet, FEW))
    assert not (tmp_path / "out").exists()


def test_an_empty_or_missing_folder_is_refused(unet, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: holds no \.pt or \.npy file"):
        generate(GenerateOptions(tmp_path / "empty", tmp_path / "out", unet))
    with pytest.raises(UserError, match="there is no such folder"):
        generate(GenerateOptions(tmp_path / "none", tmp_path / "out", unet))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"saving": "auto"}, "unknown saving 'auto'; choose one of minmax, fixed"),
        ({"batch_size": 0}, "--batch-size must be at least 1"),
        ({"precision": "fp8"}, "unknown precision"),
        ({"sampling": Sampling(steps=0)}, "steps must be at least 1"),
    ],
)
def test_bad_settings_are_refused_first(tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        generate(GenerateOptions(tmp_path, tmp_path / "out", tmp_path / "UNet.pt", **changes))


@pytest.fixture(scope="module")
def pretrained_keys(tmp_path_factory):
    """A UNet.pt with all keys and shapes, whose tensors share one number each and so take no room."""
    return {key: torch.zeros(()).expand(value.shape) for key, value in FaceUNet().state_dict().items()}


def test_unet_pt_is_loaded_strictly(pretrained_keys, tmp_path):
    path = tmp_path / "UNet.pt"
    torch.save(pretrained_keys, path)
    assert not load_faces(path).network.out[2].weight.any()
    broken = dict(pretrained_keys)
    del broken["mid1.attention.qkv.weight"], broken["down1.bias"]
    broken["down1.weight"] = torch.zeros(1)
    broken["ema.decay"] = torch.zeros(1)
    torch.save(broken, path)
    with pytest.raises(UserError) as refused:
        load_faces(path)
    for words in ("lacks down1.bias, mid1.attention.qkv.weight", "ema.decay", "down1.weight [1] for [128, 3, 3, 3]"):
        assert words in str(refused.value)
    torch.save({**pretrained_keys, "down1.bias": torch.full((128,), float("inf"))}, path)
    with pytest.raises(UserError, match=r"holds NaN or infinity in down1\.bias"):
        load_faces(path)


def test_weights_that_are_no_face_model_are_refused(tmp_path):
    torch.save(Evil(), tmp_path / "UNet.pt")
    with pytest.raises(UserError, match=r"UNet.pt: holds (posix|nt|os).system and no table of weights"):
        load_faces(tmp_path / "UNet.pt")
    torch.save([1, 2], tmp_path / "UNet.pt")
    with pytest.raises(UserError, match=r"UNet.pt: holds a list and no table of weights"):
        load_faces(tmp_path / "UNet.pt")
    with pytest.raises(UserError, match="cannot be read"):
        load_faces(tmp_path / "missing.pt")


def test_drawn_noises_are_read_back_and_do_not_depend_on_how_many(tmp_path):
    noise(NoiseOptions(tmp_path / "many", count=3, size=16))
    noise(NoiseOptions(tmp_path / "one", count=1, size=16))
    assert [path.name for path in noise_paths(tmp_path / "many")] == ["00.pt", "01.pt", "02.pt"]
    assert torch.equal(read_noise(tmp_path / "one" / "00.pt", 16), read_noise(tmp_path / "many" / "00.pt", 16))
    assert not torch.equal(read_noise(tmp_path / "many" / "01.pt", 16), read_noise(tmp_path / "many" / "00.pt", 16))
