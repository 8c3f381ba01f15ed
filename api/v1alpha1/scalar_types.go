package v1alpha1

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// UUID identifies a run, a flow run or a state: 36 characters, lower case, with
// hyphens. Example: 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4.
//
// +kubebuilder:validation:MaxLength=36
// +kubebuilder:validation:Pattern=`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`
type UUID = string

// ObjectName is the name of a TaskRun object: a DNS subdomain name, at most 253
// characters.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
type ObjectName = string

// ResolvedID is the id of a run, a UUID, or - if it is not known yet.
//
// +kubebuilder:validation:MaxLength=36
// +kubebuilder:validation:Pattern=`^(-|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`
type ResolvedID = string

// Unresolved is the ResolvedID of a run that was not found yet.
const Unresolved ResolvedID = "-"

// StateType is one of the nine kinds of state. A run in COMPLETED, FAILED,
// CANCELLED or CRASHED has finished.
//
// +kubebuilder:validation:Enum=SCHEDULED;PENDING;RUNNING;COMPLETED;FAILED;CANCELLED;CRASHED;PAUSED;CANCELLING
type StateType = string

// Seconds is a duration in seconds, as a decimal text: "90.5".
//
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:Pattern=`^-?[0-9]{1,10}(\.[0-9]{1,9})?$`
type Seconds = string

// Tag is one label word of a run, at most 256 characters.
//
// +kubebuilder:validation:MaxLength=256
type Tag = string

// KeysetText is a value of a Keyset, at most 256 characters.
//
// +kubebuilder:validation:MaxLength=256
type KeysetText = string

// Keyset names the keys under which a paused run reads its input.
//
// +kubebuilder:validation:MaxProperties=16
// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) <= 256)",message="the keys of runInputKeyset have at most 256 characters"
// +mapType=atomic
// +kubebuilder:object:generate=false
type Keyset map[string]KeysetText

// DeepCopy returns a copy.
func (in Keyset) DeepCopy() Keyset { return maps.Clone(in) }

// DeepCopyInto copies the map.
func (in Keyset) DeepCopyInto(out *Keyset) { *out = maps.Clone(in) }

// MaxLabelText is the longest text, in characters, that labels holds; a longer
// one from a REST client is part of origin.wire.
const MaxLabelText = 64

// LabelValue is one JSON scalar: a text of at most 64 characters, a number or a
// boolean.
//
// The schema has no type, because there are three. hack/tools/crdschema adds the
// bounds that keep out lists, objects and longer texts.
//
// +kubebuilder:validation:XPreserveUnknownFields
// +kubebuilder:validation:Type=""
type LabelValue struct {
	// Raw is the JSON text of the value.
	Raw []byte `json:"-"`
}

// MarshalJSON returns the text as it is; none is null.
func (v LabelValue) MarshalJSON() ([]byte, error) {
	if len(v.Raw) == 0 {
		return []byte("null"), nil
	}
	return v.Raw, nil
}

// UnmarshalJSON keeps the text as it is.
func (v *LabelValue) UnmarshalJSON(text []byte) error {
	v.Raw = append([]byte(nil), text...)
	return nil
}

// MicroTime is a point in time, to the microsecond, as RFC 3339 spells it. It
// is read with any number of digits of a second, none included, and written in
// UTC with six. (metav1.MicroTime refuses to read a time without exactly six, and
// one such time would keep every list of TaskRuns from being read.)
// Example: 2031-02-03T04:05:06.250000Z.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:Format=date-time
// +kubebuilder:validation:MaxLength=35
// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
// +kubebuilder:object:generate=false
type MicroTime struct {
	time.Time `json:"-"`
}

// microLayout is how a MicroTime is written.
const microLayout = "2006-01-02T15:04:05.000000Z07:00"

// NewMicroTime returns the time, cut to microseconds.
func NewMicroTime(t time.Time) MicroTime { return MicroTime{t.Truncate(time.Microsecond)} }

// IsZero reports whether there is no time.
func (t *MicroTime) IsZero() bool { return t == nil || t.Time.IsZero() }

// DeepCopyInto copies the time.
func (t *MicroTime) DeepCopyInto(out *MicroTime) { *out = *t }

// DeepCopy returns a copy.
func (t *MicroTime) DeepCopy() *MicroTime {
	if t == nil {
		return nil
	}
	out := *t
	return &out
}

// MarshalJSON writes the time in UTC; the zero time is null.
func (t MicroTime) MarshalJSON() ([]byte, error) {
	if t.Time.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.UTC().Format(microLayout) + `"`), nil
}

// UnmarshalJSON reads a time; null is the zero time.
func (t *MicroTime) UnmarshalJSON(text []byte) error {
	// Without an escape, the text of a time is what is between the quotes.
	if last := len(text) - 1; last > 0 && text[0] == '"' && text[last] == '"' {
		if parsed, err := time.Parse(time.RFC3339Nano, string(text[1:last])); err == nil {
			*t = NewMicroTime(parsed.UTC())
			return nil
		}
	}
	var s *string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("reading a time: %w", err)
	}
	if s == nil {
		*t = MicroTime{}
		return nil
	}
	parsed, err := time.Parse(time.RFC3339Nano, *s)
	if err != nil {
		return fmt.Errorf("reading a time: %w", err)
	}
	*t = NewMicroTime(parsed.UTC())
	return nil
}

// OpenAPISchemaType tells clients how the type looks in JSON.
func (MicroTime) OpenAPISchemaType() []string { return []string{"string"} }

// OpenAPISchemaFormat tells clients the format of the text.
func (MicroTime) OpenAPISchemaFormat() string { return "date-time" }
