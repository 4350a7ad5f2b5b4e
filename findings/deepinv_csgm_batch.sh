#!/usr/bin/env bash
# deepinv 0.5.0: CSGMGenerator answers one image for a batch of measurements.
#
# Whatever the size of the batch it draws one latent code, and fits that to all measurements at once: PyTorch's mean square broadcasts the
# one image against the batch. The answer has one image, close to what explains the mean of the measurements and none of them. Other
# reconstructors of deepinv answer a batch with a batch. The only sign is PyTorch's warning about sizes, and in a loop over a data set,
# where metrics broadcast as well, an average quality that is poor. One measurement at a time is right.
#
# Seen with PyTorch 2.13.0 and torchvision 0.28.0 on Python 3.11, output:
#     measurements (4, 1, 2, 2), of mean level -0.6 -0.2 0.2 0.6
#     together: answer (1, 1, 2, 2), level 0.0
#     one by one: levels -0.6 -0.2 0.2 0.6
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 torchvision==0.28.0 deepinv==0.5.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON' | tee told.txt
import sys
import types

import torch

# What torchvision declares of operators for boxes needs a CUDA build of PyTorch; nothing here asks for them.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
import deepinv


class Flat(torch.nn.Module):
    """A generator of flat images: the code is their level."""

    nz = 1

    def forward(self, z):
        return z.expand(-1, 1, 2, 2)


torch.manual_seed(0)
levels = torch.tensor([-0.6, -0.2, 0.2, 0.6])
physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(0.0))
measured = levels.view(4, 1, 1, 1) + torch.tensor([[0.1, -0.1], [-0.1, 0.1]])
network = deepinv.models.CSGMGenerator(Flat()).eval()


def told(values):
    return " ".join(f"{round(float(value), 1) + 0.0:g}" for value in values)


answer = network(measured, physics).detach()
alone = [network(one[None], physics).detach().mean() for one in measured]
print(f"measurements {tuple(measured.shape)}, of mean level {told(levels)}")
print(f"together: answer {tuple(answer.shape)}, level {round(float(answer.mean()), 1) + 0.0}")
print(f"one by one: levels {told(alone)}")
PYTHON
diff told.txt - <<'WANTED'
measurements (4, 1, 2, 2), of mean level -0.6 -0.2 0.2 0.6
together: answer (1, 1, 2, 2), level 0.0
one by one: levels -0.6 -0.2 0.2 0.6
WANTED
echo "as stated"
