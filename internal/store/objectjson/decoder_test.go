package objectjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objectjson"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

type embedded struct {
	Kind string `json:"kind"`
	Over string `json:"over"`
}

// sample has each kind of member.
type sample struct {
	embedded `json:",inline"`

	Text     string              `json:"text"`
	Pointer  *string             `json:"pointer"`
	Flag     bool                `json:"flag"`
	Small    int8                `json:"small"`
	Large    int64               `json:"large"`
	Float    float64             `json:"float"`
	Bytes    []byte              `json:"bytes"`
	List     []string            `json:"list"`
	Map      map[string]int32    `json:"map"`
	Numbered map[int]string      `json:"numbered"`
	Any      any                 `json:"any"`
	Raw      json.RawMessage     `json:"raw"`
	Time     metav1.Time         `json:"time"`
	Micro    *v1alpha1.MicroTime `json:"micro"`
	Label    v1alpha1.LabelValue `json:"label"`
	Quoted   int                 `json:"quoted,string"`
	Child    *sample             `json:"child"`
	Children []sample            `json:"children"`
	Over     string              `json:"over"`
	Hidden   string              `json:"-"`
	Untagged string
	own      string               //nolint:unused // a member has this name
	Statuses map[string][]*string `json:"statuses"`
}

var samplePlan = objectjson.NewPlan[sample]("skipped")

