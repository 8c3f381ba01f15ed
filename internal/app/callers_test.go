//go:build apiserver

package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	kuberest "k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// guardedProgram is the whole program with authentication and TLS, for the namespace home and another one.
type guardedProgram struct {
	*program
	kube            kubernetes.Interface
	home, neighbour string
	client          *http.Client // trusts the CA
}

func startGuarded(t *testing.T, changes ...func(*Options)) *guardedProgram {
	t.Helper()
	return startGuardedWith(t, testenv.Start(t).Config, changes...)
}

// startGuardedWith is startGuarded for a program with another client configuration.
func startGuardedWith(t *testing.T, config *kuberest.Config, changes ...func(*Options)) *guardedProgram {
	t.Helper()
	env := testenv.Start(t)
	kube, err := kubernetes.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	g := &guardedProgram{kube: kube, home: env.Namespace(t), neighbour: env.Namespace(t)}
	g.program = start(t, config, g.home, func(o *Options) {
		o.Scope.Watch = []string{g.home, g.neighbour}
		o.Manager.LeaseNamespace = g.home
		o.Security.Authentication, o.Security.TLS.SelfSigned = authenticationKubernetes, true
		o.Security.Callers.CacheTTL, o.Security.Callers.AllowedTTL, o.Security.Callers.DeniedTTL = time.Second, time.Second, time.Second
		o.REST.Sockets.RecheckInterval = time.Second
		for _, change := range changes {
			change(o)
		}
	})
	published, err := kube.CoreV1().ConfigMaps(g.home).Get(t.Context(), "taskrun-rest-ca", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(published.Data["ca.crt"]))
	g.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(g.client.CloseIdleConnections)
	eventually(t, "the program is ready", func() bool { return g.ask(t, http.MethodGet, "/api/ready", "") == http.StatusOK }, func() {})
	return g
}

// account creates a ServiceAccount with permissions in some namespaces, and returns when the API server has them.
func (g *guardedProgram) account(t *testing.T, name string, rights ...string) {
	t.Helper()
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: g.home, Name: name}}
	if _, err := g.kube.CoreV1().ServiceAccounts(g.home).Create(t.Context(), sa, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range rights {
		role := &rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"taskrun.dev"}, Resources: []string{"*"}, Verbs: []string{"*"}}},
		}
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: g.home, Name: name}},
		}
		if _, err := g.kube.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := g.kube.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		g.awaitGrant(t, name, authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: "get", Group: "taskrun.dev", Resource: "taskruns",
		}})
	}
}

// awaitGrant waits until the API server allows an access of the account. It reads roles and bindings from watches.
func (g *guardedProgram) awaitGrant(t *testing.T, account string, access authorizationv1.SubjectAccessReviewSpec) {
	t.Helper()
	access.User = "system:serviceaccount:" + g.home + ":" + account
	eventually(t, "the API server knows what "+account+" may do", func() bool {
		review, err := g.kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(),
			&authorizationv1.SubjectAccessReview{Spec: access}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return review.Status.Allowed
	}, func() {})
}

