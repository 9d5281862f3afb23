#!/usr/bin/env bash
# bash hw2_2.sh NOISE_DIR OUT UNet.pt: paints OUT/{stem}.png from every NOISE_DIR/{stem}.pt
script="$0"
while [ -L "$script" ]; do # a link to this script: what it needs lies beside the script itself
  target="$(readlink "$script")"
  case "$target" in /*) script="$target" ;; *) script="$(dirname "$script")/$target" ;; esac
done
exec python3 "$(dirname "$script")/sfumato/course/start.py" hw2_2 "$@"
