#!/usr/bin/env bash
# Renders what is applied to a cluster, from config/default.
#
#   hack/dist.sh manifests KUBECTL [IMAGE]          all objects, to stdout
#   hack/dist.sh without-kinds KUBECTL              the same without the CRDs
#   hack/dist.sh all KUBECTL [IMAGE] CHART_VERSION  dist/install.yaml and dist/taskrun-operator-CHART_VERSION.tgz
#
# IMAGE is REGISTRY/NAME:TAG, with @sha256:DIGEST after it or in place of the tag; empty: as config/manager names it. HELM
# names the program, DIST the folder; default: bin/helm and dist.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
what=${1:-} kubectl=${2:-} image=${3:-} dist=${DIST:-dist}

name=${image%@*} tag='' digest=''
if [ "$name" != "$image" ]; then digest=${image##*@}; fi
# A colon before the last slash is that of the registry's port.
if [[ ${name##*/} == *:* ]]; then
  tag=${name##*:}
  name=${name%:*}
fi
if [ -n "$image" ] && [ -z "$tag$digest" ]; then
  echo "IMAGE: $image has neither tag nor digest: a later image of this name would come into the cluster unasked" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

manifests() {
  {
    echo 'resources:'
    echo "- $(realpath --relative-to="$work" config/default)"
    if [ -n "$image" ]; then
      printf 'images:\n- name: taskrun-operator\n  newName: %s\n' "$name"
      if [ -n "$tag" ]; then printf '  newTag: "%s"\n' "$tag"; fi
      if [ -n "$digest" ]; then printf '  digest: "%s"\n' "$digest"; fi
    fi
  } > "$work/kustomization.yaml"
  "$kubectl" kustomize "$work"
}

without_kinds() {
  manifests | awk -v RS='---\n' '!/(^|\n)kind: CustomResourceDefinition\n/ { printf "---\n%s", $0 }'
}

chart() {
  local version=$1 helm=${HELM:-bin/helm} copy=$work/taskrun-operator
  # The links into config/ become files.
  cp -RL charts/taskrun-operator "$copy"
  if [ -n "$image" ]; then
    sed -i "s|^  repository: .*|  repository: $name|; s|^  digest: .*|  digest: \"$digest\"|" "$copy/values.yaml"
  fi
  "$helm" package "$copy" --version "$version" ${tag:+--app-version "$tag"} --destination "$dist" > /dev/null 2>&1
}

case $what in
  manifests) manifests ;;
  without-kinds) without_kinds ;;
  all)
    mkdir -p "$dist"
    manifests > "$dist/install.yaml"
    chart "$4"
    ls -1 "$dist/install.yaml" "$dist/taskrun-operator-$4.tgz"
    ;;
  *)
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
