package rest

import (
	"errors"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/flowwire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// readGraph responds with the graph of a run (flows contract §2.4).
func (s *namespaceHandler) readGraph(r *request) (response, error) {
	since, err := flowwire.DecodeGraphQuery(r.query)
	if err != nil {
		return response{}, err
	}
	graph, err := s.Flows.Graph(r.ctx, r.parameter, since)
	if tooLarge, ok := errors.AsType[*flowrun.GraphSizeError](err); ok {
		return response{}, wire.NewDetailError(http.StatusBadRequest, tooLarge.Error())
	}
	if err != nil {
		return response{}, err
	}
	begin := flowwire.AppendGraphBegin(make([]byte, 0, wire.TextSize), graph)
	end := flowwire.AppendGraphEnd(make([]byte, 0, wire.TextSize), graph)
	return respondList(r, string(begin), string(end), graph.Nodes, flowwire.NodeSize, flowwire.AppendNode)
}

// readDependencies responds with the task runs of a run and the task runs that they have inputs from.
func (s *namespaceHandler) readDependencies(r *request) (response, error) {
	runs, err := s.Flows.Dependencies(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	now := s.now()
	return respondList(r, "[", "]", runs, wire.RunSize, func(b []byte, run *taskrun.Run) []byte {
		return flowwire.AppendDependencies(b, run, now)
	})
}
