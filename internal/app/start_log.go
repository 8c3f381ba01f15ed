package app

import (
	"context"
	"flag"
	"log/slog"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// logStart logs the build, the changed options and the listening addresses.
func (a *App) logStart(ctx context.Context) {
	build := version.Get()
	m := &a.options.Manager
	a.log.LogAttrs(ctx, slog.LevelInfo, "starting taskrun-operator",
		slog.String("version", build.Version), slog.String("commit", build.Commit), slog.String("go", build.Go),
		slog.Any("options", a.options.changed()), slog.String("restAddress", a.options.REST.BindAddress),
		slog.String("metricsAddress", m.MetricsAddress), slog.String("healthAddress", m.HealthAddress))
}

// changed returns the options that differ from their defaults, as flags.
func (o *Options) changed() []string {
	current, defaults := *o, DefaultOptions()
	isSet, byDefault := valuesOf(&current), valuesOf(&defaults)
	changed := []string{}
	for _, name := range flagNames(&defaults) {
		if isSet[name] != byDefault[name] {
			changed = append(changed, "--"+name+"="+isSet[name])
		}
	}
	return changed
}

// flagNames returns the names of all flags, sorted.
func flagNames(o *Options) []string {
	var names []string
	bound(o).VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// valuesOf returns the values of the options by flag. Function flags have no value of
// their own.
func valuesOf(o *Options) map[string]string {
	values := map[string]string{}
	bound(o).VisitAll(func(f *flag.Flag) { values[f.Name] = f.DefValue })
	for name, list := range map[string][]string{
		"watch-namespaces": o.Scope.Watch, "rest-allowed-hosts": o.REST.AllowedHosts,
		"rest-cors-origins": o.REST.CORSOrigins, "tls-dns-names": o.Security.TLS.DNSNames,
	} {
		values[name] = strings.Join(list, ",")
	}
	return values
}

func bound(o *Options) *flag.FlagSet {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	o.BindFlags(fs)
	return fs
}
