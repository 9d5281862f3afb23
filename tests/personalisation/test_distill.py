"""Latent consistency distillation into a LoRA, on a checkpoint small enough for a test."""

import json
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from shlex import split

import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.additions import read_given
from sfumato.checkpoints import PREFIXES, read_safetensors, write_safetensors
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling
from sfumato.concepts.telling import paints_with
from sfumato.diffusion import CLEAN, DDIM, LCM, SeededNoise, sample
from sfumato.errors import UserError
from sfumato.models.additions import Addition, added
from sfumato.personalisation.distill import distill
from sfumato.personalisation.distill_options import DistillOptions
from sfumato.personalisation.distilling import EVERYWHERE, ConsistencyLoss, StepsLoss, jump
from sfumato.personalisation.files import learned_so_far, write_learned
from sfumato.personalisation.learned import Learned
from sfumato.personalisation.methods import first_additions
from sfumato.personalisation.running import RunningOptions
from sfumato.stable_diffusion import SCHEDULE, StableDiffusion


@pytest.fixture(scope="module")
def painted(checkpoint, tmp_path_factory):
    """Pictures that `concepts generate` painted, with their prompts in them."""
    out = tmp_path_factory.mktemp("painted") / "out"
    return generate(GenerateOptions(out, checkpoint, ("a dog", "a cat"), count=3, sampling=Sampling(steps=2)))


def options(checkpoint, out, painted, **more):
    usual = {"steps": 4, "batch_size": 2, "rank": 4, "preview_every": 0, "precision": "fp32"}
    told = {**usual, **more}
    running = {one.name: told.pop(one.name) for one in fields(RunningOptions) if one.name in told}
    return DistillOptions(checkpoint, out, pictures=painted, running=RunningOptions(**running), **told)


def learned_at_random(model, size=0.05):
    """A LoRA whose every layer does something."""
    torch.manual_seed(1)
    first = first_additions(model, EVERYWHERE, 4, 4.0, False, 0)
    return Learned(
        {},
        {
            name: Addition((one.parts[0], size * torch.randn_like(one.parts[1])), one.scale)
            for name, one in first.items()
        },
    )


def drawn(model, times):
    generator = torch.Generator().manual_seed(3)
    shape = (len(times), *model.latent_shape(None, None))
    x0, eps = (torch.randn(shape, generator=generator) for _ in range(2))
    ids = torch.tensor([model.tokenizer()(text).ids for text in ("a dog", "a cat", "a house")][: len(times)])
    return x0, torch.tensor(times), eps, ids


def levels(t):
    """signal and noise [n, 1, 1, 1] by the definition of Stable Diffusion's schedule."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alpha_bar = torch.cumprod(1 - betas, 0)[t].float().reshape(-1, 1, 1, 1)
    return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def test_the_loss_is_the_papers(checkpoint):
    """From the bare networks: eq. 9, 12 and 13 with eps, c = 0.001; times are taken to the noisiest of their twenty."""
    model = StableDiffusion.load(checkpoint)
    network = learned_at_random(model)
    loss = ConsistencyLoss(model, network.layers, scale=5.0, huber=0.001)
    x0, t, eps, ids = drawn(model, [3, 519, 999])
    with torch.no_grad():
        found = loss(network, (x0, t, eps, ids))
        _, additions = network()
        with loss.resting():
            states, nothing = model.states(ids), model.encode([model.tokenizer()("")]).expand(3, -1, -1)
            t, s = torch.tensor([19, 519, 999]), torch.tensor([0, 499, 979])
            (signal, noise), (signal_s, noise_s) = levels(t), levels(s)
            x_t = signal * x0 + noise * eps
            no = model.unet(x_t, t, nothing)
            guided = no + 5.0 * (model.unet(x_t, t, states) - no)
            x_s = signal_s * (x_t - noise * guided) / signal + noise_s * guided
            with added(model.networks(), additions):
                out_t, out_s = model.unet(x_t, t, states), model.unet(x_s, s, states)

    def f(x, out, time, a, n):
        skip, kept = 0.25 / ((10 * time) ** 2 + 0.25), 10 * time / ((10 * time) ** 2 + 0.25) ** 0.5
        return skip.reshape(-1, 1, 1, 1) * x + kept.reshape(-1, 1, 1, 1) * (x - n * out) / a

    apart = f(x_t, out_t, t.float(), signal, noise) - f(x_s, out_s, s.float(), signal_s, noise_s)
    expected = ((apart**2 + 1e-6).sqrt() - 0.001).mean(dim=(1, 2, 3))
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert (found > 1e-4).all()


def test_a_walks_target_is_the_models_own_guided_walk(checkpoint):
    """By hand: two steps in place of six; a time anywhere in a step's share of them is taken to where it begins."""
    model = StableDiffusion.load(checkpoint)
    network = learned_at_random(model)
    loss = StepsLoss(model, network.layers, scale=5.0, huber=0.001, steps=2, teacher_steps=3)
    x0, t, eps, ids = drawn(model, [3, 499, 500])
    with torch.no_grad():
        found = loss(network, (x0, t, eps, ids))
        _, additions = network()
        walks = torch.tensor([[499, 332, 166, -1], [499, 332, 166, -1], [999, 832, 666, 499]])
        with loss.resting():
            states, nothing = model.states(ids), model.encode([model.tokenizer()("")]).expand(3, -1, -1)
            signal, noise = levels(walks[:, 0])
            x_t = x = signal * x0 + noise * eps
            for here, following in zip(walks.T, walks.T[1:]):
                no = model.unet(x, here, nothing)
                x = stepped(x, no + 5.0 * (model.unet(x, here, states) - no), here, following)
            with added(model.networks(), additions):
                y = stepped(x_t, model.unet(x_t, walks[:, 0], states), walks[:, 0], walks[:, -1])
                sampled = [
                    sample(DDIM()(x_t[[row]], model.denoiser(states[[row]]), [int(walks[row, 0]), int(walks[row, -1])]))
                    for row in range(3)
                ]
    expected = (((y - x) ** 2 + 1e-6).sqrt() - 0.001).mean(dim=(1, 2, 3))
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-5) and (found > 1e-4).all()
    assert torch.allclose(torch.cat(sampled), y, rtol=1e-3, atol=1e-4), "what is learned is what --sampler ddim does"


