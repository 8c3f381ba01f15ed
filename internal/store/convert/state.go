package convert

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func stateFromObject(s *v1alpha1.State) orchestration.State {
	kind := orchestration.StateType(s.Type)
	return orchestration.State{
		ID:        s.ID,
		Type:      kind,
		Name:      textOr(s.Name, kind.DefaultName()),
		Timestamp: within(s.Timestamp.Time),
		Message:   s.Message,
		Data:      dataFromStatus(s.DataJSON),
		Details:   detailsFromObject(s.StateDetails),

		CacheEntry: s.CacheEntry,
		Reported:   s.Source == v1alpha1.SourceEvent,
		Occurred:   timeOr(s.OccurredTime, time.Time{}),
		Follows:    s.Follows,
	}
}

func stateToObject(s *orchestration.State) v1alpha1.State {
	proposed := proposedToObject(s)
	state := v1alpha1.State{
		ID:           s.ID,
		Type:         proposed.Type,
		Name:         clone(&s.Name),
		Timestamp:    microTime(s.Timestamp),
		Message:      proposed.Message,
		DataJSON:     proposed.DataJSON,
		StateDetails: proposed.StateDetails,
		CacheEntry:   s.CacheEntry,
		Follows:      s.Follows,
	}
	if s.Reported {
		state.Source = v1alpha1.SourceEvent
	}
	if !s.Occurred.IsZero() {
		state.OccurredTime = microTimePointer(&s.Occurred)
	}
	return state
}

// initialToObject returns the initial state as Create stores it.
func initialToObject(s *orchestration.State) *v1alpha1.ProposedState {
	if s == nil {
		return nil
	}
	return new(proposedToObject(s))
}

// proposedToObject omits a name that is the default of the type.
func proposedToObject(s *orchestration.State) v1alpha1.ProposedState {
	proposed := v1alpha1.ProposedState{
		Type:         string(s.Type),
		Message:      clone(s.Message),
		DataJSON:     dataToObject(s.Data),
		StateDetails: detailsToObject(&s.Details),
	}
	if s.Name != s.Type.DefaultName() {
		proposed.Name = clone(&s.Name)
	}
	return proposed
}

func proposalFromObject(s *v1alpha1.ProposedState, force bool) *taskrun.Proposal {
	data, fault := dataFromObject(s.DataJSON)
	return &taskrun.Proposal{
		Type:    orchestration.StateType(s.Type),
		Name:    s.Name,
		Message: s.Message,
		Data:    data,
		Details: detailsFromObject(s.StateDetails),
		Force:   force,
		Fault:   fault,
	}
}

// dataFromObject reads dataJSON; null is nil. fault is the reason why a text is not
// valid data. The schema accepts some texts that are not JSON, which a CRD rule cannot
// detect.
func dataFromObject(text *string) (data json.RawMessage, fault string) {
	if text == nil {
		return nil, ""
	}
	raw := json.RawMessage(*text)
	switch {
	case !json.Valid(raw):
		return nil, faultData
	case isNull(raw):
		return nil, ""
	default:
		return raw, ""
	}
}

// faultData is the fault of a state whose dataJSON is not JSON.
const faultData = "dataJSON is not JSON, so the state has no data"

// dataFromStatus reads the dataJSON of a state that the operator wrote.
func dataFromStatus(text *string) json.RawMessage {
	data, _ := dataFromObject(text)
	return data
}

// dataToObject is the inverse of dataFromObject: data is stored as it was sent.
func dataToObject(raw json.RawMessage) *string {
	if len(raw) == 0 || isNull(raw) || !json.Valid(raw) {
		return nil
	}
	return new(string(raw))
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// quoted returns a JSON string with only the required escapes.
func quoted(text string) json.RawMessage { return encoded(text) }

// encoded returns the JSON of a value with only the required escapes, because all
// characters count towards the limits.
func encoded(value any) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return json.RawMessage("null") // cannot happen
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// detailsFromObject reads the details of a state. A missing deferred is null, as the
// client of Prefect sends it, so most states need no details.
func detailsFromObject(d *v1alpha1.StateDetails) orchestration.StateDetails {
	if d == nil {
		return orchestration.StateDetails{}
	}
	return orchestration.StateDetails{
		ChildFlowRunID:               d.ChildFlowRunID,
		ScheduledTime:                timePointer(d.ScheduledTime),
		CacheKey:                     d.CacheKey,
		CacheExpiration:              timePointer(d.CacheExpiration),
		Deferred:                     d.Deferred,
		UntrackableResult:            d.UntrackableResult,
		PauseTimeout:                 timePointer(d.PauseTimeout),
		PauseReschedule:              d.PauseReschedule,
		PauseKey:                     d.PauseKey,
		RunInputKeyset:               d.RunInputKeyset,
		RefreshCache:                 d.RefreshCache,
		Retriable:                    d.Retriable,
		TransitionID:                 d.TransitionID,
		TaskParametersID:             d.TaskParametersID,
		Traceparent:                  d.Traceparent,
		DeploymentConcurrencyLeaseID: d.DeploymentConcurrencyLeaseID,
	}
}

// detailsToObject is the inverse of detailsFromObject.
func detailsToObject(d *orchestration.StateDetails) *v1alpha1.StateDetails {
	if isZero(*d) {
		return nil
	}
	return &v1alpha1.StateDetails{
		ChildFlowRunID:               d.ChildFlowRunID,
		ScheduledTime:                microTimePointer(d.ScheduledTime),
		CacheKey:                     clone(d.CacheKey),
		CacheExpiration:              microTimePointer(d.CacheExpiration),
		Deferred:                     clone(d.Deferred),
		UntrackableResult:            d.UntrackableResult,
		PauseTimeout:                 microTimePointer(d.PauseTimeout),
		PauseReschedule:              d.PauseReschedule,
		PauseKey:                     clone(d.PauseKey),
		RunInputKeyset:               maps.Clone(d.RunInputKeyset),
		RefreshCache:                 clone(d.RefreshCache),
		Retriable:                    clone(d.Retriable),
		TransitionID:                 d.TransitionID,
		TaskParametersID:             d.TaskParametersID,
		Traceparent:                  clone(d.Traceparent),
		DeploymentConcurrencyLeaseID: d.DeploymentConcurrencyLeaseID,
	}
}

// isZero reports whether all details are missing. An empty keyset is not missing.
func isZero(d orchestration.StateDetails) bool {
	return reflect.ValueOf(d).IsZero()
}
