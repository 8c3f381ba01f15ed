package rest

import (
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// rawEvent is an event of the known run with members that our own events do not
// have.
const rawEvent = `{"occurred":"2026-08-21T14:00:00+02:00","event":"prefect.task-run.Completed","extra":1,"id":"` + idOther + `","follows":"` + idUnknown + `",` +
	`"resource":{"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.orchestration":"client","mine":"x"},` +
	`"related":[{"prefect.resource.id":"prefect.tag.a","prefect.resource.role":"tag"}],` +
	`"payload":{"validated_state":{"type":"COMPLETED"},"task_run":{"task_key":"k","dynamic_key":"d"},"mine":[1.50]}}`

func reportedChange() taskrun.Change {
	c := sample.Change(orchestration.Completed, "Completed")
	c.Reported = true
	return c
}

func TestEventsOut_sendsTheEventAsTheClientSentIt(t *testing.T) {
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
		in.send(t, rawEvent)
		if err := <-in.ping(t); err != nil {
			t.Fatal(err)
		}
		w.stream.changes <- reportedChange()
		out.expect(t, want)
	})
}
