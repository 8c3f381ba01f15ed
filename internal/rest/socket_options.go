package rest

import (
	"errors"
	"flag"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// SocketOptions configure the websockets.
type SocketOptions struct {
	Most            int           // maximum number of open websockets
	RecheckInterval time.Duration // between two checks of the caller and its permission

	ws.Options

	MaxEventBytes int64         // of an event frame, in bytes; a larger one is dropped
	MergeWindow   time.Duration // maximum time that an event waits for others of the same batch; 0: no wait
	RecordTimeout time.Duration // for recording events, with retries; then the socket ends
}

// defaultSocketOptions returns the values of Prefect, where it has them.
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
