package rest

import (
	"errors"
	"flag"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// SocketOptions say how websockets are served.
type SocketOptions struct {
	Most            int           // open at once
	RecheckInterval time.Duration // between two checks of the caller and its permission

	ws.Options

	MaxEventBytes int64         // of an event frame; a larger one is dropped
	MergeWindow   time.Duration // how long an event may wait for others to be recorded with; 0: not at all
	RecordTimeout time.Duration // for events to become durable, trying again; then the socket ends
}

// defaultSocketOptions are those of Prefect, where it has any.
func defaultSocketOptions() SocketOptions {
	return SocketOptions{
		Most:            10_000,
		RecheckInterval: time.Minute,

		Options: ws.DefaultOptions(),

		MaxEventBytes: 1_500_000,
		MergeWindow:   10 * time.Millisecond,
		RecordTimeout: 30 * time.Second,
	}
}

func (o *SocketOptions) bindFlags(fs *flag.FlagSet) {
	fs.IntVar(&o.Most, "max-websockets", o.Most, "maximum number of open websockets; further ones get 503 with Retry-After")
	o.BindFlags(fs)
}

func (o *SocketOptions) validate() error {
	return errors.Join(
		checkPositive("--max-websockets", o.Most),
		o.Validate(),
	)
}
