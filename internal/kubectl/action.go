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
)

// maxConcurrent is the maximum number of concurrent proposals.
const maxConcurrent = 16

// action is a subcommand that proposes a state to runs of one kind.
type action[T row] struct {
	plugin *plugin
	from   source[T]

	verb        string            // name of the action; prefix of the names of proposals
	participle  string            // past participle of verb
	eligible    func(one T) error // nil; errNoChange; or why the run cannot change
	propose     func(one T) v1alpha1.ProposedState
	ifUnchanged bool               // propose only for the state that was read
	note        func(one T) string // note about a surprising effect; empty: none
	origin      column[T]          // of the table of a dry run

	message string
	force   bool
	dryRun  bool
	wait    bool
	timeout time.Duration

	proposer string // user name from the API server; empty: unknown

	mu     sync.Mutex // guards the output and failed
	failed bool
}

// column is a column of a table.
type column[T any] struct {
	name string
	cell func(one T) string
}

// errNoChange: the run is in the requested state.
var errNoChange = errors.New("nothing to do")

func (a *action[T]) bind(cmd *cobra.Command, said string) {
	a.plugin.allNamespaces(cmd)
	f := cmd.Flags()
	f.StringVar(&a.message, "message", said, "message of the proposed state")
	f.BoolVar(&a.force, "force", false, "set the state regardless of the rules")
	f.BoolVar(&a.dryRun, "dry-run", false, "only show the runs that would change")
	f.BoolVar(&a.wait, "wait", true, "wait for the operator's verdict")
	f.DurationVar(&a.timeout, "timeout", time.Minute, "maximum wait for each verdict (0 = no limit)")
	cmd.RunE = func(cmd *cobra.Command, names []string) error { return a.run(cmd.Context(), names) }
}

func (a *action[T]) run(ctx context.Context, names []string) error {
	p := a.plugin
	cluster, err := p.Connect()
	if err != nil {
		return err
	}
	found, err := selected(ctx, p, cluster, a.from, names)
	if err != nil {
		return err
	}
	movable := a.eligibleRuns(found, len(names) > 0)
	if a.dryRun {
		err = a.showDryRun(movable)
	} else {
		err = a.proposeAll(ctx, cluster.Client, movable)
	}
	if err == nil && a.failed {
		err = errPartial
	}
	return err
}

// eligibleRuns returns the runs that can change. It reports the other runs only if
// they were named.
func (a *action[T]) eligibleRuns(found []T, named bool) []T {
	var movable []T
	for _, one := range found {
		switch err := a.eligible(one); {
		case err == nil:
			movable = append(movable, one)
		case named:
			a.report(one, err)
		}
	}
	return movable
}

// proposeAll proposes the state to the runs concurrently, and reports each.
func (a *action[T]) proposeAll(ctx context.Context, c client.Client, all []T) error {
	a.proposer = userName(ctx, c)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for _, one := range all {
		group.Go(func() error {
			a.report(one, a.proposeOne(ctx, c, one))
			return ctx.Err()
		})
	}
	return group.Wait()
}

// report prints the result for one run.
func (a *action[T]) report(one T, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.plugin
	name := one.key()
	if p.all {
		name = one.meta().GetNamespace() + "/" + name
	}
	switch {
	case errors.Is(err, errNoChange):
		p.out.printf("%s %s already\n", name, a.participle)
	case err != nil:
		a.failed = true
		p.note("%s not %s: %v", name, a.participle, err)
	default:
		suffix := ""
		if !a.wait {
			suffix = " (proposed)"
		}
		p.out.printf("%s %s%s\n", name, a.participle, suffix)
		if remark := a.note(one); remark != "" {
			p.note("  %s", remark)
		}
	}
}

// showDryRun shows the runs that would change, and their number.
func (a *action[T]) showDryRun(would []T) error {
	p := a.plugin
	if len(would) > 0 {
		t := &table{columns: []string{"NAME", "RUN NAME", a.origin.name, "STATE"}}
		if p.all {
			t.columns = append([]string{"NAMESPACE"}, t.columns...)
		}
		for _, one := range would {
			cells := []any{one.meta().GetName(), orNone(one.runName()), orNone(a.origin.cell(one)), stateText(one.state())}
			if p.all {
				cells = append([]any{one.meta().GetNamespace()}, cells...)
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
	p.out.printf("%d %s would be %s (dry run)\n", len(would), noun, a.participle)
	return nil
}

// proposeOne proposes the state to one run, and waits for the verdict.
func (a *action[T]) proposeOne(ctx context.Context, c client.Client, one T) error {
	state := a.propose(one)
	state.Message = &a.message
	spec := v1alpha1.StateProposalSpec{State: state, Force: a.force, Proposer: a.proposer}
	if a.ifUnchanged {
		spec.IfStateID = one.state().ID
	}
	proposal, err := propose(ctx, c, one, spec, a.verb)
	if err != nil || !a.wait {
		return err
	}
	ctx, cancel := withTimeout(ctx, a.timeout)
	defer cancel()
	return verdictOn(ctx, c, proposal)
}
