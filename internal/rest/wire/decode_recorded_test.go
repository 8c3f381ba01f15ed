package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
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
		Body   struct {
			Items json.RawMessage `json:"exception_detail"`
			Body  json.RawMessage `json:"request_body"`
			Text  string          `json:"detail"`
		}
	}
}

// hasDecoder reports whether this package decodes the body of the request.
func (s *recordedStep) hasDecoder() bool {
	path, under := strings.CutPrefix(s.Request.Path, "/task_runs/")
	switch {
	case !under || strings.Contains(path, "?"):
		return false
	case s.Request.Method == http.MethodPost:
		return path == "" || path == "filter" || path == "count" || strings.HasSuffix(path, "/set_state")
	default:
		return s.Request.Method == http.MethodPatch
	}
}

const (
	recordings = "../../../test/compat/testdata"
	// fewestFaults is a minimum, so that the test fails if it finds no
	// recordings.
	fewestFaults = 100
)

// recordedFaults returns the steps of all recordings with a response of 422.
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
		var scenario struct{ Steps []json.RawMessage }
		if err := json.Unmarshal(text, &scenario); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, raw := range scenario.Steps {
			var step recordedStep
			// The body of other responses has other formats.
			if err := json.Unmarshal(raw, &step); err == nil && step.hasDecoder() && step.Response.Status == http.StatusUnprocessableEntity {
				name := strings.TrimSuffix(filepath.Base(file), ".json")
				faults[name] = append(faults[name], step)
			}
		}
	}
	return faults
}

func TestDecoders_returnRecordedErrors(t *testing.T) {
	t.Parallel()
	found := 0
	for name, steps := range recordedFaults(t) {
		found += len(steps)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, step := range steps {
				compareFaults(t, step)
			}
		})
	}
	if found < fewestFaults {
		t.Errorf("%d recorded faults found, want %d at least", found, fewestFaults)
	}
}

func compareFaults(t *testing.T, step recordedStep) {
	t.Helper()
	text := string(step.Request.Body)
	if step.Request.Raw != nil {
		text = *step.Request.Raw
	}
	if kind, given := step.Request.Headers["content-type"]; given && !IsJSON(kind) {
		return // text that is not JSON does not reach the decoders
	}
	err := decodeRecorded(step, text)
	detail := detailOf(err)
	if detail != step.Response.Body.Text {
		t.Errorf("%s: detail %q, recorded %q", text, detail, step.Response.Body.Text)
	}
	if detail != "" {
		return
	}
	invalid, ok := errors.AsType[*InvalidError](err)
	if !ok {
		t.Fatalf("%s: error %v, want an InvalidError", text, err)
	}
	compareJSON(t, "items of "+text, unmarshalled(t, step.Response.Body.Items), unmarshalled(t, appendFaults(nil, invalid.Items)))
	compareJSON(t, "body of "+text, unmarshalled(t, step.Response.Body.Body), unmarshalled(t, invalid.Body.AppendTo(nil)))
}

// decodeRecorded decodes the body of the request and returns the error.
func decodeRecorded(step recordedStep, text string) (err error) {
	var body pyjson.Value
	if text != "" {
		var fault *pyjson.SyntaxError
		if body, fault = pyjson.Parse([]byte(text)); fault != nil {
			return NewMalformedError(fault, pyjson.StringValue(text))
		}
	}
	switch _, verb, _ := strings.Cut(step.Request.Path, "/task_runs/"); {
	case step.Request.Method == http.MethodPatch:
		_, err = DecodeUpdate(body)
	case verb == "filter":
		_, _, err = DecodeFilter(body)
	case verb == "count":
		_, _, err = DecodeCount(body)
	case strings.HasSuffix(verb, "/set_state"):
		_, err = DecodeSetState(body)
	default:
		_, err = DecodeCreate(body)
	}
	return err
}

func unmarshalled(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func compareJSON(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-recorded +got):\n%s", what, diff)
	}
}
