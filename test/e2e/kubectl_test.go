//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is the timeout of waits.
const patience = 2 * time.Minute

// The names of config/default.
const (
	system     = "taskrun-system"
	deployment = "deployment/taskrun-controller-manager"
	lease      = "taskrun-operator.taskrun.dev"
	pods       = "app.kubernetes.io/component=controller-manager"
)

// kubectl runs kubectl and returns its output.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryKubectl(t, "", args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryKubectl(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	command := exec.CommandContext(ctx, os.Getenv("E2E_KUBECTL"), args...)
	command.Stdin = strings.NewReader(stdin)
	out, err := command.CombinedOutput()
	return string(out), err
}

// apply applies objects.
func apply(t *testing.T, objects string) {
	t.Helper()
	if out, err := tryKubectl(t, objects, "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatalf("applying: %v\n%s\n%s", err, out, objects)
	}
}

// image is a file that run.sh has created.
func image(name string) string { return filepath.Join(os.Getenv("E2E_IMAGES"), name) }

// eventually repeats the check until it succeeds, and returns the duration.
func eventually(t *testing.T, what string, ask func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !ask() {
		if time.Since(began) > patience {
			t.Fatalf("timed out after %s: %s", patience, what)
		}
		<-ticker.C
	}
	return time.Since(began)
}

// report prints a line that is shown for a passed test, too.
func report(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Logf("REPORT: "+format, args...)
}

// tenant is the namespace of the users of the installation.
const tenant = "team-a"

// job runs the client in a pod of the tenant, with the token of an account.
func job(t *testing.T, name, account, address string, args ...string) {
	t.Helper()
	quoted, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      serviceAccountName: %[3]s
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      hostAliases: [{ip: %[4]s, hostnames: [taskrun-rest.taskrun-system.svc]}]
      containers:
      - name: client
        image: client:e2e
        imagePullPolicy: Never
        args: %[5]s
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts:
        - {name: token, mountPath: /var/run/secrets/taskrun, readOnly: true}
        - {name: ca, mountPath: /var/run/taskrun-ca, readOnly: true}
      volumes:
      - name: token
        projected: {sources: [{serviceAccountToken: {audience: taskrun.dev, path: token}}]}
      - name: ca
        configMap: {name: taskrun-rest-ca}
`, tenant, name, account, address, quoted))
}

// outcome waits for the end of a job, and returns whether it succeeded and its output.
func outcome(t *testing.T, name string) (succeeded bool, said string) {
	t.Helper()
	eventually(t, "the end of the job "+name, func() bool {
		state := kubectl(t, "-n", tenant, "get", "job", name, "-o", "jsonpath={.status.succeeded},{.status.failed}")
		succeeded = strings.HasPrefix(state, "1,")
		return state != ","
	})
	return succeeded, strings.TrimSpace(kubectl(t, "-n", tenant, "logs", "job/"+name))
}
