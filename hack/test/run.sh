#!/usr/bin/env bash
# Runs tests with gotestsum, and prints after its summary what that leaves out: the reports of tests that pass, the text of
# data races, and as the last line "12 passed, 0 failed, 1 skipped", which .ci/run reads. It fails, too, if no test passed.
#
#   run.sh -- FLAGS AND PACKAGES OF go test...
#   run.sh --raw-command -- COMMAND...          a command that prints what `go test -json` prints
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
events=$(mktemp)
trap 'rm -f "$events"' EXIT

go tool -modfile="$here/../tools/go.mod" gotestsum \
  --format pkgname-and-test-fails --format-hide-empty-pkg --jsonfile "$events" "$@"
code=$?
awk -f "$here/summary.awk" "$events" || code=1
exit "$code"
