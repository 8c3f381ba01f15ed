#!/usr/bin/env bash
# Prints a digest of all that the tests on a real node are about, as it is in the git index: manifests, image, the whole
# program and what it is built of, and these tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
git ls-files -s -- config cmd/taskrun-operator api internal go.mod go.sum hack/image hack/dist.sh hack/cluster test/e2e ':!test/e2e/passed' |
  sha256sum | cut -d ' ' -f 1
