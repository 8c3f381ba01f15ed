package orchestration

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limit is a limit of three slots on a tag, of which so many are taken.
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
		"without limits on its tags a run needs no slot":  {nil, Verdict{}},
		"a free slot is asked for":                        {[]TagLimit{limit("a", 2)}, Verdict{Slots: []string{"a"}}},
		"so is one of each limit":                         {[]TagLimit{limit("a", 0), limit("b", 2)}, Verdict{Slots: []string{"a", "b"}}},
		"no free slot is a wait":                          {[]TagLimit{limit("a", 3)}, full("a")},
		"more taken than there are, too":                  {[]TagLimit{limit("a", 7)}, full("a")},
		"one full limit is enough, and all tags are told": {[]TagLimit{limit("b", 0), limit("a", 3)}, full("b, a")},
		"the slot it holds already is enough":             {[]TagLimit{limit("a", 3, held)}, Verdict{}},
		"only what it does not hold is asked for":         {[]TagLimit{limit("a", 3, held), limit("b", 0)}, Verdict{Slots: []string{"b"}}},
		"but not for another limit":                       {[]TagLimit{limit("a", 3, held), limit("b", 3)}, full("a, b")},
		"a limit of zero is an abort":                     {[]TagLimit{limit("b", 0, ofNone)}, abort(deadlock)},
		"also beside one that is full":                    {[]TagLimit{limit("a", 3), limit("b", 0, ofNone)}, abort(deadlock)},
		"also if it was lowered under the run's own slot": {[]TagLimit{limit("b", 1, ofNone, held)}, abort(deadlock)},
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

func TestSlotsAreTakenOnlyWithTheStart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to StateType
		edit     func(*Facts)
		want     []string
	}{
		"a start takes them":                   {Pending, Running, nil, []string{"a", "b"}},
		"another start of a running run, too":  {Running, Running, nil, []string{"a", "b"}},
		"and that of a run that is cancelling": {Cancelling, Running, nil, []string{"a", "b"}},
		"a forced start takes none":            {Pending, Running, func(f *Facts) { f.Force = true }, nil},
		"a deferred start takes none":          {Pending, Running, func(f *Facts) { f.Proposed.Details.Deferred = new(true) }, nil},
		"an end takes none":                    {Running, Completed, nil, nil},
		"a start before its time takes none":   {Scheduled, Running, func(f *Facts) { f.Run.State.Details.ScheduledTime = at(60) }, nil},
		"nor does one that a stopped flow refuses": {
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
		"the RUNNING itself holds":                         {states: states(Pending, Running), want: true},
		"CANCELLING after it holds":                        {states: states(Pending, Running, Cancelling), want: true},
		"so does another RUNNING after it":                 {states: states(Pending, Running, Cancelling, Running), want: true},
		"an end does not":                                  {states: states(Pending, Running, Completed)},
		"nor does PENDING":                                 {states: states(Pending, Running, Pending)},
		"nor RUNNING after an interruption":                {states: states(Pending, Running, Pending, Running)},
		"a state that was never written does not":          {states: states(Pending, Pending)},
		"nor before a RUNNING that was not it":             {states: []State{{ID: "x", Type: Running}}},
		"nor does nothing at all":                          {},
		"what is missing is taken for it":                  {states: []State{{ID: "x", Type: Cancelling}, {ID: "y", Type: Running}}, cut: true, want: true},
		"but not where something else came after it":       {states: []State{{ID: "x", Type: Paused}, {ID: "y", Type: Running}}, cut: true},
		"a run that nothing is known of holds nothing now": {cut: true},
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

// states makes states of these types whose ids are their places.
func states(types ...StateType) []State {
	made := make([]State, len(types))
	for i, typ := range types {
		made[i] = State{ID: string(rune('0' + i)), Type: typ}
	}
	return made
}
