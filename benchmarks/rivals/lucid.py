"""denoising-diffusion-pytorch in this comparison: its Trainer, with the defaults of it and of GaussianDiffusion."""

from typing import Any, Dict

import torch
from learners import PASSES, SIDE, Rival
from torch import Tensor

from sfumato.devices import choose_precision


class Lucid(Rival):
    """v predicted on the sigmoid schedule, Adam at one rate, batches of 16."""

    name = "denoising-diffusion-pytorch"

    def build(self) -> None:
        from denoising_diffusion_pytorch import GaussianDiffusion, Trainer, Unet

        self.network = Unet(dim=20, dim_mults=(1, 2, 4, 8), flash_attn=True)
        diffusion = GaussianDiffusion(self.network, image_size=SIDE, timesteps=1000, sampling_timesteps=PASSES)
        self.trainer = Trainer(
            diffusion,
            str(self.folder),
            augment_horizontal_flip=False,
            train_num_steps=self.steps,
            save_and_sample_every=10**9,  # neither pictures nor files on the way: both would cost time
            results_folder=str(self.run),
            calculate_fid=False,
            amp=choose_precision(torch.device("cpu")) == "bf16",
            mixed_precision_type="bf16",
        )

    def advance(self, steps: int) -> None:
        self.trainer.train_num_steps = self.trainer.step + steps
        self.trainer.train()
        self.steps_done = self.trainer.step

    def state(self) -> Dict[str, Any]:
        trainer = self.trainer
        model = trainer.accelerator.get_state_dict(trainer.model)
        return {"model": model, "opt": trainer.opt.state_dict(), "ema": trainer.ema.state_dict()}

    def load(self, state: Dict[str, Any]) -> None:
        trainer = self.trainer
        trainer.accelerator.unwrap_model(trainer.model).load_state_dict(state["model"])
        trainer.opt.load_state_dict(state["opt"])
        trainer.ema.load_state_dict(state["ema"])
        trainer.step = self.steps_done

    def painted(self, count: int) -> Tensor:
        self.trainer.ema.ema_model.eval()
        x: Tensor = self.trainer.ema.ema_model.sample(batch_size=count)
        return x * 2 - 1