// awaitRefusal waits until the API server rejects a token. It reads ServiceAccounts from a watch, and caches an
// accepted token for ten seconds.
func (g *guardedProgram) awaitRefusal(t *testing.T, token string) {
	t.Helper()
	eventually(t, "the API server refuses the token", func() bool {
		review, err := g.kube.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{
			Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{"taskrun.dev"}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return !review.Status.Authenticated
	}, func() {})
}

// token returns a token of the account for an audience.
func (g *guardedProgram) token(t *testing.T, account, audience string) string {
	t.Helper()
	made, err := g.kube.CoreV1().ServiceAccounts(g.home).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Status.Token
}

// drop deletes the account, and thereby its tokens.
func (g *guardedProgram) drop(t *testing.T, account string) {
	t.Helper()
	if err := g.kube.CoreV1().ServiceAccounts(g.home).Delete(t.Context(), account, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// ask returns the status of the response. An empty token is not sent.
func (g *guardedProgram) ask(t *testing.T, method, path, token string) int {
	t.Helper()
	return g.askAt(t, method, g.app.REST().Addr().String(), path, token)
}

func (g *guardedProgram) askAt(t *testing.T, method, address, path, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "https://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := g.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

var anyParameter = regexp.MustCompile("{[^}]*}")

// Every route with every kind of credentials, authorized by a real API server.
func TestRoutes_areAuthorizedByTheAPIServer(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.account(t, "right", g.home, g.neighbour)
	g.account(t, "elsewhere", g.neighbour)
	g.account(t, "nothing")
	g.account(t, "gone", g.home)
	right, elsewhere, gone := g.token(t, "right", "taskrun.dev"), g.token(t, "elsewhere", "taskrun.dev"), g.token(t, "gone", "taskrun.dev")
	cases := map[string]struct {
		token string
		home  int // status in the namespace home; 0: accepted
		there int // status in the other namespace
	}{
		"no token":                           {"", 401, 401},
		"garbage":                            {"garbage", 401, 401},
		"a token for the API server":         {g.token(t, "right", "https://kubernetes.default.svc"), 401, 401},
		"the token of a deleted account":     {gone, 401, 401},
		"a token without permissions":        {g.token(t, "nothing", "taskrun.dev"), 403, 403},
		"permissions in the other namespace": {elsewhere, 403, 0},
		"the correct token":                  {right, 0, 0},
	}
	g.drop(t, "gone")
	g.awaitRefusal(t, gone)
	for _, r := range rest.Routes(rest.Parts{Limits: true, Flows: true}) {
		if r.Socket {
			continue
		}
		path := anyParameter.ReplaceAllString(r.Path, "00000000-0000-4000-8000-00000000dead")
		for name, tc := range cases {
			for base, want := range map[string]int{"/api": tc.home, "/namespaces/" + g.neighbour + "/api": tc.there} {
				if r.Open || want == 403 && r.Resource == rest.ResourceNone {
					want = 0
				}
				got := g.ask(t, r.Method, base+path, tc.token)
				if letIn := got != 401 && got != 403 && got != 503; want == 0 && !letIn || want != 0 && got != want {
					t.Errorf("%s %s%s with %s: status %d, want %d", r.Method, base, r.Path, name, got, want)
				}
			}
		}
	}
	if got := g.ask(t, http.MethodPost, "/namespaces/-/api/task_runs/count", right); got != 403 {
		t.Errorf("lists of all namespaces with rights in two: status %d, want 403", got)
	}
	if got := g.ask(t, http.MethodPost, "/namespaces/kube-system/api/task_runs/count", right); got != 403 {
		t.Errorf("a namespace of others: status %d, want 403", got)
	}
}

// limited creates a ServiceAccount with some permissions, "<verb> <resource>", in the namespace home, and returns a
// token for it when the API server has them.
func (g *guardedProgram) limited(t *testing.T, name string, permissions ...string) (token string) {
	t.Helper()
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: g.home, Name: name}}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: g.home, Name: name}}
	for _, permission := range permissions {
		verb, resource, _ := strings.Cut(permission, " ")
		role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{"taskrun.dev"}, Resources: []string{resource}, Verbs: []string{verb}})
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: g.home, Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: g.home, Name: name}},
	}
	_, noAccount := g.kube.CoreV1().ServiceAccounts(g.home).Create(t.Context(), sa, metav1.CreateOptions{})
	_, noRole := g.kube.RbacV1().Roles(g.home).Create(t.Context(), role, metav1.CreateOptions{})
	_, noBinding := g.kube.RbacV1().RoleBindings(g.home).Create(t.Context(), binding, metav1.CreateOptions{})
	if err := errors.Join(noAccount, noRole, noBinding); err != nil {
		t.Fatal(err)
	}
	for _, permission := range permissions {
		verb, resource, _ := strings.Cut(permission, " ")
		resource, subresource, _ := strings.Cut(resource, "/")
		g.awaitGrant(t, name, authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: g.home, Verb: verb, Group: "taskrun.dev", Resource: resource, Subresource: subresource,
		}})
	}
	return g.token(t, name, "taskrun.dev")
}

// Requests that need a second permission because of their content, with each of the two and with both, authorized by a
// real API server.
func TestRequests_withTwoPermissionsAreAuthorizedForBoth(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	event := func(run string) string {
		return `[{"id":"0198a1b2-0000-7000-9000-0000000000e1","occurred":"2026-08-21T10:00:00Z","event":"prefect.task-run.Running",` +
			`"resource":{"prefect.resource.id":"prefect.task-run.` + run + `","prefect.orchestration":"client"},` +
			`"payload":{"validated_state":{"type":"RUNNING"},"task_run":{"task_key":"k","dynamic_key":"d"}}}]`
	}
	for name, tc := range map[string]struct {
		path, body  string
		first, also string
	}{
		"event":  {"/events", event("0198a1b2-0000-7000-8000-0000000000e1"), "update taskruns/status", "create taskruns"},
		"tag":    {"/concurrency_limits/", `{"tag":"t","concurrency_limit":1}`, "update concurrencylimits", "create concurrencylimits"},
		"result": {"/task_runs/", `{"task_key":"k","dynamic_key":"r","state":{"type":"COMPLETED","data":1}}`, "create taskruns", "update taskruns/status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := g.limited(t, name+"-one", tc.first), g.limited(t, name+"-other", tc.also)
			both := g.limited(t, name+"-both", tc.first, tc.also)
			for _, token := range []string{one, other} {
				if got := g.post(t, tc.path, tc.body, token); got != http.StatusForbidden {
					t.Errorf("with one permission: status %d, want 403", got)
				}
			}
			if got := g.post(t, tc.path, tc.body, both); got/100 != 2 {
				t.Errorf("with both: status %d, want it done", got)
			}
		})
	}
}

