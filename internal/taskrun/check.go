package taskrun

import (
	"time"
	"unicode/utf8"
)

// noTime stands where a time does not matter.
var noTime time.Time

// check tells whether a new run and its initial state are within the bounds
// (*InvalidError, naming the documented field).
func (r *Run) check(initial Proposal) error {
	return firstError(
		checkText("name", r.Name, MaxName),
		checkText("task_key", r.TaskKey, MaxTaskKey),
		checkText("dynamic_key", r.DynamicKey, MaxDynamicKey),
		checkText("cache_key", deref(r.CacheKey), MaxCacheKey),
		checkText("task_version", deref(r.TaskVersion), MaxTaskVersion),
		r.Policy.check(),
		r.checkTags(),
		r.checkLabels(),
		r.checkInputs(),
		checkTotal(r.text()+textOf(initial.State("", noTime))),
	)
}

// What a short label value, and the fixed parts of an input, count as among the texts.
const (
	labelText = 64
	inputText = 20
)

// text counts the characters of everything asked, as the CRD's rules do.
func (r *Run) text() int {
	n := 0
	for _, text := range []string{r.Name, r.TaskKey, r.DynamicKey, deref(r.CacheKey), deref(r.TaskVersion)} {
		n += utf8.RuneCountInString(text)
	}
	for _, tag := range r.Tags {
		n += utf8.RuneCountInString(tag)
	}
	for key, value := range r.Labels {
		n += utf8.RuneCountInString(key) + max(utf8.RuneCount(value), labelText)
	}
	for key, inputs := range r.TaskInputs {
		n += utf8.RuneCountInString(key)
		for _, input := range inputs {
			n += inputText + utf8.RuneCountInString(input.Name) + utf8.RuneCountInString(input.Type)
		}
	}
	return n
}

func checkTotal(n int) error {
	if n > MaxText {
		return tooMany("task_run", "characters of all texts together", n, MaxText)
	}
	return nil
}

func (p Policy) check() error {
	const field = "empirical_policy."
	err := firstError(
		checkText(field+"max_retries", p.MaxRetries, MaxNumber),
		checkText(field+"retry_delay_seconds", p.RetryDelaySeconds, MaxNumber),
		checkText(field+"retries", p.Retries, MaxNumber),
		checkText(field+"retry_jitter_factor", p.RetryJitterFactor, MaxNumber),
	)
	if err != nil || p.RetryDelay == nil {
		return err
	}
	if err := checkCount(field+"retry_delay", len(p.RetryDelay.Seconds), MaxRetryDelays); err != nil {
		return err
	}
	for _, seconds := range p.RetryDelay.Seconds {
		if err := checkText(field+"retry_delay", seconds, MaxNumber); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) checkTags() error {
	if err := checkCount("tags", len(r.Tags), MaxTags); err != nil {
		return err
	}
	for _, tag := range r.Tags {
		if err := checkText("tags", tag, MaxTag); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) checkLabels() error {
	if err := checkCount("labels", len(r.Labels), MaxLabels); err != nil {
		return err
	}
	for key, value := range r.Labels {
		if err := firstError(
			checkText("labels", key, MaxLabelKey),
			checkText("labels."+key, string(value), MaxLabelValue),
		); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) checkInputs() error {
	if err := checkCount("task_inputs", len(r.TaskInputs), MaxInputKeys); err != nil {
		return err
	}
	total := 0
	for key, inputs := range r.TaskInputs {
		if err := checkText("task_inputs", key, MaxInputKey); err != nil {
			return err
		}
		total += len(inputs)
		for _, input := range inputs {
			if err := firstError(
				checkText("task_inputs."+key, input.Name, MaxInputText),
				checkText("task_inputs."+key, input.Type, MaxInputText),
			); err != nil {
				return err
			}
		}
	}
	return checkCount("task_inputs", total, MaxInputs)
}
