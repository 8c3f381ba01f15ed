package rest

import (
	"errors"
	"flag"
	"time"
)

// SocketOptions say how websockets are served.
type SocketOptions struct {
	Most            int           // open at once
	RecheckInterval time.Duration // between two checks of the caller and its permission

	PingInterval time.Duration // between two looks whether the peer lives
	PingTimeout  time.Duration // for its answer
	WriteTimeout time.Duration // for a frame to be taken by the peer; a slower one is cut
	AuthTimeout  time.Duration // for the auth frame to arrive, and for the review of its token
	HelloTimeout time.Duration // for each later frame of the handshake to arrive

	FrameTimeout time.Duration // for a frame to arrive of which the beginning has, if it is not small

	MaxEventBytes int64         // of an event frame; a larger one is dropped
	MergeWindow   time.Duration // how long an event may wait for others to be recorded with; 0: not at all
	RecordTimeout time.Duration // for events to become durable, trying again; then the socket ends
}

// defaultSocketOptions are those of Prefect, where it has any.
func defaultSocketOptions() SocketOptions {
	return SocketOptions{
		Most:            10_000,
		RecheckInterval: time.Minute,

		PingInterval:  20 * time.Second,
		PingTimeout:   20 * time.Second,
		WriteTimeout:  10 * time.Second,
		AuthTimeout:   5 * time.Second,
		HelloTimeout:  30 * time.Second,
		FrameTimeout:  10 * time.Second,
		MaxEventBytes: 1_500_000,
		MergeWindow:   10 * time.Millisecond,
		RecordTimeout: 30 * time.Second,
	}
}

func (o *SocketOptions) bindFlags(fs *flag.FlagSet) {
	fs.IntVar(&o.Most, "max-websockets", o.Most, "maximum number of open websockets; further ones get 503 with Retry-After")
	fs.DurationVar(&o.PingInterval, "rest-socket-ping-interval", o.PingInterval, "time between two pings on a websocket; a peer that does not answer within 20s is disconnected")
}

func (o *SocketOptions) validate() error {
	return errors.Join(
		checkPositive("--max-websockets", o.Most),
		checkPositive("--rest-socket-ping-interval", o.PingInterval),
	)
}
