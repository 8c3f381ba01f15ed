package rest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// wordy is an event of the known run that says more than its state does.
const wordy = `{"occurred":"2026-08-21T14:00:00+02:00","event":"prefect.task-run.Completed","extra":1,"id":"` + idOther + `","follows":"` + idUnknown + `",` +
	`"resource":{"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.orchestration":"client","mine":"x"},` +
	`"related":[{"prefect.resource.id":"prefect.tag.a","prefect.resource.role":"tag"}],` +
	`"payload":{"validated_state":{"type":"COMPLETED"},"task_run":{"task_key":"k","dynamic_key":"d"},"mine":[1.50]}}`

func reportedChange() taskrun.Change {
	c := changeTo(orchestration.Completed, "Completed")
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
	inBubble(t, func(w *wire) {
		t := w.t
		in, out := w.open(t, pathEventsIn, offering...).greet(t), w.open(t, pathEventsOut, offering...).greet(t)
		out.send(t, futureFilter)
		in.send(t, wordy)
		if err := <-in.ping(t); err != nil {
			t.Fatal(err)
		}
		w.stream.changes <- reportedChange()
		out.expect(t, want)
	})
}

func TestOtherWordsAreNotTakenForThoseOfTheReporter(t *testing.T) {
	t.Parallel()
	elsewhere := reportedChange()
	elsewhere.Run = &taskrun.Run{ID: idUnknown}
	another := reportedChange()
	another.State.ID = idUnknown
	for name, c := range map[string]taskrun.Change{
		"a state that the server made":         changeTo(orchestration.Completed, "Completed"),
		"an event that counts for another run": elsewhere,
		"an event that is not remembered":      another,
	} {
		v := newVerbatim()
		v.add(idOther, []byte(wordy))
		if got, want := string(v.appendFrame(nil, &c)), string(appendEventFrame(nil, &c)); got != want {
			t.Errorf("%s: frame = %s, want %s", name, got, want)
		}
	}
}

func TestTheFirstEventOfAStateIsRemembered(t *testing.T) {
	t.Parallel()
	v := newVerbatim()
	v.add(idOther, []byte(wordy))
	v.add(idOther, []byte(strings.Replace(wordy, `"mine":"x"`, `"mine":"y"`, 1)))
	c := reportedChange()
	if got := string(v.appendFrame(nil, &c)); !strings.Contains(got, `"mine":"x"`) {
		t.Errorf("frame = %s", got)
	}
}

func TestRememberedEventsAreBounded(t *testing.T) {
	t.Parallel()
	v := newVerbatim()
	v.add("huge", make([]byte, maxVerbatimEvent+1))
	if len(v.texts) > 0 {
		t.Error("an event that is too large is remembered")
	}
	const most = maxVerbatim / maxVerbatimEvent
	for i := range most + 5 {
		v.add(strconv.Itoa(i), make([]byte, maxVerbatimEvent))
	}
	if _, first := v.texts["4"]; first || v.texts["5"] == nil || len(v.texts) != most || len(v.order) != most || v.size != maxVerbatim {
		t.Errorf("%d events of %d bytes are remembered, want the latest %d", len(v.texts), v.size, most)
	}
}
