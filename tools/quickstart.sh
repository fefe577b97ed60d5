#!/usr/bin/env bash
# From a clone to a first verdict: makes the environment, then compares SGD and Nesterov on
# scikit-learn's digits, 36 feasible trials each, in less than three minutes on two cores.
# An optional argument is the directory for the studies (default: runs/quickstart).
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh
make_environment
study_dir="${1:-runs/quickstart}"
tfoptcmp-tune --workload=digits_simple_cnn --space=final --optimizers=sgd,nesterov \
  --num_feasible=36 --tuning_budget=7 --study_dir="$study_dir"
tfoptcmp-report --study_dir="$study_dir"
