#!/usr/bin/env bash
# Runs the tests that depend on the API server, on one Kubernetes release after the other.
#
#   run.sh oldest|middle|newest...
#
# If they pass on the oldest, test/versions/passed says for which files: as long as those stay the same, .ci/run need not
# do it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
packages=(
  ./api/... ./internal/app ./internal/authn ./internal/certificates ./internal/controller/... ./test/controlplane
  ./internal/delivery/registry ./internal/store/... ./test/testenv ./test/manifests
)

for release in "$@"; do
  assets=$(go run ./hack/assets -kubernetes "$release" -kubectl always)
  "$assets/kube-apiserver" --version
  KUBEBUILDER_ASSETS=$assets hack/test/run.sh -- -p "${PARALLEL:-2}" -timeout 20m -tags apiserver "${packages[@]}"
  if [ "$release" = oldest ]; then
    test/versions/fingerprint.sh > test/versions/passed
  fi
done
