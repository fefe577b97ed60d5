#!/usr/bin/env bash
# Makes a release, and publishes nothing: tools/release.sh VERSION
# Sets the version, dates the changelog, builds wheel and sdist into dist/ and checks them. What is
# left to do is printed. If a step fails, the files are unchanged.
set -euo pipefail
cd "$(dirname "$0")/.."
refuse() {
  echo "release.sh: $1" >&2
  exit 2
}

version="${1:-}"
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || refuse "VERSION must be like 1.2.3; got '$version'"
[ -z "$(git status --porcelain)" ] || refuse "the working tree must be clean; see git status"
current="$(sed -n 's/^version = //p' setup.cfg)"
[ "$(printf '%s\n' "$current" "$version" | sort -V | tail -n 1)" = "$version" ] ||
  refuse "VERSION must not be below $current; got $version"
! grep -qF "## [$version]" CHANGELOG.md || refuse "CHANGELOG.md has version $version already"
awk '/^## / { here = ($2 == "[Unreleased]") } here && /^- / { found = 1 } END { exit !found }' \
  CHANGELOG.md || refuse "CHANGELOG.md must have entries under [Unreleased]"

source tools/environment.sh
make_environment dev
trap 'git checkout --quiet -- setup.cfg CITATION.cff CHANGELOG.md' ERR
sed -i "s/^version = .*/version = $version/" setup.cfg
sed -i "s/^version: .*/version: $version/" CITATION.cff
sed -i "s/^## \[Unreleased\]$/&\n\n## [$version] - $(date -u +%F)/" CHANGELOG.md
rm -rf dist
python -m build --outdir dist
python -m twine check --strict dist/*
cat <<END
Built dist/ for version $version. Nothing was committed, tagged or published. To do so:
  git commit -am "Version $version" && git tag -a "v$version" -m "Version $version"
  git push --follow-tags && python -m twine upload dist/*
END
