package wire

import (
	"slices"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxBackfill is the maximum age of earlier events for a listener (contract §4.5).
const maxBackfill = 15 * time.Minute

// TaskRuns returns the changes of task runs that a listener with this filter has to read. wanted is false if the filter
// selects no event of a task run.
func (f *EventFilter) TaskRuns(now time.Time) (options taskrun.WatchOptions, wanted bool) {
	return f.watchOptions(now, resourceTaskRun, eventTaskRun+".")
}

// FlowRuns is TaskRuns for flow runs.
func (f *EventFilter) FlowRuns(now time.Time) (options taskrun.WatchOptions, wanted bool) {
	return f.watchOptions(now, resourceFlowRun, eventFlowRun+".")
}

func (f *EventFilter) watchOptions(now time.Time, resource, event string) (options taskrun.WatchOptions, wanted bool) {
	since := now
	if f.backfill {
		since = now.Add(-maxBackfill)
	}
	if f.since != nil && f.since.After(since) {
		since = *f.since
	}
	options = taskrun.WatchOptions{Since: since, RunIDs: runsOf(f.resource.ids, resource)}
	return options, f.name.admit(event) && (options.RunIDs == nil || len(options.RunIDs) > 0)
}

// runsOf returns the runs of a kind among the ids of resources; nil means all.
func runsOf(ids textSet, kind string) []string {
	if ids == nil {
		return nil
	}
	runs := []string{}
	for id := range ids {
		if run, ok := strings.CutPrefix(id, kind); ok {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs)
	return runs
}

// admit reports whether an event whose name begins with a prefix can meet the criteria.
func (c *nameCriteria) admit(prefix string) bool {
	if hasPrefix(c.excludedPrefixes, prefix) {
		return false
	}
	named := c.names == nil
	for name := range c.names {
		named = named || strings.HasPrefix(name, prefix)
	}
	return named && (c.prefixes == nil || slices.ContainsFunc(c.prefixes, func(wanted string) bool {
		return strings.HasPrefix(wanted, prefix) || strings.HasPrefix(prefix, wanted)
	}))
}

// Matches reports whether the filter selects the change. The cheapest criteria are compared first: most listeners wait
// for one run.
func (f *EventFilter) Matches(c *taskrun.Change) bool {
	return matchesID(f.resource.ids, resourceTaskRun, c.Run.ID) && f.matchesState(eventTaskRun, c.State, c.Received) &&
		(f.anyResources() || f.resourcesMatch(resourceOf(c), relatedTo(c)))
}

// MatchesFlowRun is Matches for a change of a flow run. related is called if the filter has criteria on resources.
func (f *EventFilter) MatchesFlowRun(c *flowrun.Change, related func(*flowrun.Run) flowrun.Related) bool {
	return matchesID(f.resource.ids, resourceFlowRun, c.Run.ID) && f.matchesState(eventFlowRun, c.State, c.Received) &&
		(f.anyResources() || f.resourcesMatch(resourceOfFlowRun(c), relatedToFlowRun(related(c.Run))))
}

func matchesID(ids textSet, kind, runID string) bool { return ids == nil || ids[kind+runID] }

// matchesState compares what does not need the resources of an event.
func (f *EventFilter) matchesState(event string, state *orchestration.State, received time.Time) bool {
	return f.name.match(event, state) && f.inTime(state.Timestamp, received) && (f.ids == nil || f.ids[state.ID])
}

// inTime compares the time of a state. A change that was recorded since then passes too, because the clock of its
// worker can be behind that of the listener.
func (f *EventFilter) inTime(at, received time.Time) bool {
	return (f.since == nil || !at.Before(*f.since) || !received.Before(*f.since)) && (f.until == nil || !at.After(*f.until))
}

func (c *nameCriteria) match(event string, state *orchestration.State) bool {
	name := event + "." + state.Name
	if c.excluded[name] || hasPrefix(c.excludedPrefixes, name) {
		return false
	}
	return (c.prefixes == nil || hasPrefix(c.prefixes, name)) &&
		(c.names == nil || c.names[name] || c.outcomes[event] && state.Type.Terminal())
}

func hasPrefix(prefixes []string, text string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(text, prefix) })
}

// anyResources reports whether the filter has no criteria on resources.
func (f *EventFilter) anyResources() bool {
	return f.resource.none() && f.related.none() && f.anyResource.none()
}

func (f *EventFilter) resourcesMatch(resource resourceLabels, related []resourceLabels) bool {
	return f.resource.match(resource) &&
		(f.related.none() || slices.ContainsFunc(related, f.related.match)) &&
		(f.anyResource.match(resource) || slices.ContainsFunc(related, f.anyResource.match))
}

// match reports whether a resource meets all criteria.
func (c *resourceCriteria) match(labels resourceLabels) bool {
	id := labels.value(labelResourceID)
	if c.ids != nil && !c.ids[id] ||
		c.prefixes != nil && !hasPrefix(c.prefixes, id) ||
		c.roles != nil && !c.roles[labels.value(labelResourceRole)] {
		return false
	}
	for label, values := range c.labels {
		if !labelMatches(labels.value(label), values) {
			return false
		}
	}
	return true
}

// labelMatches reports whether a value meets the criterion of a label. In the criterion, a star at the end matches any
// suffix, and an exclamation mark at the start excludes a value. One of the accepted values must match, and none of
// the excluded ones.
func labelMatches(value string, wanted []string) bool {
	positive, found := false, false
	for _, want := range wanted {
		want, unwanted := strings.CutPrefix(want, "!")
		fits := value == want
		if prefix, ok := strings.CutSuffix(want, "*"); ok {
			fits = strings.HasPrefix(value, prefix) && value != ""
		}
		switch {
		case unwanted && fits:
			return false
		case !unwanted:
			positive = true
			found = found || fits
		}
	}
	return found || !positive
}
