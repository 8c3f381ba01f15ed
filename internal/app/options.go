package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/taskrun-dev/taskrun-operator/internal/controller"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/tracing"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// Options are all options of the program.
type Options struct {
	Kubernetes KubernetesOptions
	Scope      ScopeOptions
	REST       rest.Options
	Security   SecurityOptions
	Flows      FlowOptions
	Controller controller.Options
	Delivery   delivery.ReaperOptions
	Manager    ManagerOptions
	Tracing    tracing.Options
	Log        LogOptions
}

// DefaultOptions returns the defaults of the flags. All addresses are on
// loopback.
func DefaultOptions() Options {
	return Options{
		Kubernetes: KubernetesOptions{Timeout: 10 * time.Second},
		Scope:      ScopeOptions{Namespace: "default"},
		REST:       rest.DefaultOptions(),
		Security:   DefaultSecurityOptions(),
		Flows:      FlowOptions{UnknownFlowRuns: flows.UnknownNotFound},
		Controller: controller.DefaultOptions(),
		Delivery:   delivery.DefaultReaperOptions(),
		Manager: ManagerOptions{
			MetricsAddress:  "127.0.0.1:4201",
			HealthAddress:   "127.0.0.1:4202",
			ShutdownTimeout: 30 * time.Second,
		},
		Tracing: tracing.DefaultOptions(),
		Log:     LogOptions{Format: formatText, Level: slog.LevelInfo},
	}
}

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	o.Kubernetes.BindFlags(fs)
	o.Scope.BindFlags(fs)
	o.REST.BindFlags(fs)
	o.Security.BindFlags(fs)
	o.Flows.BindFlags(fs)
	o.Controller.BindFlags(fs)
	o.Delivery.BindFlags(fs)
	o.Manager.BindFlags(fs)
	o.Tracing.BindFlags(fs)
	o.Log.BindFlags(fs)
}

// Validate returns all invalid options, with the names of their flags.
func (o *Options) Validate() error {
	var shutdown error
	if o.Manager.ShutdownTimeout <= o.REST.ShutdownTimeout {
		shutdown = fmt.Errorf("--shutdown-timeout must be more than --rest-shutdown-timeout, which is %s", o.REST.ShutdownTimeout)
	}
	return errors.Join(
		o.Kubernetes.Validate(), o.Scope.Validate(), o.REST.Validate(), o.Security.Validate(), o.Flows.Validate(), o.Controller.Validate(), o.Delivery.Validate(), o.Manager.Validate(),
		o.REST.CheckReach(o.Security.Authentication != authenticationNone, o.Security.TLS.Enabled()), shutdown, o.Tracing.Validate(), o.Log.Validate(),
	)
}

// parse sets the options from the arguments of a command line. If help was
// requested and printed, the error is flag.ErrHelp.
func (o *Options) parse(args []string, usage io.Writer) (showVersion bool, err error) {
	goFlags := flag.NewFlagSet("", flag.ContinueOnError)
	o.BindFlags(goFlags)
	goFlags.BoolVar(&showVersion, "version", false, "print the version and exit")
	fs := pflag.NewFlagSet("taskrun-operator", pflag.ContinueOnError)
	fs.AddGoFlagSet(goFlags)
	fs.SetOutput(io.Discard) // the caller reports the error
	fs.Usage = func() {
		fmt.Fprintf(usage, "taskrun-operator keeps Prefect task runs as Kubernetes objects and serves them over REST.\n"+
			"Workers of Prefect run the code; the operator runs none.\n\nFlags:\n%s", fs.FlagUsages())
	}
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return false, flag.ErrHelp
	case err != nil:
		return false, err
	case fs.NArg() > 0:
		return false, fmt.Errorf("unexpected argument %q: there are only flags, see --help", fs.Arg(0))
	}
	return showVersion, o.Validate()
}

// ScopeOptions configure the namespaces.
type ScopeOptions struct {
	Namespace string   // namespace of /api
	Watch     []string // namespaces of the controller; empty: all
}

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *ScopeOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.Namespace, "namespace", o.Namespace, "namespace whose TaskRuns are served under /api")
	fs.Func("watch-namespaces", "comma-separated namespaces to work in (empty = all)", func(list string) error {
		o.Watch = nil
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				o.Watch = append(o.Watch, name)
			}
		}
		return nil
	})
}

// Validate returns all invalid options, with the names of their flags.
func (o *ScopeOptions) Validate() error {
	if err := checkNamespace("--namespace", o.Namespace); err != nil {
		return err
	}
	for _, name := range o.Watch {
		if err := checkNamespace("--watch-namespaces", name); err != nil {
			return err
		}
	}
	if len(o.Watch) > 0 && !slices.Contains(o.Watch, o.Namespace) {
		return fmt.Errorf("--watch-namespaces must contain %q, which --namespace serves", o.Namespace)
	}
	return nil
}

func checkNamespace(flag, name string) error {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return fmt.Errorf("%s: %q is not a namespace: %s", flag, name, problems[0])
	}
	return nil
}
