package ws

import "github.com/taskrun-dev/taskrun-operator/internal/bytebudget"

// Memory limits the memory of frames.
type Memory struct {
	Arriving *bytebudget.CallerBudget // text that is read, or waits to be recorded
	Parsed   *bytebudget.CallerBudget // values until they are handled
}

// Limits on frames.
const (
	// UncountedBytes is the size up to which no memory is reserved for a frame: the number of sockets limits the
	// memory of such frames.
	UncountedBytes = 4 << 10
	// MaxUnidentifiedBytes is the maximum number of bytes that are read before the caller is identified. The longest
	// token that is reviewed has 16 KiB.
	MaxUnidentifiedBytes = 20 << 10
	// maxAuthValues is the maximum number of values in an auth frame: the object, its two members, and some for
	// later clients.
	maxAuthValues = 16
	// maxCommand is the maximum size of a frame with a few keys, in bytes.
	maxCommand = 256 << 10
	// maxCommandValues is the maximum number of values in such a frame.
	maxCommandValues = 10_000
)
