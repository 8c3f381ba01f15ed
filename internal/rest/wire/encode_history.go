package wire

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AppendHistoryBin writes a bin of a history (contract §2.11).
func AppendHistoryBin(b []byte, bin taskrun.HistoryBin) []byte {
	b = append(b, `{"interval_start":`...)
	b = appendTime(b, bin.Start)
	b = append(b, `,"interval_end":`...)
	b = appendTime(b, bin.End)
	b = append(b, `,"states":[`...)
	for i := range bin.States {
		b = AppendComma(b, i)
		b = appendHistoryState(b, &bin.States[i])
	}
	return append(b, "]}"...)
}

func appendHistoryState(b []byte, state *taskrun.HistoryState) []byte {
	b = append(b, `{"state_type":`...)
	b = pyjson.AppendText(b, string(state.Type))
	b = append(b, `,"state_name":`...)
	b = pyjson.AppendText(b, state.Name)
	b = append(b, `,"count_runs":`...)
	b = strconv.AppendInt(b, int64(state.Count), 10)
	b = append(b, `,"sum_estimated_run_time":`...)
	b = append(b, pyjson.Float(state.RunTime.Float())...)
	b = append(b, `,"sum_estimated_lateness":`...)
	b = append(b, pyjson.Float(state.Lateness.Float())...)
	return append(b, '}')
}
