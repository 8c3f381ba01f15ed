package kube

import (
	"reflect"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// criterion is a member of a filter, made ready for a moment.
type criterion interface {
	// narrow returns those of the places in the block that match. It may use
	// the room of places for them.
	narrow(b *block, places []uint8) []uint8
}

// prepared is a filter, made ready for a moment. It is for one goroutine.
type prepared struct {
	or       bool
	criteria []criterion // cheap ones first
	always   []criterion // those that or does not concern
}

// filter makes a filter ready. Each member is judged by what the columns tell,
// and what is not known here, by the filter's own Match on each run.
func (m *moment) filter(f taskrun.Filter) *prepared {
	p := &prepared{or: f.Or}
	rest := f
	p.addParents(f.Parents)
	rest.Parents = nil
	if f.State != nil {
		p.add(byClass(m.states, func(b *block) *[perBlock]uint32 { return &b.states }, taskrun.Filter{State: f.State}))
		rest.State = nil
	}
	if f.FlowRunID != nil {
		p.add(byClass(m.flows, func(b *block) *[perBlock]uint32 { return &b.flows }, taskrun.Filter{FlowRunID: f.FlowRunID}))
		rest.FlowRunID = nil
	}
	if f.Tags != nil {
		p.add(byClass(m.tags, func(b *block) *[perBlock]uint32 { return &b.tags }, taskrun.Filter{Tags: f.Tags}))
		rest.Tags = nil
	}
	rest.StartTime = p.addTime(f.StartTime, func(b *block) *[perBlock]int64 { return &b.start })
	rest.EndTime = p.addTime(f.EndTime, func(b *block) *[perBlock]int64 { return &b.end })
	rest.ExpectedStartTime = p.addTime(f.ExpectedStartTime, func(b *block) *[perBlock]int64 { return &b.expected })
	if f.ID != nil && f.ID.Any != nil && !m.odd && onlyAny(*f.ID) {
		p.add(byID(f.ID.Any))
		rest.ID = nil
	}
	if f.Name != nil {
		p.add(&nameCriterion{filter: taskrun.Filter{Name: f.Name}})
		rest.Name = nil
	}
	if f.Or {
		rest.Or = false // each of the rest is enough by itself, see residual
	}
	p.addRest(rest, f.Or)
	return p
}

func (p *prepared) add(c criterion) { p.criteria = append(p.criteria, c) }

// addParents adds what or does not concern.
func (p *prepared) addParents(f *taskrun.ParentFilter) {
	if f != nil {
		p.always = append(p.always, matchCriterion{taskrun.Filter{Parents: f}.Matcher()})
	}
}

// addRest adds what has no column.
func (p *prepared) addRest(rest taskrun.Filter, or bool) {
	if rest != (taskrun.Filter{}) {
		rest.Or = or
		p.add(matchCriterion{rest.Matcher()})
	}
}

// narrow returns those of the places that match.
func (p *prepared) narrow(b *block, places []uint8) []uint8 {
	for _, c := range p.always {
		places = c.narrow(b, places)
	}
	if p.or && len(p.criteria) > 0 {
		return p.either(b, places)
	}
	for _, c := range p.criteria {
		if places = c.narrow(b, places); len(places) == 0 {
			break
		}
	}
	return places
}

// either returns those of the places that match one of the criteria.
func (p *prepared) either(b *block, places []uint8) []uint8 {
	var hit [perBlock]bool
	var open, room [perBlock]uint8
	left := open[:copy(open[:], places)]
	for _, c := range p.criteria {
		for _, at := range c.narrow(b, room[:copy(room[:], left)]) {
			hit[at] = true
		}
		still := left[:0]
		for _, at := range left {
			if !hit[at] {
				still = append(still, at)
			}
		}
		left = still
	}
	kept := places[:0]
	for _, at := range places {
		if hit[at] {
			kept = append(kept, at)
		}
	}
	return kept
}

// matchCriterion judges each run.
type matchCriterion struct{ match func(*taskrun.Run) bool }

func (c matchCriterion) narrow(b *block, places []uint8) []uint8 {
	kept := places[:0]
	for _, at := range places {
		if c.match(b.runs[at]) {
			kept = append(kept, at)
		}
	}
	return kept
}

// classCriterion judges each class when it first meets it, by the first run of
// it: all others are alike in what the filter asks for.
type classCriterion struct {
	filter   taskrun.Filter
	column   func(*block) *[perBlock]uint32
	verdicts []verdict // by the class's number
}

type verdict uint8

const (
	unknown verdict = iota
	refused
	accepted
)

func byClass(count int, column func(*block) *[perBlock]uint32, f taskrun.Filter) *classCriterion {
	return &classCriterion{filter: f, column: column, verdicts: make([]verdict, count)}
}

func (c *classCriterion) narrow(b *block, places []uint8) []uint8 {
	column := c.column(b)
	kept := places[:0]
	for _, at := range places {
		v := c.verdicts[column[at]]
		if v == unknown {
			v = c.judge(b.runs[at])
			c.verdicts[column[at]] = v
		}
		if v == accepted {
			kept = append(kept, at)
		}
	}
	return kept
}

func (c *classCriterion) judge(run *taskrun.Run) verdict {
	if c.filter.Match(run) {
		return accepted
	}
	return refused
}

// nameCriterion judges names by themselves, which spares a look at the runs.
type nameCriterion struct {
	filter taskrun.Filter
	named  taskrun.Run
}

func (c *nameCriterion) narrow(b *block, places []uint8) []uint8 {
	kept := places[:0]
	for _, at := range places {
		c.named.Name = b.names[at]
		if c.filter.Match(&c.named) {
			kept = append(kept, at)
		}
	}
	return kept
}

// idCriterion looks ids up.
type idCriterion map[orderedID]struct{}

// byID takes UUIDs; no run has another id here.
func byID(texts []string) idCriterion {
	c := make(idCriterion, len(texts))
	for _, text := range texts {
		if id, usual := orderID(text); usual {
			c[id] = struct{}{}
		}
	}
	return c
}

func (c idCriterion) narrow(b *block, places []uint8) []uint8 {
	kept := places[:0]
	for _, at := range places {
		if _, wanted := c[b.ids[at]]; wanted {
			kept = append(kept, at)
		}
	}
	return kept
}

// onlyAny reports whether a filter asks for nothing but what is known here.
func onlyAny(f taskrun.IDFilter) bool {
	f.Any = nil
	return reflect.ValueOf(f).IsZero()
}

// timeCriterion accepts times between these, both included.
type timeCriterion struct {
	column    func(*block) *[perBlock]int64
	low, high int64
}

// addTime adds the criterion of a time, and returns what it does not cover.
func (p *prepared) addTime(f *taskrun.TimeFilter, column func(*block) *[perBlock]int64) *taskrun.TimeFilter {
	if f == nil {
		return nil
	}
	rest := *f
	rest.Before, rest.After, rest.IsNull = nil, nil, nil
	if !reflect.ValueOf(rest).IsZero() {
		return f
	}
	c := timeCriterion{column: column, low: -missing, high: missing}
	if f.After != nil {
		c.low, c.high = f.After.Add(time.Microsecond-1).UnixMicro(), missing-1
	}
	if f.Before != nil {
		c.high = f.Before.UnixMicro()
	}
	switch {
	case f.IsNull == nil:
	case *f.IsNull:
		c.low = missing
	default:
		c.high = min(c.high, missing-1)
	}
	p.add(c)
	return nil
}

func (c timeCriterion) narrow(b *block, places []uint8) []uint8 {
	column := c.column(b)
	kept := places[:0]
	for _, at := range places {
		if t := column[at]; c.low <= t && t <= c.high {
			kept = append(kept, at)
		}
	}
	return kept
}
