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

// CheckText returns an *InvalidError when the text has more than most characters.
func CheckText(field, text string, most int) error {
	return checkLength(field, "characters", utf8.RuneCountInString(text), most)
}

// CheckBytes returns an *InvalidError when the text has more than most bytes.
func CheckBytes[T ~string | ~[]byte](field string, text T, most int) error {
	return checkLength(field, "bytes", len(text), most)
}

func checkLength(field, what string, n, most int) error {
	if n <= most {
		return nil
	}
	return &InvalidError{Field: field, Reason: fmt.Sprintf("at most %d %s are kept here, got %d", most, what, n)}
}

// TruncateTexts keeps the run's states within MaxHistory and MaxText. It drops message
// and data of the oldest states first, then whole states, which it counts.
func (r *Run) TruncateTexts() {
	var dropped int
	r.History, dropped = TruncateHistory(r.History, r.State)
	r.HistoryDropped += int64(dropped)
}

// TruncateHistory keeps the states of a run of any kind within MaxHistory and MaxText.
// It returns the past states that are kept, and how many were dropped. The list that it
// was given does not change.
func TruncateHistory(history []orchestration.State, current *orchestration.State) (kept []orchestration.State, dropped int) {
	dropped = max(len(history)-MaxHistory, 0)
	kept = history[dropped:]
	total := 0
	if current != nil {
		total = textOf(*current)
	}
	for i := range kept {
		total += textOf(kept[i])
	}
	if total <= MaxText {
		return kept, dropped
	}
	kept = slices.Clone(kept)
	for i := range kept {
		if total <= MaxText {
			return kept, dropped
		}
		total -= textOf(kept[i])
		kept[i].Message, kept[i].Data = nil, nil
		kept[i].CacheEntry = false // what is left is not worth finding
		total += textOf(kept[i])
	}
	for total > MaxText && len(kept) > 0 {
		total -= textOf(kept[0])
		kept = kept[1:]
		dropped++
	}
	return kept, dropped
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
