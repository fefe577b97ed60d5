#!/usr/bin/env bash
# Makes the environment, then runs lint, types and tests (two files at a time).
# Arguments go to pytest.
# TFOPTCMP_DATA_DIR names a directory of prepared tensorflow_datasets; without it, tests on real
# data are skipped.
# TFOPTCMP_CONSTRAINTS=tools/oldest.txt runs only the tests, on the oldest versions: lint and types
# are checked on the newest.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh
make_environment dev
if [ -z "${TFOPTCMP_CONSTRAINTS:-}" ]; then
  ruff check .
  ruff format --check .
  see_as_installed build/typed
  mypy
fi
# In the order of tests/conftest.py.
python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder "$@"
