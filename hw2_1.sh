#!/usr/bin/env bash
# bash hw2_1.sh OUT: paints 1,000 digits into OUT/{mnistm,svhn}/{digit}_{001..050}.png
PYTHONPATH="$(dirname "$0")" exec python3 -m sfumato.course.hw2_1 "$@"
