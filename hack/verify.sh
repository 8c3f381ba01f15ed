#!/usr/bin/env bash
# Fails, naming each file, if a generated file is not what hack/generate.sh would write now, or if the program calls code
# with a known vulnerability. The tree itself is left as it is: everything is generated in a copy.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# What the generators read, and where they write.
cd "$root"
mkdir -p "$copy/docs"
cp -r go.mod go.sum api config "$copy"
for package in controller authn; do
  mkdir -p "$copy/internal/$package"
  cp "internal/$package/doc.go" "$copy/internal/$package"
done
# From nothing, so that a file which is no longer generated shows too.
find "$copy/api" -name 'zz_generated.*' -delete
rm -rf "$copy/config/crd/bases" "$copy/config/rbac/role.yaml"

hack/generate.sh "$copy"

stale=0
compare() {
  if ! diff -u "$root/$1" "$copy/$1" > "$copy/diff" 2>&1; then
    echo "stale: $1 (run \`make generate\` and commit what it writes)" >&2
    head -n 40 "$copy/diff" >&2
    stale=1
  fi
}
while IFS= read -r file; do
  compare "$file"
done < <(
  {
    cd "$root" && find api -name 'zz_generated.*' -print && find config/crd/bases -type f
    cd "$copy" && find api -name 'zz_generated.*' -print && find config/crd/bases -type f
    echo config/rbac/role.yaml
    cd "$copy" && find docs -name 'reference*.md'
  } | sort -u
)
if [ "$stale" -ne 0 ]; then exit 1; fi
echo "generated files are up to date"
hack/vulnerabilities.sh
