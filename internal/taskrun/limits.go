package taskrun

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Limits of a run; those of texts are in characters. The CRD's schema has the same
// limits, and a test compares them. MaxText limits all texts of spec together, and
// likewise those of the current and past states, so that the largest valid object is
// smaller than 128 KiB.
const (
	MaxName        = 1024
	MaxTaskKey     = 512
	MaxDynamicKey  = 512
	MaxTaskVersion = 256
	MaxCacheKey    = 2000
	MaxTags        = 128
	MaxTag         = 256
	MaxLabels      = 64
	MaxLabelKey    = 128
	MaxLabelValue  = 512
	MaxInputKeys   = 64
	MaxInputKey    = 128
	MaxInputs      = 256
	MaxInputText   = 256
	MaxRetryDelays = 50
	MaxNumber      = 32 // characters of a number's text
	MaxStateName   = 256
	MaxMessage     = 4096
	MaxData        = 8192
	MaxStateKey    = 4096 // stateDetails.cacheKey; the rules reject longer ones
	MaxPauseKey    = 512
	MaxTraceparent = 256
	MaxKeysetItems = 16
	MaxKeysetText  = 256
	MaxHistory     = 64
	MaxText        = 12288
	MaxReported    = 2048
	MaxReason      = 128 // of a decision
	MaxProposer    = 128
	MaxDecisions   = 8

	// reserved is the space for the name that a rule may give a state.
	reserved = 64

	// The sizes of a short label value, and of the fixed parts of an input, among the
	// texts.
	labelText = 64
	inputText = 20
)

// noTime is used where a time does not matter.
var noTime time.Time

// checkText returns an *InvalidError if the text is too long.
func checkText(field, text string, most int) error {
	if n := utf8.RuneCountInString(text); n > most {
		return tooMany(field, "characters", n, most)
	}
	return nil
}

func tooMany(field, what string, n, most int) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf("at most %d %s are kept here, got %d", most, what, n)}
}

// TruncateTexts keeps the run's states within MaxHistory and MaxText. It drops message
// and data of the oldest states first, then whole states, which it counts.
func (r *Run) TruncateTexts() {
	if excess := len(r.History) - MaxHistory; excess > 0 {
		r.History = r.History[excess:]
		r.HistoryDropped += int64(excess)
	}
	total := 0
	for _, state := range r.States() {
		total += textOf(state)
	}
	if total <= MaxText {
		return
	}
	r.History = slices.Clone(r.History)
	for i := range r.History {
		if total <= MaxText {
			return
		}
		total -= textOf(r.History[i])
		r.History[i].Message, r.History[i].Data = nil, nil
		r.History[i].CacheEntry = false // an entry without its data is of no use
		total += textOf(r.History[i])
	}
	for total > MaxText && len(r.History) > 0 {
		total -= textOf(r.History[0])
		r.History = r.History[1:]
		r.HistoryDropped++
	}
}

// stateText is the size of the fixed parts of a state among its texts.
const stateText = 128

// textOf counts the characters of a state like the CRD's rules.
func textOf(s orchestration.State) int {
	n := stateText + utf8.RuneCountInString(s.Name) + utf8.RuneCountInString(deref(s.Message)) + utf8.RuneCount(s.Data)
	for _, text := range []*string{s.Details.CacheKey, s.Details.PauseKey, s.Details.Traceparent} {
		n += utf8.RuneCountInString(deref(text))
	}
	for key, value := range s.Details.RunInputKeyset {
		n += utf8.RuneCountInString(key) + utf8.RuneCountInString(value)
	}
	return n
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
