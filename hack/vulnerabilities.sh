#!/usr/bin/env bash
# Fails if the program calls code with a known vulnerability, in a module or in the standard library of the toolchain that
# go.mod names. The vulnerabilities are those of the module golang.org/x/vulndb at the version in hack/govulncheck/go.mod,
# which has them as files: `go get golang.org/x/vulndb@latest` there gets newer ones. Without `go mod tidy`: nothing imports
# that module.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GOTOOLCHAIN=${GOTOOLCHAIN:-$(sed -n 's/^toolchain //p' go.mod)}
limit=${VULNERABILITIES_DOWNLOAD_SECONDS:-120}

# As much time as a download may take, so that a machine without a way to the modules does not wait.
if ! timeout "$limit" go mod download -C hack/govulncheck 2> /dev/null; then
  echo "vulnerabilities were not looked for: the database, module golang.org/x/vulndb, could not be reached within $limit s"
  exit 0
fi
database=$(go list -C hack/govulncheck -m -f '{{.Dir}}' golang.org/x/vulndb)/data/osv
mkdir -p bin
go build -C hack/govulncheck -o ../../bin/govulncheck golang.org/x/vuln/cmd/govulncheck
report=$(mktemp)
trap 'rm -f "$report"' EXIT
code=0
bin/govulncheck -db "file://$database" ./cmd/... > "$report" 2>&1 || code=$?
case $code in
  0) echo "no known vulnerabilities are called" ;;
  3)
    grep -E '^Vulnerability|^  (Module|Standard library)|^    (Found|Fixed) in' "$report"
    echo "vulnerabilities: raise the modules, or the toolchain in go.mod, to a version that has the fix" >&2
    exit 1
    ;;
  *)
    cat "$report" >&2
    exit "$code"
    ;;
esac
