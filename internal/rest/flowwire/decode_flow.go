package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// DecodeFlowCreate reads a FlowCreate (flows contract §2.1). Labels of null stay null.
func DecodeFlowCreate(body pyjson.Value) (in flowrun.NewFlow, err error) {
	err = wire.ReadModel(body, func(m *validate.Model) {
		if n, given := m.Required("name"); given {
			in.Name = n.Name()
		}
		in.Tags = wire.ReadTags(m)
		in.Labels = wire.ReadLabels(m)
	})
	if labels, given := body.Member("labels"); given && labels.IsNull() {
		in.Labels = nil
	}
	return in, err
}

// DecodeFlowUpdate reads a FlowUpdate (flows contract §2.1). given is false if the body has no tags.
func DecodeFlowUpdate(body pyjson.Value) (tags []string, given bool, err error) {
	err = wire.ReadModel(body, func(m *validate.Model) { tags = wire.ReadTags(m) })
	_, given = body.Member("tags")
	return tags, given, err
}
