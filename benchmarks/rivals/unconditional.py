"""diffusers in this comparison: the settings of its `examples/unconditional_image_generation`, in a loop of our own."""

from typing import Any, Dict, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from learners import PASSES, SIDE, Rival
from torch import Tensor
from tqdm import tqdm

from sfumato.devices import choose_precision
from sfumato.images import from_pixels


class Diffusers(Rival):
    """Noise predicted on the linear schedule, AdamW with a cosine, batches of 16."""

    name = "diffusers"

    def build(self) -> None:
        from diffusers import DDPMScheduler, UNet2DModel
        from diffusers.optimization import get_scheduler
        from diffusers.training_utils import EMAModel

        # The example's shape: widths in pairs, attention at the last level but one. It has two levels more, which
        # would end at 1x1 here, and 32 groups, which do not divide these widths.
        plain, looks = ("DownBlock2D", "UpBlock2D"), ("AttnDownBlock2D", "AttnUpBlock2D")
        kinds = (plain, plain, looks, plain)
        self.network = UNet2DModel(
            sample_size=SIDE,
            layers_per_block=2,
            block_out_channels=(48, 48, 88, 88),
            norm_num_groups=8,
            down_block_types=tuple(kind[0] for kind in kinds),
            up_block_types=tuple(kind[1] for kind in reversed(kinds)),
        )
        self.schedule = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear", prediction_type="epsilon")
        weights = self.network.parameters()
        adam = torch.optim.AdamW(weights, lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
        rate = get_scheduler("cosine", optimizer=adam, num_warmup_steps=500, num_training_steps=self.steps)
        mean = {"decay": 0.9999, "use_ema_warmup": True, "inv_gamma": 1.0, "power": 0.75}
        self.ema = EMAModel(self.network.parameters(), **mean)
        precision = choose_precision(torch.device("cpu"))
        self.accelerator = Accelerator(mixed_precision="no" if precision == "fp32" else precision, cpu=True)
        self.model, self.adam, self.rate = self.accelerator.prepare(self.network, adam, rate)
        self._batches = self._endless()

    def _endless(self) -> Iterator[Tensor]:
        x0 = from_pixels(torch.from_numpy(np.array(self.pictures().pixels)))
        while True:
            yield from torch.utils.data.DataLoader(x0, batch_size=16, shuffle=True)  # type: ignore[arg-type]

    def advance(self, steps: int) -> None:
        self.model.train()
        for _ in tqdm(range(steps), initial=self.steps_done, desc=self.name, unit="step", leave=False):
            x0 = next(self._batches)
            eps, t = torch.randn_like(x0), torch.randint(0, 1000, (len(x0),))
            found = self.model(self.schedule.add_noise(x0, eps, t), t, return_dict=False)[0]
            self.accelerator.backward(F.mse_loss(found.float(), eps))
            self.accelerator.clip_grad_norm_(self.model.parameters(), 1.0)
            self.adam.step()
            self.rate.step()
            self.adam.zero_grad()
            self.ema.step(self.network.parameters())
            self.steps_done += 1

    def state(self) -> Dict[str, Any]:
        parts = {"network": self.network, "adam": self.adam, "rate": self.rate, "ema": self.ema}
        return {name: part.state_dict() for name, part in parts.items()}

    def load(self, state: Dict[str, Any]) -> None:
        for name in ("network", "adam", "rate", "ema"):
            getattr(self, name).load_state_dict(state[name])

    def painted(self, count: int) -> Tensor:
        from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

        mean = UNet2DModel.from_config(self.network.config)
        mean.load_state_dict(self.network.state_dict())
        self.ema.copy_to(mean.parameters())
        pipeline = DDIMPipeline(mean.eval(), DDIMScheduler.from_config(self.schedule.config))
        pipeline.set_progress_bar_config(disable=True)
        x = pipeline(batch_size=count, num_inference_steps=PASSES, output_type="np").images
        return torch.from_numpy(x).permute(0, 3, 1, 2) * 2 - 1