def stepped(x, eps, t, s):
    """DDIM by its definition, to times of which -1 is the clean picture."""
    (signal, noise), (signal_s, noise_s) = levels(t), levels(s.clamp(min=0))
    clean = (s < 0).reshape(-1, 1, 1, 1)
    x0 = (x - noise * eps) / signal
    return torch.where(clean, x0, signal_s * x0 + noise_s * eps)


def test_the_target_has_no_gradient_and_nothing_but_the_lora_has_one(checkpoint):
    """What a step would do to f(x_t, t) alone: the target held still by hand gives the same gradient."""
    model = StableDiffusion.load(checkpoint)
    network = learned_at_random(model)
    loss = ConsistencyLoss(model, network.layers, scale=5.0, huber=0.001)
    loss(network, drawn(model, [519, 999])).sum().backward()
    assert all(part.grad is not None and bool(part.grad.abs().sum() > 0) for part in network.parts)
    for one in (model.unet, model.text, model.vae):
        assert all(parameter.grad is None and not parameter.requires_grad for parameter in one.parameters())


def test_at_the_clean_end_the_jump_is_the_identity(checkpoint):
    model = StableDiffusion.load(checkpoint)
    x0, _, _, ids = drawn(model, [0, 0])
    with torch.no_grad():
        found = jump(model.denoiser(model.states(ids)), x0, torch.tensor([0, 19]))
    assert torch.equal(found[0], x0[0]) and not torch.equal(found[1], x0[1])


def test_the_jump_is_the_samplers(checkpoint):
    """What is learned is what `--sampler lcm` does."""
    model = StableDiffusion.load(checkpoint)
    x, _, _, ids = drawn(model, [0, 0])
    with torch.no_grad():
        denoiser = model.denoiser(model.states(ids))
        for t in (999, 259, 19):
            walked = sample(LCM()(x, denoiser, [t, CLEAN], SeededNoise([0, 1], x.shape[1:])))
            assert torch.allclose(walked, jump(denoiser, x, torch.tensor([t, t])), rtol=1e-4, atol=1e-4)


def test_what_is_learned_is_what_is_read_and_added(checkpoint, tmp_path):
    """Every layer of the U-Net but its first and last, convolutions too: beside the layer, and through a file."""
    model = StableDiffusion.load(checkpoint)
    network = learned_at_random(model)
    loss = ConsistencyLoss(model, network.layers, 5.0, 0.001)
    x0, t, _, ids = drawn(model, [19, 519, 999])
    with torch.no_grad():
        denoiser = model.denoiser(model.states(ids))
        bare = denoiser(x0, t).eps
        loss(network, drawn(model, [3, 519, 999]))
        beside = denoiser(x0, t).eps
        write_learned(tmp_path / "lcm.safetensors", "lora", learned_so_far(network, {"distilled": "lcm"}), model)
        read = read_given("--lora", tmp_path / "lcm.safetensors", model)
        with loss.resting(), added(model.networks(), read.additions):
            through_a_file = denoiser(x0, t).eps
    assert set(read.additions) == set(network.layers) and read.metadata["distilled"] == "lcm"
    moved = float((beside - bare).abs().max())
    assert moved > 0.01
    assert (through_a_file - beside).abs().max() < 0.01 * moved  # halves of numbers
    convolutions = {name for name in network.layers if read.additions[name].parts[0].dim() == 4}
    assert any(read.additions[name].parts[0].shape[2] == 3 for name in convolutions)
    assert not {"unet.input_blocks.0.0", "unet.out.2"} & set(network.layers)


