package kubectl

import (
	"fmt"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// writeTimeline shows the states of a run with their durations, oldest first. dropped is the
// number of states that are no longer kept, width that of a message. by returns the source of
// a state; nil: not shown.
func (p *plugin) writeTimeline(states []orchestration.State, dropped int64, width int, by func(*orchestration.State) string) error {
	return p.out.aligned(func(w *textWriter) {
		line := func(when, state, lasted, source, message string) {
			if by == nil {
				w.printf("  %s\t%s\t%s\t%s\n", when, state, lasted, message)
				return
			}
			w.printf("  %s\t%s\t%s\t%s\t%s\n", when, state, lasted, source, message)
		}
		w.printf("Timeline:\n")
		line("WHEN", "STATE", "LASTED", "BY", "MESSAGE")
		if dropped > 0 {
			line("", fmt.Sprintf("%d older ones", dropped), "", "", "no longer kept")
		}
		for i := range states {
			state, source, until := &states[i], "", (*time.Time)(nil)
			if i+1 < len(states) {
				until = &states[i+1].Timestamp
			}
			if by != nil {
				source = by(state)
			}
			line(p.at(state.Timestamp), stateText(state), p.lasted(state, until), source, truncate(p.timelineMessage(state), width))
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
