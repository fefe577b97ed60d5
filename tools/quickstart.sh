#!/usr/bin/env bash
# From a clone to a first verdict: makes the environment, then compares the six optimizers on
# scikit-learn's digits, ten feasible trials each, in about two minutes on two cores.
# An optional argument is the directory for the studies (default: runs/quickstart).
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh
make_environment
study_dir="${1:-runs/quickstart}"
tfoptcmp-tune --workload=digits_simple_cnn --scale=smoke --study_dir="$study_dir"
tfoptcmp-report --study_dir="$study_dir"
