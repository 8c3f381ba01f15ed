package wire

import (
	"slices"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxBackfill is the maximum age of earlier events for a listener (contract §4.5).
const maxBackfill = 15 * time.Minute

// WatchOptions returns the changes that a listener with this filter has to read.
func (f *EventFilter) WatchOptions(now time.Time) taskrun.WatchOptions {
	since := now
	if f.backfill {
		since = now.Add(-maxBackfill)
	}
	if f.since != nil && f.since.After(since) {
		since = *f.since
	}
	return taskrun.WatchOptions{Since: since, RunIDs: runsOf(f.resource.ids)}
}

// runsOf returns the runs among the ids of resources; nil means all.
func runsOf(ids textSet) []string {
	if ids == nil {
		return nil
	}
	runs := []string{}
	for id := range ids {
		if run, ok := strings.CutPrefix(id, resourceTaskRun); ok {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs)
	return runs
}

// Matches reports whether the filter selects the change. The cheapest criteria are compared first: most listeners wait
// for one run.
func (f *EventFilter) Matches(c *taskrun.Change) bool {
	return matchesID(f.resource.ids, c) && f.name.match(c) && f.inTime(c) &&
		(f.ids == nil || f.ids[c.State.ID]) && f.resourcesMatch(c)
}

func matchesID(ids textSet, c *taskrun.Change) bool {
	return ids == nil || ids[resourceTaskRun+c.Run.ID]
}

// inTime compares the time of the state. A change that was recorded since then passes too, because the clock of its
// worker can be behind that of the listener.
func (f *EventFilter) inTime(c *taskrun.Change) bool {
	at := c.State.Timestamp
	return (f.since == nil || !at.Before(*f.since) || !c.Received.Before(*f.since)) && (f.until == nil || !at.After(*f.until))
}

func (c *nameCriteria) match(change *taskrun.Change) bool {
	name := eventTaskRun + "." + change.State.Name
	if c.excluded[name] || hasPrefix(c.excludedPrefixes, name) {
		return false
	}
	return (c.prefixes == nil || hasPrefix(c.prefixes, name)) &&
		(c.names == nil || c.names[name] || c.outcomes && change.State.Type.Terminal())
}

func hasPrefix(prefixes []string, text string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(text, prefix) })
}

func (f *EventFilter) resourcesMatch(c *taskrun.Change) bool {
	if f.resource.none() && f.related.none() && f.anyResource.none() {
		return true
	}
	resource, related := resourceOf(c), relatedTo(c)
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
