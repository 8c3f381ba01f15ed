package kubectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// movesAtOnce is how many runs are moved side by side.
	movesAtOnce = 16
	// firstLook is the wait before the verdict is looked for; it doubles up to
	// lastLook.
	firstLook = 50 * time.Millisecond
	lastLook  = time.Second
)

// moving is a subcommand that proposes a state to runs.
type moving struct {
	plugin *plugin

	done    string                       // past participle of what is done
	covers  func(run *taskrun.Run) error // why the run cannot be moved, or has no need to
	propose func(one item) v1alpha1.Transition
	remark  func(run *taskrun.Run) string // what people may not expect; empty: nothing

	which   choice
	message string
	force   bool
	dryRun  bool
	wait    bool
	timeout time.Duration

	mu     sync.Mutex // guards what is printed
	failed bool
}

// errNoNeed tells that a run is where it is to be.
var errNoNeed = errors.New("nothing to do")

func (m *moving) bind(cmd *cobra.Command, said string) {
	m.which.bind(cmd)
	m.plugin.allNamespaces(cmd)
	f := cmd.Flags()
	f.StringVar(&m.message, "message", said, "the message of the state proposed")
	f.BoolVar(&m.force, "force", false, "skip the rules: the state is set whatever they say")
	f.BoolVar(&m.dryRun, "dry-run", false, "only say what would be moved")
	f.BoolVar(&m.wait, "wait", true, "wait for the operator's verdict")
	f.DurationVar(&m.timeout, "timeout", time.Minute, "how long to wait for each verdict; 0: for ever")
	cmd.RunE = func(cmd *cobra.Command, names []string) error { return m.run(cmd.Context(), names) }
}

func (m *moving) run(ctx context.Context, names []string) error {
	p := m.plugin
	cluster, err := p.Connect()
	if err != nil {
		return err
	}
	found, err := p.meant(ctx, cluster, &m.which, names)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(movesAtOnce)
	for _, one := range found {
		if err := m.covers(one.Run); err != nil {
			if len(names) > 0 { // of those that are chosen, the others are not meant
				m.report(one, err)
			}
			continue
		}
		group.Go(func() error {
			m.report(one, m.move(ctx, cluster.Client, one))
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if m.failed {
		return ErrSome
	}
	return nil
}

// report prints what became of one run.
func (m *moving) report(one item, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.plugin
	name := one.key()
	if p.all {
		name = one.object.Namespace + "/" + name
	}
	switch {
	case errors.Is(err, errNoNeed):
		_, _ = fmt.Fprintf(p.Streams.Out, "%s %s already\n", name, m.done)
	case err != nil:
		m.failed = true
		p.tell("%s not %s: %v", name, m.done, err)
	default:
		suffix := ""
		switch {
		case m.dryRun:
			suffix = " (dry run)"
		case !m.wait:
			suffix = " (proposed)"
		}
		_, _ = fmt.Fprintf(p.Streams.Out, "%s %s%s\n", name, m.done, suffix)
		if remark := m.remark(one.Run); remark != "" {
			p.tell("  %s", remark)
		}
	}
}

// move proposes the state to one run, and waits for the verdict.
func (m *moving) move(ctx context.Context, c client.Client, one item) error {
	if m.dryRun {
		return nil
	}
	transition := m.propose(one)
	transition.Force = m.force
	transition.State.Message = &m.message
	if transition.State.StateDetails == nil {
		transition.State.StateDetails = &v1alpha1.StateDetails{}
	}
	transition.State.StateDetails.TransitionID = uuid.NewString() // else an equal one is not judged again
	object, err := propose(ctx, c, one, transition)
	if err != nil || !m.wait {
		return err
	}
	ctx, cancel := withTimeout(ctx, m.timeout)
	defer cancel()
	return verdictOn(ctx, c, itemOf(object))
}

// propose writes spec.transition as a whole: nothing of an older proposal may
// stay. It fails if the object was deleted and another one has its name.
func propose(ctx context.Context, c client.Client, one item, transition v1alpha1.Transition) (*v1alpha1.TaskRun, error) {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": one.object.UID},
		{"op": "add", "path": "/spec/transition", "value": transition},
	})
	if err != nil {
		return nil, err
	}
	object := &v1alpha1.TaskRun{}
	object.Namespace, object.Name = one.object.Namespace, one.object.Name
	if err := c.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner("kubectl-taskrun")); err != nil {
		return nil, explain(err)
	}
	return object, nil
}

// verdictOn waits for what the operator says to the proposal that stands in the
// object.
func verdictOn(ctx context.Context, c client.Client, proposed item) error {
	var last item
	backoff := wait.Backoff{Duration: firstLook, Factor: 2, Steps: 64, Cap: lastLook}
	err := backoff.DelayFunc().Until(ctx, false, true, func(ctx context.Context) (bool, error) {
		object := &v1alpha1.TaskRun{}
		if err := c.Get(ctx, client.ObjectKeyFromObject(proposed.object), object); err != nil {
			return false, explain(err)
		}
		last = itemOf(object)
		if last.ProposalDigest != proposed.ProposalDigest {
			return false, errors.New("somebody else has proposed another state meanwhile")
		}
		return last.Transition != nil && last.Transition.Digest == proposed.ProposalDigest, nil
	})
	switch {
	case apierrors.IsNotFound(err):
		return errors.New("the run was deleted meanwhile")
	case wait.Interrupted(err):
		return errors.New("the operator has not judged it in time, and will do so when it runs: look at its pods, and at the run with kubectl taskrun describe")
	case err != nil:
		return err
	}
	return refusal(last.Run)
}

// refusal is the error of a verdict that put the run into another state than the
// one proposed, or none.
func refusal(run *taskrun.Run) error {
	verdict := run.Transition
	if verdict.Verdict == orchestration.Accept {
		return nil
	}
	text := string(verdict.Verdict)
	if verdict.Reason != "" {
		text += ", " + verdict.Reason
	}
	return fmt.Errorf("%s (it is %s; --force skips the rules)", text, stateText(run.State))
}
