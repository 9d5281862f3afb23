#!/usr/bin/env bash
# bash hw2_3.sh input.json OUT model.ckpt: paints 25 pictures of every prompt into OUT/{source}/{prompt}/
script="$0"
while [ -L "$script" ]; do # a link to this script: what it needs lies beside the script itself
  target="$(readlink "$script")"
  case "$target" in /*) script="$target" ;; *) script="$(dirname "$script")/$target" ;; esac
done
exec python3 "$(dirname "$script")/sfumato/course/start.py" hw2_3 "$@"
