//go:build apiserver

package manifests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

// installPage is docs/install.md.
func installPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(inRepository(t, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// yamlBlock returns the only YAML block of a section of a page.
func yamlBlock(t *testing.T, page, heading string) string {
	t.Helper()
	_, section, found := strings.Cut(page, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, begun := strings.Cut(section, "```yaml\n")
	block, _, ended := strings.Cut(block, "```")
	if !found || !begun || !ended {
		t.Fatalf("the section %q has no YAML", heading)
	}
	return block
}

// The overlay in the page, with the patch of the NetworkPolicy added to it, can be rendered and has the
// described effect.
func TestInstallPage_overlaysWork(t *testing.T) {
	t.Parallel()
	page := installPage(t)
	folder := t.TempDir()
	config, err := filepath.Rel(folder, inRepository(t, "config", "default"))
	if err != nil {
		t.Fatal(err)
	}
	const resource = "taskrun-operator/config/default"
	option := yamlBlock(t, page, "Set an option")
	if !strings.Contains(option, resource) {
		t.Fatalf("the overlay does not name %s", resource)
	}
	policy := strings.TrimPrefix(yamlBlock(t, page, "What the NetworkPolicy allows"), "patches:\n")
	text := strings.Replace(option, resource, config, 1) + policy
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rendered, err := kubectl(t, nil, "kustomize", folder)
	if err != nil {
		t.Fatal(err)
	}
	objects := decode(t, rendered)
	container := deployment(t, objects).Spec.Template.Spec.Containers[0]
	if options, err := parse(container.Args); err != nil || options.Controller.FinishedTTL == 0 {
		t.Errorf("%v, %v: the option is not set", container.Args, err)
	}
	if want := "registry.example/team/taskrun-operator:v1"; container.Image != want {
		t.Errorf("image %s, want %s", container.Image, want)
	}
	if got := ports(find[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy", home, manager)); !slices.Contains(got, "out 8443") {
		t.Errorf("ports %q, want out 8443", got)
	}
}

// ports returns the ports of a policy, such as "in 4200".
func ports(policy *networkingv1.NetworkPolicy) []string {
	numbers := map[string]string{"rest": "4200", "metrics": "4201", "health": "4202"}
	var all []string
	add := func(direction string, several []networkingv1.NetworkPolicyPort) {
		for _, one := range several {
			number := one.Port.String()
			if named := numbers[number]; named != "" {
				number = named
			}
			all = append(all, direction+" "+number)
		}
	}
	for _, rule := range policy.Spec.Ingress {
		add("in", rule.Ports)
	}
	for _, rule := range policy.Spec.Egress {
		add("out", rule.Ports)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestInstallPage_listsThePortsOfTheNetworkPolicy(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(installPage(t), "\n## What the NetworkPolicy allows\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var said []string
	for _, row := range regexp.MustCompile(`(?m)^\| (in|out) \| ([^|]*) \|`).FindAllStringSubmatch(section, -1) {
		text, _, _ := strings.Cut(row[2], "(")
		for _, number := range regexp.MustCompile(`\d+`).FindAllString(text, -1) {
			said = append(said, fmt.Sprintf("%s %s", row[1], number))
		}
	}
	slices.Sort(said)
	policy := find[networkingv1.NetworkPolicy](t, overlay(t, home), "NetworkPolicy", home, manager)
	if want := ports(policy); !slices.Equal(said, want) {
		t.Errorf("the page says %q, the policy has %q", said, want)
	}
}
