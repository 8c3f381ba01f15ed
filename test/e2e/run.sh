#!/usr/bin/env bash
# Runs the tests on a real node: builds the parts of the node and the images, starts the node, runs the tests in its
# network namespace, and stops the node regardless of the result.
#
#   run.sh DATA [ARGUMENTS OF go test...]
#
# If all pass, test/e2e/passed says for which files: as long as those stay the same, .ci/run need not do it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
data=$(realpath -m "$1")
shift
image=taskrun-operator:e2e
socket=/run/taskrun-e2e/containerd.sock

assets=$(go run ./hack/assets -node)
go_bin=$(command -v go)

mkdir -p "$data/images"
make --no-print-directory image PLATFORMS="linux/$(go env GOARCH)" IMAGE="$image"
for program in pause client; do
  CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$data/images/$program" "./test/e2e/$program"
  go run ./test/e2e/pack "$program:e2e" "$data/images/$program" "$data/images/$program.tar"
done
hack/dist.sh manifests "$assets/kubectl" "$image" > "$data/images/install.yaml"
# The same with the aggregation component, and all of that but for the kinds.
overlay=$(mktemp -d)
cat > "$overlay/kustomization.yaml" << END
resources: [$(realpath --relative-to="$overlay" config/default)]
components: [$(realpath --relative-to="$overlay" config/components/aggregation)]
images: [{name: taskrun-operator, newName: ${image%:*}, newTag: ${image#*:}}]
END
"$assets/kubectl" kustomize "$overlay" > "$data/images/aggregation.yaml"
rm -r "$overlay"
awk -v RS='---\n' '!/(^|\n)kind: CustomResourceDefinition\n/ { printf "---\n%s", $0 }' "$data/images/aggregation.yaml" > "$data/images/uninstall.yaml"

trap 'test/e2e/node.sh stop "$data/node"' EXIT
test/e2e/node.sh start "$data/node" "$assets"
for archive in "$data"/images/{pause,client}.tar dist/taskrun-operator-*-linux-"$(go env GOARCH)".tar; do
  ctr --address "$socket" -n k8s.io images import "$archive" > /dev/null
done
export E2E_KUBECTL=$assets/kubectl E2E_IMAGES=$data/images E2E_CONTAINERD=$socket KUBECONFIG=$data/node/kubeconfig
hack/test/run.sh --raw-command -- test/e2e/node.sh enter "$go_bin" test -json -tags e2e -count 1 -timeout 20m "$@" ./test/e2e
test/e2e/fingerprint.sh > test/e2e/passed
