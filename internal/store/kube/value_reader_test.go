package kube

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// The sizes of the reads of a response make no difference.
func TestValueReader_findsItemsForAnySizeOfReads(t *testing.T) {
	t.Parallel()
	names := []string{"a", `a"b`, `a\`, `\"`, "}{", "][", ",:", "ü😀", strings.Repeat(`\"x`, 3*minRead/4)}
	items := make([]string, len(names))
	for i, name := range names {
		items[i] = `{"metadata":{"name":` + strconv.QuoteToGraphic(name) + `,"uid":"u","resourceVersion":"1"}, "spec":{"tags":[ ]}}`
	}
	text := " { \"kind\" : \"TaskRunList\",\n\"items\": [ " + strings.Join(items, " ,\t") + " ] , \"metadata\":{\"resourceVersion\":\"7\"}}\n"
	for name, pieces := range map[string]func(io.Reader) io.Reader{
		"whole":                       func(r io.Reader) io.Reader { return r },
		"bytes":                       iotest.OneByteReader,
		"halves":                      iotest.HalfReader,
		"the end with the last bytes": iotest.DataErrReader,
		"bytes, then the end at once": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			rest, err := streamItems(pieces(strings.NewReader(text)), func(o runtime.Object) error {
				run, ok := o.(*v1alpha1.TaskRun)
				if ok {
					got = append(got, run.Name)
				}
				return nil
			})
			if err != nil || string(rest) != `{"items":[],"kind":"TaskRunList","metadata":{"resourceVersion":"7"}}` {
				t.Errorf("error %v, rest %s", err, rest)
			}
			if diff := cmp.Diff(names, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

// A response that ends early at any point is an error, as is a failed read.
func TestValueReader_interruptedResponseIsAnError(t *testing.T) {
	t.Parallel()
	text := `{"kind":"TaskRunList","items":[{"metadata":{"name":"a\\\"","uid":"u"}},null,{"spec":{}}],"metadata":{"resourceVersion":"7"}}`
	failed := errors.New("failed")
	for end := range len(text) {
		ignore := func(runtime.Object) error { return nil }
		if _, err := streamItems(strings.NewReader(text[:end]), ignore); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: error %v, want an unexpected end", text[:end], err)
		}
		broken := io.MultiReader(strings.NewReader(text[:end]), iotest.ErrReader(failed))
		if _, err := streamItems(broken, ignore); !errors.Is(err, failed) {
			t.Errorf("%s: error %v, want that of the response", text[:end], err)
		}
	}
}

// The reader finds the same values of each valid text as encoding/json.
func FuzzValueReader(f *testing.F) {
	for _, text := range []string{`[]`, `[1,"a",null,{"b":[2]}]`, `[ -1.5e3 , "]\"" ]`, `[true]`, `[[[]],{}]`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want []json.RawMessage
		if json.Unmarshal([]byte(text), &want) != nil || want == nil {
			return
		}
		reader := &valueReader{from: strings.NewReader(text)}
		var got []string
		err := reader.each('[', ']', func() error {
			value, err := reader.value()
			got = append(got, string(value))
			return err
		})
		same := slices.EqualFunc(want, got, func(w json.RawMessage, g string) bool { return string(w) == g })
		if err != nil || !same {
			t.Errorf("%q: values %q, want %s, error %v", text, got, want, err)
		}
	})
}
