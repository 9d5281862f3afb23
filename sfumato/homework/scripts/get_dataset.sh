#!/usr/bin/env bash
# bash get_dataset.sh: fetches the course's data into hw2_data beside this script
script="$0"
while [ -L "$script" ]; do # a link to this script: what it needs lies beside the script itself
  target="$(readlink "$script")"
  case "$target" in /*) script="$target" ;; *) script="$(dirname "$script")/$target" ;; esac
done
exec python3 "$(dirname "$script")/sfumato/course/start.py" get_dataset "$@"
