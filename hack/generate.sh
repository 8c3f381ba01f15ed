#!/usr/bin/env bash
# Writes the generated files: deepcopy, CRD, RBAC role, field reference. What is generated from is api/ and the
# +kubebuilder:rbac markers in the doc.go of internal/controller and internal/authn.
#
#   hack/generate.sh [ROOT]   ROOT is the tree to read and write; default: this repository
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${1:-$here/..}" && pwd)
crd=config/crd/bases/taskrun.dev_taskruns.yaml
limits=config/crd/bases/taskrun.dev_concurrencylimits.yaml
proposals=config/crd/bases/taskrun.dev_stateproposals.yaml

cd "$root"
tool() { go tool -modfile="$here/tools/go.mod" "$@"; }

tool controller-gen object paths=./api/...
tool controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
go -C "$here/tools" run ./crdschema "$root/$crd"
go -C "$here/tools" run ./crdschema "$root/$limits"
go -C "$here/tools" run ./crdschema "$root/$proposals"
tool controller-gen rbac:roleName=manager-role paths=./internal/controller paths=./internal/authn output:rbac:dir=config/rbac
reference() {
  go -C "$here/tools" run ./fieldref "$root/$1" > "docs/$2.new"
  mv "docs/$2.new" "docs/$2"
}
reference "$crd" reference.md
reference "$limits" reference-limits.md
reference "$proposals" reference-proposals.md
