#!/usr/bin/env bash
# Makes the environment, then builds the documentation as a site, runs its doctests and follows its
# links; a warning is an error. An optional argument is the output directory (default: build/docs;
# the site is in html/ there).
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh
make_environment docs
python docs/build.py "${1:-build/docs}"
