package wire

import (
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// BenchmarkAppend measures the encoders of the most frequent values.
func BenchmarkAppend(b *testing.B) {
	run := fullRun()
	change := &taskrun.Change{Run: run, State: run.State, Previous: run.State, Received: noon}
	line := &logs.Line{ID: idKnown, Created: noon, Name: "prefect.task_runs", Level: 20, Message: "Finished in state Completed()", Timestamp: noon.Add(time.Microsecond), TaskRunID: idOther}
	limit := &concurrency.View{ID: idKnown, Created: noon, Updated: noon, Name: "database", RunIDs: []string{idOther}}
	var faults validate.Faults
	faults.Node(pyjson.StringValue("x"), "body", "limit", 3).AtLeast(1)
	invalid := &InvalidError{Items: faults.Errors()}
	for name, encode := range map[string]func([]byte) []byte{
		"run":         func(b []byte) []byte { return AppendRun(b, run, noon) },
		"reduced run": func(b []byte) []byte { return AppendReducedRun(b, run, noon) },
		"event":       func(b []byte) []byte { return AppendEventFrame(b, change) },
		"log":         func(b []byte) []byte { return AppendLog(b, line) },
		"limit":       func(b []byte) []byte { return AppendLimit(b, limit) },
		"invalid":     func(b []byte) []byte { return AppendInvalid(b, invalid) },
	} {
		b.Run(name, func(b *testing.B) {
			out := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				out = encode(out[:0])
			}
		})
	}
}
