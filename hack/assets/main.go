// Command assets provides the programs of a local control plane, etcd and kube-apiserver, and kubectl. It uses the
// first of: the folder in KUBEBUILDER_ASSETS; bin/k8s from an earlier run; a download by setup-envtest; a build from
// the Go modules in hack/cluster. It prints the folder on standard output and its progress on standard error. With
// -node it also provides all programs of a node, in one folder. With -kubernetes oldest or middle it provides an older
// kube-apiserver, in bin/k8s-1.32 or the like, regardless of KUBEBUILDER_ASSETS.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, args []string, stdout, progress io.Writer) error {
	flags := flag.NewFlagSet("assets", flag.ContinueOnError)
	kubectl := flags.String("kubectl", "auto", "auto: only if PATH has no kubectl that will do; always")
	node := flags.Bool("node", false, "also what a node needs: controller manager, scheduler, kubelet and kube-proxy, all built")
	download := flags.Bool("download", true, "try setup-envtest before building")
	release := flags.String("kubernetes", newest, "which supported release: oldest, middle or newest")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("reading flags: %w", err)
	}
	if *node && *release != newest {
		return fmt.Errorf("-node gets the newest release only, not the %s", *release)
	}
	root, err := controlplane.Repository()
	if err != nil {
		return err
	}
	v, err := readVersions(filepath.Join(root, "hack", "cluster"), *release)
	if err != nil {
		return err
	}
	g := &getter{root: root, release: *release, versions: v, download: *download, progress: progress}
	g.folder = filepath.Join(root, "bin", g.folderName())
	if *node {
		return g.node(ctx, stdout)
	}
	folder, err := g.controlPlane(ctx)
	if err != nil {
		return err
	}
	if err := g.client(ctx, *kubectl); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, folder)
	return err
}

// client provides kubectl, always or only if PATH has none that is new enough.
func (g *getter) client(ctx context.Context, when string) error {
	if when != "always" && kubectlOnPath(ctx) != "" {
		return nil
	}
	return g.need(ctx, "kubectl")
}

// getter provides programs in one folder.
type getter struct {
	root     string
	folder   string
	release  string
	versions versions
	download bool
	progress io.Writer
}

// folderName returns the name of the folder in bin: k8s, or k8s-1.32 for an older release.
func (g *getter) folderName() string {
	if g.release == newest {
		return "k8s"
	}
	major, minorPart := minor(g.versions.kubernetes)
	return "k8s-" + major + "." + minorPart
}

func (g *getter) say(format string, args ...any) {
	_, _ = fmt.Fprintf(g.progress, format+"\n", args...)
}

// named returns the folder in KUBEBUILDER_ASSETS, which is not used for an older release.
func (g *getter) named() string {
	if g.release != newest {
		return ""
	}
	return os.Getenv(controlplane.AssetsVariable)
}

// controlPlane returns the folder with etcd and kube-apiserver. It provides them if necessary.
func (g *getter) controlPlane(ctx context.Context) (string, error) {
	if named := g.named(); named != "" && named != g.folder {
		if controlplane.Complete(named, "etcd", "kube-apiserver") {
			return named, nil
		}
		g.say("%s=%s holds no etcd and kube-apiserver: getting them into %s", controlplane.AssetsVariable, named, g.folder)
	}
	if g.have("etcd") && g.have("kube-apiserver") {
		return g.folder, nil
	}
	if g.download {
		err := g.fromEnvtest(ctx)
		if err == nil {
			return g.folder, nil
		}
		g.say("setup-envtest: not available here (%v); building instead", err)
	}
	for _, program := range []string{"etcd", "kube-apiserver"} {
		if err := g.need(ctx, program); err != nil {
			return "", err
		}
	}
	return g.folder, nil
}

// node provides all programs of a node with its control plane, and returns the folder.
func (g *getter) node(ctx context.Context, stdout io.Writer) error {
	for _, program := range []string{
		"etcd", "kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
	} {
		if err := g.need(ctx, program); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(stdout, g.folder)
	return err
}

// need builds a program unless the folder has the required version.
func (g *getter) need(ctx context.Context, program string) error {
	if g.have(program) {
		return nil
	}
	return g.build(ctx, program)
}

// have reports whether the folder has the program in the version of hack/cluster.
func (g *getter) have(program string) bool {
	stamp, err := os.ReadFile(g.stampFile(program))
	return err == nil && strings.TrimSpace(string(stamp)) == g.versions.of(program) && controlplane.Complete(g.folder, program)
}

// stamp records the version of an installed program.
func (g *getter) stamp(program string) error {
	if err := os.WriteFile(g.stampFile(program), []byte(g.versions.of(program)+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting the version of %s: %w", program, err)
	}
	return nil
}

func (g *getter) stampFile(program string) string {
	return filepath.Join(g.folder, "."+program+".version")
}
