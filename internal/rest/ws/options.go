package ws

import (
	"errors"
	"flag"
	"time"
)

// Options are the time limits of a websocket.
type Options struct {
	PingInterval time.Duration // between two pings to the peer
	PingTimeout  time.Duration // until the peer has answered a ping
	WriteTimeout time.Duration // until the peer has read a frame; a slower peer is disconnected
	AuthTimeout  time.Duration // until the auth frame has arrived, and for the review of its token
	HelloTimeout time.Duration // until each later frame of the handshake has arrived
	FrameTimeout time.Duration // from the first bytes of a frame that is not small until its end
}

// DefaultOptions returns the limits of Prefect, where it has any.
func DefaultOptions() Options {
	return Options{
		PingInterval: 20 * time.Second,
		PingTimeout:  20 * time.Second,
		WriteTimeout: 10 * time.Second,
		AuthTimeout:  5 * time.Second,
		HelloTimeout: 30 * time.Second,
		FrameTimeout: 10 * time.Second,
	}
}

const flagPingInterval = "rest-socket-ping-interval"

// BindFlags adds the flags of the options to fs.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.DurationVar(&o.PingInterval, flagPingInterval, o.PingInterval, "time between two pings on a websocket; a peer that does not answer within 20s is disconnected")
}

// Validate returns an error that names the flag of an invalid option.
func (o *Options) Validate() error {
	if o.PingInterval <= 0 {
		return errors.New("--" + flagPingInterval + " must be more than 0")
	}
	return nil
}
