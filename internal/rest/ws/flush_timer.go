package ws

import (
	"errors"
	"os"
	"sync"
	"time"
)

// longAgo is a read deadline in the past.
var longAgo = time.Unix(1, 0)

// FlushTimer limits the time for which a batch of frames waits for more frames.
type FlushTimer struct {
	frames *frameReader
	timer  *time.Timer

	mu               sync.Mutex
	expired, waiting bool
}

// FlushTimer returns a timer of this length. Call Stop to free it.
func (k *Socket) FlushTimer(d time.Duration) *FlushTimer {
	t := &FlushTimer{frames: k.frames, expired: d <= 0}
	if !t.expired {
		t.timer = time.AfterFunc(d, t.expire)
	}
	return t
}

// expire ends a Wait. It sets the deadline only during a Wait; at any other time the deadline would break the
// connection.
func (t *FlushTimer) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expired = true
	if t.waiting {
		_ = t.frames.SetReadDeadline(longAgo) // fails if the connection is closed; then Peek fails too
	}
}

// Stop frees the timer.
func (t *FlushTimer) Stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}

// Wait waits until bytes arrive or the timer expires. arrived is also true if the connection has ended: the next read
// returns the error. Call Wait only in the function of BeforeFrame.
func (t *FlushTimer) Wait() (arrived bool) {
	t.mu.Lock()
	t.waiting = !t.expired
	wait := t.waiting
	t.mu.Unlock()
	if !wait {
		return false
	}
	_, err := t.frames.in.Peek(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = false
	if t.expired {
		_ = t.frames.SetReadDeadline(time.Time{})
	}
	return !errors.Is(err, os.ErrDeadlineExceeded)
}
