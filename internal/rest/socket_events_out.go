package rest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
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
	streams, err := s.streamsFor(k, &filter)
	if err != nil {
		return err
	}
	var sending sync.WaitGroup
	sending.Go(func() { k.Guard(func() { k.End(sendEvents(k, streams)) }) })
	err = ignoreFrames(k)
	k.End(err)
	sending.Wait()
	return err
}

// streamsFor returns the streams of the kinds of runs that the filter can select events of. They end with the socket. The
// route requires the permission to list task runs. A caller that cannot list flow runs gets no events of them.
func (s *namespaceHandler) streamsFor(k *socket, filter *wire.EventFilter) (streams []eventStream, err error) {
	now := s.now()
	if options, wanted := filter.TaskRuns(now); wanted {
		streams = append(streams, newRunStream(s.Stream.Follow(k.Life(), options), filter.Matches, s.events.Frame))
	}
	options, wanted := filter.FlowRuns(now)
	if !wanted || s.Flows == nil {
		return streams, nil
	}
	switch err := s.checkPermission(k.Life(), k.caller, VerbList, ResourceFlowRuns, s.namespace); {
	case errors.Is(err, authn.ErrForbidden):
		return streams, nil
	case err != nil:
		return nil, ws.NewInternalError("reviewing access to flow runs", err)
	}
	return append(streams, newRunStream(s.Flows.Follow(k.Life(), options), s.matchesFlowRun(filter), s.flowRunFrame)), nil
}

func (s *namespaceHandler) matchesFlowRun(filter *wire.EventFilter) func(*flowrun.Change) bool {
	return func(c *flowrun.Change) bool { return filter.MatchesFlowRun(c, s.Flows.RelatedTo) }
}

// flowRunFrame returns the frame of a change in its own buffer.
func (s *namespaceHandler) flowRunFrame(c *flowrun.Change) []byte {
	return slices.Clip(wire.AppendFlowRunEventFrame(nil, c, s.Flows.RelatedTo(c.Run)))
}

// ignoreFrames reads until the connection ends, so that pings get a response.
func ignoreFrames(k *socket) error {
	for {
		if _, _, _, err := k.Read(ws.UncountedBytes); err != nil {
			return err
		}
	}
}

// eventStream is the stream of the events about one kind of runs that a filter selects.
type eventStream interface {
	// past returns the next event from before the connection, nil if there are no more.
	past() (*pastEvent, error)
	// send sends the other events until the socket or the stream ends. A listener that reads too slowly is
	// disconnected. It can reconnect and read the events that it missed.
	send(k *socket) error
	stop()
}

// pastEvent is an event from before the connection of a listener.
type pastEvent struct {
	occurred time.Time
	frame    []byte
}

// sendEvents sends the past events of all streams in the order of their time, then new ones. It returns when the socket
// or a stream has ended.
func sendEvents(k *socket, streams []eventStream) error {
	for _, stream := range streams {
		defer stream.stop()
	}
	switch len(streams) {
	case 0: // no event can match
		<-k.Life().Done()
		return context.Cause(k.Life())
	case 1:
		return streams[0].send(k)
	}
	if err := sendPast(k, streams); err != nil {
		return err
	}
	var sending sync.WaitGroup
	for _, stream := range streams {
		sending.Go(func() { k.Guard(func() { k.End(stream.send(k)) }) })
	}
	sending.Wait()
	return context.Cause(k.Life())
}

// sendPast sends the past events of several streams.
func sendPast(k *socket, streams []eventStream) (err error) {
	sent := k.SendAll(func(yield func([]byte) bool) { err = mergePast(streams, yield) })
	return cmp.Or(sent, err)
}

// mergePast calls yield with the frames of the past events of streams, ordered by time, until it returns false.
func mergePast(streams []eventStream, yield func([]byte) bool) error {
	heads := make([]*pastEvent, len(streams)) // the next event of each stream
	advance := func(i int) (err error) {
		heads[i], err = streams[i].past()
		return err
	}
	for i := range streams {
		if err := advance(i); err != nil {
			return err
		}
	}
	for {
		first := earliest(heads)
		if first < 0 || !yield(heads[first].frame) {
			return nil
		}
		if err := advance(first); err != nil {
			return err
		}
	}
}

// earliest returns the index of the earliest event, -1 if there is none.
func earliest(events []*pastEvent) int {
	first := -1
	for i, event := range events {
		if event != nil && (first < 0 || event.occurred.Before(events[first].occurred)) {
			first = i
		}
	}
	return first
}

// runStream is the eventStream of one kind of runs.
type runStream[R feed.Run] struct {
	changes iter.Seq2[[]*feed.SharedChange[R], error]
	matches func(*taskrun.ChangeOf[R]) bool
	encode  func(*taskrun.ChangeOf[R]) []byte

	// Set after the first call of past.
	next    func() ([]*feed.SharedChange[R], error, bool)
	release func()
	batch   []*feed.SharedChange[R] // of the past, not yet returned
}

func newRunStream[R feed.Run](
	changes iter.Seq2[[]*feed.SharedChange[R], error],
	matches func(*taskrun.ChangeOf[R]) bool, encode func(*taskrun.ChangeOf[R]) []byte,
) eventStream {
	return &runStream[R]{changes: changes, matches: matches, encode: encode}
}

func (s *runStream[R]) past() (*pastEvent, error) {
	if s.next == nil {
		s.next, s.release = iter.Pull2(s.changes)
	}
	for {
		for len(s.batch) > 0 {
			change := s.batch[0]
			s.batch = s.batch[1:]
			if s.matches(&change.ChangeOf) {
				return &pastEvent{change.State.Timestamp, change.Encoded(s.encode)}, nil
			}
		}
		batch, err, more := s.next()
		if !more {
			err = errStreamEnded
		}
		if err != nil {
			return nil, ws.NewInternalError("following states", err)
		}
		if len(batch) == 0 {
			return nil, nil //nolint:nilnil // there are no more
		}
		s.batch = batch
	}
}

func (s *runStream[R]) send(k *socket) error {
	for changes, err := range s.rest() {
		if err != nil {
			return ws.NewInternalError("following states", err)
		}
		if err := k.SendAll(s.frames(changes)); err != nil {
			return err
		}
	}
	return ws.NewInternalError("following states", errStreamEnded)
}

// rest returns the changes that past has not read.
func (s *runStream[R]) rest() iter.Seq2[[]*feed.SharedChange[R], error] {
	if s.next == nil {
		return s.changes
	}
	return func(yield func([]*feed.SharedChange[R], error) bool) {
		for {
			changes, err, more := s.next()
			if !more || !yield(changes, err) {
				return
			}
		}
	}
}

func (s *runStream[R]) stop() {
	if s.release != nil {
		s.release()
	}
}

// frames yields the frames of the changes that the filter selects.
func (s *runStream[R]) frames(changes []*feed.SharedChange[R]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, change := range changes {
			if s.matches(&change.ChangeOf) && !yield(change.Encoded(s.encode)) {
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
