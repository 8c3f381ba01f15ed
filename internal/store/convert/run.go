package convert

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// RunFromObject returns the run of an object. It returns a run for every object, and the
// run depends only on the object. It shares texts and times with the object, which must
// not be changed afterwards.
func RunFromObject(o *v1alpha1.TaskRun) *taskrun.Run {
	spec, origin := &o.Spec, originOf(o)
	exact := wireFromText(origin.Wire)
	run := &taskrun.Run{
		ID:              o.UUID(),
		Created:         timeOr(origin.CreatedTime, within(o.CreationTimestamp.Time)),
		Name:            cmp.Or(spec.Name, o.Name),
		FlowRunID:       spec.FlowRunID,
		TaskKey:         textOr(spec.TaskKey, ""),
		DynamicKey:      textOr(spec.DynamicKey, o.Name),
		CacheKey:        spec.CacheKey,
		CacheExpiration: timePointer(spec.CacheExpiration),
		TaskVersion:     spec.TaskVersion,
		Policy:          policyFromObject(spec.EmpiricalPolicy, exact.wirePolicy),
		Tags:            spec.Tags,
		Labels:          labelsFromObject(spec.Labels, exact.Labels),
		TaskInputs:      inputsFromObject(spec.TaskInputs),
		TTL:             ttlFromObject(spec.TTLSecondsAfterFinished),
		Decisions:       decisionsFromObject(o.Status.Decisions),
		StatusStale:     isStale(o),
		OnHold:          onHold(o),
		CreatedViaREST:  fromCreate(o),
		Ref:             refOf(o),
	}
	run.Updated = latest(run.Created, timePointer(o.Status.UpdatedTime))
	run.SetNamed(namedFromObject(spec.TaskInputs, o.Status.InputTaskRunIDs))
	run.Reported = effectiveFromObject(&o.Status, run.Ref.Asked)
	run.Reported.ApplySpec(run)
	run.Delivery = deliveryFromObject(o.Status.Delivery)
	if o.Status.State == nil {
		return newRunOf(run, o)
	}
	fillProgress(run, &o.Status)
	return run
}

// refOf returns the reference to this version of the object.
func refOf(o *v1alpha1.TaskRun) taskrun.ObjectRef {
	return taskrun.ObjectRef{
		UID: string(o.UID), ResourceVersion: o.ResourceVersion, Name: o.Name, Generation: o.Generation,
		Asked: nameHash(cmp.Or(o.Spec.Name, o.Name)),
	}
}

// isStale reports whether the status is missing, is of an earlier spec, lacks the time
// of the end because a user wrote it, or has the condition Stalled, which does not apply
// to an object that is a run.
func isStale(o *v1alpha1.TaskRun) bool {
	return o.Status.State == nil || o.Status.ObservedGeneration != o.Generation ||
		(terminal(o.Status.State) && endOf(&o.Status).IsZero()) ||
		meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionStalled)
}

// onHold reports whether the object waits for its status to be restored.
func onHold(o *v1alpha1.TaskRun) bool {
	_, held := o.Annotations[v1alpha1.AnnotationHold]
	return held && o.Status.State == nil
}

// fillProgress sets the state, the history and the counts from the status.
func fillProgress(run *taskrun.Run, status *v1alpha1.TaskRunStatus) {
	state := stateFromObject(status.State)
	run.State = &state
	run.RunCount = status.RunCount
	run.FlowRunRunCount = status.FlowRunRunCount
	run.ExpectedStartTime = timePointer(status.ExpectedStartTime)
	run.NextScheduledStartTime = timePointer(status.NextScheduledStartTime)
	run.StartTime = timePointer(status.StartTime)
	run.EndTime = timePointer(status.EndTime)
	run.TotalRunTime = secondsFromObject(status.TotalRunTimeSeconds)
	run.HistoryDropped = status.HistoryDropped
	run.EndRecorded = endOf(status)
	run.ExpirationTime = timePointer(status.ExpirationTime)
	if len(status.History) > 0 {
		run.History = make([]orchestration.State, len(status.History))
	}
	for i := range status.History {
		run.History[i] = stateFromObject(&status.History[i])
	}
}