// documents holds texts of all forms, valid or not.
var documents = []string{
	`{}`, ` { } `, `null`, ``, `7`, `[]`, `"a"`, `{`, `{"text"`, `{"text":`, `{"text":"a"`, `{"text":"a",}`, `{"text":"a"}}`, `{"text":"a"} x`,
	`{"kind":"k","over":"o","text":"a b","pointer":"p","flag":true,"small":-7,"large":123456789012345678}`,
	`{"flag":false,"pointer":null,"text":null,"small":null,"list":null,"map":null,"child":null,"time":null,"micro":null,"label":null,"any":null,"raw":null}`,
	`{"large":9223372036854775807}`, `{"large":9223372036854775808}`, `{"large":-9223372036854775808}`, `{"large":-0}`,
	`{"small":128}`, `{"small":1.0}`, `{"small":1e1}`, `{"small":01}`, `{"small":-}`, `{"small":"1"}`, `{"small":1x}`, `{"small":1.}`, `{"small":1.e2}`,
	`{"flag":tru}`, `{"flag":1}`, `{"flag":nul}`, `{"float":1.5e-3,"bytes":"YWI=","list":["a","b"],"map":{"a":1,"b":2}}`, `{"float":1e400}`,
	`{"list":[]}`, `{"list":["a",]}`, `{"list":[null,"a"]}`, `{"list":["a"],"list":["b","c"]}`, `{"list":{}}`, `{"list":[1]}`,
	`{"map":{}}`, `{"map":{"a":1},"map":{"b":2}}`, `{"map":{"a":null}}`, `{"map":{"a":1,"a":2}}`, `{"map":{1:1}}`, `{"numbered":{"1":"a"}}`,
	`{"any":{"a":[1,true,null,"x"]},"raw": {"a" : 1}}`, `{"raw":{"a":tru}}`, `{"raw":[1,}`, `{"label":"a\u003cb"}`, `{"label":1.50}`,
	`{"time":"2026-08-21T12:00:00Z"}`, `{"time":"2026-08-21T12:00:00.5+02:00"}`, `{"time":"x"}`, `{"time":7}`, `{"time":"2026-08-21T12:00:00\u005a"}`,
	`{"micro":"2026-08-21T12:00:00.123456Z"}`, `{"micro":"2026-08-21T12:00:00.1234567+01:00"}`, `{"micro":"\u0032026-08-21T12:00:00Z"}`, `{"micro":{}}`,
	`{"quoted":"7"}`, `{"text":"a\"\\\/\b\f\n\r\tü😀"}`, `{"text":"\ud83d\ude00 \ud800"}`, "{\"text\":\"a\xffb\"}", "{\"text\":\"a\nb\"}", `{"text":"\x"}`, `{"text":"\`,
	`{"TEXT":"a"}`, `{"Text":"a"}`, `{"t\u0065xt":"a"}`, `{"unknown":{"a":[1,2,{"b":"c"}]},"text":"a"}`, `{"unknown":{"a":}}`, `{"unknown":["\q"]}`, `{"ünknown":1,"text":"a"}`,
	`{"child":{"text":"a","children":[{"text":"b"},{"child":{"small":7}}]}}`, `{"child":{"text":"a"},"child":{"flag":true}}`, `{"Hidden":"a","own":"b","Untagged":"c","untagged":"d","-":"e"}`,
	`{"statuses":{"a":["x",null],"b":null}}`, "\ufeff{}", `{"text":"a"}` + "\x00",
	`{"any":` + strings.Repeat(`[`, 600) + strings.Repeat(`]`, 600) + `}`, `{"unknown":` + strings.Repeat(`{"a":`, 600) + `1` + strings.Repeat(`}`, 600) + `}`,
}

// The result equals that of encoding/json. Texts that encoding/json rejects are refused.
func TestDecode_equalsEncodingJSON(t *testing.T) {
	t.Parallel()
	decoder, refused := samplePlan.NewDecoder(), 0
	for _, text := range documents {
		if !same(t, decoder, text) {
			refused++
		}
	}
	if refused > len(documents)*2/3 {
		t.Errorf("%d of %d documents were refused", refused, len(documents))
	}
}

// same compares the result with that of encoding/json, unless the text is refused.
func same(t *testing.T, decoder *objectjson.Decoder[sample], text string) (decoded bool) {
	t.Helper()
	var want, got sample
	wantErr := json.Unmarshal([]byte(text), &want)
	if err := decoder.Decode([]byte(text), &got); err != nil {
		if !errors.Is(err, objectjson.ErrRefused) {
			t.Errorf("%s: error %v", text, err)
		}
		return false
	}
	if wantErr != nil {
		t.Errorf("%s: decoded, but encoding/json has the error %v", text, wantErr)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{}, embedded{})); diff != "" {
		t.Errorf("%s: (-want +got):\n%s", text, diff)
	}
	return true
}

func FuzzDecode(f *testing.F) {
	for _, text := range documents {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { same(t, samplePlan.NewDecoder(), text) })
}

// The objects of an API server are decoded without encoding/json.
func TestDecode_refusesNoObjectOfAnAPIServer(t *testing.T) {
	t.Parallel()
	decoder := objectjson.NewPlan[v1alpha1.TaskRun]("managedFields").NewDecoder()
	for i, o := range objecttest.NewFleet().Objects(t, 200) {
		o.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: "m", Operation: metav1.ManagedFieldsOperationUpdate, Time: &metav1.Time{Time: time.Now()},
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"k:{\"name\":\"x\"}":{}}}`),
		}}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var want, got v1alpha1.TaskRun
		if err := errors.Join(json.Unmarshal(text, &want), decoder.Decode(text, &got)); err != nil {
			t.Fatalf("object %d: %v\n%s", i, err, text)
		}
		want.ManagedFields = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("object %d (-want +got):\n%s", i, diff)
		}
	}
}

// A decoded value does not change with the text, which can be a reused buffer.
func TestDecode_valueDoesNotReferToTheText(t *testing.T) {
	t.Parallel()
	text := []byte(`{"text":"abc","list":["def"],"raw":{"a":1},"label":"x","any":"y","map":{"key":1},"unknown":"z"}`)
	var got sample
	if err := samplePlan.NewDecoder().Decode(text, &got); err != nil {
		t.Fatal(err)
	}
	var want sample
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] = '!'
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{}, embedded{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkDecode(b *testing.B) {
	text, err := json.Marshal(objecttest.NewFleet().Object(b, 7))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("here", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		decoder := objectjson.NewPlan[v1alpha1.TaskRun]("managedFields").NewDecoder()
		for b.Loop() {
			var o v1alpha1.TaskRun
			if err := decoder.Decode(text, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var o v1alpha1.TaskRun
			if err := json.Unmarshal(text, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
}
