# Sourced by the scripts here: makes .venv with tfoptcmp installed, editable, and puts it on PATH.
# Usage: make_environment [EXTRA]. Does nothing the second time, until setup.cfg or pyproject.toml
# change. PYTHON names the interpreter (default: python3).
make_environment() {
  local extra="${1:-}" python="${PYTHON:-python3}" wanted stamp=.venv/installed
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "tfoptcmp needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    echo "Set PYTHON to another interpreter." >&2
    return 1
  }
  wanted="$(cat setup.cfg pyproject.toml | cksum) ${extra}"
  # An environment with an extra serves those who need none.
  if ! { [ -f "$stamp" ] && { [ "$(cat "$stamp")" = "$wanted" ] ||
    { [ -z "$extra" ] && grep -qF "${wanted% }" "$stamp"; }; }; }; then
    echo "Installing into .venv (some minutes the first time) ..."
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".${extra:+[$extra]}"
    echo "$wanted" >"$stamp"
  fi
  export PATH="$PWD/.venv/bin:$PATH"
  export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"
}
