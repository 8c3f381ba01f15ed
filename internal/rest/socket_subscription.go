package rest

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// codeViolation is the code for a frame out of turn, and violation what its
// reasons begin with (contract §1.6).
const (
	codeViolation websocket.StatusCode = 4001
	violation                          = "Protocol violation: expected "
)

// subscription hands runs to a worker, one at a time.
func (s *space) subscription(k *socket) error {
	frame, err := k.Hello()
	if err != nil {
		return err
	}
	keys, clientID, err := decodeSubscribe(frame)
	if err != nil {
		return err
	}
	sub, err := s.Deliveries.Subscribe(taskrun.WithCaller(k.Life(), k.caller.Name), keys, clientID)
	if err != nil {
		return ws.NewInternalError("subscribing", err)
	}
	d := &delivering{
		socket: k, subscription: sub, answers: make(chan answer, 1), gone: make(chan struct{}),
	}
	var delivering sync.WaitGroup
	delivering.Go(func() { k.Guard(d.deliver) })
	err = d.listen()
	k.End(err)
	delivering.Wait()
	return err
}

// appendSubmitted writes a run as it was when it was submitted: each time that it
// is handed out, a worker gets the same.
func appendSubmitted(b []byte, run *taskrun.Run) []byte {
	at := run.Updated
	if run.State != nil {
		at = run.State.Timestamp
	}
	return appendRun(b, run, at)
}

// maxKeys is how many task keys a worker can serve on one websocket.
const maxKeys = 1000

// decodeSubscribe reads the second frame of a worker. Keys that come twice
// count once.
func decodeSubscribe(frame pyjson.Value) (keys []string, clientID string, err error) {
	if !isFrame(frame, "subscribe") {
		return nil, "", ws.NewCloseError(codeViolation, violation+"'subscribe' message")
	}
	list, _ := frame.Member("keys")
	for _, item := range list.Items() {
		if item.Kind() != pyjson.String {
			keys = nil
			break
		}
		keys = append(keys, item.Text())
	}
	if keys = taskrun.Distinct(keys); len(keys) > maxKeys {
		return nil, "", ws.NewCloseError(codeViolation, violation+"at most "+strconv.Itoa(maxKeys)+" 'keys' in subscribe message")
	}
	if len(keys) == 0 {
		return nil, "", ws.NewCloseError(codeViolation, violation+"'keys' in subscribe message")
	}
	id, _ := frame.Member("client_id")
	if id.Kind() != pyjson.String || id.Text() == "" {
		return nil, "", ws.NewCloseError(codeViolation, violation+"'client_id' in subscribe message")
	}
	return keys, id.Text(), nil
}

// answer is what a worker says to a run.
type answer int

const (
	answerNone  answer = iota // it is gone
	answerAck                 // it has the run
	answerQuit                // it has the run and wants no more
	answerWrong               // anything else
)

func replyOf(frame pyjson.Value) answer {
	switch {
	case isFrame(frame, "ack"):
		return answerAck
	case isFrame(frame, "quit"):
		return answerQuit
	default:
		return answerWrong
	}
}

var (
	errQuit        = ws.NewCloseError(websocket.StatusNormalClosure, "")
	errWrongAnswer = ws.NewDropError(errors.New("an answer to a run that is neither ack nor quit"))
)

// delivering is one worker's conversation. The goroutine of the socket listens,
// another one delivers.
type delivering struct {
	socket       *socket
	subscription Subscription

	mu      sync.Mutex
	waiting bool // for the answer to a run

	answers chan answer
	gone    chan struct{} // closed when no one reads any more
}

// listen takes the worker's frames until there are no more. What it says
// unasked does not matter, unless it wants no more.
func (d *delivering) listen() error {
	defer close(d.gone)
	for {
		frame, err := d.socket.Command()
		wrong := errors.Is(err, ws.ErrNotJSON) || errors.Is(err, ws.ErrNotText) || errors.Is(err, ws.ErrTooLarge)
		if err != nil && !wrong {
			return err
		}
		said := answerWrong
		if !wrong {
			said = replyOf(frame)
		}
		switch {
		case d.answered():
			d.answers <- said
		case said == answerQuit:
			d.socket.End(errQuit)
		case wrong:
			return err
		}
	}
}

// answered reports whether a run waits for its answer, which it has now.
func (d *delivering) answered() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	waited := d.waiting
	d.waiting = false
	return waited
}

func (d *delivering) expectAnswer() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = true
}

// deliver hands out runs until the socket ends.
func (d *delivering) deliver() {
	defer d.subscription.Close()
	for {
		run, err := d.subscription.Next(d.socket.Life())
		if err != nil {
			d.socket.End(ws.NewInternalError("waiting for a run", err)) // of no effect if the socket has ended
			return
		}
		if err := d.handOver(run); err != nil {
			d.socket.End(err)
			return
		}
	}
}

// handOver delivers one run, which is taken or returned afterwards.
func (d *delivering) handOver(run *taskrun.Run) error {
	said, err := d.offer(run)
	// What there is to tell is told also when the socket has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.socket.Life()), d.socket.options.RecordTimeout)
	defer cancel()
	if said != answerAck && said != answerQuit {
		d.subscription.Return(ctx, run)
		return err
	}
	if fault := d.subscription.Taken(ctx, run); fault != nil {
		// The worker has it, whatever we could write down.
		d.socket.Log().LogAttrs(ctx, slog.LevelWarn, "a delivery was not noted",
			slog.String("taskRunID", run.ID), slog.String("error", fault.Error()))
	}
	return err
}

// offer sends a run and waits for the answer, for which a server that stops
// waits too. The error says why there will be no more runs.
func (d *delivering) offer(run *taskrun.Run) (answer, error) {
	if !d.socket.BeginExchange() {
		return answerNone, ws.ErrRestart
	}
	defer d.socket.EndExchange()
	if cause := context.Cause(d.socket.Life()); cause != nil {
		return answerNone, cause
	}
	d.expectAnswer()
	if err := d.socket.Send(appendSubmitted(make([]byte, 0, roomForRun), run)); err != nil {
		return answerNone, err
	}
	switch said := d.wait(); said {
	case answerAck:
		return said, nil
	case answerQuit:
		return said, errQuit
	case answerWrong:
		return said, errWrongAnswer
	default:
		return said, ws.ErrGone
	}
}

// wait returns what the worker says to the run it got.
func (d *delivering) wait() answer {
	select {
	case said := <-d.answers:
		return said
	case <-d.gone:
	}
	select {
	case said := <-d.answers: // its last word
		return said
	default:
		return answerNone
	}
}
