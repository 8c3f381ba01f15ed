package wire

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// frameError is the error of an unexpected frame: the reason of the close frame, in Prefect's words.
type frameError string

func (e frameError) Error() string { return string(e) }

// DecodeAuth reads the auth frame. The token can be any value.
func DecodeAuth(frame pyjson.Value) (token pyjson.Value, err error) {
	if !isFrame(frame, "auth") {
		return nullValue, frameError("Expected 'auth' message")
	}
	token, _ = frame.Member("token")
	return token, nil
}

// violation is the prefix of the reasons for unexpected frames (contract §1.6).
const violation = "Protocol violation: expected "

// maxKeys is the maximum number of task keys that a worker can serve on one websocket.
const maxKeys = 1000

// DecodeSubscribe reads the second frame of a worker. It removes duplicate keys. The text of the error is for the close
// frame.
func DecodeSubscribe(frame pyjson.Value) (keys []string, clientID string, err error) {
	if !isFrame(frame, "subscribe") {
		return nil, "", frameError(violation + "'subscribe' message")
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
		return nil, "", frameError(violation + "at most " + strconv.Itoa(maxKeys) + " 'keys' in subscribe message")
	}
	if len(keys) == 0 {
		return nil, "", frameError(violation + "'keys' in subscribe message")
	}
	id, _ := frame.Member("client_id")
	if id.Kind() != pyjson.String || id.Text() == "" {
		return nil, "", frameError(violation + "'client_id' in subscribe message")
	}
	return keys, id.Text(), nil
}

// Reply is the response of a worker to a run.
type Reply int

// The replies.
const (
	ReplyNone  Reply = iota // the worker has disconnected
	ReplyAck                // the worker has the run
	ReplyQuit               // the worker has the run and wants no more
	ReplyWrong              // any other frame
)

// ReplyOf reads the response of a worker.
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

// AppendSubmitted writes a run with the times that it had when its current state was entered, so that each delivery
// sends the same bytes.
func AppendSubmitted(b []byte, run *taskrun.Run) []byte {
	at := run.Updated
	if run.State != nil {
		at = run.State.Timestamp
	}
	return AppendRun(b, run, at)
}
