//go:build apiserver

package testenv_test

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestStart_servesTaskRuns(t *testing.T) {
	env := testenv.Start(t)
	if again := testenv.Start(t); again != env {
		t.Error("a second Start made a second API server")
	}
	first, second := env.Namespace(t), env.Namespace(t)
	if first == second {
		t.Errorf("two calls of Namespace gave the same one, %q", first)
	}
	client, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	kind := schema.GroupVersionResource{Group: "taskrun.dev", Version: "v1alpha1", Resource: "taskruns"}
	if _, err := client.Resource(kind).Namespace(first).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("listing TaskRuns: %v", err)
	}
}

func TestStartPrivate_keepsDataAndAddressOverARestart(t *testing.T) {
	env := testenv.StartPrivate(t)
	namespace := env.Namespace(t)
	client, err := kubernetes.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	env.StopAPIServer(t)
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{}); err == nil || apierrors.IsNotFound(err) {
		t.Errorf("a stopped API server answered %v, want a failed connection", err)
	}
	env.StartAPIServer(t)
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{}); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}
