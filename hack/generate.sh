#!/usr/bin/env bash
# Writes the generated files: deepcopy, CRD, RBAC role, field reference. What is generated from is api/ and the
# +kubebuilder:rbac markers in the doc.go of internal/controller and internal/authn.
#
#   hack/generate.sh [ROOT]   ROOT is the tree to read and write; default: this repository
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${1:-$here/..}" && pwd)
bases=config/crd/bases/taskrun.dev

cd "$root"
tool() { go tool -modfile="$here/tools/go.mod" "$@"; }

tool controller-gen object paths=./api/...
tool controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
for kind in taskruns concurrencylimits stateproposals flowruns registeredflows rundata; do
  go -C "$here/tools" run ./crdschema "$root/${bases}_$kind.yaml"
done
tool controller-gen rbac:roleName=manager-role paths=./internal/controller paths=./internal/authn output:rbac:dir=config/rbac
reference() {
  go -C "$here/tools" run ./fieldref "$root/${bases}_$1.yaml" > "docs/$2.new"
  mv "docs/$2.new" "docs/$2"
}
reference taskruns reference.md
reference concurrencylimits reference-limits.md
reference stateproposals reference-proposals.md
reference flowruns reference-flow-runs.md
reference registeredflows reference-flows.md
reference rundata reference-run-data.md
