package delivery

import "time"

// longestAlarm limits every wait of an alarm. Waits use the monotonic clock, due
// times the wall clock. After a step of the wall clock or a sleep of the machine, a
// due run is noticed at most this much later.
const longestAlarm = 30 * time.Second

// alarm calls a function once, at the earliest of the times that it was set to, or
// after longestAlarm if that is earlier.
type alarm struct {
	timer *time.Timer
	at    time.Time // zero: not set
}

func (a *alarm) set(at, now time.Time, onAlarm func()) {
	if !a.at.IsZero() && !at.Before(a.at) {
		return
	}
	a.stop()
	a.at = at
	a.timer = time.AfterFunc(min(at.Sub(now), longestAlarm), onAlarm)
}

// reset clears the time after the alarm has gone off.
func (a *alarm) reset() { a.at = time.Time{} }

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.at = time.Time{}
}
