package crdschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	group   = "taskrun.dev"
	version = "v1alpha1"
)

// edit changes the schema of a field in a document of an API server.
type edit func(field schema)

// at returns the schema at a path such as TaskRun.status.delivery[].
func at(t *testing.T, kinds map[string]schema, path ...string) schema {
	t.Helper()
	found := kinds[path[0]]
	for _, name := range path[1:] {
		switch name {
		case "[]":
			found = child(found, "items")
		case "{}":
			found = child(found, "additionalProperties")
		default:
			found = child(child(found, "properties"), name)
		}
		if found == nil {
			t.Fatalf("there is no %s of %v", name, path)
		}
	}
	return found
}

// kinds returns a copy of the schemas of this version.
func kinds(t *testing.T) map[string]schema {
	t.Helper()
	found, err := needed(group, version)
	if err != nil || len(found) != 6 {
		t.Fatalf("%d kinds, error %v", len(found), err)
	}
	return found
}

// document returns the OpenAPI document of an API server with these kinds.
func document(t *testing.T, kinds map[string]schema) []byte {
	t.Helper()
	schemas := map[string]any{"other": map[string]any{"type": "string"}}
	for kind, s := range kinds {
		s["x-kubernetes-group-version-kind"] = []any{map[string]any{"group": group, "version": version, "kind": kind}}
		schemas["dev.taskrun.v1alpha1."+kind] = s
	}
	text, err := json.Marshal(map[string]any{"openapi": "3.0.0", "components": map[string]any{"schemas": schemas}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func remove(name string) edit {
	return func(field schema) { delete(child(field, "properties"), name) }
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		at   []string
		edit edit
		want []string
	}{
		"the same": {at: []string{"TaskRun"}, edit: func(schema) {}},
		"without a part of the status": {
			at: []string{"TaskRun", "status"}, edit: remove("delivery"), want: []string{"TaskRun.status.delivery is missing"},
		},
		"without a field below": {
			at: []string{"TaskRun", "status", "delivery"}, edit: remove("leaseNamespace"),
			want: []string{"TaskRun.status.delivery.leaseNamespace is missing"},
		},
		"without a field in a list": {
			at: []string{"TaskRun", "status", "history", "[]"}, edit: remove("message"),
			want: []string{"TaskRun.status.history[].message is missing"},
		},
		"without a field of the other kind": {
			at: []string{"ConcurrencyLimit", "status"}, edit: remove("holders"), want: []string{"ConcurrencyLimit.status.holders is missing"},
		},
		"with another type": {
			at: []string{"TaskRun", "status", "runCount"}, edit: func(field schema) { field["type"] = "string" },
			want: []string{"TaskRun.status.runCount has the type string instead of integer"},
		},
		"without a value": {
			at: []string{"TaskRun", "status", "state", "type"},
			edit: func(field schema) {
				values, _ := field["enum"].([]any)
				field["enum"] = slices.DeleteFunc(values, func(v any) bool { return v == "PAUSED" })
			},
			want: []string{"TaskRun.status.state.type does not allow the value PAUSED"},
		},
		"that keep unknown fields": {
			at: []string{"TaskRun", "status"}, edit: func(field schema) {
				field["x-kubernetes-preserve-unknown-fields"] = true
				delete(field, "properties")
			},
		},
		"newer, with more fields and values and other limits": {
			at: []string{"TaskRun", "status", "state"}, edit: func(field schema) {
				properties := child(field, "properties")
				properties["new"] = map[string]any{"type": "string"}
				kind := child(properties, "type")
				values, _ := kind["enum"].([]any)
				kind["enum"] = append(values, "NEW")
				child(properties, "name")["maxLength"] = 1
			},
		},
		"newer, with another required field": {
			at: []string{"TaskRun", "spec"}, edit: func(field schema) {
				child(field, "properties")["new"] = map[string]any{"type": "string"}
				required, _ := field["required"].([]any)
				field["required"] = append(required, "new")
			},
			want: []string{"TaskRun.spec.new is required and not known to this version"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := kinds(t)
			tt.edit(at(t, changed, tt.at...))
			there, err := installed(document(t, changed), group, version)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, differences(kinds(t), there)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

// Each field of every kind is reported as missing with its path.
func TestDifferences_findEveryMissingField(t *testing.T) {
	t.Parallel()
	want, changed, fields := kinds(t), kinds(t), 0
	var walk func(path []string, field schema)
	walk = func(path []string, field schema) {
		properties := child(at(t, changed, path...), "properties")
		for name := range child(field, "properties") {
			fields++
			removed := properties[name]
			delete(properties, name)
			missing := strings.NewReplacer(".[]", "[]", ".{}", "{}").Replace(strings.Join(append(slices.Clone(path), name), ".")) + " is missing"
			if got := differences(want, changed); !slices.Contains(got, missing) {
				t.Errorf("without %v: %q", missing, got)
			}
			properties[name] = removed
			walk(append(slices.Clone(path), name), child(child(field, "properties"), name))
		}
		for key, step := range map[string]string{"items": "[]", "additionalProperties": "{}"} {
			if below := child(field, key); below != nil {
				walk(append(slices.Clone(path), step), below)
			}
		}
	}
	for kind, s := range want {
		for name, field := range child(s, "properties") {
			if inner, ok := field.(map[string]any); ok && !slices.Contains(common, name) {
				walk([]string{kind, name}, inner)
			}
		}
	}
	if fields < 100 {
		t.Errorf("only %d fields", fields)
	}
}

// server serves a document, or fails.
type server struct {
	mu       sync.Mutex
	document []byte
	tag      string
	sent     int // number of documents sent
}

func (s *server) publish(tag string, document []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tag, s.document = tag, document
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path != "/base/openapi/v3/apis/taskrun.dev/v1alpha1" || s.document == nil:
		http.Error(w, "no", http.StatusServiceUnavailable)
	case r.Header.Get("If-None-Match") == s.tag:
		w.WriteHeader(http.StatusNotModified)
	default:
		s.sent++
		w.Header().Set("ETag", s.tag)
		_, _ = w.Write(s.document)
	}
}

func TestCheck_readinessFollowsInstalledCRDs(t *testing.T) {
	t.Parallel()
	api := &server{}
	listening := httptest.NewServer(api)
	t.Cleanup(listening.Close)
	address, err := url.Parse(listening.URL + "/base")
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	check, err := New(Options{
		Client: listening.Client(), Server: address, Group: group, Version: version, Log: slog.New(slog.NewTextHandler(&lines, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := check.Ready(); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("before the first comparison: %v", err)
	}
	expect := func(what, lacking string, sent, logged int) {
		t.Helper()
		for range 3 {
			check.refresh(t.Context())
		}
		err := check.Ready()
		if ready := err == nil; ready != (lacking == "") || (err != nil && (!strings.Contains(err.Error(), lacking) || !errors.Is(err, taskrun.ErrUnavailable))) {
			t.Errorf("%s: %v, want an error with %q", what, err, lacking)
		}
		if got := strings.Count(lines.String(), "\n"); got != logged || api.sent != sent {
			t.Errorf("%s: %d documents were sent, want %d; %d lines, want %d:\n%s", what, api.sent, sent, got, logged, &lines)
		}
	}
	old := kinds(t)
	remove("delivery")(at(t, old, "TaskRun", "status"))
	expect("an API server that does not answer", "", 0, 1)
	api.publish(`"1"`, document(t, old))
	expect("an older CRD", "TaskRun.status.delivery is missing", 1, 3)
	api.publish(`"1"`, nil)
	expect("an outage", "TaskRun.status.delivery is missing", 1, 4)
	api.publish(`"2"`, document(t, kinds(t)))
	expect("the CRD of this version", "", 2, 6)
	api.publish(`"3"`, document(t, old))
	expect("an older one again", "TaskRun.status.delivery is missing", 3, 7)
}