@pytest.mark.parametrize(
    ("distilled", "right", "wrong"),
    [
        ("lcm", Sampling(sampler="lcm", steps=2), Sampling(steps=2)),
        ("ddim-2", Sampling(sampler="ddim", steps=2, guidance_scale=1.0), Sampling(sampler="ddim", steps=2)),
        ("ddim-2", Sampling(sampler="ddim", steps=2, guidance_scale=1.0), Sampling(sampler="lcm", steps=2)),
    ],
)
def test_what_was_distilled_is_warned_of_with_another_sampler(checkpoint, tmp_path, recwarn, distilled, right, wrong):
    model = StableDiffusion.load(checkpoint)
    lora = tmp_path / "few.safetensors"
    write_learned(lora, "lora", learned_so_far(learned_at_random(model), {"distilled": distilled}), model)

    def painted(name, sampling):
        options = GenerateOptions(tmp_path / name, checkpoint, ("a dog",), count=1, sampling=sampling)
        generate(replace(options, lora=(str(lora),)))

    painted("right", right)
    assert not [one for one in recwarn if "distilled" in str(one.message)]
    advice = paints_with(distilled)
    with pytest.warns(UserWarning, match=f"^{lora}: was distilled for few passes; paint with {advice}"):
        painted("wrong", wrong)


@pytest.mark.parametrize("kind", [ConsistencyLoss, partial(StepsLoss, steps=4, teacher_steps=2)])
def test_distilling_lowers_the_loss(checkpoint, kind):
    """What the model jumps to at one time comes to be what it jumps to one step later, or what it walks to in many, for
    a batch that stays."""
    model = StableDiffusion.load(checkpoint)
    network = Learned({}, first_additions(model, EVERYWHERE, 4, 4.0, False, 0))
    loss, batch = kind(model, network.layers, 5.0, 0.001), drawn(model, [259, 519, 999])
    optimizer, seen = torch.optim.Adam(network.parts.parameters(), lr=3e-3), []
    for _ in range(15):
        optimizer.zero_grad()
        mean = loss(network, batch).mean()
        mean.backward()
        optimizer.step()
        seen.append(float(mean.detach()))
    assert seen[-1] < 0.5 * seen[0]


def test_previews_are_painted_and_the_loss_is_looked_at(checkpoint, painted, tmp_path):
    """Both always from the same noises: nothing is learned at a rate of nearly nothing, and nothing changes."""
    distill(options(checkpoint, tmp_path / "run", painted, steps=4, lr=1e-12, preview_every=2))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    seen = [line["loss/fixed"] for line in lines if "loss/fixed" in line]
    assert len(seen) == 2 and seen[0] == pytest.approx(seen[1], rel=1e-5) and seen[0] > 0
    sheets = [(tmp_path / "run" / f"sheet-{step:08d}.png").read_bytes() for step in (2, 4)]
    assert sheets[0] == sheets[1]


def test_an_interrupted_run_ends_with_the_same_bytes(checkpoint, painted, tmp_path):
    for name in ("whole", "halves"):
        distill(options(checkpoint, tmp_path / name, painted, steps=6, save_every=2))
    halves = tmp_path / "halves"
    sorted(halves.glob("state-*.safetensors"))[-1].unlink()
    (halves / "lcm.safetensors").unlink()
    distill(options(checkpoint, halves, painted, steps=6, save_every=2))
    assert (halves / "lcm.safetensors").read_bytes() == (tmp_path / "whole" / "lcm.safetensors").read_bytes()
    for changed, told in (
        ({"guidance_scale": 3.0}, "guidance_scale = 7.5, not 3.0"),
        ({"rank": 2, "alpha": 4.0}, "rank = 4, not 2"),
    ):
        with pytest.raises(UserError, match=f"holds a run with {told}"):
            distill(options(checkpoint, halves, painted, steps=6, save_every=2, **changed))


