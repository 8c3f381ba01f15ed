package rest

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/coder/websocket"

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
	var sending sync.WaitGroup
	for _, stream := range s.streamsFor(k, &filter) {
		sending.Go(func() { k.Guard(func() { k.End(stream()) }) })
	}
	err = ignoreFrames(k)
	k.End(err)
	sending.Wait()
	return err
}

// streamsFor returns the streams of the kinds of runs that the filter can select events of. They end with the socket.
func (s *namespaceHandler) streamsFor(k *socket, filter *wire.EventFilter) (streams []func() error) {
	now := s.now()
	if options, wanted := filter.TaskRuns(now); wanted {
		streams = append(streams, func() error {
			return stream(k, s.Stream.Follow(k.Life(), options), filter.Matches, s.events.Frame)
		})
	}
	if options, wanted := filter.FlowRuns(now); wanted && s.Flows != nil {
		streams = append(streams, func() error {
			return stream(k, s.Flows.Follow(k.Life(), options), s.matchesFlowRun(filter), s.flowRunFrame)
		})
	}
	return streams
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

// stream sends the changes that the filter selects, until the socket or the stream ends. A listener that reads too
// slowly is disconnected. It can reconnect and read the changes that it missed.
func stream[R feed.Run](
	k *socket, following iter.Seq2[[]*feed.SharedChange[R], error],
	matches func(*taskrun.ChangeOf[R]) bool, encode func(*taskrun.ChangeOf[R]) []byte,
) error {
	for changes, err := range following {
		if err != nil {
			return ws.NewInternalError("following states", err)
		}
		if err := k.SendAll(framesOf(changes, matches, encode)); err != nil {
			return err
		}
	}
	return ws.NewInternalError("following states", errStreamEnded)
}

// framesOf yields the frames of the changes that the filter selects.
func framesOf[R feed.Run](
	changes []*feed.SharedChange[R], matches func(*taskrun.ChangeOf[R]) bool, encode func(*taskrun.ChangeOf[R]) []byte,
) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, change := range changes {
			if matches(&change.ChangeOf) && !yield(change.Encoded(encode)) {
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
