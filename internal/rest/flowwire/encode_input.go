package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// AppendInput writes an input of a run (flows contract §2.2).
func AppendInput(b []byte, in *flowrun.Input) []byte {
	return pyjson.BeginObject(b).
		Text("id", in.ID).
		Time("created", in.Created).
		Time("updated", in.Created).
		Text("flow_run_id", in.RunID).
		Text("key", in.Key).
		Text("value", in.Value).
		TextOrNull("sender", in.Sender).
		End()
}
