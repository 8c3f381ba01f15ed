#!/usr/bin/env bash
# Prints a digest of all by which the outcome on another Kubernetes release can change, as it is in the git index: the
# kinds, the store, the client libraries, the control plane, and these tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
git ls-files -s -- api config/crd go.mod go.sum hack/assets hack/cluster internal/store \
  test/controlplane test/testenv test/versions ':!test/versions/passed' | sha256sum | cut -d ' ' -f 1
