// Package kubectl is the kubectl plugin: `kubectl taskrun` lists and describes runs,
// cancels and retries them, and shows their wait reasons. `kubectl taskrun flow` does so
// with flow runs.
//
// It uses the API server only, with the permissions of its user. It changes a state by
// a StateProposal, which the operator evaluates.
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
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// Options configure the plugin.
type Options struct {
	Streams genericiooptions.IOStreams
	Clock   clock.PassiveClock
	Zone    *time.Location // of displayed times
	// Connect returns the cluster. Nil: the cluster of the flags and of KUBECONFIG.
	Connect func() (Cluster, error)
}

// Cluster is the cluster of the runs.
type Cluster struct {
	Client    client.Client // not cached
	Namespace string        // default
}

// errPartial: some of the runs failed. Their errors have been printed.
var errPartial = errors.New("some runs were not changed")

// plugin is the shared part of the subcommands.
type plugin struct {
	Options

	out, notes *textWriter // standard output; standard error

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
	if !errors.Is(err, errPartial) {
		(&textWriter{raw: o.Streams.ErrOut}).printf("error: %v\n", err)
	}
	return 1
}

// NewCommand returns the command with its subcommands.
func NewCommand(o Options) *cobra.Command {
	p := &plugin{
		Options: o, flags: genericclioptions.NewConfigFlags(true),
		out: &textWriter{raw: o.Streams.Out}, notes: &textWriter{raw: o.Streams.ErrOut},
	}
	if p.Connect == nil {
		p.Connect = p.open
	}
	root := &cobra.Command{
		Use:   "kubectl-taskrun",
		Short: "Show and change task runs and flow runs",
		Long: "Show and change Prefect task runs that are TaskRun objects. The subcommands of flow show and change flow runs that are\n" +
			"FlowRun objects.\n\n" +
			"The plugin uses the API server with your own permissions: reading needs the role\n" +
			"view in the namespace, changing a run the role edit.",
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
	root.AddCommand(p.list(), p.describe(), p.cancel(), p.retry(), p.queue(), p.flow(), p.globalOptions())
	return root
}

// usageTemplate is the template of cobra without the global flags, which
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
		Use: "options", Short: "List the global flags", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			p.out.printf("The following flags can be passed to any command:\n\n")
			_, _ = io.WriteString(p.out.raw, cmd.Root().PersistentFlags().FlagUsages())
		},
	}
}

// open connects like kubectl.
func (p *plugin) open() (Cluster, error) {
	namespace, _, err := p.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return Cluster{}, err
	}
	config, err := p.flags.ToRESTConfig()
	if err != nil {
		return Cluster{}, err
	}
	config.QPS = -1 // API priority and fairness limits the requests
	config.WarningHandler = &warnings{to: p.notes}
	config.Wrap(kube.SkipUndecodable(p.noteSkipped))
	mapper, err := p.flags.ToRESTMapper()
	if err != nil {
		return Cluster{}, err
	}
	opened, err := client.New(config, client.Options{Scheme: scheme(), Mapper: mapper})
	return Cluster{Client: opened, Namespace: namespace}, err
}

// scheme returns a scheme with the kinds that the plugin reads.
func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, authenticationv1.AddToScheme, coordinationv1.AddToScheme, eventsv1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err) // cannot happen: the kinds are compiled in
		}
	}
	return s
}

// namespaceOf returns the selected namespace, empty for all.
func (p *plugin) namespaceOf(c Cluster) string {
	if p.all {
		return ""
	}
	return c.Namespace
}

// allNamespaces adds the flag for all namespaces.
func (p *plugin) allNamespaces(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&p.all, "all-namespaces", "A", false, "runs of all namespaces")
}

// note writes a note to standard error.
func (p *plugin) note(format string, arguments ...any) {
	p.notes.printf(format+"\n", arguments...)
}

// noteSkipped warns of an object that cannot be decoded.
func (p *plugin) noteSkipped(err *taskrun.UndecodableError) { p.note("Warning: %v.", err) }

// withTimeout limits a wait. 0: no limit.
func withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}
