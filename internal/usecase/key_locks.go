package usecase

import (
	"context"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// KeyLocks serialize the creates of one natural key, so that the second one finds the
// run of the first one. They apply within one process, in which all Services share one
// KeyLocks. Each key in use has an entry, so there are at most as many entries as calls
// in flight.
type KeyLocks struct {
	mu    sync.Mutex
	locks map[namespacedKey]*keyLock
}

type namespacedKey struct {
	namespace string
	key       taskrun.NaturalKey
}

// keyLock is the lock of one key.
type keyLock struct {
	turn  chan struct{} // has one value while the lock is free
	users int           // that hold it or wait for it
}

// NewKeyLocks returns KeyLocks without a held lock.
func NewKeyLocks() *KeyLocks { return &KeyLocks{locks: map[namespacedKey]*keyLock{}} }

// lock acquires the lock of a key, or returns the error of the context when that ends.
func (l *KeyLocks) lock(ctx context.Context, namespace string, key taskrun.NaturalKey) (unlock func(), err error) {
	name := namespacedKey{namespace, key}
	one := l.enter(name)
	select {
	case <-one.turn:
		return func() {
			one.turn <- struct{}{}
			l.leave(name, one)
		}, nil
	case <-ctx.Done():
		l.leave(name, one)
		return nil, ctx.Err()
	}
}

func (l *KeyLocks) enter(name namespacedKey) *keyLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.locks[name]
	if one == nil {
		one = &keyLock{turn: make(chan struct{}, 1)}
		one.turn <- struct{}{}
		l.locks[name] = one
	}
	one.users++
	return one
}

func (l *KeyLocks) leave(name namespacedKey, one *keyLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one.users--
	if one.users == 0 {
		delete(l.locks, name)
	}
}
