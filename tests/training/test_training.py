"""The loop: same weights however it is interrupted, split or shared."""

import sys

import pytest
import torch
from torch import nn

pytest.importorskip("accelerate")

from accelerate import Accelerator

from sfumato.training import EMA, LoopOptions, Muon, Together, Trainer, orthogonalized


def make_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, 3))


def make_optimizers(network):
    matrices = [p for p in network.parameters() if p.dim() > 1]
    vectors = [p for p in network.parameters() if p.dim() == 1]
    return [Muon(matrices, lr=0.02), torch.optim.AdamW(vectors, lr=1e-2)]


def draw(step, rows):
    source = torch.Generator().manual_seed(step)
    x = torch.randn(12, 4, generator=source)
    return x[rows], (x[:, :3] * x[:, 1:])[rows]


def loss(network, batch):
    return (network(batch[0]) - batch[1]).square().mean(dim=1)


def trainer(**changes):
    options = LoopOptions(**{"steps": 40, "batch_size": 12, "warmup": 5, "ema": 0.9, **changes})
    return Trainer(make_network(), make_optimizers, options, Accelerator(cpu=True))


def finish(run):
    return list(run.run(draw, loss))


def weights(run):
    return torch.cat([p.detach().flatten() for p in run.network.parameters()])


def test_it_learns_and_yields_every_step():
    run = trainer(steps=300)
    progress = finish(run)
    assert [p.step for p in progress] == list(range(1, 301))
    assert progress[-1].loss < 0.4 * progress[0].loss
    assert progress[0].rate == pytest.approx(0.2)
    assert progress[-1].rate == pytest.approx(1 / (0.45 * 300))


@pytest.mark.parametrize(("clip", "scale", "length"), [(1.0, 1e6, 1.0), (0.25, 1e6, 0.25), (1.0, 0.1, None)])
def test_a_steps_length_is_the_clipped_gradients_times_the_rate(clip, scale, length):
    """By plain gradient descent: a huge gradient is cut to `clip`, a small one is left; the rate rises and falls."""
    rates = [0.25, 0.5, 0.75, *[1.0] * 8, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    options = LoopOptions(steps=20, batch_size=12, warmup=4, decay_share=0.5, clip=clip)
    run = Trainer(
        make_network(), lambda net: [torch.optim.SGD(net.parameters(), lr=0.01)], options, Accelerator(cpu=True)
    )
    before = weights(run)
    for rate, progress in zip(rates, run.run(draw, lambda network, batch: scale * loss(network, batch))):
        after = weights(run)
        assert progress.rate == pytest.approx(rate)
        moved = progress.gradient_norm if length is None else length
        assert float((after - before).norm()) == pytest.approx(0.01 * rate * moved, rel=1e-3)
        assert (progress.gradient_norm > 1e3) == (scale > 1)
        before = after
    assert progress.step == 20


@pytest.mark.parametrize(("share", "rate"), [(0.0, 1.0), (0.2, 0.5), (0.45, 2 / 9), (1.0, 0.1)])
def test_the_rate_falls_in_the_last_share_of_the_run(share, rate):
    """Of 100 steps the last 10 lie ahead: half of a last fifth, a tenth of the whole."""
    options = LoopOptions(steps=100, warmup=0, decay_share=share)
    assert options.rate(90) == pytest.approx(rate)
    assert options.rate(0) == 1.0


def test_the_running_mean_takes_in_every_step():
    """Replayed by hand: (1 + n) / (10 + n) of the old mean is kept while that is below the decay."""
    run = trainer(steps=12, ema=0.4)
    mean = weights(run)
    for n, _ in enumerate(run.run(draw, loss)):
        keep = min(0.4, (1 + n) / (10 + n))
        mean = keep * mean + (1 - keep) * weights(run)
    kept = torch.cat([p.flatten() for p in run.ema.network.parameters()])
    assert torch.allclose(kept, mean, atol=1e-6)
    assert not torch.allclose(kept, weights(run), atol=1e-3)


def test_a_resumed_run_ends_with_the_same_bits():
    whole = trainer()
    finish(whole)
    first, second = trainer(), trainer()
    steps = first.run(draw, loss)
    for _ in range(17):
        next(steps)
    state = {key: value.clone() for key, value in first.state().items()}
    second.load_state(state, 17)
    assert len(finish(second)) == 23
    for key, value in whole.state().items():
        assert torch.equal(value, second.state()[key]), key


def scaled():
    """A run whose gradients are scaled, as those of fp16 are, by what doubles every third step."""
    accelerator = Accelerator(cpu=True)
    accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=3)
    return Trainer(make_network(), make_optimizers, LoopOptions(20, 12, warmup=5, ema=0.9), accelerator)


def test_a_resumed_run_goes_on_with_what_its_gradients_are_scaled_by():
    """In fp32 the scaled gradients are what is clipped, so that the weights tell any other scale."""
    whole, first, second, old = scaled(), scaled(), scaled(), scaled()
    finish(whole)
    steps = first.run(draw, loss)
    for _ in range(8):
        next(steps)
    state = {key: value.clone() for key, value in first.state().items()}
    assert (state["scaler.scale"].item(), state["scaler._growth_tracker"].item()) == (16.0, 2)
    second.load_state(state, 8)
    finish(second)
    assert whole.state()["scaler.scale"].item() == 4.0 * 2**6
    for key, value in whole.state().items():
        assert torch.equal(value, second.state()[key]), key
    # A state of before, which lacks it, is read, and the scale begins anew.
    old.load_state({key: value for key, value in state.items() if not key.startswith("scaler.")}, 8)
    assert old.accelerator.scaler.get_scale() == 4.0
    finish(old)
    assert not torch.equal(weights(old), weights(whole))
    assert not [key for key in trainer().state() if key.startswith("scaler.")]


