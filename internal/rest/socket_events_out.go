package rest

import (
	"errors"
	"iter"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// errStreamEnded means that the stream of changes has ended, which is an error.
var errStreamEnded = errors.New("the stream has ended")

// eventsOut sends a listener the states that runs enter (contract §4.5).
func (s *namespaceHandler) eventsOut(k *socket) error {
	frame, err := k.Hello()
	if err != nil {
		return err
	}
	filter, err := wire.DecodeFilterFrame(frame)
	if err != nil {
		return ws.NewCloseError(websocket.StatusProtocolError, truncate(err.Error(), ws.MaxCloseReason))
	}
	var sending sync.WaitGroup
	sending.Go(func() { k.Guard(func() { k.End(s.stream(k, &filter)) }) })
	err = ignoreFrames(k)
	k.End(err)
	sending.Wait()
	return err
}

// ignoreFrames reads until the connection ends, so that pings get a response.
func ignoreFrames(k *socket) error {
	for {
		if _, _, _, err := k.Read(ws.UncountedBytes); err != nil {
			return err
		}
	}
}

// stream sends the changes that the filter selects, until the socket or the stream ends. A listener that reads too
// slowly is disconnected. It can reconnect and read the changes that it missed.
func (s *namespaceHandler) stream(k *socket, filter *wire.EventFilter) error {
	for changes, err := range s.Stream.Follow(k.Life(), filter.WatchOptions(s.now())) {
		if err != nil {
			return ws.NewInternalError("following states", err)
		}
		if err := k.SendAll(s.framesOf(changes, filter)); err != nil {
			return err
		}
	}
	return ws.NewInternalError("following states", errStreamEnded)
}

// framesOf yields the frames of the changes that the filter selects.
func (s *namespaceHandler) framesOf(changes []*feed.SharedChange, filter *wire.EventFilter) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, change := range changes {
			if filter.Matches(&change.Change) && !yield(change.Encoded(s.events.Frame)) {
				return
			}
		}
	}
}

// truncate truncates a text to this number of bytes, without an incomplete character at its end.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}
