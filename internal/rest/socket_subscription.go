package rest

import (
	"context"
	"errors"
	"sync"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// codeViolation is the code for a frame that the protocol does not expect (contract §1.6).
const codeViolation websocket.StatusCode = 4001

// subscription delivers runs to a worker, one at a time.
func (s *namespaceHandler) subscription(k *socket) error {
	frame, err := k.Hello()
	if err != nil {
		return err
	}
	keys, clientID, err := wire.DecodeSubscribe(frame)
	if err != nil {
		return ws.NewCloseError(codeViolation, err.Error())
	}
	sub, err := s.Deliveries.Subscribe(taskrun.WithCaller(k.Life(), k.caller.Name), keys, clientID)
	if err != nil {
		return ws.NewInternalError("subscribing", err)
	}
	d := &delivering{
		socket: k, subscription: sub, replies: make(chan wire.Reply, 1), readerEnded: make(chan struct{}),
	}
	var delivering sync.WaitGroup
	delivering.Go(func() { k.Guard(d.deliver) })
	err = d.listen()
	k.End(err)
	delivering.Wait()
	return err
}

var (
	errQuit       = ws.NewCloseError(websocket.StatusNormalClosure, "")
	errWrongReply = ws.NewDropError(errors.New("a reply to a run that is neither ack nor quit"))
)

// delivering is the websocket of one worker. The goroutine of the socket reads replies, another one delivers runs.
type delivering struct {
	socket       *socket
	subscription Subscription

	mu      sync.Mutex
	waiting bool // for the reply to a run

	replies     chan wire.Reply
	readerEnded chan struct{} // closed when the reader has ended
}

// listen reads the frames of the worker until the connection ends. A frame that is not a reply is ignored, unless it is
// quit.
func (d *delivering) listen() error {
	defer close(d.readerEnded)
	for {
		frame, err := d.socket.Command()
		wrong := errors.Is(err, ws.ErrNotJSON) || errors.Is(err, ws.ErrNotText) || errors.Is(err, ws.ErrTooLarge)
		if err != nil && !wrong {
			return err
		}
		reply := wire.ReplyWrong
		if !wrong {
			reply = wire.ReplyOf(frame)
		}
		switch {
		case d.takeReplyExpected():
			d.replies <- reply
		case reply == wire.ReplyQuit:
			d.socket.End(errQuit)
		case wrong:
			return err
		}
	}
}

// takeReplyExpected reports whether a reply to a run is expected, and resets that.
func (d *delivering) takeReplyExpected() bool {
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

// deliver sends runs until the socket ends.
func (d *delivering) deliver() {
	defer d.subscription.Close()
	for {
		run, err := d.subscription.Next(d.socket.Life())
		if err != nil {
			d.socket.End(ws.NewInternalError("waiting for a run", err)) // has no effect if the socket has ended
			return
		}
		if err := d.deliverOne(run); err != nil {
			d.socket.End(err)
			return
		}
	}
}

// deliverOne sends one run, and releases it if the worker does not acknowledge it.
func (d *delivering) deliverOne(run *taskrun.Run) error {
	reply, err := d.offer(run)
	if reply != wire.ReplyAck && reply != wire.ReplyQuit {
		// The release is written also after the end of the socket.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.socket.Life()), d.socket.options.RecordTimeout)
		defer cancel()
		d.subscription.Nack(ctx, run)
	}
	return err
}

// offer sends a run and waits for the reply. A stopping server waits for the reply, too. The error is the reason why no
// more runs are delivered.
func (d *delivering) offer(run *taskrun.Run) (wire.Reply, error) {
	if !d.socket.BeginExchange() {
		return wire.ReplyNone, ws.ErrRestart
	}
	defer d.socket.EndExchange()
	if cause := context.Cause(d.socket.Life()); cause != nil {
		return wire.ReplyNone, cause
	}
	d.expectAnswer()
	if err := d.socket.Send(wire.AppendSubmitted(make([]byte, 0, wire.RunSize), run)); err != nil {
		return wire.ReplyNone, err
	}
	switch reply := d.wait(); reply {
	case wire.ReplyAck:
		return reply, nil
	case wire.ReplyQuit:
		return reply, errQuit
	case wire.ReplyWrong:
		return reply, errWrongReply
	default:
		return reply, ws.ErrGone
	}
}

// wait returns the reply of the worker to the run.
func (d *delivering) wait() wire.Reply {
	select {
	case reply := <-d.replies:
		return reply
	case <-d.readerEnded:
	}
	select {
	case reply := <-d.replies: // the last reply before the end
		return reply
	default:
		return wire.ReplyNone
	}
}
