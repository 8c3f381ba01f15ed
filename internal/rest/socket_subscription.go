package rest

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
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
	frame, err := k.hello()
	if err != nil {
		return err
	}
	keys, clientID, err := decodeSubscribe(frame)
	if err != nil {
		return err
	}
	sub, err := s.Deliveries.Subscribe(taskrun.WithCaller(k.life, k.caller.Name), keys, clientID)
	if err != nil {
		return failed("subscribing", err)
	}
	d := &delivering{
		socket: k, subscription: sub, answers: make(chan answer, 1), gone: make(chan struct{}),
	}
	var delivering sync.WaitGroup
	delivering.Go(func() { k.guard(d.deliver) })
	err = d.listen()
	k.end(err)
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
	if !is(frame, "subscribe") {
		return nil, "", closed(codeViolation, violation+"'subscribe' message")
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
		return nil, "", closed(codeViolation, violation+"at most "+strconv.Itoa(maxKeys)+" 'keys' in subscribe message")
	}
	if len(keys) == 0 {
		return nil, "", closed(codeViolation, violation+"'keys' in subscribe message")
	}
	id, _ := frame.Member("client_id")
	if id.Kind() != pyjson.String || id.Text() == "" {
		return nil, "", closed(codeViolation, violation+"'client_id' in subscribe message")
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
	case is(frame, "ack"):
		return answerAck
	case is(frame, "quit"):
		return answerQuit
	default:
		return answerWrong
	}
}

var (
	errQuit        = closed(websocket.StatusNormalClosure, "")
	errWrongAnswer = dropped(errors.New("an answer to a run that is neither ack nor quit"))
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
		frame, err := d.socket.command()
		wrong := errors.Is(err, errNotJSON) || errors.Is(err, errNotText) || errors.Is(err, errTooLarge)
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
			d.socket.end(errQuit)
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

// deliver sends runs until the socket ends.
func (d *delivering) deliver() {
	defer d.subscription.Close()
	for {
		run, err := d.subscription.Next(d.socket.life)
		if err != nil {
			d.socket.end(failed("waiting for a run", err)) // of no effect if the socket has ended
			return
		}
		if err := d.deliverOne(run); err != nil {
			d.socket.end(err)
			return
		}
	}
}

// deliverOne sends one run, and releases it if the worker does not acknowledge it.
func (d *delivering) deliverOne(run *taskrun.Run) error {
	said, err := d.offer(run)
	if said != answerAck && said != answerQuit {
		// The release is written also after the end of the socket.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.socket.life), d.socket.options.RecordTimeout)
		defer cancel()
		d.subscription.Nack(ctx, run)
	}
	return err
}

// offer sends a run and waits for the answer, for which a server that stops
// waits too. The error says why there will be no more runs.
func (d *delivering) offer(run *taskrun.Run) (answer, error) {
	select {
	case d.socket.exchange <- struct{}{}:
		defer func() { <-d.socket.exchange }()
	default:
		return answerNone, errRestart
	}
	if cause := context.Cause(d.socket.life); cause != nil {
		return answerNone, cause
	}
	d.expectAnswer()
	if err := d.socket.send(appendSubmitted(make([]byte, 0, roomForRun), run)); err != nil {
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
		return said, errGone
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
