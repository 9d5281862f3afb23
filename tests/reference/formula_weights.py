"""Deterministic stand-in weights: every tensor is a function of its key and shape alone.

Real checkpoints (UNet.pt, sd-v1-4.ckpt) cannot be had offline. These stand-ins have the very same keys and
shapes, so loading code and every layer's arithmetic can be checked against reference outputs in this folder.
NumPy's legacy RandomState is stable across versions, so any machine builds the same weights.
"""

import json
import zlib

import numpy as np
import torch


def tensor_for(key, shape, salt=""):
    """float32 tensor for one key. salt changes all values (another 'checkpoint' with the same keys)."""
    shape = tuple(shape)
    if key.endswith("position_ids"):
        return torch.arange(shape[-1]).reshape(shape)
    if key.endswith("inv_freq"):
        dim = 2 * shape[0]
        return torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-np.log(10000) / dim))
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    noise = np.random.RandomState(zlib.crc32((salt + key).encode())).standard_normal(shape)
    if key.endswith("running_var"):  # about what a convolution of a ReLU's output has, so that deep layers stay alive
        values = 0.5 * np.exp(0.1 * noise)
    elif len(shape) <= 1:
        values = 0.1 * noise + (1.0 if key.endswith("weight") else 0.0)
    else:
        values = noise / np.sqrt(np.prod(shape[1:]))
    if key == "out.2.weight":  # face U-Net: a small output keeps 50 steps from amplifying rounding errors
        values = 0.05 * values
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def state_dict_from(manifest_path, prefix="", salt=""):
    """Build {key: tensor} for the keys of a manifest (JSON: key -> shape) that start with prefix."""
    with open(manifest_path) as file:
        manifest = json.load(file)
    return {key: tensor_for(key, shape, salt) for key, shape in manifest.items() if key.startswith(prefix)}
