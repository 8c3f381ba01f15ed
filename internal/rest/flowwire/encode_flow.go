package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// FlowSize is the usual size of a flow in bytes.
const FlowSize = 512

// AppendFlow writes a flow (flows contract §3.1).
func AppendFlow(b []byte, flow *flowrun.Flow) []byte {
	o := pyjson.BeginObject(b).
		Text("id", flow.ID).
		Time("created", flow.Created).
		Time("updated", flow.Updated).
		Text("name", flow.Name)
	o = wire.AppendTexts(o.Member("tags"), flow.Tags)
	if flow.Labels == nil {
		return o.Null("labels").End()
	}
	o = wire.AppendLabels(o.Member("labels"), flow.Labels)
	return o.End()
}
