#!/usr/bin/env bash
# efficientnet-lite-pytorch 0.1.0 pads every image as if it had the side that the weights were trained on.
#
# Its convolutions work out TensorFlow's "SAME" padding once, when the network is built, from 224 pixels, and keep it. For an image
# of another side they pad by those numbers all the same, without a word. "SAME" gives ceil(side / 2) rows after a stride of 2: of
# 225 rows 113, and the package gives 112. At 224 and at 64 pixels the two agree, which is why it is easily missed.
#
# Seen with efficientnet-lite-pytorch 0.1.0 and PyTorch 2.13.0 on Python 3.11, output:
#     224: 112 rows, SAME has 112
#     225: 112 rows, SAME has 113
#     64: 32 rows, SAME has 32
#     65: 32 rows, SAME has 33
# Fails if that changes. Features of images with an odd side at any of the five halvings therefore differ from TensorFlow's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 efficientnet-lite-pytorch==0.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' | tee told.txt
import torch
from efficientnet_lite_pytorch import EfficientNet

network = EfficientNet.from_name("efficientnet-lite0").eval()
for side in (224, 225, 64, 65):
    with torch.no_grad():
        rows = network._conv_stem(torch.zeros(1, 3, side, side)).shape[2]
    print(f"{side}: {rows} rows, SAME has {-(-side // 2)}")
PYTHON
diff told.txt - <<'WANTED'
224: 112 rows, SAME has 112
225: 112 rows, SAME has 113
64: 32 rows, SAME has 32
65: 32 rows, SAME has 33
WANTED
echo "as stated"
