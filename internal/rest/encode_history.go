package rest

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// appendHistory writes the bins of a history (contract §2.11).
func appendHistory(b []byte, bins []taskrun.HistoryBin) []byte {
	b = append(b, '[')
	for i := range bins {
		b = appendComma(b, i)
		b = append(b, `{"interval_start":`...)
		b = appendTime(b, bins[i].Start)
		b = append(b, `,"interval_end":`...)
		b = appendTime(b, bins[i].End)
		b = append(b, `,"states":[`...)
		for j := range bins[i].States {
			b = appendComma(b, j)
			b = appendHistoryState(b, &bins[i].States[j])
		}
		b = append(b, "]}"...)
	}
	return append(b, ']')
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
