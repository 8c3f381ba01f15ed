#!/usr/bin/env bash
# Starts the whole program with an empty store on loopback and runs schemathesis, which sends all kinds of requests
# generated from the OpenAPI document. No response may be a 500, or differ from the document.
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
# Checks that the document does not promise are off: clients of Prefect use formats that no schema can express, so a
# request that violates the schema may be accepted, and a valid one may exceed a limit that the response names. There is
# one worker, because with more of them Python's parser sometimes fails, and runs are not repeatable.
status=0
# schemathesis writes its own files to the working directory.
(cd "$data" && "$root/$venv/bin/st" run "$base/openapi.json" --seed "$seed" --max-examples "$examples" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
  --workers 1 --request-timeout 30 "$@") || status=$?
# A panic is a 500 for the client, and has a stack trace in the log.
if grep --max-count 5 'request failed' "$data/log" >&2; then status=1; fi
exit "$status"
