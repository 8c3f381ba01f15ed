package rest

import (
	"net/http"
	"strings"
	"testing"
)

func TestFlow_anyIDIsAFlowIfFlowsAreNotStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withoutFlows)
	want := `{"id":"` + idFlowRun + `","created":null,"updated":null,"name":"` + idFlowRun + `","tags":[],"labels":{}}`
	for _, spelling := range []string{idFlowRun, strings.ToUpper(idFlowRun), strings.ReplaceAll(idFlowRun, "-", "")} {
		if got := f.must(t, http.StatusOK, http.MethodGet, "/flows/"+spelling, ""); got != want {
			t.Errorf("flow = %s, want %s", got, want)
		}
	}
	if w := f.ask(t, http.MethodGet, "/flows/nope", ""); w.Code != http.StatusNotFound {
		t.Errorf("status of what is no id = %d, want 404", w.Code)
	}
}
