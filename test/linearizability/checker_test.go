package linearizability

import (
	"fmt"
	"slices"
	"time"
)

// state is a state as clients see it. The client chooses a different name for each write.
type state struct{ ID, Name string }

// outcome is the outcome of a write for the client.
type outcome string

const (
	acknowledged outcome = "acknowledged" // returned as accepted, with the id of the state
	unknown      outcome = "unknown"      // no response, or one that does not exclude the write
	rejected     outcome = "rejected"     // returned as invalid: nothing was written
)

// span is the time from the request to the response of an operation, on one clock.
type span struct{ Sent, Returned time.Duration }

func (s span) before(other span) bool { return s.Returned < other.Sent }

// write is one forced state, or the creation of the run with its first state.
type write struct {
	span
	Process string
	Name    string
	ID      string // of the state; only if acknowledged
	Outcome outcome
}

// readKind is the part of a history that a read shows.
type readKind string

const (
	wholeHistory readKind = "whole history" // all states, oldest first
	currentState readKind = "current state" // the last state
	oneState     readKind = "one state"     // whether the state Asked exists
)

// read is one read that returned a result.
type read struct {
	span
	Process string
	Kind    readKind
	Asked   state
	Shown   []state // empty: the replica does not know the run, or the state
	// Live reads are those by the id of the run: the process queries the API server before it reports a run as
	// missing.
	Live bool
}

// history is what happened to one run.
type history struct {
	Final  []state // oldest first, after everything ended
	Writes []write // the creation first
	Reads  []read
	// Launched is the time at which each process was launched, before it could read anything.
	Launched map[string]time.Duration
}

// check returns every violation of the promises, in words.
func (h *history) check() []string {
	c := &checker{history: h, position: map[string]int{}}
	c.exactlyOnce()
	c.writesAgreeWithTime()
	for _, r := range h.Reads {
		c.observe(r)
	}
	c.readsAgreeWithTime()
	c.readsAreFresh()
	return c.found
}

type checker struct {
	*history
	position map[string]int // in Final, by name
	observed []observation
	found    []string
}

// observation is a read, with the minimum and maximum number of states that were written when the process responded.
type observation struct {
	read
	least, most int
}

func (c *checker) report(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// exactlyOnce compares the final history with the outcomes of the writes.
func (c *checker) exactlyOnce() {
	times := map[string]int{}
	for i, s := range c.Final {
		if times[s.Name]++; times[s.Name] == 1 {
			c.position[s.Name] = i
		}
	}
	for _, w := range c.Writes {
		n := times[w.Name]
		delete(times, w.Name)
		switch {
		case w.Outcome == acknowledged && n != 1, w.Outcome == unknown && n > 1, w.Outcome == rejected && n > 0:
			c.report("the state %q, %s by %s, is in the history %d times", w.Name, w.Outcome, w.Process, n)
		case w.Outcome == acknowledged && c.Final[c.position[w.Name]].ID != w.ID:
			c.report("the state %q was acknowledged as %s and is in the history as %s", w.Name, w.ID, c.Final[c.position[w.Name]].ID)
		}
	}
	for name := range times {
		c.report("the state %q is in the history, and no client sent it", name)
	}
}

// writesAgreeWithTime requires that a write that was acknowledged before another one was sent comes before it.
func (c *checker) writesAgreeWithTime() {
	for _, a := range c.Writes {
		for _, b := range c.Writes {
			first, ok := c.position[a.Name]
			second, alsoOK := c.position[b.Name]
			if ok && alsoOK && a.Outcome == acknowledged && a.before(b.span) && first > second {
				c.report("%q was acknowledged (%v) before %q was sent (%v), and comes after it in the history",
					a.Name, a.Returned, b.Name, b.Sent)
			}
		}
	}
}

// observe requires that a read shows a prefix of the history, and returns which one.
func (c *checker) observe(r read) {
	o := observation{read: r, least: len(r.Shown), most: len(r.Shown)}
	switch {
	case len(r.Shown) == 0 && r.Kind == oneState:
		if o.most = slices.Index(c.Final, r.Asked); o.most < 0 {
			return // the state is lost, which is reported elsewhere
		}
	case len(r.Shown) == 0:
	case r.Kind == wholeHistory:
		if len(r.Shown) > len(c.Final) || !slices.Equal(r.Shown, c.Final[:len(r.Shown)]) {
			c.report("a read by %s (%v) shows %v, which is no beginning of the history", r.Process, r.Sent, r.Shown)
			return
		}
	default:
		i := slices.Index(c.Final, r.Shown[0])
		if i < 0 {
			c.report("a read by %s (%v) shows %v, which is not in the history", r.Process, r.Sent, r.Shown[0])
			return
		}
		o.least, o.most = i+1, i+1
		if r.Kind == oneState {
			o.most = len(c.Final)
		}
	}
	c.observed = append(c.observed, o)
}

// readsAgreeWithTime requires that a write that was sent after a read had returned comes after what the read showed.
func (c *checker) readsAgreeWithTime() {
	for _, o := range c.observed {
		for _, w := range c.Writes {
			if i, ok := c.position[w.Name]; ok && o.before(w.span) && i < o.least {
				c.report("a read by %s showed %d states (%v) before %q was sent (%v), which is state %d of the history",
					o.Process, o.least, o.Returned, w.Name, w.Sent, i+1)
			}
		}
	}
}

// readsAreFresh requires of each read that it shows
//   - what its process acknowledged before: a replica reads its own writes,
//   - what its process showed before: the index of a replica only moves forward,
//   - what any client saw before its process was launched: the first list is one of the most recent version,
//   - and the run itself, if the read is by its id: it is read live before it is reported as missing.
//
// Other writes by other processes may be missing: they arrive by the watch.
func (c *checker) readsAreFresh() {
	for _, o := range c.observed {
		for _, w := range c.Writes {
			i, ok := c.position[w.Name]
			if ok && w.Outcome == acknowledged && c.mustShow(o, w.Process, w.span) && o.most <= i {
				c.report("a read by %s (%v) shows %d states, and lacks %q, acknowledged by %s (%v)",
					o.Process, o.Sent, o.most, w.Name, w.Process, w.Returned)
			}
		}
		for _, earlier := range c.observed {
			if c.mustShow(o, earlier.Process, earlier.span) && o.most < earlier.least {
				c.report("a read by %s (%v) shows %d states, and one by %s (%v) before it showed %d",
					o.Process, o.Sent, o.most, earlier.Process, earlier.Sent, earlier.least)
			}
		}
		if created := c.Writes[0]; o.Live && o.most == 0 && created.Outcome == acknowledged && created.before(o.span) {
			c.report("a read by %s (%v) does not find the run, which was created before (%v)", o.Process, o.Sent, created.Returned)
		}
	}
}

// mustShow reports whether a read must show a result that a process returned at a time.
func (c *checker) mustShow(r observation, process string, at span) bool {
	if process == r.Process {
		return at.before(r.span)
	}
	launched, ok := c.Launched[r.Process]
	return ok && at.Returned < launched
}
