// Package kubectl is the kubectl plugin: `kubectl taskrun` lists runs, shows what
// happened to one, cancels and retries them, and tells what waits for what.
//
// It talks to the API server only, with the permissions of its user: it changes a
// state by a StateProposal, which the operator evaluates.
package kubectl

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// Options say what the plugin works with.
type Options struct {
	Streams genericiooptions.IOStreams
	Clock   taskrun.Clock
	Zone    *time.Location // of the times that people see
	// Connect opens the cluster; nil: that of the flags and of KUBECONFIG.
	Connect func() (Cluster, error)
}

// Cluster is where the runs are.
type Cluster struct {
	Client    client.Client // not cached
	Namespace string        // the one that is meant where none is named
}

// errSome tells that it went wrong with some of the runs; which ones, and why,
// has been printed.
var errSome = errors.New("not all of them could be moved")

// plugin is what the subcommands share.
type plugin struct {
	Options

	out, remarks *textWriter // what was asked for; what is no part of it

	flags *genericclioptions.ConfigFlags
	all   bool // --all-namespaces
}

// Run runs the plugin with these arguments, and returns its exit code. An error is
// written to the error stream.
func Run(ctx context.Context, o Options, args []string) int {
	command := NewCommand(o) //nolint:contextcheck // cobra passes the context of ExecuteContext
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errSome) {
		(&textWriter{raw: o.Streams.ErrOut}).printf("error: %v\n", err)
	}
	return 1
}

// NewCommand returns the command with its subcommands.
func NewCommand(o Options) *cobra.Command {
	p := &plugin{
		Options: o, flags: genericclioptions.NewConfigFlags(true),
		out: &textWriter{raw: o.Streams.Out}, remarks: &textWriter{raw: o.Streams.ErrOut},
	}
	if p.Connect == nil {
		p.Connect = p.open
	}
	root := &cobra.Command{
		Use:   "kubectl-taskrun",
		Short: "See and move task runs",
		Long: "See and move Prefect task runs that are TaskRun objects.\n\n" +
			"All of it is done at the API server with your own rights: reading needs the role\n" +
			"view in the namespace, moving a run the role edit.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl taskrun"},
		Version:       version.Get().Of("kubectl-taskrun"),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetIn(o.Streams.In)
	root.SetOut(o.Streams.Out)
	root.SetErr(o.Streams.ErrOut)
	p.flags.AddFlags(root.PersistentFlags())
	root.SetUsageTemplate(usageTemplate)
	root.AddCommand(p.list(), p.describe(), p.cancel(), p.retry(), p.queue(), p.globalOptions())
	return root
}

// usageTemplate is that of cobra without the flags that all commands take, which
// `kubectl taskrun options` shows, as in kubectl.
const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .Aliases}}

Aliases:
  {{.NameAndAliases}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Available Commands:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .LocalNonPersistentFlags.HasAvailableFlags}}

Flags:
{{.LocalNonPersistentFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

Use "{{.CommandPath}} [command] --help" for more information about a command.{{end}}

Use "{{.Root.CommandPath}} options" for the flags of all commands, such as --namespace and --context.
`

// globalOptions is `kubectl taskrun options`.
func (p *plugin) globalOptions() *cobra.Command {
	return &cobra.Command{
		Use: "options", Short: "List the flags that all commands take", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			p.out.printf("The following flags can be passed to any command:\n\n")
			_, _ = io.WriteString(p.out.raw, cmd.Root().PersistentFlags().FlagUsages())
		},
	}
}

// open connects as kubectl would.
func (p *plugin) open() (Cluster, error) {
	namespace, _, err := p.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return Cluster{}, err
	}
	config, err := p.flags.ToRESTConfig()
	if err != nil {
		return Cluster{}, err
	}
	config.QPS = -1 // the API server's priority and fairness knows better
	config.WarningHandler = &warnings{to: p.remarks}
	config.Wrap(kube.SkipUndecodable(p.tellSkipped))
	mapper, err := p.flags.ToRESTMapper()
	if err != nil {
		return Cluster{}, err
	}
	opened, err := client.New(config, client.Options{Scheme: scheme(), Mapper: mapper})
	return Cluster{Client: opened, Namespace: namespace}, err
}

// scheme knows the kinds that the plugin reads.
func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, authenticationv1.AddToScheme, coordinationv1.AddToScheme, eventsv1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err) // cannot happen: the kinds are compiled in
		}
	}
	return s
}

// in is the namespace that is meant, empty for all.
func (p *plugin) in(c Cluster) string {
	if p.all {
		return ""
	}
	return c.Namespace
}

// allNamespaces adds the flag that means every namespace.
func (p *plugin) allNamespaces(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&p.all, "all-namespaces", "A", false, "the runs of all namespaces")
}

// tell writes a remark that is no part of what was asked for.
func (p *plugin) tell(format string, arguments ...any) {
	p.remarks.printf(format+"\n", arguments...)
}

// tellSkipped warns of an object that is left out of a list.
func (p *plugin) tellSkipped(err *taskrun.UndecodableError) { p.tell("Warning: %v.", err) }

// withTimeout bounds a wait; 0 is as long as the caller's context.
func withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}
