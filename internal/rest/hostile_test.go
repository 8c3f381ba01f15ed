package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// TestErrorResponses_areLimitedInSize sends the largest accepted bodies with an
// error every few bytes.
func TestErrorResponses_areLimitedInSize(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	room := int(f.server.options.MaxBodyBytes) - 1000
	fill := func(item string) string { return strings.TrimSuffix(strings.Repeat(item+",", room/(len(item)+1)), ",") }
	const begin = `{"task_key":"k","dynamic_key":"d",`
	cases := map[string]struct{ path, body string }{
		"inputs of no valid kind":              {"/task_runs/", begin + `"task_inputs":{"x":[` + fill("{}") + `]}}`},
		"inputs under a long key":              {"/task_runs/", begin + `"task_inputs":{"` + strings.Repeat("x", room/2) + `":[` + fill("{}")[:room/6*3-1] + `]}}`},
		"invalid tags":                         {"/task_runs/", begin + `"tags":[` + fill("0") + `]}`},
		"invalid delays":                       {"/task_runs/", begin + `"empirical_policy":{"retry_delay":[` + fill(`""`) + `]}}`},
		"invalid ids":                          {"/task_runs/filter", `{"task_runs":{"id":{"any_":[` + fill("0") + `]}}}`},
		"a large body without required fields": {"/task_runs/", `{"name":"` + strings.Repeat("x", room) + `"}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := f.must(t, http.StatusUnprocessableEntity, http.MethodPost, tc.path, tc.body)
			if most := 1<<20 + 5*len(tc.body); len(body) > most {
				t.Errorf("the answer has %d bytes, want %d at most", len(body), most)
			}
			if !json.Valid([]byte(body)) {
				t.Errorf("the answer is no JSON: %.200q", body)
			}
		})
	}
}

func TestErrorResponses_truncatedListHasAMark(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := strings.Repeat("x", 500_000)
	body := f.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/task_runs/",
		`{"task_key":"k","dynamic_key":"d","task_inputs":{"`+key+`":[{},{},{},{},{}]}}`)
	items := sample.Member(t, body, "exception_detail")
	if !strings.Contains(items, "not listed") {
		t.Error("the response has no mark for omitted errors")
	}
	if got := sample.Member(t, body, "request_body"); !strings.HasSuffix(got, `:[{},{},{},{},{}]}}`) {
		t.Errorf("request_body ends with %q, want all of it", got[max(len(got)-40, 0):])
	}
}

// TestUnusualTexts_areNotInternalErrors sends texts that are errors in other
// stores.
func TestUnusualTexts_areNotInternalErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text   string // of a JSON string, between its quotes
		status int
		want   string // the text in the response; "" if it is rejected
	}{
		"a NUL":                             {`a\u0000b`, http.StatusCreated, `"a\u0000b"`},
		"an unescaped NUL":                  {"a\x00b", http.StatusUnprocessableEntity, ""},
		"an unpaired surrogate":             {`a\ud800b`, http.StatusCreated, "\"a\ufffdb\""},
		"invalid UTF-8":                     {"a\xff\xfeb", http.StatusUnprocessableEntity, ""},
		"UTF-8 of a surrogate":              {"a\xed\xa0\x80b", http.StatusUnprocessableEntity, ""},
		"the last character":                {"a\U0010ffffb", http.StatusCreated, "\"a\U0010ffffb\""},
		"line separators":                   {"a\u2028\u2029b", http.StatusCreated, "\"a\u2028\u2029b\""},
		"characters with a meaning in HTML": {"<&>", http.StatusCreated, `"<&>"`},
		"a control character, escaped":      {`\u001b[2J`, http.StatusCreated, `"\u001b[2J"`},
		"a replacement character":           {`\\u0000`, http.StatusCreated, `"\\u0000"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			s := `"` + tc.text + `"`
			answer := f.must(t, tc.status, http.MethodPost, "/task_runs/", `{"id":"`+idKnown+`","name":`+s+`,"task_key":`+s+
				`,"dynamic_key":`+s+`,"tags":[`+s+`],"labels":{`+s+`:`+s+`},"state":{"type":"PENDING","message":`+s+`,"data":`+s+`}}`)
			if !json.Valid([]byte(answer)) {
				t.Fatalf("the answer is no JSON: %q", answer)
			}
			if tc.want == "" {
				if got := f.must(t, http.StatusOK, http.MethodPost, "/task_runs/count", ""); got != "0" {
					t.Errorf("%s runs were made, want none", got)
				}
				return
			}
			run := f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, "")
			state := sample.Member(t, run, "state")
			for what, got := range map[string]string{
				"name": sample.Member(t, run, "name"), "task_key": sample.Member(t, run, "task_key"), "message": sample.Member(t, state, "message"),
				"data": sample.Member(t, state, "data"),
			} {
				if got != tc.want {
					t.Errorf("%s = %s, want %s", what, got, tc.want)
				}
			}
			if got, want := sample.Member(t, run, "labels"), "{"+tc.want+":"+tc.want+"}"; got != want {
				t.Errorf("labels = %s, want %s", got, want)
			}
		})
	}
}
