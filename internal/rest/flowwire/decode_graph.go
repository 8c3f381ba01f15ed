package flowwire

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// DecodeGraphQuery reads the time since which the nodes of a graph are requested, nil for
// all nodes (flows contract §2.4). The last of several values counts.
func DecodeGraphQuery(rawQuery string) (since *time.Time, err error) {
	return wire.ReadQueryTime(rawQuery, "since")
}
