package index

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// interner shares equal values of runs, so that each is in memory once.
type interner struct {
	mu     sync.Mutex
	key    []byte // buffer
	texts  generations[string]
	words  generations[*string]
	tags   generations[[]string]
	labels generations[map[string]json.RawMessage]
	inputs generations[map[string][]taskrun.TaskInput]
	delays generations[*taskrun.RetryDelay]
}

// minInterned is the minimum number of recent values of a kind that are shared.
const minInterned = 4096

// maxInternedKey is the maximum length of a key. Longer values are rarely equal.
const maxInternedKey = 1024

// generations are recently used values. Two generations limit the memory.
type generations[V any] struct{ recent, earlier map[string]V }

// shared returns the existing value with the key, or this one if there is none.
func (g *generations[V]) shared(key []byte, value V) V {
	if len(key) > maxInternedKey {
		return value
	}
	known, ok := g.recent[string(key)]
	if ok {
		return known
	}
	if known, ok = g.earlier[string(key)]; ok {
		value = known
	}
	if g.recent == nil || len(g.recent) >= minInterned {
		g.recent, g.earlier = map[string]V{}, g.recent
	}
	g.recent[string(key)] = value
	return value
}

// compact reduces the memory of a run without changing its values. Afterwards it
// refers to nothing of its object, except values that many runs share. It shares the
// texts of the earlier version, because lookup tables refer to them.
func (p *interner) compact(run, earlier *taskrun.Run) {
	p.mu.Lock()
	p.share(run)
	p.mu.Unlock()
	if past := len(run.History); past > 0 && run.State != nil {
		all := run.States()
		run.History, run.State = all[:past:past], &all[past]
	}
	shareTimes(run)
	packTexts(run, earlier)
}

func (p *interner) share(run *taskrun.Run) {
	p.text(&run.FlowRunID)
	p.text(&run.TaskKey)
	p.word(&run.TaskVersion)
	for _, text := range []*string{
		&run.Policy.MaxRetries, &run.Policy.Retries, &run.Policy.RetryDelaySeconds, &run.Policy.RetryJitterFactor,
	} {
		p.text(text)
	}
	if delay := run.Policy.RetryDelay; delay != nil {
		p.key = strconv.AppendBool(p.key[:0], delay.List)
		p.key = appendTexts(p.key, delay.Seconds)
		run.Policy.RetryDelay = p.delays.shared(p.key, delay)
	}
	if len(run.Tags) > 0 {
		run.Tags = p.tags.shared(appendTexts(p.key[:0], run.Tags), run.Tags)
	}
	if run.Labels != nil {
		p.key = appendLabels(p.key[:0], run.Labels)
		run.Labels = p.labels.shared(p.key, run.Labels)
	}
	if run.TaskInputs != nil {
		p.key = appendInputs(p.key[:0], run.TaskInputs)
		run.TaskInputs = p.inputs.shared(p.key, run.TaskInputs)
	}
	if run.State != nil {
		state := *run.State
		p.shareState(&state)
		run.State = &state
	}
	for i := range run.History {
		p.shareState(&run.History[i])
	}
}

func (p *interner) shareState(state *orchestration.State) {
	kind := string(state.Type)
	p.text(&kind)
	state.Type = orchestration.StateType(kind)
	p.text(&state.Name)
	p.word(&state.Message)
	for _, flag := range []**bool{&state.Details.Deferred, &state.Details.RefreshCache, &state.Details.Retriable} {
		if *flag != nil {
			*flag = oneOf(**flag)
		}
	}
}

var yes, no = true, false

func oneOf(flag bool) *bool {
	if flag {
		return &yes
	}
	return &no
}

func (p *interner) text(text *string) {
	if *text != "" {
		p.key = append(p.key[:0], *text...)
		*text = p.texts.shared(p.key, *text)
	}
}

func (p *interner) word(text **string) {
	if *text != nil {
		p.key = append(p.key[:0], **text...)
		*text = p.words.shared(p.key, *text)
	}
}

// appendTexts appends a key that is different for different lists.
func appendTexts(b []byte, texts []string) []byte {
	for _, text := range texts {
		b = appendText(b, text)
	}
	return b
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

func appendLabels(b []byte, labels map[string]json.RawMessage) []byte {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		b = appendText(appendText(b, key), labels[key])
	}
	return b
}

func appendInputs(b []byte, inputs map[string][]taskrun.TaskInput) []byte {
	for _, key := range slices.Sorted(maps.Keys(inputs)) {
		b = binary.AppendUvarint(appendText(b, key), uint64(len(inputs[key])))
		for _, input := range inputs[key] {
			b = appendText(appendText(b, input.InputType), input.ID)
			b = appendText(appendText(b, input.Name), input.Type)
		}
	}
	return b
}

// shareTimes makes the run's times refer to equal times of its states.
func shareTimes(run *taskrun.Run) {
	for _, t := range []**time.Time{&run.ExpectedStartTime, &run.NextScheduledStartTime, &run.StartTime, &run.EndTime} {
		if *t != nil {
			*t = ownTime(run, *t)
		}
	}
}

func ownTime(run *taskrun.Run, t *time.Time) *time.Time {
	if t.Equal(run.Created) {
		return &run.Created
	}
	if run.State != nil && t.Equal(run.State.Timestamp) {
		return &run.State.Timestamp
	}
	for i := range run.History {
		if t.Equal(run.History[i].Timestamp) {
			return &run.History[i].Timestamp
		}
	}
	return t
}

// packTexts puts the texts that only this run has into one allocation.
func packTexts(run, earlier *taskrun.Run) {
	known := map[string]string{}
	if earlier != nil {
		eachText(earlier, func(text *string) { known[*text] = *text })
	}
	var b strings.Builder
	size := 0
	eachText(run, func(text *string) {
		if _, there := known[*text]; !there {
			known[*text] = ""
			size += len(*text)
		}
	})
	b.Grow(size)
	eachText(run, func(text *string) {
		if there := known[*text]; there != "" {
			*text = there
			return
		}
		from := b.Len()
		b.WriteString(*text)
		own := b.String()[from:] // the builder does not grow any more
		known[own] = own
		*text = own
	})
}

// eachText calls visit for each text that usually differs between runs.
func eachText(run *taskrun.Run, visit func(*string)) {
	some := func(texts ...*string) {
		for _, text := range texts {
			if *text != "" {
				visit(text)
			}
		}
	}
	some(&run.ID, &run.Name, &run.DynamicKey, &run.Ref.UID, &run.Ref.Name, &run.Ref.ResourceVersion)
	state := func(s *orchestration.State) {
		d := &s.Details
		some(&s.ID, &d.TransitionID, &d.ChildFlowRunID, &d.TaskParametersID, &d.DeploymentConcurrencyLeaseID)
	}
	for i := range run.History {
		state(&run.History[i])
	}
	if run.State != nil {
		state(run.State)
	}
	for i := range run.Decisions {
		d := &run.Decisions[i]
		some(&d.Proposal, &d.UID, &d.Reason, &d.Proposer, &d.StateID)
	}
}
