package kubectl

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// writeTimeline shows the states of a run with their durations, oldest first.
func (p *plugin) writeTimeline(one item) error {
	states := one.States()
	return p.out.aligned(func(w *textWriter) {
		w.printf("Timeline:\n  WHEN\tSTATE\tLASTED\tBY\tMESSAGE\n")
		if one.HistoryDropped > 0 {
			w.printf("  \t%d older ones\t\t\tno longer kept\n", one.HistoryDropped)
		}
		for i := range states {
			var until *time.Time
			if i+1 < len(states) {
				until = &states[i+1].Timestamp
			}
			w.printf("  %s\t%s\t%s\t%s\t%s\n", p.at(states[i].Timestamp), stateText(&states[i]),
				p.lasted(&states[i], until), enteredBy(&states[i]), truncate(p.timelineMessage(&states[i]), 2*messageWidth))
		}
	})
}

// lasted returns the duration of a state, at least 0: the clocks of workers and of the
// operator can differ.
func (p *plugin) lasted(state *orchestration.State, until *time.Time) string {
	switch {
	case until != nil:
		return exact(max(until.Sub(state.Timestamp), 0))
	case state.Type.Terminal():
		return none
	default:
		return exact(max(p.Clock.Now().Sub(state.Timestamp), 0)) + " so far"
	}
}

// enteredBy returns the source of a state.
func enteredBy(state *orchestration.State) string {
	if state.Reported {
		return "worker"
	}
	return "operator"
}

// timelineMessage returns the message of a state, and the time for which it is
// scheduled.
func (p *plugin) timelineMessage(state *orchestration.State) string {
	text := message(state)
	at := state.Details.ScheduledTime
	if state.Type != orchestration.Scheduled || at == nil || !at.After(state.Timestamp) {
		return text
	}
	due := "for " + p.at(*at)
	if text == "" {
		return due
	}
	return due + ": " + text
}