def test_accumulated_parts_are_the_whole_batch():
    whole, parts = trainer(), trainer(accumulate=3)
    finish(whole)
    finish(parts)
    assert torch.allclose(weights(whole), weights(parts), atol=1e-4)


def test_two_processes_train_the_network_of_one(tmp_path, on_two_processes):
    """The end of this file, run by torchrun on two processes, against this process alone."""
    on_two_processes("-m", "tests.training.test_training", tmp_path)
    alone = trainer()
    finish(alone)
    shared = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert torch.equal(*shared)
    assert torch.allclose(shared[0], weights(alone), atol=1e-4)


def test_processes_sum_their_gradients_once_a_step_however_many_parts(tmp_path, on_two_processes):
    on_two_processes("-m", "tests.training.test_training", tmp_path, 3)
    sums, steps = torch.load(tmp_path / "sums.pt").tolist()
    assert sums == steps == 40
    in_parts = trainer(accumulate=3)
    finish(in_parts)
    shared = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert torch.equal(*shared)
    assert torch.allclose(shared[0], weights(in_parts), atol=1e-4)


def test_optimizers_together_step_as_they_would_alone_under_a_gradient_scaler():
    plain, scaled = make_network(), make_network()
    alone = make_optimizers(plain)
    together = Together(make_optimizers(scaled))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for step in range(5):
        batch = draw(step, slice(None))
        for optimizer in alone:
            optimizer.zero_grad()
        loss(plain, batch).mean().backward()
        for optimizer in alone:
            optimizer.step()
        together.zero_grad()
        scaler.scale(loss(scaled, batch).mean()).backward()
        scaler.step(together)
        scaler.update()
    for a, b in zip(plain.parameters(), scaled.parameters()):
        assert torch.allclose(a, b, atol=1e-6)
    copy = Together(make_optimizers(make_network()))
    copy.load_state_dict(together.state_dict())
    assert copy.param_groups[0] is copy.optimizers[0].param_groups[0]


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="choose a multiple of 5"):
        trainer(accumulate=5)


def test_a_loss_that_is_no_number_stops_before_the_weights_are_spoilt():
    run = trainer()
    with pytest.raises(FloatingPointError, match="the loss is nan at step 1; lower the learning rate"):
        list(run.run(draw, lambda network, batch: loss(network, batch) * float("nan")))
    assert bool(weights(run).isfinite().all())


def test_ema_is_the_weighted_mean():
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    ema = EMA(network, 0.9)
    nn.init.constant_(network.weight, 2.0)
    ema.update(network, 0)
    assert float(ema.network.weight) == pytest.approx(0.1 * 1 + 0.9 * 2)
    ema.update(network, 1000)
    assert float(ema.network.weight) == pytest.approx(0.9 * 1.9 + 0.1 * 2)


@pytest.mark.parametrize("shape", [(8, 8), (6, 30), (30, 6)])
def test_muon_makes_all_directions_equally_strong(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) @ torch.diag(
        torch.logspace(0, -1, shape[1])
    )
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    got = orthogonalized(matrix)
    singular = torch.linalg.svdvals(got)
    assert float(singular.min()) > 0.6
    assert float(singular.max()) < 1.3
    # The directions stay the matrix's own.
    assert torch.allclose(u.T @ got @ v.T, torch.diag(torch.diag(u.T @ got @ v.T)), atol=1e-4)


def test_muon_is_for_matrices():
    with pytest.raises(ValueError, match="Muon is for matrices"):
        Muon([nn.Parameter(torch.ones(3))], lr=0.1)


def test_muon_in_bf16_goes_the_same_way():
    """Rounded to 8 bits the step still points where the exact one does."""
    steps = []
    for dtype in (torch.float32, torch.bfloat16):
        weight = nn.Parameter(torch.zeros(24, 40))
        weight.grad = torch.randn(24, 40, generator=torch.Generator().manual_seed(0))
        Muon([weight], lr=1.0, weight_decay=0.0, dtype=dtype).step()
        assert weight.dtype == torch.float32
        steps.append(weight.detach().flatten())
    assert torch.nn.functional.cosine_similarity(*steps, dim=0) > 0.999


@pytest.mark.slow
def test_a_compiled_network_learns_the_same():
    """Compiling changes the order of sums and nothing else; it takes a C++ compiler and half a minute."""
    plain, compiled = trainer(), trainer(compile=True)
    for run in (plain, compiled):
        for _ in run.run(draw, loss):
            pass
    for ours, theirs in zip(compiled.network.parameters(), plain.network.parameters()):
        assert torch.allclose(ours, theirs, atol=1e-4)
    assert set(compiled.state()) == set(plain.state())


def main(folder, accumulate=1):
    """What one of two processes does."""
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

    torch.set_num_threads(1)
    here, sums = trainer(accumulate=int(accumulate)), []
    here._wrapped.register_comm_hook(None, lambda state, bucket: sums.append(1) or allreduce_hook(state, bucket))
    finish(here)
    torch.save(torch.tensor([len(sums), here.steps_done]), f"{folder}/sums.pt")
    torch.save(weights(here), f"{folder}/{here.accelerator.process_index}.pt")
    here.accelerator.end_training()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
