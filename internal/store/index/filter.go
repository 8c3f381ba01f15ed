package index

import (
	"reflect"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// criterion is a member of a filter, compiled for a snapshot.
type criterion interface {
	// narrow returns those of the offsets in the block that match. It may reuse the
	// memory of offsets.
	narrow(b *block, offsets []uint8) []uint8
}

// compiledFilter is a filter, compiled for a snapshot. It is for one goroutine.
type compiledFilter struct {
	or       bool
	criteria []criterion // cheap ones first
	always   []criterion // required even with or
}

// compile compiles a filter. A member with a column is evaluated on the column, any
// other member on each run, as taskrun.Filter.Matcher does.
func (s *snapshot) compile(f taskrun.Filter) *compiledFilter {
	p := &compiledFilter{or: f.Or}
	rest := f
	p.addParents(f.Parents)
	rest.Parents = nil
	if f.State != nil {
		p.add(byCode(s.states, func(b *block) *[blockSize]uint32 { return &b.states }, taskrun.Filter{State: f.State}))
		rest.State = nil
	}
	if f.FlowRunID != nil {
		p.add(byCode(s.flows, func(b *block) *[blockSize]uint32 { return &b.flows }, taskrun.Filter{FlowRunID: f.FlowRunID}))
		rest.FlowRunID = nil
	}
	if f.Tags != nil {
		p.add(byCode(s.tags, func(b *block) *[blockSize]uint32 { return &b.tags }, taskrun.Filter{Tags: f.Tags}))
		rest.Tags = nil
	}
	rest.StartTime = p.addTime(f.StartTime, func(b *block) *[blockSize]int64 { return &b.start })
	rest.EndTime = p.addTime(f.EndTime, func(b *block) *[blockSize]int64 { return &b.end })
	rest.ExpectedStartTime = p.addTime(f.ExpectedStartTime, func(b *block) *[blockSize]int64 { return &b.expected })
	if f.ID != nil && f.ID.Any != nil && !s.nonUUID && onlyAny(*f.ID) {
		p.add(byID(f.ID.Any))
		rest.ID = nil
	}
	if f.Name != nil {
		p.add(&nameCriterion{filter: taskrun.Filter{Name: f.Name}})
		rest.Name = nil
	}
	if f.Or {
		rest.Or = false // addRest sets it if there is a rest
	}
	p.addRest(rest, f.Or)
	return p
}

func (p *compiledFilter) add(c criterion) { p.criteria = append(p.criteria, c) }

// addParents adds the member that is required even with or.
func (p *compiledFilter) addParents(f *taskrun.ParentFilter) {
	if f != nil {
		p.always = append(p.always, matchCriterion{taskrun.Filter{Parents: f}.Matcher()})
	}
}

// addRest adds the members that have no column.
func (p *compiledFilter) addRest(rest taskrun.Filter, or bool) {
	if rest != (taskrun.Filter{}) {
		rest.Or = or
		p.add(matchCriterion{rest.Matcher()})
	}
}

// narrow returns those of the offsets that match.
func (p *compiledFilter) narrow(b *block, offsets []uint8) []uint8 {
	for _, c := range p.always {
		offsets = c.narrow(b, offsets)
	}
	if p.or && len(p.criteria) > 0 {
		return p.either(b, offsets)
	}
	for _, c := range p.criteria {
		if offsets = c.narrow(b, offsets); len(offsets) == 0 {
			break
		}
	}
	return offsets
}

// either returns those of the offsets that match at least one of the criteria.
func (p *compiledFilter) either(b *block, offsets []uint8) []uint8 {
	var hit [blockSize]bool
	var open, buffer [blockSize]uint8
	left := open[:copy(open[:], offsets)]
	for _, c := range p.criteria {
		for _, at := range c.narrow(b, buffer[:copy(buffer[:], left)]) {
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
	kept := offsets[:0]
	for _, at := range offsets {
		if hit[at] {
			kept = append(kept, at)
		}
	}
	return kept
}

// matchCriterion evaluates each run.
type matchCriterion struct{ match func(*taskrun.Run) bool }

func (c matchCriterion) narrow(b *block, offsets []uint8) []uint8 {
	kept := offsets[:0]
	for _, at := range offsets {
		if c.match(b.runs[at]) {
			kept = append(kept, at)
		}
	}
	return kept
}

// codeCriterion evaluates the first run of each code: the filter gives all runs of a
// code the same result.
type codeCriterion struct {
	filter  taskrun.Filter
	column  func(*block) *[blockSize]uint32
	results []result // by code
}

type result uint8

const (
	unknown result = iota
	mismatch
	match
)

func byCode(count int, column func(*block) *[blockSize]uint32, f taskrun.Filter) *codeCriterion {
	return &codeCriterion{filter: f, column: column, results: make([]result, count)}
}

func (c *codeCriterion) narrow(b *block, offsets []uint8) []uint8 {
	column := c.column(b)
	kept := offsets[:0]
	for _, at := range offsets {
		r := c.results[column[at]]
		if r == unknown {
			r = c.evaluate(b.runs[at])
			c.results[column[at]] = r
		}
		if r == match {
			kept = append(kept, at)
		}
	}
	return kept
}

func (c *codeCriterion) evaluate(run *taskrun.Run) result {
	if c.filter.Match(run) {
		return match
	}
	return mismatch
}

// nameCriterion evaluates the column of names, without reading the runs.
type nameCriterion struct {
	filter taskrun.Filter
	named  taskrun.Run
}

func (c *nameCriterion) narrow(b *block, offsets []uint8) []uint8 {
	kept := offsets[:0]
	for _, at := range offsets {
		c.named.Name = b.names[at]
		if c.filter.Match(&c.named) {
			kept = append(kept, at)
		}
	}
	return kept
}

// idCriterion accepts the ids of a set.
type idCriterion map[orderedID]struct{}

// byID ignores ids that are not UUIDs: no run of the snapshot has one.
func byID(texts []string) idCriterion {
	c := make(idCriterion, len(texts))
	for _, text := range texts {
		if id, isUUID := orderID(text); isUUID {
			c[id] = struct{}{}
		}
	}
	return c
}

func (c idCriterion) narrow(b *block, offsets []uint8) []uint8 {
	kept := offsets[:0]
	for _, at := range offsets {
		if _, wanted := c[b.ids[at]]; wanted {
			kept = append(kept, at)
		}
	}
	return kept
}

// onlyAny reports whether a filter has no other criterion than Any.
func onlyAny(f taskrun.IDFilter) bool {
	f.Any = nil
	return reflect.ValueOf(f).IsZero()
}

// timeCriterion accepts times from low to high, both included.
type timeCriterion struct {
	column    func(*block) *[blockSize]int64
	low, high int64
}

// addTime adds the criterion of a time. It returns nil, or the filter if it has other
// criteria than a timeCriterion.
func (p *compiledFilter) addTime(f *taskrun.TimeFilter, column func(*block) *[blockSize]int64) *taskrun.TimeFilter {
	if f == nil {
		return nil
	}
	rest := *f
	rest.Before, rest.After, rest.IsNull = nil, nil, nil
	if !reflect.ValueOf(rest).IsZero() {
		return f
	}
	c := timeCriterion{column: column, low: -noTime, high: noTime}
	if f.After != nil {
		c.low, c.high = f.After.Add(time.Microsecond-1).UnixMicro(), noTime-1
	}
	if f.Before != nil {
		c.high = f.Before.UnixMicro()
	}
	switch {
	case f.IsNull == nil:
	case *f.IsNull:
		c.low = noTime
	default:
		c.high = min(c.high, noTime-1)
	}
	p.add(c)
	return nil
}

func (c timeCriterion) narrow(b *block, offsets []uint8) []uint8 {
	column := c.column(b)
	kept := offsets[:0]
	for _, at := range offsets {
		if t := column[at]; c.low <= t && t <= c.high {
			kept = append(kept, at)
		}
	}
	return kept
}
