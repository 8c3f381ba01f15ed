package orchestration

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limit returns a limit of three slots on a tag with a number of claimed slots.
func limit(tag string, taken int64, edits ...func(*TagLimit)) TagLimit {
	l := TagLimit{Tag: tag, Limit: 3, Taken: taken}
	for _, edit := range edits {
		edit(&l)
	}
	return l
}

func held(l *TagLimit) { l.Held = true }

func ofNone(l *TagLimit) { l.Limit = 0 }

func TestSecureTaskConcurrencySlots(t *testing.T) {
	t.Parallel()
	const deadlock = `The concurrency limit on tag "b" is 0 and will deadlock if the task tries to run again.`
	full := func(tags string) Verdict {
		return Verdict{Status: Wait, Delay: time.Second, Reason: "Concurrency limit reached for tags: " + tags, AwaitsSlots: true}
	}
	tests := map[string]struct {
		limits []TagLimit
		want   Verdict
	}{
		"without limits on its tags a run claims no slot":      {nil, Verdict{}},
		"a free slot is claimed":                               {[]TagLimit{limit("a", 2)}, Verdict{Slots: []string{"a"}}},
		"a slot of each limit is claimed":                      {[]TagLimit{limit("a", 0), limit("b", 2)}, Verdict{Slots: []string{"a", "b"}}},
		"without a free slot the run waits":                    {[]TagLimit{limit("a", 3)}, full("a")},
		"more claimed slots than the limit":                    {[]TagLimit{limit("a", 7)}, full("a")},
		"with one full limit the reason names all tags":        {[]TagLimit{limit("b", 0), limit("a", 3)}, full("b, a")},
		"the run holds a slot of the only limit":               {[]TagLimit{limit("a", 3, held)}, Verdict{}},
		"only slots that the run does not hold are claimed":    {[]TagLimit{limit("a", 3, held), limit("b", 0)}, Verdict{Slots: []string{"b"}}},
		"a held slot does not replace a slot of another limit": {[]TagLimit{limit("a", 3, held), limit("b", 3)}, full("a, b")},
		"a limit of zero aborts":                               {[]TagLimit{limit("b", 0, ofNone)}, abort(deadlock)},
		"a limit of zero aborts beside a full one":             {[]TagLimit{limit("a", 3), limit("b", 0, ofNone)}, abort(deadlock)},
		"a limit of zero aborts even if the run holds a slot":  {[]TagLimit{limit("b", 1, ofNone, held)}, abort(deadlock)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Pending, Running, func(f *Facts) { f.TagLimits, f.Draw = tt.limits, 0.5 })
			if diff := cmp.Diff(tt.want, hear(t, secureTaskConcurrencySlots, f)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSlots_areClaimedOnlyByAnAcceptedStart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to StateType
		edit     func(*Facts)
		want     []string
	}{
		"a start claims them":                           {Pending, Running, nil, []string{"a", "b"}},
		"another start of a running run claims them":    {Running, Running, nil, []string{"a", "b"}},
		"a start of a cancelling run claims them":       {Cancelling, Running, nil, []string{"a", "b"}},
		"a forced start claims none":                    {Pending, Running, func(f *Facts) { f.Force = true }, nil},
		"a deferred start claims none":                  {Pending, Running, func(f *Facts) { f.Proposed.Details.Deferred = new(true) }, nil},
		"an end claims none":                            {Running, Completed, nil, nil},
		"a start before its scheduled time claims none": {Scheduled, Running, func(f *Facts) { f.Run.State.Details.ScheduledTime = at(60) }, nil},
		"a start in a stopped flow claims none": {
			Pending, Running, func(f *Facts) { f.FlowRun = &FlowRun{State: &State{Type: Failed}} }, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(tt.from, tt.to, func(f *Facts) { f.TagLimits = []TagLimit{limit("a", 0), limit("b", 0)} })
			if tt.edit != nil {
				tt.edit(&f)
			}
			if diff := cmp.Diff(tt.want, Decide(f).Slots); diff != "" {
				t.Errorf("slots to take (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHoldsSlots(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		states []State
		cut    bool // older states are missing
		want   bool
	}{
		"in the RUNNING state":                                 {states: states(Pending, Running), want: true},
		"in CANCELLING after it":                               {states: states(Pending, Running, Cancelling), want: true},
		"in another RUNNING after it":                          {states: states(Pending, Running, Cancelling, Running), want: true},
		"not after an end":                                     {states: states(Pending, Running, Completed)},
		"not after PENDING":                                    {states: states(Pending, Running, Pending)},
		"not in RUNNING after an interruption":                 {states: states(Pending, Running, Pending, Running)},
		"not with a state that was never written":              {states: states(Pending, Pending)},
		"not in another RUNNING state":                         {states: []State{{ID: "x", Type: Running}}},
		"not without states":                                   {},
		"with older states missing":                            {states: []State{{ID: "x", Type: Cancelling}, {ID: "y", Type: Running}}, cut: true, want: true},
		"not with older states missing and another type since": {states: []State{{ID: "x", Type: Paused}, {ID: "y", Type: Running}}, cut: true},
		"not if no state is known":                             {cut: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := HoldsSlots(tt.states, "1", !tt.cut); got != tt.want {
				t.Errorf("HoldsSlots = %t, want %t", got, tt.want)
			}
		})
	}
}

// states returns states of these types. Their ids are their indexes.
func states(types ...StateType) []State {
	made := make([]State, len(types))
	for i, typ := range types {
		made[i] = State{ID: string(rune('0' + i)), Type: typ}
	}
	return made
}