// initialState returns the initial state of the object.
func initialState(o *v1alpha1.TaskRun, created time.Time) orchestration.State {
	origin := originOf(o)
	state := requestedState(o.Spec.InitialState, cmp.Or(origin.StateID, firstStateID(string(o.UID))), timeOr(origin.StateTime, created))
	state.Reported = origin.Source == v1alpha1.SourceEvent
	return state
}

// requestedState returns the initial state of a spec. Without one in spec, it is the
// PENDING of a REST create. Data that is not JSON is omitted, with a note in the message.
func requestedState(requested *v1alpha1.ProposedState, id string, at time.Time) orchestration.State {
	if requested == nil {
		requested = &v1alpha1.ProposedState{
			Type: string(orchestration.Pending), StateDetails: &v1alpha1.StateDetails{Deferred: new(false)},
		}
	}
	proposal := proposalFromObject(requested, false)
	if proposal.Fault != "" {
		proposal.Message = new(strings.TrimSpace(textOr(proposal.Message, "") + " [" + proposal.Fault + "]"))
	}
	return proposal.State(id, at)
}

// originOf returns the origin of an object, an empty one if it has none.
func originOf(o *v1alpha1.TaskRun) *v1alpha1.Origin {
	if o.Spec.Origin == nil {
		return &v1alpha1.Origin{}
	}
	return o.Spec.Origin
}

// firstStateID returns the id of the first state of an object without one in its spec: the
// same on every replica.
func firstStateID(uid string) string {
	space, err := uuid.Parse(uid)
	if err != nil { // a uid need not be a UUID
		space = uuid.NewSHA1(uuid.NameSpaceOID, []byte(uid))
	}
	return uuid.NewSHA1(space, []byte("state/0")).String()
}

// fromCreate reports whether the object has all fields that ObjectFromRun writes,
// including those of the initial state.
func fromCreate(o *v1alpha1.TaskRun) bool {
	spec, origin := &o.Spec, originOf(o)
	return spec.ID == o.Name && spec.Name != "" && spec.InitialState != nil &&
		origin.CreatedTime != nil && origin.StateID != "" && origin.StateTime != nil
}

// ObjectFromRun returns the object that Create stores. Of the progress
// of the run it has only the current state, which must be the initial one, and the
// worker that the run is created for: the rest is derived from these. The object shares
// no memory into which the response to a write could be decoded.
func ObjectFromRun(run *taskrun.Run, namespace string) *v1alpha1.TaskRun {
	taskKey, dynamicKey := run.TaskKey, run.DynamicKey
	var exact wire
	labels, policy := labelsToObject(run.Labels, &exact), policyToObject(run.Policy, &exact.wirePolicy)
	return &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: run.ID, Namespace: namespace}, Spec: v1alpha1.TaskRunSpec{
		ID:                      run.ID,
		Name:                    run.Name,
		FlowRunID:               run.FlowRunID,
		TaskKey:                 &taskKey,
		DynamicKey:              &dynamicKey,
		CacheKey:                clone(run.CacheKey),
		CacheExpiration:         microTimePointer(run.CacheExpiration),
		TaskVersion:             clone(run.TaskVersion),
		EmpiricalPolicy:         policy,
		Tags:                    append([]string(nil), run.Tags...),
		Labels:                  labels,
		TaskInputs:              inputsToObject(run.TaskInputs),
		InitialState:            initialToObject(run.State),
		TTLSecondsAfterFinished: ttlToObject(run.TTL),
		Origin:                  originToObject(run, &exact),
	}}
}

// originToObject returns the data about the creation of the run.
func originToObject(run *taskrun.Run, exact *wire) *v1alpha1.Origin {
	origin := &v1alpha1.Origin{
		CreatedTime: microTimePointer(&run.Created), Delivery: firstHoldToObject(run.Hold()), Wire: exact.text(),
	}
	if first := run.State; first != nil {
		origin.StateID, origin.StateTime = first.ID, microTimePointer(&first.Timestamp)
		if first.Reported {
			origin.Source = v1alpha1.SourceEvent
		}
	}
	return origin
}

