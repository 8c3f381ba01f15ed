package compat

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	// atOnce is the number of cases replayed concurrently. Cases mostly wait.
	atOnce = 8
	// replayPatience is the minimum timeout for expected frames and responses, long enough for a busy machine.
	replayPatience = time.Minute
	// excusedLimit is the timeout of a left-out case.
	excusedLimit = 5 * time.Second
	// excusedTries is the number of consecutive passes after which a left-out case counts as passed. On a busy machine,
	// an unexpected frame can arrive after the case has ended.
	excusedTries = 3
	// inTimeTries is the maximum number of attempts of a case with a time that is less than a second away.
	inTimeTries = 20
)

// target is what cases are replayed against.
type target struct {
	name        string
	flows       bool // it keeps flows and flow runs
	controllers bool // it runs controllers
}

// tagFlows is the tag of cases that need flows or flow runs.
const tagFlows = "flows"

// replayAll replays every case of testdata, many at a time, and reports the passes of each area. A left-out case must
// fail. Cases that need what the target does not have are skipped.
func replayAll(t *testing.T, against target, player *Player) {
	t.Helper()
	cases, err := Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	r := &report{against: against.name, areas: map[string]*tally{}}
	t.Cleanup(func() { r.print(t) })
	room := make(chan struct{}, atOnce)
	for _, c := range cases {
		t.Run(c.Area+"/"+c.Name, func(t *testing.T) {
			if c.Has(tagFlows) && !against.flows {
				t.Skip("flows are not kept")
			}
			if needControllers[c.Name] && !against.controllers {
				t.Skip("controllers do not run")
			}
			_, excused := leftOut[c.Name]
			// Start the case here: the number of parallel tests is limited to the number of processors.
			outcome := make(chan error, 1)
			go func() { outcome <- playAmong(t.Context(), player, c, excused, room) }()
			t.Parallel()
			err := <-outcome
			r.count(c, err == nil, excused)
			if fault := verdictOn(c, excused, err); fault != "" {
				t.Error(fault)
			}
		})
	}
}

// verdictOn returns an error text for an unexpected outcome of a case, or an empty text.
func verdictOn(c *Case, excused bool, err error) string {
	switch {
	case err != nil && !excused:
		return fmt.Sprintf("%s: %v", c.Title, err)
	case err == nil && excused:
		return c.Name + " passes, though leftOut in goal.go has it: remove it from the list"
	default:
		return ""
	}
}

// playAmong replays a case when fewer than atOnce others are replayed.
func playAmong(ctx context.Context, player *Player, c *Case, excused bool, room chan struct{}) error {
	room <- struct{}{}
	defer func() { <-room }()
	if !excused {
		return playInTime(ctx, player, c)
	}
	for range excusedTries {
		if err := playBounded(ctx, player, c); err != nil {
			return err
		}
	}
	return nil
}

// lessThanASecond matches a time in a case that is less than a second away.
var lessThanASecond = regexp.MustCompile(`\{\{time:\w+\+0?\.\d`)

// playInTime replays a case. It retries a case with a time that is less than a second away, up to inTimeTries times: on
// a busy machine, that time can pass before the request is sent.
func playInTime(ctx context.Context, player *Player, c *Case) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	tries := 1
	if lessThanASecond.Match(text) {
		tries = inTimeTries
	}
	for range tries {
		if err = player.Play(ctx, c); err == nil {
			return nil
		}
	}
	return err
}

func playBounded(ctx context.Context, player *Player, c *Case) error {
	ctx, cancel := context.WithTimeout(ctx, excusedLimit)
	defer cancel()
	return player.Play(ctx, c)
}

// tally counts the cases of one area.
type tally struct{ passed, wanted int }

// report counts cases by area. It is safe for concurrent use.
type report struct {
	sync.Mutex
	against string
	areas   map[string]*tally
	left    []string
}

func (r *report) count(c *Case, passed, excused bool) {
	r.Lock()
	defer r.Unlock()
	if r.areas[c.Area] == nil {
		r.areas[c.Area] = &tally{}
	}
	if excused {
		r.left = append(r.left, fmt.Sprintf("%s/%s: %s", c.Area, c.Name, leftOut[c.Name]))
		return
	}
	r.areas[c.Area].wanted++
	if passed {
		r.areas[c.Area].passed++
	}
}

// print writes lines that the test summary shows for passed tests, too.
func (r *report) print(t *testing.T) {
	t.Helper()
	total := tally{}
	for _, area := range slices.Sorted(maps.Keys(r.areas)) {
		a := r.areas[area]
		t.Logf("REPORT: recorded answers, %s, %s: %d of %d pass", r.against, area, a.passed, a.wanted)
		total.passed, total.wanted = total.passed+a.passed, total.wanted+a.wanted
	}
	t.Logf("REPORT: recorded answers, %s, all areas: %d of %d pass; %d left out", r.against, total.passed, total.wanted, len(r.left))
	slices.Sort(r.left)
	for _, line := range r.left {
		t.Logf("REPORT: recorded answers, %s, left out: %s", r.against, line)
	}
}