def test_pictures_are_painted_first_where_none_are_given_and_the_plan_paints_none(checkpoint, tmp_path, capsys):
    told = {"painted": None, "prompt": ("a dog", "a cat"), "count": 3}
    distill(options(checkpoint, tmp_path / "run", plan=True, **told))
    plan = capsys.readouterr().out
    assert "3 painted first, for 2 prompts" in plan and "guidance 7.5" in plan and not list(tmp_path.rglob("*.png"))
    distill(options(checkpoint, tmp_path / "run", **told))
    assert len(list((tmp_path / "run").rglob("*.png"))) == 3


@pytest.mark.parametrize(
    ("passes", "name", "distilled", "title", "hint"),
    [
        (None, "lcm.safetensors", "lcm", "LCM-LoRA", "sampler LCM, 1 to 8 steps, guidance scale 1"),
        (2, "few-steps.safetensors", "ddim-2", "2-step LoRA", "sampler DDIM, 2 trailing steps, guidance scale 1"),
    ],
)
def test_the_file_says_what_it_is_in_kohyas_names_and_the_last_line_paints_with_it(
    checkpoint, painted, tmp_path, capsys, monkeypatch, recwarn, passes, name, distilled, title, hint
):
    pytest.importorskip("tyro")
    from sfumato.cli import main

    monkeypatch.chdir(tmp_path)
    path = distill(options(checkpoint, Path("run"), painted, passes=passes))
    assert path == Path("run") / name
    last = capsys.readouterr().out.splitlines()[-1]
    tensors, metadata = read_safetensors(path)
    assert all(key.startswith("lora_unet_") for key in tensors)
    assert (metadata["modelspec.title"], metadata["modelspec.usage_hint"]) == (title, hint)
    assert metadata["sfumato.distilled"] == distilled and metadata["sfumato.guidance_scale"] == "7.5"
    assert not any(str(tmp_path) in text for text in metadata.values())
    assert main([*split(last)[1:], "--count", "1"]) == 0
    assert len(list((tmp_path / "painted").rglob("*.png"))) == 1
    assert not [one for one in recwarn if "distilled" in str(one.message)]


def test_a_checkpoint_without_an_autoencoder_takes_one_from_a_file(state, checkpoint, painted, tmp_path, capsys):
    own = {key[len(PREFIXES["vae"]) :]: value for key, value in state.items() if key.startswith(PREFIXES["vae"])}
    write_safetensors(tmp_path / "own.safetensors", own, {})
    torch.save({"state_dict": {k: v for k, v in state.items() if "first_stage" not in k}}, str(tmp_path / "bare.ckpt"))
    whole = distill(options(checkpoint, tmp_path / "whole", painted))
    bare = distill(options(tmp_path / "bare.ckpt", tmp_path / "bare", painted, vae=tmp_path / "own.safetensors"))
    assert bare.read_bytes() == whole.read_bytes()
    assert f"--vae {tmp_path / 'own.safetensors'}" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pictures": None}, "give --prompts with a file of what the model should paint, or --pictures"),
        ({"prompt": ("a dog",)}, "takes the place of prompts; give one or the other"),
        ({"pictures": None, "prompt": (" ",)}, "--prompt ' ': is no prompt"),
        ({"pictures": None, "prompt": ("a", "b"), "count": 1}, "--count 1: is less than the 2 prompts"),
        ({"pictures": None, "prompts": Path("missing.txt")}, r"missing\.txt: cannot be read"),
        ({"rank": 33}, "--rank must be at most 32, which unet"),
        ({"guidance_scale": 0.5}, "--guidance-scale must be at least 1, got 0.5"),
        ({"huber": 0.0}, "--huber must be above 0, got 0.0"),
        ({"passes": 0}, "--passes must be at least 1, got 0"),
        ({"teacher_steps": 5}, "--teacher-steps 5: does nothing without --passes; give both"),
        ({"passes": 300}, "--passes 300 of --teacher-steps 5 each: are more than 1,000 times"),
        ({"pictures": Path("nowhere")}, "nowhere: there is no such folder"),
    ],
)
def test_what_cannot_be_is_refused_first(checkpoint, painted, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        distill(options(checkpoint, tmp_path / "run", **{"painted": painted, **_renamed(changes)}))
    assert not (tmp_path / "run").exists()


def _renamed(changes):
    return {"painted" if name == "pictures" else name: value for name, value in changes.items()}


def test_an_empty_file_of_prompts_is_refused(checkpoint, tmp_path):
    (tmp_path / "prompts.txt").write_text("\n \n")
    with pytest.raises(UserError, match=r"prompts\.txt: holds no prompt"):
        distill(options(checkpoint, tmp_path / "run", None, prompts=tmp_path / "prompts.txt"))


def test_the_times_that_are_learned_are_those_that_are_walked():
    assert {t // 20 * 20 + 19 for t in range(1000)} == {*SCHEDULE.times(50, "lcm")[:-1]}
