package rawevents

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	idKnown   = "0198a1b2-0000-7000-8000-000000000001"
	idOther   = "0198a1b2-0000-7000-8000-000000000002"
	idUnknown = "0198a1b2-0000-7000-8000-000000000003"
)

// rawEvent is an event of the known run with members that the server's own events
// do not have.
const rawEvent = `{"occurred":"2026-08-21T14:00:00+02:00","event":"prefect.task-run.Completed","id":"` + idOther + `",` +
	`"resource":{"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.orchestration":"client","mine":"x"},` +
	`"payload":{"validated_state":{"type":"COMPLETED"},"task_run":{"task_key":"k","dynamic_key":"d"}}}`

// change is the change of the known run to the state of rawEvent.
func change(reported bool) taskrun.Change {
	noon := time.Date(2026, 8, 21, 12, 0, 0, 0, time.UTC)
	state := orchestration.State{ID: idOther, Type: orchestration.Completed, Name: "Completed", Timestamp: noon}
	run := &taskrun.Run{ID: idKnown}
	run.State = &state
	return taskrun.Change{Run: run, State: &state, Received: noon, Reported: reported}
}

// cacheOf returns a cache with the events.
func cacheOf(t *testing.T, texts ...string) *Cache {
	t.Helper()
	r := New(bytebudget.New(1 << 20))
	for _, text := range texts {
		e, err := wire.DecodeEventFrame([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		report, err := wire.DecodeReport(e)
		if err != nil {
			t.Fatal(err)
		}
		r.Add(&report, &e)
	}
	return r
}

func TestFrame_withoutACachedEventIsCreatedFromTheRun(t *testing.T) {
	t.Parallel()
	elsewhere := change(true)
	elsewhere.Run = &taskrun.Run{ID: idUnknown}
	another := change(true)
	another.State.ID = idUnknown
	for name, c := range map[string]taskrun.Change{
		"a state that the server created": change(false),
		"an event of another run":         elsewhere,
		"an event that is not cached":     another,
	} {
		r := cacheOf(t, rawEvent)
		if got, want := string(r.Frame(&c)), string(wire.AppendEventFrame(nil, &c)); got != want {
			t.Errorf("%s: frame = %s, want %s", name, got, want)
		}
	}
}

func TestAdd_keepsTheFirstEventOfAState(t *testing.T) {
	t.Parallel()
	r := cacheOf(t, rawEvent, strings.Replace(rawEvent, `"mine":"x"`, `"mine":"y"`, 1))
	c := change(true)
	if got := string(r.Frame(&c)); !strings.Contains(got, `"mine":"x"`) {
		t.Errorf("frame = %s", got)
	}
}

func TestCache_keepsTheLatestEventsWithinItsBudget(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	event := func(id, mine string) string {
		return strings.NewReplacer(idOther, id, `"mine":"x"`, `"mine":"`+mine+`"`).Replace(rawEvent)
	}
	r := cacheOf(t, event(idOther, strings.Repeat("x", maxFrame)))
	if !r.Empty() {
		t.Error("an event that is too large is cached")
	}
	texts := make([]string, 50)
	for i := range texts {
		texts[i] = event(fmt.Sprintf("0198a1b2-0000-7000-8000-0000000001%02d", i), strings.Repeat("x", 60_000))
	}
	r = cacheOf(t, texts...)
	size := 0
	for _, e := range r.frames {
		size += cap(e.frame)
	}
	if size > limit || size < limit-2*maxFrame || len(r.order) != len(r.frames) {
		t.Errorf("%d events of %d bytes are cached, want the latest that fit %d", len(r.frames), size, limit)
	}
	if first, last := r.order[0], r.order[len(r.order)-1]; !strings.HasSuffix(last, "49") || strings.HasSuffix(first, "00") {
		t.Errorf("the events from %s to %s are cached, want the latest", first, last)
	}
}
