#!/usr/bin/env bash
# bash get_dataset.sh: fetches the course's data into hw2_data beside this script
PYTHONPATH="$(dirname "$0")" exec python3 -m sfumato.course.get_dataset "$@"
