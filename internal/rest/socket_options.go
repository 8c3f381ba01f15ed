package rest

import (
	"errors"
	"flag"
	"fmt"
	"time"
)

// SocketOptions say how websockets are served.
type SocketOptions struct {
	Most            int           // open at once
	RecheckInterval time.Duration // between two looks whether the caller may still do what he does

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
	fs.IntVar(&o.Most, "max-websockets", o.Most, "how many websockets may be open at once; more are answered 503 with Retry-After")
	fs.DurationVar(&o.RecheckInterval, "rest-socket-recheck-interval", o.RecheckInterval,
		"how often a websocket's token and its rights are looked at again; a token that expires is noticed at once, one that was revoked within this time")
	fs.DurationVar(&o.PingInterval, "rest-socket-ping-interval", o.PingInterval, "how often a websocket's peer is asked whether it lives")
	fs.DurationVar(&o.PingTimeout, "rest-socket-ping-timeout", o.PingTimeout, "how long it may take to answer; then it is taken for gone")
	fs.DurationVar(&o.WriteTimeout, "rest-socket-write-timeout", o.WriteTimeout,
		"how long the peer of a websocket may take to read a frame; a slower one is cut")
	fs.DurationVar(&o.AuthTimeout, "rest-socket-auth-timeout", o.AuthTimeout,
		"time within which a websocket's auth frame must arrive, and then its token be reviewed")
	fs.DurationVar(&o.HelloTimeout, "rest-socket-hello-timeout", o.HelloTimeout, "how long each later frame of a websocket's handshake may take to arrive")
	fs.DurationVar(&o.FrameTimeout, "rest-socket-frame-timeout", o.FrameTimeout,
		"time within which the rest of a frame of more than 4 KiB must arrive; then the websocket is closed")
	fs.Int64Var(&o.MaxEventBytes, "rest-max-event-bytes", o.MaxEventBytes, "size of the largest event that is taken over a websocket")
	fs.DurationVar(&o.MergeWindow, "rest-event-merge-window", o.MergeWindow,
		"how long an event may wait for others to be recorded with: longer saves writes, shorter shows states earlier")
	fs.DurationVar(&o.RecordTimeout, "rest-event-record-timeout", o.RecordTimeout,
		"how long recording events is tried; then their websocket is closed, and the client sends them again")
}

func (o *SocketOptions) validate() error {
	return errors.Join(
		checkPositive("--max-websockets", o.Most),
		checkPositive("--rest-socket-recheck-interval", o.RecheckInterval),
		checkPositive("--rest-socket-ping-interval", o.PingInterval),
		checkPositive("--rest-socket-ping-timeout", o.PingTimeout),
		checkPositive("--rest-socket-write-timeout", o.WriteTimeout),
		checkPositive("--rest-socket-auth-timeout", o.AuthTimeout),
		checkPositive("--rest-socket-hello-timeout", o.HelloTimeout),
		checkPositive("--rest-socket-frame-timeout", o.FrameTimeout),
		checkEventBytes("--rest-max-event-bytes", o.MaxEventBytes),
		checkNotNegative("--rest-event-merge-window", o.MergeWindow),
		checkPositive("--rest-event-record-timeout", o.RecordTimeout),
	)
}

func checkEventBytes(name string, n int64) error {
	if n <= 0 || n > maxFrame {
		return fmt.Errorf("%s must be more than 0 and at most %d", name, maxFrame)
	}
	return nil
}

func checkNotNegative(name string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s must not be less than 0", name)
	}
	return nil
}
