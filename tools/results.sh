#!/usr/bin/env bash
# Draws the published results again: reports, tables and figures, from the studies in results/.
# Nothing is trained. The argument, if any, is where to put them (default: build/results).
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh
make_environment
output_dir="${1:-build/results}"
mkdir -p "$output_dir"
for studies in results/*/*/*/; do
  name="${studies#results/}"
  tfoptcmp-report --study_dir="$studies" --output_dir="$output_dir/${name%/}"
done
