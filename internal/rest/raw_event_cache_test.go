package rest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// wordy is an event of the known run that says more than its state does.
const wordy = `{"occurred":"2026-08-21T14:00:00+02:00","event":"prefect.task-run.Completed","extra":1,"id":"` + idOther + `","follows":"` + idUnknown + `",` +
	`"resource":{"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.orchestration":"client","mine":"x"},` +
	`"related":[{"prefect.resource.id":"prefect.tag.a","prefect.resource.role":"tag"}],` +
	`"payload":{"validated_state":{"type":"COMPLETED"},"task_run":{"task_key":"k","dynamic_key":"d"},"mine":[1.50]}}`

func reportedChange() taskrun.Change {
	c := sample.Change(orchestration.Completed, "Completed")
	c.Reported = true
	return c
}

func TestAListenerHearsTheWordsOfTheReporter(t *testing.T) {
	t.Parallel()
	const want = `{"type":"event","event":{"occurred":"2026-08-21T12:00:00Z","event":"prefect.task-run.Completed",` +
		`"resource":{"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.orchestration":"client","mine":"x"},` +
		`"related":[{"prefect.resource.id":"prefect.tag.a","prefect.resource.role":"tag"}],` +
		`"payload":{"validated_state":{"type":"COMPLETED"},"task_run":{"task_key":"k","dynamic_key":"d"},"mine":[1.5]},` +
		`"id":"` + idOther + `","follows":"` + idUnknown + `","received":"2026-08-21T12:00:00.001000Z"}}`
	inBubble(t, func(w *socketFixture) {
		t := w.t
		in, out := w.open(t, pathEventsIn, offering...).greet(t), w.open(t, pathEventsOut, offering...).greet(t)
		out.send(t, sample.FutureFilter)
		in.send(t, wordy)
		if err := <-in.ping(t); err != nil {
			t.Fatal(err)
		}
		w.stream.changes <- reportedChange()
		out.expect(t, want)
	})
}

// remembered is events of which the one of a text is remembered.
func remembered(t *testing.T, texts ...string) *rawEventCache {
	t.Helper()
	r := newRawEventCache(bytebudget.New(1 << 20))
	for _, text := range texts {
		e, err := wire.DecodeEventFrame([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		report, err := wire.DecodeReport(e)
		if err != nil {
			t.Fatal(err)
		}
		r.add(&report, &e)
	}
	return r
}

func TestOtherWordsAreNotTakenForThoseOfTheReporter(t *testing.T) {
	t.Parallel()
	elsewhere := reportedChange()
	elsewhere.Run = &taskrun.Run{ID: idUnknown}
	another := reportedChange()
	another.State.ID = idUnknown
	for name, c := range map[string]taskrun.Change{
		"a state that the server made":         sample.Change(orchestration.Completed, "Completed"),
		"an event that counts for another run": elsewhere,
		"an event that is not remembered":      another,
	} {
		r := remembered(t, wordy)
		if got, want := string(r.frame(&c)), string(wire.AppendEventFrame(nil, &c)); got != want {
			t.Errorf("%s: frame = %s, want %s", name, got, want)
		}
	}
}

func TestTheFirstEventOfAStateIsRemembered(t *testing.T) {
	t.Parallel()
	r := remembered(t, wordy, strings.Replace(wordy, `"mine":"x"`, `"mine":"y"`, 1))
	c := reportedChange()
	if got := string(r.frame(&c)); !strings.Contains(got, `"mine":"x"`) {
		t.Errorf("frame = %s", got)
	}
}

func TestRememberedEventsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	event := func(id, mine string) string {
		return strings.NewReplacer(idOther, id, `"mine":"x"`, `"mine":"`+mine+`"`).Replace(wordy)
	}
	r := remembered(t, event(idOther, strings.Repeat("x", maxRawEvent)))
	if !r.empty() {
		t.Error("an event that is too large is remembered")
	}
	texts := make([]string, 50)
	for i := range texts {
		texts[i] = event(fmt.Sprintf("0198a1b2-0000-7000-8000-0000000001%02d", i), strings.Repeat("x", 60_000))
	}
	r = remembered(t, texts...)
	size := 0
	for _, e := range r.frames {
		size += cap(e.frame)
	}
	if size > limit || size < limit-2*maxRawEvent || len(r.order) != len(r.frames) {
		t.Errorf("%d events of %d bytes are remembered, want the latest that fit %d", len(r.frames), size, limit)
	}
	if first, last := r.order[0], r.order[len(r.order)-1]; !strings.HasSuffix(last, "49") || strings.HasSuffix(first, "00") {
		t.Errorf("the events from %s to %s are remembered, want the latest", first, last)
	}
}
