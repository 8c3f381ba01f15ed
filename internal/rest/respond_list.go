package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// responseMemory is the memory reserved for the response to one request until the response is sent. A nil one reserves
// nothing.
type responseMemory struct {
	server   *Server
	caller   string
	taken    int64
	releases []func()
}

// memoryStep is the number of bytes by which the reservation of a growing response is increased.
const memoryStep = 64 << 10

// uncountedBytes is the size up to which no memory is reserved for a response: the number of requests limits the memory
// of such responses.
const uncountedBytes = 4 << 10

// fit reserves the memory for a response of n bytes, including what is already reserved, or returns bytebudget.ErrFull.
// A size above the share of a caller counts as the share.
func (m *responseMemory) fit(n int) error {
	if m == nil || n <= uncountedBytes || int64(n) <= m.taken {
		return nil
	}
	budget := m.server.memory.Responses
	if m.taken == budget.Share() {
		return nil
	}
	more := (int64(n) - m.taken + memoryStep - 1) / memoryStep * memoryStep
	more = min(more, budget.Share()-m.taken)
	release, ok := budget.Try(m.caller, more)
	if !ok {
		return m.server.noMemory(bytebudget.ErrFull)
	}
	m.taken += more
	m.releases = append(m.releases, release)
	return nil
}

// release returns the memory.
func (m *responseMemory) release() {
	for _, release := range m.releases {
		release()
	}
	m.releases, m.taken = nil, 0
}

// listFrame is what stands around the items of a response.
type listFrame struct{ begin, separator, end string }

// respondList responds with the items of a JSON list between a beginning and an end. itemSize is the usual size of an item.
func respondList[T any](r *request, begin, end string, items []T, itemSize int, appendOne func([]byte, T) []byte) (response, error) {
	return respondJoined(r, listFrame{begin, ",", end}, items, itemSize, appendOne)
}

// respondJoined responds with items. Memory is reserved while the response grows. Encoding stops when the client has
// disconnected.
func respondJoined[T any](r *request, around listFrame, items []T, itemSize int, appendOne func([]byte, T) []byte) (response, error) {
	size := len(around.begin) + len(around.end) + itemSize*len(items)
	if err := r.memory.fit(size); err != nil {
		return response{}, err
	}
	b := append(make([]byte, 0, size), around.begin...)
	for i, item := range items {
		if i > 0 {
			b = append(b, around.separator...)
		}
		b = appendOne(b, item)
		if err := r.ctx.Err(); err != nil {
			return response{}, err
		}
		if err := r.memory.fit(cap(b)); err != nil {
			return response{}, err
		}
	}
	return response{status: http.StatusOK, body: append(b, around.end...)}, nil
}

// respondRuns responds with a list of runs.
func (s *namespaceHandler) respondRuns(r *request, runs []*taskrun.Run) (response, error) {
	now := s.now()
	return respondList(r, "[", "]", runs, wire.RunSize, func(b []byte, run *taskrun.Run) []byte { return wire.AppendRun(b, run, now) })
}
