#!/usr/bin/env bash
# Makes the environment, then runs lint, types and tests (two files at a time).
# Arguments go to pytest.
# TFOPTCMP_DATA_DIR names a directory of prepared tensorflow_datasets; tests on real data skip without.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh
make_environment dev
ruff check .
ruff format --check .
mypy
python -m pytest --numprocesses=2 --dist=loadfile "$@"
