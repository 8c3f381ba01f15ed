package delivery

import (
	"bytes"
	"encoding/json"
	"sync"
)

// MaxRoster bounds what a replica's workers take in a Roster without their task
// keys, in bytes of JSON: some thousands of workers.
const MaxWorkerBytes = 200 << 10

// What a caller and a namespace take is at most this multiple of what stays free. So
// one alone can have half of the room and three quarters of it, and there is always
// something left for those that have less.
const (
	callerFactor    = 1
	namespaceFactor = 3
)

// Room is how much of that is taken by the workers of all namespaces, and by whom.
type Room struct {
	mu          sync.Mutex
	taken       int
	byCaller    map[string]int
	byNamespace map[string]int
}

// owner is who takes room. Callers without a name, as there are without
// authentication, share that of the namespace.
type owner struct{ namespace, caller string }

// take takes bytes of the room. It returns false if there are fewer left, or
// if the owner has its share.
func (r *Room) take(by owner, bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	free := MaxWorkerBytes - r.taken - bytes
	switch {
	case free < 0,
		by.caller != "" && r.byCaller[by.caller]+bytes > callerFactor*free,
		r.byNamespace[by.namespace]+bytes > namespaceFactor*free:
		return false
	}
	r.add(by, bytes)
	return true
}

func (r *Room) give(by owner, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(by, -bytes)
}

func (r *Room) add(by owner, bytes int) {
	if r.byCaller == nil {
		r.byCaller, r.byNamespace = map[string]int{}, map[string]int{}
	}
	r.taken += bytes
	addTo(r.byCaller, by.caller, bytes)
	addTo(r.byNamespace, by.namespace, bytes)
}

func addTo(sums map[string]int, key string, n int) {
	if sums[key] += n; sums[key] == 0 {
		delete(sums, key)
	}
}

// EncodeWorkers returns workers as JSON. Unlike json.Marshal, it writes the
// characters <, > and & as they are, which are six times as long otherwise.
func EncodeWorkers(workers []Worker) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(workers); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
