package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AppendStateCounts writes the numbers of runs by the types of their states.
func AppendStateCounts(b []byte, counts []taskrun.StateCount) []byte {
	o := pyjson.BeginObject(b)
	for _, count := range counts {
		o = o.Int(pyjson.Key(count.Type), int64(count.Count))
	}
	return o.End()
}

// AppendDashboard writes the numbers of runs that completed or failed, by start time.
func AppendDashboard(b []byte, buckets []taskrun.DashboardBucket) []byte {
	return pyjson.AppendList(b, buckets, func(b []byte, bucket taskrun.DashboardBucket) []byte {
		return pyjson.BeginObject(b).
			Int("completed", int64(bucket.Completed)).
			Int("failed", int64(bucket.Failed)).
			End()
	})
}

// AppendUIRun writes a run with the name of its flow run. A nil name is null.
func AppendUIRun(b []byte, run *taskrun.Run, flowRunName *string, now time.Time) []byte {
	return writeRun(pyjson.BeginObject(b), run, now).TextOrNull("flow_run_name", flowRunName).End()
}

// AppendFlowRunCount writes the number of runs of a flow run, as a member of an object.
func AppendFlowRunCount(b []byte, flowRunID string, count int) []byte {
	return strconv.AppendInt(append(pyjson.AppendText(b, flowRunID), ':'), int64(count), 10)
}

// AppendFlow writes a flow with only a known id. The id is also the name.
func AppendFlow(b []byte, id string) []byte {
	return pyjson.BeginObject(b).
		Text("id", id).
		Null("created").
		Null("updated").
		Text("name", id).
		Raw("tags", []byte("[]")).
		Raw("labels", []byte("{}")).
		End()
}

// AppendMembers writes an object of texts.
func AppendMembers(b []byte, members ...[2]string) []byte {
	o := pyjson.BeginObject(b)
	for _, member := range members {
		o = pyjson.AppendText(o.TextMember(member[0]), member[1])
	}
	return o.End()
}

// AppendObservedState writes a current or past state of runs.
func AppendObservedState(b []byte, state taskrun.ObservedState) []byte {
	return pyjson.BeginObject(b).
		Text("state_type", string(state.Type)).
		Text("state_name", state.Name).
		Time("first_seen", state.FirstSeen).
		Time("last_seen", state.LastSeen).
		End()
}

// AppendToken writes a CsrfToken (contract §2.9).
func AppendToken(b []byte, id, token, client string, now, until time.Time) []byte {
	return pyjson.BeginObject(b).
		Text("id", id).
		Time("created", now).
		Time("updated", now).
		Text("token", token).
		Text("client", client).
		Time("expiration", until).
		End()
}
