package ws

import "github.com/taskrun-dev/taskrun-operator/internal/bytebudget"

// Memory limits the memory of frames.
type Memory struct {
	Arriving *bytebudget.CallerBudget // text that is read, or waits to be recorded
	Parsed   *bytebudget.CallerBudget // values until they are handled
}

// Limits on frames.
const (
	// UncountedBytes is the size up to which a frame is so small that the number of sockets limits the memory of such
	// frames well enough.
	UncountedBytes = 4 << 10
	// MaxUnidentifiedBytes is the number of bytes that are read before the caller is identified: the longest token that
	// is reviewed has 16 KiB.
	MaxUnidentifiedBytes = 20 << 10
	// maxAuthValues is the number of values in an auth frame: the object, its two members, and some that a later client
	// may add.
	maxAuthValues = 16
	// maxCommand is the size of the largest frame of a few keys, in bytes.
	maxCommand = 256 << 10
	// maxCommandValues is the largest number of values in such a frame.
	maxCommandValues = 10_000
)