// StatusFromRun returns the whole status that UpdateProgress stores. It shares
// no memory with the run into which the response could be decoded.
func StatusFromRun(run *taskrun.Run) v1alpha1.TaskRunStatus {
	status := v1alpha1.TaskRunStatus{
		ObservedGeneration:     run.Ref.Generation,
		Name:                   effectiveName(run),
		Conditions:             conditions(run),
		HistoryDropped:         counted(run.HistoryDropped),
		RunCount:               counted(run.RunCount),
		FlowRunRunCount:        counted(run.FlowRunRunCount),
		ExpectedStartTime:      microTimePointer(run.ExpectedStartTime),
		NextScheduledStartTime: microTimePointer(run.NextScheduledStartTime),
		StartTime:              microTimePointer(run.StartTime),
		EndTime:                microTimePointer(run.EndTime),
		TotalRunTimeSeconds:    secondsToObject(run.TotalRunTime),
		UpdatedTime:            microTimePointer(&run.Updated),
		Effective:              effectiveToObject(run.Reported, run.Ref.Asked),
		InputTaskRunIDs:        namedToObject(run.Named),
		Decisions:              decisionsToObject(run.Decisions),
		ExpirationTime:         microTimePointer(run.ExpirationTime),
		Delivery:               deliveryToObject(run.Delivery),
	}
	if isUUID(run.ID) { // a uid need not be a UUID
		status.ID = run.ID
	}
	if run.State != nil {
		state := stateToObject(run.State)
		status.State = &state
	}
	for i := range run.History {
		status.History = append(status.History, stateToObject(&run.History[i]))
	}
	return status
}

// maxCount is the largest integer that every JSON decoder decodes exactly. It is the
// maximum in the schema.
const maxCount = 1<<53 - 1

// counted limits a count to the range of the schema.
func counted(n int64) int64 { return min(max(n, 0), maxCount) }

func ttlFromObject(seconds *int32) *time.Duration {
	if seconds == nil {
		return nil
	}
	ttl := time.Duration(*seconds) * time.Second
	return &ttl
}

// ttlToObject rounds up to whole seconds, so that a run is kept at least for its TTL.
func ttlToObject(ttl *time.Duration) *int32 {
	if ttl == nil {
		return nil
	}
	whole := *ttl / time.Second
	if *ttl > whole*time.Second {
		whole++
	}
	seconds := int32(min(max(whole, 0), math.MaxInt32))
	return &seconds
}

func deliveryFromObject(d *v1alpha1.Delivery) *taskrun.Delivery {
	if d == nil {
		return nil
	}
	return &taskrun.Delivery{
		Holder: d.Holder, PreviousHolder: d.PreviousHolder, LeaseNamespace: d.LeaseNamespace,
		Since: within(d.DeliveredTime.Time), Attempts: int(d.Attempts),
	}
}

func deliveryToObject(d *taskrun.Delivery) *v1alpha1.Delivery {
	if d == nil {
		return nil
	}
	return &v1alpha1.Delivery{
		Holder: d.Holder, PreviousHolder: d.PreviousHolder, LeaseNamespace: d.LeaseNamespace,
		DeliveredTime: microTime(d.Since), Attempts: int32(min(max(d.Attempts, 1), math.MaxInt32)),
	}
}

// firstHold is the worker that an object was created for.
func firstHold(d *v1alpha1.FirstDelivery) taskrun.Hold {
	if d == nil {
		return taskrun.Hold{}
	}
	return taskrun.Hold{Worker: d.Holder, LeaseNamespace: d.LeaseNamespace}
}

func firstHoldToObject(hold taskrun.Hold) *v1alpha1.FirstDelivery {
	if hold.Worker == "" {
		return nil
	}
	return &v1alpha1.FirstDelivery{Holder: hold.Worker, LeaseNamespace: hold.LeaseNamespace}
}

func textOr(text *string, other string) string {
	if text == nil {
		return other
	}
	return *text
}

// clone returns a pointer to a copy of the value.
func clone[T any](value *T) *T {
	if value == nil {
		return nil
	}
	own := *value
	return &own
}

// isUUID reports whether the text is a UUID in the form of the schema: in lower case,
// with hyphens.
func isUUID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}
