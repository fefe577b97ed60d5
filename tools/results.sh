#!/usr/bin/env bash
# Redraws the published results, from copies of the studies in results/: a report of each set of
# studies, and the figures of the paper. Nothing is trained. An optional argument is where to put
# them (default: build/results).
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/environment.sh
make_environment
output_dir="${1:-build/results}"
mkdir -p "$output_dir"
cp -r results/cpu "$output_dir"
# Seven rules of 200 trials, under the name that the figures look for.
seven="$output_dir/seven-rules"
mkdir -p "$seven/cpu/digits_simple_cnn"
cp -r "$output_dir/cpu/digits_simple_cnn/seven-quasirandom" \
  "$seven/cpu/digits_simple_cnn/refined-quasirandom"

programs() {
  for studies in "$output_dir"/cpu/*/*/; do
    line report --study_dir="$studies"
  done
  for figure in 1 2 5 9 10; do
    draw --figure="$figure" --space=refined --workloads=digits_simple_cnn,fashion_mnist_simple_cnn
  done
  for figure in 1 2 5 9 10; do
    draw --output_dir="$seven" --figure="$figure" --space=refined --workloads=digits_simple_cnn \
      --optimizers=sgd,momentum,nesterov,rmsprop,adam,nadam,rmsterov
  done
  draw --figure=4 --workloads=pydocs_lstm
  local text="results/cpu/war_and_peace_lstm"
  line lab.protocols --output_dir="$output_dir/war-and-peace" \
    "rate alone=$text/rate_alone-quasirandom" \
    "rate and schedule=$text/rate_and_schedule-quasirandom" \
    "everything=$text/everything-quasirandom"
  local fashion="results/cpu/fashion_mnist_simple_cnn"
  local rest="$fashion/refined-quasirandom/round-2"  # what has no epsilon
  line lab.protocols --output_dir="$output_dir/fashion-mnist" \
    "epsilon at its default=$fashion/epsilon_at_default-quasirandom+$rest/sgd+$rest/momentum+$rest/nesterov" \
    "everything=$fashion/refined-quasirandom" \
    "everything, wider ranges=$fashion/wide_ratio-quasirandom+$rest/sgd+$rest/momentum+$rest/nesterov"
  local digits="results/cpu/digits_simple_cnn"
  local all="$digits/seven-quasirandom/round-2"  # what a restriction leaves as it is
  line lab.protocols --output_dir="$output_dir" \
    "rate alone=$digits/rate_alone-quasirandom" \
    "rate and schedule=$digits/rate_and_schedule-quasirandom" \
    "momentum at 0.9=$digits/momentum_at_0.9-quasirandom+$all/sgd" \
    "epsilon at its default=$digits/epsilon_at_default-quasirandom+$all/sgd+$all/momentum+$all/nesterov" \
    "everything=$digits/seven-quasirandom"
}
draw() {
  line reproduce --scale=cpu --output_dir="$output_dir" --draw_only "$@"
}
line() {
  printf '%q ' "$@"
  echo
}
programs | python -m tools.lab.together
