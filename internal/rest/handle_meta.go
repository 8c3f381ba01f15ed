package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/crossorigin"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// health responds as long as the server runs, regardless of the store.
func (s *namespaceHandler) health(*request) (response, error) {
	return jsonBody(http.StatusOK, "true"), nil
}

// ready responds with 200 if runs can be served.
func (s *namespaceHandler) ready(r *request) (response, error) {
	if err := s.Runs.Ready(r.ctx); err != nil {
		return response{}, &notReadyError{err}
	}
	return jsonMember(http.StatusOK, "message", "OK"), nil
}

// hello responds with a greeting.
func (s *namespaceHandler) hello(*request) (response, error) {
	return jsonBody(http.StatusOK, `"👋"`), nil
}

// version responds with the version of the interface.
func (s *namespaceHandler) version(*request) (response, error) {
	return jsonBody(http.StatusOK, `"`+apiVersion+`"`), nil
}

// adminVersion responds with the version of Prefect that clients expect.
func (s *namespaceHandler) adminVersion(*request) (response, error) {
	return response{status: http.StatusOK, body: pyjson.AppendText(nil, s.options.PrefectVersion)}, nil
}

// settings are the settings of a Prefect server that its web page reads, and the bound of lists.
const settings = `{"server":{"analytics_enabled":false,"api":{"default_limit":200},"ui":{"enabled":false,"show_promotional_content":false}}}`

// adminSettings responds with settings (flows contract §2.6).
func (s *namespaceHandler) adminSettings(*request) (response, error) {
	return jsonBody(http.StatusOK, settings), nil
}

// adminStorage responds that no block stores results, because blocks are not supported.
func (s *namespaceHandler) adminStorage(*request) (response, error) {
	return jsonBody(http.StatusOK, `{"default_result_storage_block_id":null}`), nil
}

// csrfToken responds with a token, or with the text that makes a client stop requesting one (contract §0.4).
func (s *namespaceHandler) csrfToken(r *request) (response, error) {
	client, err := wire.DecodeTokenQuery(r.query)
	if err != nil {
		return response{}, err
	}
	if s.tokens == nil {
		// Every client of Prefect requests a token, so this is the regular response and not logged as an error.
		return jsonMember(http.StatusUnprocessableEntity, keyDetail, textCSRFDisabled), nil
	}
	now := s.now()
	until := now.Add(crossorigin.TokenLifetime)
	token := s.tokens.Issue(client, until)
	body := wire.AppendToken(make([]byte, 0, wire.TextSize), crossorigin.TokenID(token), token, client, now, until)
	return response{status: http.StatusOK, body: body}, nil
}
