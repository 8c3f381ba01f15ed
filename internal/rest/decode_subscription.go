package rest

import (
	"errors"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// violation begins the texts about a frame that the protocol does not expect (contract §1.6).
const violation = "Protocol violation: expected "

// maxKeys is how many task keys a worker can serve on one websocket.
const maxKeys = 1000

// decodeSubscribe reads the second frame of a worker. Keys that come twice
// count once.
func decodeSubscribe(frame pyjson.Value) (keys []string, clientID string, err error) {
	if !isFrame(frame, "subscribe") {
		return nil, "", errors.New(violation + "'subscribe' message")
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
		return nil, "", errors.New(violation + "at most " + strconv.Itoa(maxKeys) + " 'keys' in subscribe message")
	}
	if len(keys) == 0 {
		return nil, "", errors.New(violation + "'keys' in subscribe message")
	}
	id, _ := frame.Member("client_id")
	if id.Kind() != pyjson.String || id.Text() == "" {
		return nil, "", errors.New(violation + "'client_id' in subscribe message")
	}
	return keys, id.Text(), nil
}

// reply is the answer of a worker to a run.
type reply int

// The replies.
const (
	replyNone  reply = iota // the worker is gone
	replyAck                // the worker has the run
	replyQuit               // the worker has the run and wants no more
	replyWrong              // anything else
)

func replyOf(frame pyjson.Value) reply {
	switch {
	case isFrame(frame, "ack"):
		return replyAck
	case isFrame(frame, "quit"):
		return replyQuit
	default:
		return replyWrong
	}
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
