package kubectl

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// movesAtOnce is how many runs are moved side by side.
const movesAtOnce = 16

// moving is a subcommand that proposes a state to runs.
type moving struct {
	plugin *plugin

	verb    string                       // what is done; names of proposals begin with it
	done    string                       // past participle of what is done
	covers  func(run *taskrun.Run) error // why the run cannot be moved, or has no need to
	propose func(one item) v1alpha1.ProposedState
	asSeen  bool                          // the run must still be in the state that was read
	remark  func(run *taskrun.Run) string // what people may not expect; empty: nothing

	which   choice
	message string
	force   bool
	dryRun  bool
	wait    bool
	timeout time.Duration

	proposer string // user name as the API server knows it; empty: unknown

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
	f.BoolVar(&m.dryRun, "dry-run", false, "only show the runs that would be changed")
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
	movable := m.movable(found, len(names) > 0)
	if m.dryRun {
		err = m.showDryRun(movable)
	} else {
		err = m.moveAll(ctx, cluster.Client, movable)
	}
	if err == nil && m.failed {
		err = errSome
	}
	return err
}

// movable returns the runs that can be moved. The others are reported if they were named:
// of those that are chosen by flags, they are not meant.
func (m *moving) movable(found []item, named bool) []item {
	var movable []item
	for _, one := range found {
		switch err := m.covers(one.Run); {
		case err == nil:
			movable = append(movable, one)
		case named:
			m.report(one, err)
		}
	}
	return movable
}

// moveAll moves the runs side by side, and reports each.
func (m *moving) moveAll(ctx context.Context, c client.Client, all []item) error {
	m.proposer = userName(ctx, c)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(movesAtOnce)
	for _, one := range all {
		group.Go(func() error {
			m.report(one, m.move(ctx, c, one))
			return ctx.Err()
		})
	}
	return group.Wait()
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
		p.out.printf("%s %s already\n", name, m.done)
	case err != nil:
		m.failed = true
		p.tell("%s not %s: %v", name, m.done, err)
	default:
		suffix := ""
		if !m.wait {
			suffix = " (proposed)"
		}
		p.out.printf("%s %s%s\n", name, m.done, suffix)
		if remark := m.remark(one.Run); remark != "" {
			p.tell("  %s", remark)
		}
	}
}

// showDryRun shows the runs that would be changed, and their number.
func (m *moving) showDryRun(would []item) error {
	p := m.plugin
	if len(would) > 0 {
		t := &table{columns: []string{"NAME", "RUN NAME", "TASK", "STATE"}}
		if p.all {
			t.columns = append([]string{"NAMESPACE"}, t.columns...)
		}
		for _, one := range would {
			cells := []any{one.object.Name, orNone(one.Name), orNone(one.TaskKey), stateText(one.State)}
			if p.all {
				cells = append([]any{one.object.Namespace}, cells...)
			}
			t.add(cells...)
		}
		if err := (&output{}).table(p.out, t); err != nil {
			return err
		}
	}
	noun := "runs"
	if len(would) == 1 {
		noun = "run"
	}
	p.out.printf("%d %s would be %s (dry run)\n", len(would), noun, m.done)
	return nil
}

// move proposes the state to one run, and waits for the verdict.
func (m *moving) move(ctx context.Context, c client.Client, one item) error {
	state := m.propose(one)
	state.Message = &m.message
	spec := v1alpha1.StateProposalSpec{State: state, Force: m.force, Proposer: m.proposer}
	if m.asSeen {
		spec.IfStateID = one.State.ID
	}
	proposal, err := propose(ctx, c, one, spec, m.verb)
	if err != nil || !m.wait {
		return err
	}
	ctx, cancel := withTimeout(ctx, m.timeout)
	defer cancel()
	return verdictOn(ctx, c, proposal)
}
