#!/usr/bin/env bash
# bash hw2_2.sh NOISE_DIR OUT UNet.pt: paints OUT/{stem}.png from every NOISE_DIR/{stem}.pt
PYTHONPATH="$(dirname "$0")" exec python3 -m sfumato.course.hw2_2 "$@"
