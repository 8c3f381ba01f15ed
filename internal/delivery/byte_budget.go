package delivery

import (
	"bytes"
	"encoding/json"
	"sync"
)

// MaxWorkerBytes limits the workers of a replica in a Registry, in bytes of JSON
// without task keys: some thousands of workers.
const MaxWorkerBytes = 200 << 10

// The bytes of a caller and of a namespace are limited to this multiple of the free
// bytes. A single caller can use half of the budget, a single namespace three
// quarters, and some bytes always remain for others.
const (
	callerFactor    = 1
	namespaceFactor = 3
)

// ByteBudget divides MaxWorkerBytes among the workers of all namespaces. The zero
// value is an unused budget.
type ByteBudget struct {
	mu          sync.Mutex
	used        int
	byCaller    map[string]int
	byNamespace map[string]int
}

// owner identifies a user of the budget. Callers without a name, which exist
// without authentication, are limited by their namespace only.
type owner struct{ namespace, caller string }

// reserve takes bytes from the budget. It returns false if the budget or the share
// of the owner is exhausted.
func (r *ByteBudget) reserve(by owner, bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	free := MaxWorkerBytes - r.used - bytes
	switch {
	case free < 0,
		by.caller != "" && r.byCaller[by.caller]+bytes > callerFactor*free,
		r.byNamespace[by.namespace]+bytes > namespaceFactor*free:
		return false
	}
	r.add(by, bytes)
	return true
}

func (r *ByteBudget) release(by owner, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(by, -bytes)
}

func (r *ByteBudget) add(by owner, bytes int) {
	if r.byCaller == nil {
		r.byCaller, r.byNamespace = map[string]int{}, map[string]int{}
	}
	r.used += bytes
	addTo(r.byCaller, by.caller, bytes)
	addTo(r.byNamespace, by.namespace, bytes)
}

func addTo(sums map[string]int, key string, n int) {
	if sums[key] += n; sums[key] == 0 {
		delete(sums, key)
	}
}

// EncodeWorkers returns workers as JSON. Unlike json.Marshal, it does not escape
// <, > and &, which would be six times as long.
func EncodeWorkers(workers []Worker) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(workers); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
