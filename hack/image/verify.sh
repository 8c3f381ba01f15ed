#!/usr/bin/env bash
# Builds the image from the work tree, and again from a copy of it in another folder with an empty build cache. It fails if
# any file that is written differs: the image, the archives, the bills of materials.
#
#   verify.sh OPTIONS OF `image build`...
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

go build -C "$root/hack/image" -o "$work/image" .
"$work/image" build "$@" -root "$root" -out "$work/here"
# The files of the work tree that git does not ignore. One that is removed but not committed is passed over.
mkdir "$work/copy"
git -C "$root" ls-files -z --cached --others --exclude-standard |
  tar -C "$root" --null --files-from=- --ignore-failed-read -cf - 2> /dev/null | tar -C "$work/copy" -xf -
echo "again, in $work/copy, with an empty build cache" >&2
GOCACHE=$work/cache "$work/image" build "$@" -root "$work/copy" -out "$work/there"
diff -r "$work/here" "$work/there"
echo "both builds are the same, byte for byte"
