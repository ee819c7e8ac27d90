#!/usr/bin/env bash
# Generates the Python code of proto/ into the tree whose package folder is the first argument (`.../hpcsched/v1`).
set -eu
cd "$(dirname "$0")/.."
out=$(dirname "$(dirname "$1")")
protoc() { .venv/bin/python -m grpc_tools.protoc -I proto "$@"; }
protoc --python_out="$out" --pyi_out="$out" proto/hpcsched/v1/*.proto
protoc --grpc_python_out="$out" proto/hpcsched/v1/*_service.proto
