package rest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// The maximum size of a batch, in events and in bytes of their frames. The batch is recorded before more is read.
	maxBatch      = 1000
	maxBatchBytes = 4 << 20
	// The pauses between two attempts to record a batch.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// eventsIn receives the events that a client sends (contract §4.3).
//
// Everything happens in the goroutine that reads. Events are collected while more have arrived, and recorded before the
// goroutine waits for the next frame. So the response to a ping is sent after all events before it are durable, and nothing is read
// while too many events are not.
func (s *namespaceHandler) eventsIn(k *socket) error {
	in := &eventReceiver{server: s, socket: k}
	k.BeforeFrame(in.beforeFrame)
	k.BeforeMemory(in.record)
	for {
		err := in.receive()
		if err == nil {
			continue
		}
		// Record what was read.
		return cmp.Or(in.failure, in.record(), err)
	}
}

// eventReceiver collects the events of one socket.
type eventReceiver struct {
	server  *namespaceHandler
	socket  *socket
	batch   []taskrun.Event
	bytes   int            // of the frames of the batch
	merging *ws.FlushTimer // limits the time for which the batch waits for more
	release []func()       // the memory of the batch
	failure error          // a batch could not be recorded
}

// receive adds one event to the batch.
func (in *eventReceiver) receive() error {
	text, small, release, err := in.socket.Read(in.socket.options.MaxEventBytes)
	defer release()
	if err != nil {
		return err
	}
	if !small {
		in.rejectLarge()
		return nil
	}
	report, ok, err := in.decode(text)
	if err != nil || !ok {
		return err
	}
	if len(in.batch) == 0 {
		in.merging = in.socket.FlushTimer(in.socket.options.MergeWindow)
	}
	in.batch = append(in.batch, report)
	in.bytes += len(text)
	release() // an event needs less memory than the largest possible frame
	if !in.keep(text) || len(in.batch) >= maxBatch || in.bytes >= maxBatchBytes {
		return in.record()
	}
	return nil
}

// keep reserves the memory of an event until it is recorded. If ok is false, no memory is free and the batch has to be
// recorded now.
func (in *eventReceiver) keep(text []byte) (ok bool) {
	release, ok := in.server.memory.Arriving.Try(in.socket.caller.Name, int64(len(text)))
	if ok {
		in.release = append(in.release, release)
	}
	return ok
}

// decode waits for memory and decodes an event. ok is false if the event has nothing to record.
func (in *eventReceiver) decode(text []byte) (report taskrun.Event, ok bool, err error) {
	done, err := in.socket.Parsing(text, in.server.options.MaxBodyValues)
	if errors.Is(err, ws.ErrTooLarge) {
		in.rejectLarge()
		return report, false, nil
	}
	if err != nil {
		return report, false, err
	}
	defer done()
	e, err := wire.DecodeEventFrame(text)
	if err != nil {
		in.server.socketMetrics.EventReceived(EventMalformed)
		return report, false, ws.NewDropError(err)
	}
	report, ok = in.server.reportOf(in.socket.Life(), e, in.socket.Log())
	return report, ok, nil
}

// rejectLarge counts and logs an event that is too large.
func (in *eventReceiver) rejectLarge() {
	in.server.socketMetrics.EventReceived(EventTooLarge)
	in.socket.Log().LogAttrs(in.socket.Life(), slog.LevelWarn, "event dropped", slog.String("reason", "the event is too large"),
		slog.Int64("limit", in.socket.options.MaxEventBytes), slog.Int("values", in.server.options.MaxBodyValues))
}

// beforeFrame records the batch before the socket waits for a frame or responds to one.
func (in *eventReceiver) beforeFrame(next ws.FrameKind) error {
	switch {
	case len(in.batch) == 0 || next == ws.FrameData:
		return in.failure
	case next == ws.FrameNone && in.merging.Wait():
		return nil
	default:
		return in.record()
	}
}

// record makes the batch durable. If that fails within RecordTimeout, the socket ends. The client has received no
// response to a ping since, and sends the events again.
func (in *eventReceiver) record() error {
	if len(in.batch) == 0 {
		return in.failure
	}
	in.merging.Stop()
	ctx, cancel := context.WithTimeout(
		taskrun.WithCaller(context.WithoutCancel(in.socket.Life()), in.socket.caller.Name), in.socket.options.RecordTimeout)
	defer cancel()
	err := in.server.recordPatiently(ctx, in.socket, in.batch)
	if err != nil {
		in.failure = ws.NewInternalError("recording events", err)
		in.socket.End(in.failure)
	}
	for _, release := range in.release {
		release()
	}
	in.batch, in.bytes, in.release = nil, 0, nil
	return in.failure
}

// recordPatiently retries until the batch is recorded or ctx ends. After the end of the socket it tries at most once
// more.
func (s *namespaceHandler) recordPatiently(ctx context.Context, k *socket, batch []taskrun.Event) error {
	life := k.Life()
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		_, err := s.recordOnce(s.withCreateCheck(ctx, k.caller, ResourceTaskRuns, s.namespace), batch)
		if err == nil || life.Err() != nil || ctx.Err() != nil {
			return err
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "retrying to record events",
			slog.Int("count", len(batch)), slog.String("error", err.Error()))
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-life.Done():
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// recordOnce records a batch, and counts the events that are rejected. forbidden is the error of an event whose run the
// caller has no permission to create.
func (s *namespaceHandler) recordOnce(ctx context.Context, batch []taskrun.Event) (forbidden, err error) {
	err = s.Recorder.Record(ctx, batch, func(e taskrun.Event, err error) {
		if errors.Is(err, taskrun.ErrForbidden) {
			forbidden = err
		}
		outcome := EventRejected
		if _, rejected := errors.AsType[*taskrun.RejectedError](err); rejected {
			outcome = EventRejectedByAPIServer
		}
		s.socketMetrics.EventReceived(outcome)
		s.log.LogAttrs(ctx, slog.LevelWarn, "event rejected", slog.String("taskRunID", e.RunID),
			slog.String("event", e.State.ID), slog.String("caller", taskrun.Caller(ctx)), slog.String("namespace", s.namespace),
			slog.String("error", err.Error()))
	})
	return forbidden, err
}

// reportOf returns the report of a run in an event. ok is false if the event is not a valid report.
func (s *namespaceHandler) reportOf(ctx context.Context, e wire.Event, log *slog.Logger) (report taskrun.Event, ok bool) {
	if !e.ReportsRun() {
		s.socketMetrics.EventReceived(EventIgnored)
		return taskrun.Event{}, false
	}
	report, err := wire.DecodeReport(e)
	if err != nil {
		s.socketMetrics.EventReceived(EventInvalid)
		log.LogAttrs(ctx, slog.LevelWarn, "event dropped", slog.String("reason", "the report is not valid"),
			slog.String("event", e.ID), slog.String("resource", e.ResourceID()), slog.String("error", err.Error()))
		return taskrun.Event{}, false
	}
	s.socketMetrics.EventReceived(EventValid)
	s.events.Add(&report, &e)
	return report, true
}
