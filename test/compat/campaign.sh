#!/usr/bin/env bash
# Starts the whole program with an empty store on loopback and lets schemathesis send it all kinds of requests, made from
# its own OpenAPI document: whatever is sent, no answer may be a 500 or anything else that the document does not say.
#
#   test/compat/campaign.sh [ARGUMENT...]   arguments are handed on to schemathesis
#
# SEED and MAX_EXAMPLES choose which requests and how many; the same seed sends the same.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
seed=${SEED:-1}
examples=${MAX_EXAMPLES:-300}
venv=.data/compat-venv
data=$(mktemp -d)
run=

stop() {
  if [ -n "$run" ]; then
    kill "$run" 2> /dev/null || true
    wait "$run" || true
  fi
  rm -rf "$data"
}
trap stop EXIT

if ! cmp -s test/compat/requirements.txt "$venv/requirements.txt"; then
  echo "installing schemathesis into $venv" >&2
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r test/compat/requirements.txt
  cp test/compat/requirements.txt "$venv"
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
base=http://127.0.0.1:$port/api
bin/run -data "$data/run" -rest-address "127.0.0.1:$port" -etcd-port 0 -apiserver-port 0 > "$data/log" 2>&1 &
run=$!
for _ in $(seq 240); do
  if curl --silent --fail --output /dev/null "$base/ready"; then break; fi
  if ! kill -0 "$run" 2> /dev/null; then break; fi
  sleep 0.5
done
if ! curl --silent --show-error --fail --output "$data/openapi.json" "$base/openapi.json"; then
  tail -n 20 "$data/log" >&2
  exit 1
fi

"$venv/bin/openapi-spec-validator" "$data/openapi.json"
# What the document does not promise is not held against us: clients of Prefect rely on spellings that no schema has words
# for, so a request against the schema may well be taken, and one that fits it may break a bound that the answer names.
# One worker: with more of them Python's own parser fails now and then, and no run is like another.
status=0
# What it writes by itself goes where it is run.
(cd "$data" && "$root/$venv/bin/st" run "$base/openapi.json" --seed "$seed" --max-examples "$examples" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
  --workers 1 --request-timeout 30 "$@") || status=$?
# A panic is told to the client as a 500, and to us with its stack.
if grep --max-count 5 'request failed' "$data/log" >&2; then status=1; fi
exit "$status"
