package usecase

import (
	"context"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// KeyLocks make the creates of one natural key wait for each other, so that the
// second one finds what the first one made. They hold within the program only;
// all its Services share one. There is an entry for each key in use, so that there are
// no more of them than calls in flight.
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
	turn  chan struct{} // holds one value while the lock is free
	users int           // that hold it or wait for it
}

// NewKeyLocks returns KeyLocks of which none is held.
func NewKeyLocks() *KeyLocks { return &KeyLocks{locks: map[namespacedKey]*keyLock{}} }

// lock waits for its turn until the context ends. The error is the context's.
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
