package rest

import (
	"errors"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/flowwire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textInputTaken = "A flow run input with this key already exists."

// createInput stores an input of a run (flows contract §2.2).
func (s *namespaceHandler) createInput(r *request) (response, error) {
	in, err := flowwire.DecodeInput(r.body)
	if err != nil {
		return response{}, err
	}
	in.RunID = r.parameter
	switch err := s.Flows.CreateInput(r.ctx, in); {
	case errors.Is(err, taskrun.ErrExists):
		return response{}, wire.NewDetailError(http.StatusConflict, textInputTaken)
	case err != nil:
		return response{}, err
	}
	return jsonBody(http.StatusCreated, "null"), nil
}

// filterInputs responds with the inputs of a run that match, oldest first. An unknown run has none.
func (s *namespaceHandler) filterInputs(r *request) (response, error) {
	filter, err := flowwire.DecodeInputFilter(r.body)
	if err != nil {
		return response{}, err
	}
	inputs, err := s.Flows.ListInputs(r.ctx, r.parameter, filter)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", inputs, wire.TextSize, flowwire.AppendInput)
}

// readInput responds with the value of an input.
func (s *namespaceHandler) readInput(r *request) (response, error) {
	in, err := s.Flows.Input(r.ctx, r.parameter, r.key)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: []byte(in.Value), mimeType: typeText}, nil
}

// deleteInput deletes an input.
func (s *namespaceHandler) deleteInput(r *request) (response, error) {
	return noContent(s.Flows.DeleteInput(r.ctx, r.parameter, r.key))
}
