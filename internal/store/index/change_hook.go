package index

import (
	"slices"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// OnChange calls a function for each object that was created, changed or deleted, or that
// is newly or no longer the run of its id, until stop is called. The function is called
// under the lock of the index, after the change. It must neither block nor call the index.
func (x *Index) OnChange(call taskrun.ObjectChanged) (stop func()) { return x.changes.add(call) }

// changeHook holds the functions of OnChange.
type changeHook struct {
	mu    sync.RWMutex
	calls []*taskrun.ObjectChanged
}

func (h *changeHook) add(call taskrun.ObjectChanged) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	added := &call
	h.calls = append(h.calls, added)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.calls = slices.DeleteFunc(h.calls, func(other *taskrun.ObjectChanged) bool { return other == added })
	}
}

func (h *changeHook) call(namespace, name string, run *taskrun.Run) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, call := range h.calls {
		(*call)(namespace, name, run)
	}
}
