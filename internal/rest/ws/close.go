package ws

import (
	"errors"
	"fmt"

	"github.com/coder/websocket"
)

// MaxCloseReason is the maximum length of a reason in a close frame, in bytes (RFC 6455 §5.5).
const MaxCloseReason = 123

// CloseError is the reason why a socket ends, with the code and text of its close frame. With code 0 the connection is
// closed without a close frame, as Prefect does after unexpected errors of the peer.
type CloseError struct {
	Code   websocket.StatusCode
	Reason string
	Cause  error // for the log; nil if the reason is complete
}

func (c *CloseError) Error() string {
	switch {
	case c.Code == 0 && c.Cause != nil:
		return "dropped: " + c.Cause.Error()
	case c.Cause != nil:
		return fmt.Sprintf("closed with %d %q: %v", c.Code, c.Reason, c.Cause)
	default:
		return fmt.Sprintf("closed with %d %q", c.Code, c.Reason)
	}
}

func (c *CloseError) Unwrap() error { return c.Cause }

// NewCloseError returns an error that closes the connection with a code and a reason.
func NewCloseError(code websocket.StatusCode, reason string) error {
	return &CloseError{Code: code, Reason: reason}
}

// NewDropError returns an error that closes the connection without a close frame.
func NewDropError(cause error) error { return &CloseError{Cause: cause} }

// NewInternalError returns an error for a failed operation of the server. Clients reconnect.
func NewInternalError(operation string, err error) error {
	return &CloseError{Code: websocket.StatusInternalError, Reason: "Internal error", Cause: fmt.Errorf("%s: %w", operation, err)}
}

var (
	// ErrRestart ends all sockets when the server stops. Clients reconnect after any code except 1000 and 1001, which
	// end a worker (contract §0.26).
	ErrRestart = NewCloseError(websocket.StatusServiceRestart, "Server is restarting")
	// ErrGone means that the peer has ended the connection.
	ErrGone = errors.New("the peer is gone")

	// ErrPingUnanswered ends a socket whose peer did not respond to a ping in time.
	ErrPingUnanswered = NewDropError(errors.New("a ping was not answered in time"))
	// ErrNotJSON means that a frame is not a JSON object.
	ErrNotJSON = NewDropError(errors.New("a frame that is no JSON object"))
	// ErrNotText means that a frame is binary.
	ErrNotText = NewDropError(errors.New("a frame that is no text"))
	// ErrTooLarge means that a frame has too many bytes or values.
	ErrTooLarge = NewDropError(errors.New("a frame that is too large"))
)
