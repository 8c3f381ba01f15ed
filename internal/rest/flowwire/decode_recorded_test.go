package flowwire

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// recordedStep is a request to a Prefect server with its response.
type recordedStep struct {
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
		Raw          *string
	}
	Response struct {
		Status int
		Body   json.RawMessage
	}
}

const (
	recordings = "../../../test/compat/testdata"
	// leastFaults is far below the number of the recorded faults: the test must find some.
	leastFaults = 110
)

// anyID matches what stands for an id in the recordings.
var anyID = regexp.MustCompile(`\{\{uuid:[^}]*\}\}`)

// recordedFaults reads the steps of all recordings with a status of 422, by file.
func recordedFaults(t *testing.T) map[string][]recordedStep {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	faults := map[string][]recordedStep{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var scenario struct{ Steps []recordedStep }
		if err := json.Unmarshal(anyID.ReplaceAll(text, []byte(sample.IDKnown)), &scenario); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, step := range scenario.Steps {
			if step.Response.Status == http.StatusUnprocessableEntity {
				faults[name] = append(faults[name], step)
			}
		}
	}
	return faults
}

// decoders read the bodies of requests, by method and path.
var decoders = map[string]func(pyjson.Value, http.Header) error{
	"POST /flows/":                   func(body pyjson.Value, _ http.Header) error { _, err := DecodeFlowCreate(body); return err },
	"PATCH /flows/{id}":              func(body pyjson.Value, _ http.Header) error { _, _, err := DecodeFlowUpdate(body); return err },
	"POST /flow_runs/":               func(body pyjson.Value, header http.Header) error { _, err := DecodeRunCreate(body, header); return err },
	"PATCH /flow_runs/{id}":          func(body pyjson.Value, _ http.Header) error { _, err := DecodeRunUpdate(body); return err },
	"POST /flow_runs/{id}/set_state": func(body pyjson.Value, _ http.Header) error { _, err := wire.DecodeSetState(body); return err },
	"POST /flow_runs/{id}/resume":    func(body pyjson.Value, _ http.Header) error { _, err := DecodeResume(body); return err },
	"POST /flow_runs/{id}/input":     func(body pyjson.Value, _ http.Header) error { _, err := DecodeInput(body); return err },
	"POST /flow_runs/{id}/input/filter": func(body pyjson.Value, _ http.Header) error {
		_, err := DecodeInputFilter(body)
		return err
	},
	"POST /flows/filter":      decoder(DecodeFlowFilter),
	"POST /flows/count":       decoder(DecodeFlowCount),
	"POST /flows/bulk_delete": decoder(DecodeFlowBulkDelete),
	"POST /flows/paginate": func(body pyjson.Value, _ http.Header) error {
		_, _, err := DecodeFlowPaginate(body)
		return err
	},
	"POST /flow_runs/filter":      decoder(DecodeRunFilter),
	"POST /flow_runs/count":       decoder(DecodeRunCount),
	"POST /flow_runs/lateness":    decoder(DecodeRunCount),
	"POST /flow_runs/history":     decoder(DecodeRunHistory),
	"POST /flow_runs/bulk_delete": decoder(DecodeRunBulkDelete),
	"POST /ui/flow_runs/history":  decoder(DecodePointHistory),
	"POST /flow_runs/paginate": func(body pyjson.Value, _ http.Header) error {
		_, _, err := DecodeRunPaginate(body)
		return err
	},
	"POST /flow_runs/bulk_set_state": func(body pyjson.Value, _ http.Header) error {
		_, _, err := DecodeBulkSetState(body)
		return err
	},
	"PATCH /flow_runs/{id}/labels": func(body pyjson.Value, _ http.Header) error { _, err := DecodeLabels(body); return err },
}

// decoder is a decoder of a body, for the error alone.
func decoder[T any](decode func(pyjson.Value) (T, error)) func(pyjson.Value, http.Header) error {
	return func(body pyjson.Value, _ http.Header) error { _, err := decode(body); return err }
}

func TestRecordedFaults(t *testing.T) {
	t.Parallel()
	found := 0
	for name, steps := range recordedFaults(t) {
		for _, step := range steps {
			route := step.Request.Method + " " + strings.ReplaceAll(step.Request.Path, sample.IDKnown, "{id}")
			decode, known := decoders[route]
			if !known {
				continue
			}
			found++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				compareFaults(t, &step, decode)
			})
		}
	}
	if found < leastFaults {
		t.Errorf("%d recorded faults found, want at least %d", found, leastFaults)
	}
}

func compareFaults(t *testing.T, step *recordedStep, decode func(pyjson.Value, http.Header) error) {
	t.Helper()
	text := string(step.Request.Body)
	if step.Request.Raw != nil {
		text = *step.Request.Raw
	}
	header := http.Header{}
	for name, value := range step.Request.Headers {
		header.Set(name, value)
	}
	if !wire.IsJSON(header.Get("Content-Type")) {
		return // such a body does not reach the decoders
	}
	var body pyjson.Value
	if text != "" {
		var fault *pyjson.SyntaxError
		if body, fault = pyjson.Parse([]byte(text)); fault != nil {
			return // nor does a body that is not JSON
		}
	}
	err := decode(body, header)
	if detail, ok := errors.AsType[*wire.DetailError](err); ok {
		if diff := cmp.Diff(unmarshalled(t, step.Response.Body), any(map[string]any{"detail": detail.Text})); diff != "" {
			t.Errorf("response to %s (-recorded +got):\n%s", text, diff)
		}
		return
	}
	invalid, ok := errors.AsType[*wire.InvalidError](err)
	if !ok {
		t.Fatalf("%s is accepted, want %s", text, step.Response.Body)
	}
	if diff := cmp.Diff(unmarshalled(t, step.Response.Body), unmarshalled(t, wire.AppendInvalid(nil, invalid))); diff != "" {
		t.Errorf("response to %s (-recorded +got):\n%s", text, diff)
	}
}

func unmarshalled(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}
