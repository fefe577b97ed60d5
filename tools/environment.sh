# Sourced by the scripts here: makes .venv with an editable tfoptcmp, and puts it on PATH.
# Usage: make_environment [EXTRA]. Does nothing the second time, until setup.cfg or pyproject.toml
# change. PYTHON names the interpreter (default: python3). TFOPTCMP_CONSTRAINTS names a file with
# versions to install, such as tools/oldest.txt; they go into a separate environment,
# .venv-oldest.
make_environment() {
  local extra="${1:-}" python="${PYTHON:-python3}" constraints="${TFOPTCMP_CONSTRAINTS:-}"
  local venv=.venv wanted stamp
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "tfoptcmp needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    echo "Set PYTHON to another interpreter." >&2
    return 1
  }
  [ -z "$constraints" ] || venv=".venv-$(basename "$constraints" .txt)"
  stamp="$venv/installed"
  wanted="$(cat setup.cfg pyproject.toml ${constraints:+"$constraints"} | cksum)"
  # The stamp has a line for each extra; an environment with an extra also serves without it.
  [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$wanted" ] || rm -f "$stamp"
  if ! grep -qxF "extra: $extra" "$stamp" 2>/dev/null; then
    echo "Installing into $venv (some minutes the first time) ..."
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      ${constraints:+"--constraint=$constraints"} -e ".${extra:+[$extra]}"
    [ -f "$stamp" ] || printf '%s\nextra: \n' "$wanted" >"$stamp"
    [ -z "$extra" ] || echo "extra: $extra" >>"$stamp"
  fi
  export PATH="$PWD/$venv/bin:$PATH"
  export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"
}

# Usage: see_as_installed DIRECTORY. Makes a directory of links with the packages where an
# installation has them, for programs that read files without importing: type checkers, editors.
see_as_installed() {
  rm -rf "$1"
  mkdir -p "$1/tfoptcmp"
  ln -s "$PWD"/tfoptcmp/* "$PWD"/{workloads,tuners,tools} "$1/tfoptcmp"
}
