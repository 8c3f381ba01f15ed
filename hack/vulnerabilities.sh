#!/usr/bin/env bash
# Fails if the program calls code of a module with a known vulnerability. The vulnerabilities are those of the module
# golang.org/x/vulndb at the version in hack/govulncheck/go.mod, which has them as files: `go get golang.org/x/vulndb@latest`
# there gets newer ones. Without `go mod tidy`: nothing imports that module.
#
# Vulnerabilities of the standard library are printed and fail nothing: they are those of the Go that is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
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
    if grep -q '^  Module:' "$report"; then
      echo "vulnerabilities: raise the modules above to a version that has the fix" >&2
      exit 1
    fi
    echo "vulnerabilities of the standard library only: install a Go that has the fixes, $(go env GOVERSION) has not"
    ;;
  *)
    cat "$report" >&2
    exit "$code"
    ;;
esac
