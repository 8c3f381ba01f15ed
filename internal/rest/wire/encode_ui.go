package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AppendStateCounts writes the numbers of runs by the types of their states.
func AppendStateCounts(b []byte, counts []taskrun.StateCount) []byte {
	b = append(b, '{')
	for i, count := range counts {
		b = appendKey(b, i, string(count.Type))
		b = strconv.AppendInt(b, int64(count.Count), 10)
	}
	return append(b, '}')
}

// AppendDashboard writes the numbers of runs that completed or failed, by start time.
func AppendDashboard(b []byte, buckets []taskrun.DashboardBucket) []byte {
	b = append(b, '[')
	for i, bucket := range buckets {
		b = AppendComma(b, i)
		b = append(b, `{"completed":`...)
		b = strconv.AppendInt(b, int64(bucket.Completed), 10)
		b = append(b, `,"failed":`...)
		b = strconv.AppendInt(b, int64(bucket.Failed), 10)
		b = append(b, '}')
	}
	return append(b, ']')
}

// AppendUIRun writes a run with the name of its flow run, which is not known.
func AppendUIRun(b []byte, run *taskrun.Run, now time.Time) []byte {
	return append(appendRunMembers(b, run, now), `,"flow_run_name":null}`...)
}

// AppendFlowRunCount writes the number of runs of a flow run, as a member of an object.
func AppendFlowRunCount(b []byte, flowRunID string, count int) []byte {
	return strconv.AppendInt(appendKey(b, 0, flowRunID), int64(count), 10)
}

// AppendFlow writes a flow of which only the id is known. The id is also the name.
func AppendFlow(b []byte, id string) []byte {
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, id)
	b = append(b, `,"created":null,"updated":null,"name":`...)
	b = pyjson.AppendText(b, id)
	return append(b, `,"tags":[],"labels":{}}`...)
}

// AppendMembers writes an object of texts.
func AppendMembers(b []byte, members ...[2]string) []byte {
	b = append(b, '{')
	for i, member := range members {
		b = appendKey(b, i, member[0])
		b = pyjson.AppendText(b, member[1])
	}
	return append(b, '}')
}

// AppendObservedState writes a state that runs have had.
func AppendObservedState(b []byte, state taskrun.ObservedState) []byte {
	b = append(b, `{"state_type":`...)
	b = pyjson.AppendText(b, string(state.Type))
	b = append(b, `,"state_name":`...)
	b = pyjson.AppendText(b, state.Name)
	b = append(b, `,"first_seen":`...)
	b = appendTime(b, state.FirstSeen)
	b = append(b, `,"last_seen":`...)
	b = appendTime(b, state.LastSeen)
	return append(b, '}')
}

// AppendToken writes a CsrfToken (contract §2.9).
func AppendToken(b []byte, id, token, client string, now, until time.Time) []byte {
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, id)
	b = append(b, `,"created":`...)
	b = appendTime(b, now)
	b = append(b, `,"updated":`...)
	b = appendTime(b, now)
	b = append(b, `,"token":`...)
	b = pyjson.AppendText(b, token)
	b = append(b, `,"client":`...)
	b = pyjson.AppendText(b, client)
	b = append(b, `,"expiration":`...)
	b = appendTime(b, until)
	return append(b, '}')
}
