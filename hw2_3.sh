#!/usr/bin/env bash
# bash hw2_3.sh input.json OUT model.ckpt: paints 25 pictures of every prompt into OUT/{source}/{prompt}/
PYTHONPATH="$(dirname "$0")" exec python3 -m sfumato.course.hw2_3 "$@"
