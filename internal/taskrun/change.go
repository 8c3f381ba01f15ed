package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Change is one state that a run entered.
type Change struct {
	Run      *Run                 // as it was after the change, or later
	State    orchestration.State  // the state entered
	Previous *orchestration.State // nil: none, or not known
	Reported bool                 // by an Event; else it was made here, over REST or by the controller
	Received time.Time            // when it became known here
}