// post sends a body to a path below /api, and returns the status.
func (g *guardedProgram) post(t *testing.T, path, body, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+g.app.REST().Addr().String()+"/api"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := g.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// dial opens a websocket with an auth frame and returns how it ended: "" if it stays open.
func (g *guardedProgram) dial(t *testing.T, path, token string) (conn *websocket.Conn, refused string) {
	t.Helper()
	return g.dialWith(t, path, token, nil)
}

// dialWith is dial with a header. It returns the status of a rejected upgrade.
func (g *guardedProgram) dialWith(t *testing.T, path, token string, header http.Header) (conn *websocket.Conn, refused string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, "wss://"+g.app.REST().Addr().String()+path, &websocket.DialOptions{
		HTTPClient: g.client, Subprotocols: []string{"prefect"}, HTTPHeader: header,
	})
	if response != nil && response.Body != nil {
		_ = response.Body.Close()
	}
	if err != nil && response != nil {
		return nil, strconv.Itoa(response.StatusCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"auth","token":"`+token+`"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(ctx); err != nil {
		return conn, err.Error()
	}
	return conn, ""
}

// Every websocket with every identity, in both forms of credentials.
func TestSockets_areAuthorizedByTheAPIServer(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.account(t, "right", g.home, g.neighbour)
	g.account(t, "elsewhere", g.neighbour)
	g.account(t, "nothing")
	g.account(t, "gone", g.home)
	gone := g.token(t, "gone", "taskrun.dev")
	const missing, invalid = "Auth required but no token provided", "Invalid token"
	cases := map[string]struct{ token, home, there, header string }{ // the rejection; header: of an upgrade in the namespace home
		"no token":                           {"", missing, missing, missing},
		"garbage":                            {"garbage", invalid, invalid, "401"},
		"a token for the API server":         {g.token(t, "right", "https://kubernetes.default.svc"), invalid, invalid, "401"},
		"the token of a deleted account":     {gone, invalid, invalid, "401"},
		"a token without permissions":        {g.token(t, "nothing", "taskrun.dev"), invalid, invalid, invalid},
		"permissions in the other namespace": {g.token(t, "elsewhere", "taskrun.dev"), invalid, "", invalid},
		"the correct token":                  {g.token(t, "right", "taskrun.dev"), "", "", ""},
	}
	g.drop(t, "gone")
	g.awaitRefusal(t, gone)
	check := func(path, name, want, refused string) {
		t.Helper()
		if (refused == "") != (want == "") || !strings.Contains(refused, want) {
			t.Errorf("%s with %s: %q, want %q", path, name, refused, want)
		}
	}
	for _, r := range rest.Routes(rest.Parts{Limits: true, Flows: true}) {
		if !r.Socket {
			continue
		}
		for name, tc := range cases {
			_, refused := g.dial(t, "/api"+r.Path, tc.token)
			check(r.Path, name, tc.home, refused)
			_, refused = g.dial(t, "/namespaces/"+g.neighbour+"/api"+r.Path, tc.token)
			check("the neighbour's "+r.Path, name, tc.there, refused)
			_, refused = g.dial(t, "/namespaces/-/api"+r.Path, tc.token)
			check("all namespaces' "+r.Path, name, "404", refused)
			header := http.Header{}
			if tc.token != "" {
				header.Set("Authorization", "Bearer "+tc.token)
			}
			_, refused = g.dialWith(t, "/api"+r.Path, "", header)
			check(r.Path+" by header", name, tc.header, refused)
		}
	}
}

func TestSocket_endsWithItsAccount(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.account(t, "short", g.home)
	conn, refused := g.dial(t, "/api/events/out", g.token(t, "short", "taskrun.dev"))
	if refused != "" {
		t.Fatal(refused)
	}
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"filter","filter":{}}`)); err != nil {
		t.Fatal(err)
	}
	g.drop(t, "short")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("the socket ended with %v, want code 1008", err)
	}
}

// A run has the name of the caller that created it.
func TestCaller_isRecordedInTheRun(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.account(t, "maker", g.home)
	token := g.token(t, "maker", "taskrun.dev")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+g.app.REST().Addr().String()+"/api/task_runs/",
		strings.NewReader(`{"id":"0198a1b2-0000-7000-8000-00000000000a","task_key":"k","dynamic_key":"0"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := g.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("status %d, want 201", response.StatusCode)
	}
	run := newCluster(t, testenv.Start(t).Config, g.home).get(t, "0198a1b2-0000-7000-8000-00000000000a")
	if run == nil || run.Annotations["taskrun.dev/created-by"] != "system:serviceaccount:"+g.home+":maker" {
		t.Errorf("the run is %+v", run)
	}
}
