package rest

import (
	"errors"
	"sync"
)

// errStreamOver says that a stream has ended though it has no end.
var errStreamOver = errors.New("the stream is over")

// eventsOut tells a listener of the states that runs enter (contract §4.5).
func (s *space) eventsOut(k *socket) error {
	frame, err := k.hello()
	if err != nil {
		return err
	}
	filter, err := decodeFilterFrame(frame)
	if err != nil {
		return err
	}
	var telling sync.WaitGroup
	telling.Go(func() { k.guard(func() { k.end(s.tell(k, &filter)) }) })
	err = ignoreFrames(k)
	k.end(err)
	telling.Wait()
	return err
}

// ignoreFrames reads until the connection ends; pings are answered.
func ignoreFrames(k *socket) error {
	for {
		if _, _, _, err := k.read(uncountedBytes); err != nil {
			return err
		}
	}
}

// tell sends what matches until the socket or the stream ends. A listener that
// reads too slowly is cut; it comes again and hears what it missed.
func (s *space) tell(k *socket, filter *eventFilter) error {
	for change, err := range s.Stream.Follow(k.life, filter.following(s.now())) {
		if err != nil {
			return failed("following states", err)
		}
		if !filter.matches(&change.Change) {
			continue
		}
		if err := k.send(change.Encoded(s.events.frame)); err != nil {
			return err
		}
	}
	return failed("following states", errStreamOver)
}
