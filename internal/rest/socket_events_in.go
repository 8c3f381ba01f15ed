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
	// maxBatch bounds what is recorded at once: events, and the bytes they
	// came in. More is not read before that is recorded.
	maxBatch      = 1000
	maxBatchBytes = 4 << 20
	// The pauses between two tries to record a batch.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// eventsIn takes the events that a client sends (contract §4.3).
//
// All happens in the goroutine that reads: events are gathered as long as there
// are more at hand, and recorded before the next frame is waited for. So a ping
// is answered only when everything before it is durable, and nothing is read
// while too much is not.
func (s *space) eventsIn(k *socket) error {
	in := &intake{server: s, socket: k}
	k.BeforeFrame(in.beforeFrame)
	k.BeforeMemory(in.record)
	for {
		err := in.take()
		if err == nil {
			continue
		}
		// What was read, is recorded.
		return cmp.Or(in.failure, in.record(), err)
	}
}

// intake gathers the events of one socket.
type intake struct {
	server  *space
	socket  *socket
	batch   []taskrun.Event
	bytes   int            // that the batch came in
	merging *ws.FlushTimer // limits the time for which the batch waits for more
	release []func()       // the memory of the batch
	failure error          // a batch could not be recorded
}

// take reads one event into the batch.
func (in *intake) take() error {
	text, small, release, err := in.socket.Read(in.socket.options.MaxEventBytes)
	defer release()
	if err != nil {
		return err
	}
	if !small {
		in.dropLarge()
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
	release() // what is kept of it is less than what it could have been
	if !in.keep(text) || len(in.batch) >= maxBatch || in.bytes >= maxBatchBytes {
		return in.record()
	}
	return nil
}

// keep takes the memory that an event needs until it is recorded. If there is none,
// the batch is to be recorded now.
func (in *intake) keep(text []byte) (ok bool) {
	release, ok := in.server.memory.arriving.Try(in.socket.caller.Name, int64(len(text)))
	if ok {
		in.release = append(in.release, release)
	}
	return ok
}

// decode reads an event, once there is memory for it; ok is false if there is
// nothing to record of it.
func (in *intake) decode(text []byte) (report taskrun.Event, ok bool, err error) {
	done, err := in.socket.Parsing(text, in.server.options.MaxBodyValues)
	if errors.Is(err, ws.ErrTooLarge) {
		in.dropLarge()
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

// dropLarge tells that an event was dropped.
func (in *intake) dropLarge() {
	in.server.socketMetrics.EventReceived(EventTooLarge)
	in.socket.Log().LogAttrs(in.socket.Life(), slog.LevelWarn, "an event was dropped: it is too large",
		slog.Int64("limit", in.socket.options.MaxEventBytes), slog.Int("values", in.server.options.MaxBodyValues))
}

// beforeFrame records the batch before the socket waits for a frame or answers one.
func (in *intake) beforeFrame(next ws.FrameKind) error {
	switch {
	case len(in.batch) == 0 || next == ws.FrameData:
		return in.failure
	case next == ws.FrameNone && in.merging.Wait():
		return nil
	default:
		return in.record()
	}
}

// record makes the batch durable. If that cannot be done in time the socket
// ends; the client has got no answer to a ping since, and sends all of it again.
func (in *intake) record() error {
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

// recordPatiently tries until the batch is recorded or ctx ends. Once life has
// ended too, there is one more try at most.
func (s *space) recordPatiently(ctx context.Context, k *socket, batch []taskrun.Event) error {
	life := k.Life()
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		_, err := s.recordOnce(s.withCreateCheck(ctx, k.caller, ResourceTaskRuns, s.namespace), batch)
		if err == nil || life.Err() != nil || ctx.Err() != nil {
			return err
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "events were not recorded yet",
			slog.Int("events", len(batch)), slog.String("error", err.Error()))
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-life.Done():
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// recordOnce records a batch, and counts what is refused of it. forbidden is the
// error of an event whose run the caller may not create.
func (s *space) recordOnce(ctx context.Context, batch []taskrun.Event) (forbidden, err error) {
	err = s.Recorder.Record(ctx, batch, func(e taskrun.Event, err error) {
		if errors.Is(err, taskrun.ErrForbidden) {
			forbidden = err
		}
		outcome := EventRefused
		if _, rejected := errors.AsType[*taskrun.RejectedError](err); rejected {
			outcome = EventRejected
		}
		s.socketMetrics.EventReceived(outcome)
		s.log.LogAttrs(ctx, slog.LevelWarn, "an event was refused", slog.String("taskRunID", e.RunID),
			slog.String("event", e.State.ID), slog.String("caller", taskrun.Caller(ctx)), slog.String("namespace", s.namespace),
			slog.String("error", err.Error()))
	})
	return forbidden, err
}

// reportOf is what an event reports of a run; ok is false if it is of no
// concern, or says nothing that a run can be.
func (s *space) reportOf(ctx context.Context, e wire.Event, log *slog.Logger) (report taskrun.Event, ok bool) {
	if !e.ReportsRun() {
		s.socketMetrics.EventReceived(EventIgnored)
		return taskrun.Event{}, false
	}
	report, err := wire.DecodeReport(e)
	if err != nil {
		s.socketMetrics.EventReceived(EventPoisoned)
		log.LogAttrs(ctx, slog.LevelWarn, "an event was dropped: it tells of nothing that a run can be",
			slog.String("event", e.ID), slog.String("resource", e.ResourceID()), slog.String("error", err.Error()))
		return taskrun.Event{}, false
	}
	s.socketMetrics.EventReceived(EventTaken)
	s.events.add(&report, &e)
	return report, true
}
