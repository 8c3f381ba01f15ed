package taskrun

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// share is one of the values that share one limit.
type share struct {
	size  func() int
	least int            // minimum size
	cut   func(most int) // called if the value is larger than most
}

// allot truncates the shares so that they fit room together. The first ones are
// truncated last.
func allot(room int, shares []share) {
	for i := range shares {
		room -= shares[i].least
	}
	for i := range shares {
		s := &shares[i]
		if most := s.least + max(room, 0); s.size() > most {
			s.cut(most)
		}
		room -= s.size() - s.least
	}
}

// fitState truncates the texts that describe a state to their limits, and all of
// them together to room. It reports whether the data was dropped; the message then
// has a mark.
func fitState(s *orchestration.State, room int) (dataCut bool) {
	s.Name = Truncate(s.Name, MaxStateName)
	if n := utf8.RuneCount(s.Data); n > MaxData {
		dropData(s, n)
		dataCut = true
	}
	d := &s.Details
	d.CacheKey = mapText(d.CacheKey, func(key string) string { return ruleMeasure.cutKey(key, MaxStateKey) })
	d.PauseKey = FitText(d.PauseKey, MaxPauseKey)
	d.Traceparent = FitText(d.Traceparent, MaxTraceparent)
	d.RunInputKeyset = cutKeyset(d.RunInputKeyset, MaxKeysetItems, MaxText)
	s.Message = mapText(s.Message, func(text string) string { return ruleMeasure.cutMessage(text, MaxMessage) })
	had := s.Data != nil
	allot(room, stateShares(s))
	return dataCut || (had && s.Data == nil)
}

// FitState cuts what describes a state to its bounds, and all of it together to most
// characters, of which its fixed parts take stateText.
func FitState(s *orchestration.State, most int) { fitState(s, min(stateRoom, most-stateText)) }

// leastStateKey is what is left of a key at least that is too long for the rules,
// which bound it by 2000 characters: too long it stays.
const leastStateKey = 2000 + leastText

// stateShares lists the texts of a state, the most useful first.
func stateShares(s *orchestration.State) []share {
	d := &s.Details
	message := textShare(&s.Message, ruleMeasure.cutMessage)
	if s.Data != nil {
		message.least = 2 * leastText // for the mark of dropped data
	}
	key := textShare(&d.CacheKey, ruleMeasure.cutKey)
	key.least = min(key.size(), leastStateKey)
	name := &s.Name
	return []share{
		textShare(&name, func(text string, most int) string { s.Name = Truncate(text, most); return s.Name }),
		{
			size: func() int { return utf8.RuneCount(s.Data) },
			cut:  func(int) { dropData(s, utf8.RuneCount(s.Data)) },
		},
		key, message,
		textShare(&d.PauseKey, ruleMeasure.cutText), textShare(&d.Traceparent, ruleMeasure.cutText),
		{
			size:  func() int { return keysetSize(d.RunInputKeyset) },
			least: min(keysetSize(d.RunInputKeyset), leastText),
			cut:   func(most int) { d.RunInputKeyset = cutKeyset(d.RunInputKeyset, MaxKeysetItems, most) },
		},
	}
}

// textShare is a text that can be truncated to its mark.
func textShare(text **string, cut func(text string, most int) string) share {
	size := func() int { return utf8.RuneCountInString(deref(*text)) }
	return share{
		size: size, least: min(size(), leastText),
		cut: func(most int) { *text = new(cut(**text, most)) },
	}
}

// dropData drops data that is too long, and marks the message. A part of the data
// would not be JSON, and without a mark a client would take it for the result.
func dropData(s *orchestration.State, n int) {
	s.Data = nil
	mark := dataMarkOf(n)
	if message := deref(s.Message); message != "" {
		mark = ruleMeasure.cutText(message, MaxMessage-len(mark)-1) + " " + mark
	}
	s.Message = &mark
}

func mapText(text *string, change func(string) string) *string {
	if text == nil {
		return nil
	}
	changed := change(*text)
	return &changed
}

func keysetSize(keyset map[string]string) (n int) {
	for key, value := range keyset {
		n += utf8.RuneCountInString(key) + utf8.RuneCountInString(value)
	}
	return n
}

// longestOf returns the length of the longest key or value.
func longestOf(keyset map[string]string) (n int) {
	for key, value := range keyset {
		n = max(n, utf8.RuneCountInString(key), utf8.RuneCountInString(value))
	}
	return n
}

// cutKeyset truncates values, drops entries whose keys are too long, and then as
// many as necessary.
func cutKeyset(keyset map[string]string, items, most int) map[string]string {
	if len(keyset) <= items && keysetSize(keyset) <= most && longestOf(keyset) <= MaxKeysetText {
		return keyset
	}
	total, marked := len(keyset), false
	if n, ok := itemsOf(keyset[CutKey]); ok {
		total, marked = n, true
	}
	kept := map[string]string{}
	room := most - keysetSize(map[string]string{CutKey: itemsMarkOf(total)})
	for _, key := range slices.Sorted(maps.Keys(keyset)) {
		value := Truncate(keyset[key], MaxKeysetText)
		size := keysetSize(map[string]string{key: value})
		switch {
		case utf8.RuneCountInString(key) > MaxKeysetText, size > room, len(kept) == items-1, marked && key == CutKey:
			continue
		}
		kept[key] = value
		room -= size
	}
	if len(kept) < total {
		kept[CutKey] = itemsMarkOf(total)
	}
	return kept
}

// Fit truncates the texts that describe the proposed state to their limits.
func (p Proposal) Fit() Proposal {
	state := p.State("", noTime)
	data := state.Data
	p.DataCut = fitState(&state, stateRoom)
	if p.Name != nil {
		p.Name = &state.Name
	}
	p.Message = state.Message
	if data != nil && state.Data == nil {
		p.Data = nil
	}
	state.Details.ScheduledTime = p.Details.ScheduledTime
	p.Details = state.Details
	return p
}

// stateRoom returns the maximum size of the texts of one state together.
const stateRoom = MaxText - reserved - stateText
