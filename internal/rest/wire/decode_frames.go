package wire

import (
	"errors"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// DecodeAuth reads the auth frame. The token can be any value.
func DecodeAuth(frame pyjson.Value) (token pyjson.Value, err error) {
	if !isFrame(frame, "auth") {
		return nullValue, errors.New("Expected 'auth' message") //nolint:revive,staticcheck // is sent to the client in Prefect's words
	}
	token, _ = frame.Member("token")
	return token, nil
}

// violation begins the texts about a frame that the protocol does not expect (contract §1.6).
const violation = "Protocol violation: expected "

// maxKeys is how many task keys a worker can serve on one websocket.
const maxKeys = 1000

// decodeSubscribe reads the second frame of a worker. Keys that come twice
// count once.
func DecodeSubscribe(frame pyjson.Value) (keys []string, clientID string, err error) {
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
type Reply int

// The replies.
const (
	ReplyNone  Reply = iota // the worker is gone
	ReplyAck                // the worker has the run
	ReplyQuit               // the worker has the run and wants no more
	ReplyWrong              // anything else
)

func ReplyOf(frame pyjson.Value) Reply {
	switch {
	case isFrame(frame, "ack"):
		return ReplyAck
	case isFrame(frame, "quit"):
		return ReplyQuit
	default:
		return ReplyWrong
	}
}

// appendSubmitted writes a run as it was when it was submitted: each time that it
// is handed out, a worker gets the same.
func AppendSubmitted(b []byte, run *taskrun.Run) []byte {
	at := run.Updated
	if run.State != nil {
		at = run.State.Timestamp
	}
	return AppendRun(b, run, at)
}
