//go:build apiserver

// Package manifests tests the manifests for platform teams: the kustomizations of config, and the Helm
// chart.
package manifests

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// Names that clients, users and other manifests rely on.
const (
	home    = "taskrun-system"
	manager = "taskrun-controller-manager"
	account = "system:serviceaccount:" + home + ":" + manager
)

// inRepository returns the path of a file of the repository.
func inRepository(t *testing.T, parts ...string) string {
	t.Helper()
	root, err := controlplane.Repository()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, parts...)...)
}

// run runs a program and returns its output. The error has its error output.
func run(t *testing.T, input []byte, program string, args ...string) ([]byte, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = inRepository(t)
	command.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return output, errors.New(err.Error() + ": " + complaint.String())
	}
	return output, nil
}

func kubectl(t *testing.T, input []byte, args ...string) ([]byte, error) {
	t.Helper()
	assets, err := controlplane.Assets(inRepository(t))
	if err != nil {
		t.Fatal(err)
	}
	return run(t, input, filepath.Join(assets, "kubectl"), args...)
}

// helm runs bin/helm, or the program in the environment variable HELM.
func helm(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	program := os.Getenv("HELM")
	if program == "" {
		program = inRepository(t, "bin", "helm")
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("no Helm: run `make bin/helm`: %v", err)
	}
	home := t.TempDir()
	t.Setenv("HELM_CACHE_HOME", home)
	t.Setenv("HELM_CONFIG_HOME", home)
	t.Setenv("HELM_DATA_HOME", home)
	return run(t, nil, program, args...)
}

// Objects are rendered objects by kind, namespace and name.
type Objects map[string]*unstructured.Unstructured

func key(kind, namespace, name string) string { return kind + " " + namespace + "/" + name }

func decode(t *testing.T, text []byte) Objects {
	t.Helper()
	objects := Objects{}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("decoding what was rendered: %v", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if strings.Contains(object.GetKind(), "AdmissionPolicy") { // kustomize treats them as namespaced; the API server does not
			object.SetNamespace("")
		}
		at := key(object.GetKind(), object.GetNamespace(), object.GetName())
		if objects[at] != nil {
			t.Errorf("%s is rendered twice", at)
		}
		objects[at] = object
	}
}

// find returns an object as its Go type.
func find[T any](t *testing.T, objects Objects, kind, namespace, name string) *T {
	t.Helper()
	object := objects[key(kind, namespace, name)]
	if object == nil {
		t.Fatalf("no %s", key(kind, namespace, name))
	}
	typed := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
		t.Fatalf("%s: %v", key(kind, namespace, name), err)
	}
	return typed
}

// kustomize renders a folder of the repository.
func kustomize(t *testing.T, folder string) Objects {
	t.Helper()
	output, err := kubectl(t, nil, "kustomize", folder)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, output)
}

// overlay renders config/default in a namespace with components, like a platform team.
func overlay(t *testing.T, namespace string, components ...string) Objects {
	t.Helper()
	return kustomize(t, writeOverlay(t, namespace, components...))
}

// writeOverlay writes the kustomization of two levels that config/default describes, and returns its
// folder.
func writeOverlay(t *testing.T, namespace string, components ...string) string {
	t.Helper()
	folder := t.TempDir()
	relative := func(from string, parts ...string) string {
		path, err := filepath.Rel(from, inRepository(t, parts...))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	inner, outer := filepath.Join(folder, "inner"), filepath.Join(folder, "outer")
	write(t, inner, "kustomization.yaml", "namespace: "+namespace+"\nresources:\n- "+relative(inner, "config", "default")+"\n")
	lines := []string{"resources:", "- ../inner", "components:"}
	for _, component := range components {
		lines = append(lines, "- "+relative(outer, "config", "components", component))
	}
	if len(components) == 0 {
		lines = lines[:2]
	}
	write(t, outer, "kustomization.yaml", strings.Join(lines, "\n")+"\n")
	return outer
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}
