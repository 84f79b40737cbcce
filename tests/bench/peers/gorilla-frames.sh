#!/usr/bin/env bash
# gorilla.sh without joining: one frame for each message. See README.md in this folder.
set -eu
GORILLA_JOIN=0 exec "${0%-frames.sh}.sh" "$@"
