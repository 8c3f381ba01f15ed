package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AppendHistoryBin writes a bin of a history (contract §2.11).
func AppendHistoryBin(b []byte, bin taskrun.HistoryBin) []byte {
	o := pyjson.BeginObject(b).
		Time("interval_start", bin.Start).
		Time("interval_end", bin.End)
	o = pyjson.AppendList(o.Member("states"), bin.States, appendHistoryState)
	return o.End()
}

func appendHistoryState(b []byte, state taskrun.HistoryState) []byte {
	return pyjson.BeginObject(b).
		Text("state_type", string(state.Type)).
		Text("state_name", state.Name).
		Int("count_runs", int64(state.Count)).
		Float("sum_estimated_run_time", state.RunTime.Float()).
		Float("sum_estimated_lateness", state.Lateness.Float()).
		End()
}
