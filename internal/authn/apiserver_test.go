//go:build apiserver

package authn_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

const audience = "taskrun.dev"

func TestMain(m *testing.M) { testenv.Main(m) }

func clientOf(t *testing.T, config *rest.Config) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// forgetful is a reviewer without a cache.
func forgetful(t *testing.T, config *rest.Config, c clock.PassiveClock) *authn.Reviewer {
	t.Helper()
	o := authn.DefaultOptions()
	o.CacheTTL, o.AllowedTTL, o.DeniedTTL = 0, 0, 0
	return reviewerOf(t, o, config, c)
}

func reviewerOf(t *testing.T, o authn.Options, config *rest.Config, c clock.PassiveClock) *authn.Reviewer {
	t.Helper()
	reviewer, err := authn.New(o, clientOf(t, config), c)
	if err != nil {
		t.Fatal(err)
	}
	return reviewer
}

func newAccount(t *testing.T, client kubernetes.Interface, namespace, name string) *corev1.ServiceAccount {
	t.Helper()
	made, err := client.CoreV1().ServiceAccounts(namespace).Create(t.Context(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// tokenOf returns a token that is valid for ten minutes, the minimum.
func tokenOf(t *testing.T, client kubernetes.Interface, account *corev1.ServiceAccount, audiences ...string) *authenticationv1.TokenRequestStatus {
	t.Helper()
	seconds := int64(600)
	made, err := client.CoreV1().ServiceAccounts(account.Namespace).CreateToken(t.Context(), account.Name,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: &seconds}},
		metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &made.Status
}

func TestAuthenticate_serviceAccountTokens(t *testing.T) {
	env := testenv.Start(t)
	client, namespace := clientOf(t, env.Config), env.Namespace(t)
	account, gone := newAccount(t, client, namespace, "worker"), newAccount(t, client, namespace, "gone")
	good := tokenOf(t, client, account, audience)
	ofGone := tokenOf(t, client, gone, audience)
	if err := client.CoreV1().ServiceAccounts(namespace).Delete(t.Context(), "gone", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitRefusal(t, env.Config, ofGone.Token)
	_, payloadAndSignature, _ := strings.Cut(good.Token, ".")
	for name, test := range map[string]struct {
		token string
		late  time.Duration // clock of this machine after the expiration of the token; 0: the correct time
		want  error
	}{
		"for this audience":                 {good.Token, 0, nil},
		"for this and another audience":     {tokenOf(t, client, account, "other", audience).Token, 0, nil},
		"for another audience":              {tokenOf(t, client, account, "other").Token, 0, authn.ErrUnauthenticated},
		"for the API server":                {tokenOf(t, client, account).Token, 0, authn.ErrUnauthenticated},
		"of a deleted account":              {ofGone.Token, 0, authn.ErrUnauthenticated},
		"expired a moment ago by our clock": {good.Token, 5 * time.Second, nil},
		"expired a minute ago by our clock": {good.Token, time.Minute, authn.ErrUnauthenticated},
		"a truncated signature":             {good.Token[:len(good.Token)-8], 0, authn.ErrUnauthenticated},
		"another header":                    {"e30." + payloadAndSignature, 0, authn.ErrUnauthenticated},
		"garbage":                           {"garbage", 0, authn.ErrUnauthenticated},
		"a token of the cluster that is not of a ServiceAccount": {env.Config.BearerToken, 0, authn.ErrUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			if test.late > 0 {
				now = good.ExpirationTimestamp.Add(test.late)
			}
			reviewer := forgetful(t, env.Config, testingclock.NewFakePassiveClock(now))
			got, err := reviewer.Authenticate(t.Context(), test.token)
			if !errors.Is(err, test.want) {
				t.Fatalf("error = %v, want %v", err, test.want)
			}
			if err != nil {
				if diff := cmp.Diff(authn.Caller{}, got); diff != "" {
					t.Errorf("caller (-want +got):\n%s", diff)
				}
				return
			}
			want := authn.Caller{
				Name: "system:serviceaccount:" + namespace + ":worker", UID: string(account.UID),
				Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
				Until:  good.ExpirationTimestamp.Add(authn.DefaultOptions().ClockSkew),
			}
			// Tokens created within a few seconds are the same.
			if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(time.Minute), cmpopts.IgnoreFields(authn.Caller{}, "Extra")); diff != "" {
				t.Errorf("caller (-want +got):\n%s", diff)
			}
			if len(got.Extra["authentication.kubernetes.io/credential-id"]) != 1 {
				t.Errorf("extra = %v, want it to name the token", got.Extra)
			}
		})
	}
}

// awaitRefusal waits until the API server rejects a token. The API server reads ServiceAccounts from a watch, and
// caches an accepted token for ten seconds.
func awaitRefusal(t *testing.T, config *rest.Config, token string) {
	t.Helper()
	reviewer := forgetful(t, config, clock.RealClock{})
	await(t, func(ctx context.Context) error {
		if _, err := reviewer.Authenticate(ctx, token); !errors.Is(err, authn.ErrUnauthenticated) {
			return fmt.Errorf("the token of an account that is gone: error = %w, want %w", err, authn.ErrUnauthenticated)
		}
		return nil
	})
}

func TestAuthorize_withRBAC(t *testing.T) {
	env := testenv.Start(t)
	client, mine, other := clientOf(t, env.Config), env.Namespace(t), env.Namespace(t)
	account := newAccount(t, client, mine, "worker")
	reviewer := forgetful(t, env.Config, clock.RealClock{})
	caller, err := reviewer.Authenticate(t.Context(), tokenOf(t, client, account, audience).Token)
	if err != nil {
		t.Fatal(err)
	}
	create := authn.Access{Verb: "create", Namespace: mine, Resource: "taskruns"}
	if err := reviewer.Authorize(t.Context(), caller, create); !errors.Is(err, authn.ErrForbidden) {
		t.Fatalf("before it was granted: %v", err)
	}
	grant(t, client, account)
	for name, test := range map[string]struct {
		access authn.Access
		want   error
	}{
		"a granted verb":        {create, nil},
		"a granted subresource": {authn.Access{Verb: "update", Namespace: mine, Resource: "taskruns", Subresource: "status"}, nil},
		"a granted object":      {authn.Access{Verb: "create", Namespace: mine, Resource: "taskruns", Name: "r"}, nil},
		"another verb":          {authn.Access{Verb: "delete", Namespace: mine, Resource: "taskruns"}, authn.ErrForbidden},
		"another resource":      {authn.Access{Verb: "create", Namespace: mine, Resource: "concurrencylimits"}, authn.ErrForbidden},
		"another subresource":   {authn.Access{Verb: "update", Namespace: mine, Resource: "taskruns"}, authn.ErrForbidden},
		"another namespace":     {authn.Access{Verb: "create", Namespace: other, Resource: "taskruns"}, authn.ErrForbidden},
		"all namespaces":        {authn.Access{Verb: "create", Resource: "taskruns"}, authn.ErrForbidden},
		"a granted path":        {authn.Access{Verb: "get", Path: "/metrics"}, nil},
		"another path":          {authn.Access{Verb: "get", Path: "/debug/pprof/heap"}, authn.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			if err := reviewer.Authorize(t.Context(), caller, test.access); !errors.Is(err, test.want) {
				t.Errorf("error = %v, want %v", err, test.want)
			}
		})
	}
}

// grant allows the account to create task runs and write their status in its namespace, and to read metrics. RBAC is
// read from a watch: grant returns when the API server has seen it.
func grant(t *testing.T, client kubernetes.Interface, account *corev1.ServiceAccount) {
	t.Helper()
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: account.Namespace, Name: account.Name}}
	named := metav1.ObjectMeta{Name: account.Namespace}
	_, err := client.RbacV1().Roles(account.Namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: named, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"taskrun.dev"}, Resources: []string{"taskruns"}, Verbs: []string{"create"}},
		{APIGroups: []string{"taskrun.dev"}, Resources: []string{"taskruns/status"}, Verbs: []string{"update"}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.RbacV1().RoleBindings(account.Namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: named, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: named, Rules: []rbacv1.PolicyRule{
		{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: named, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: named.Name},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	reviewer := forgetful(t, testenv.Start(t).Config, clock.RealClock{})
	caller := authn.Caller{Name: "system:serviceaccount:" + account.Namespace + ":" + account.Name}
	await(t, func(ctx context.Context) error {
		return errors.Join(
			reviewer.Authorize(ctx, caller, authn.Access{Verb: "create", Namespace: account.Namespace, Resource: "taskruns"}),
			reviewer.Authorize(ctx, caller, authn.Access{Verb: "get", Path: "/metrics"}))
	})
}

// await tries until it succeeds.
func await(t *testing.T, try func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%v; at last: %v", err, last)
	}
}

func TestReviewer_withoutPermissionsNamesThem(t *testing.T) {
	env := testenv.Start(t)
	client, namespace := clientOf(t, env.Config), env.Namespace(t)
	account := newAccount(t, client, namespace, "operator")
	config := rest.CopyConfig(env.Config)
	config.BearerToken = tokenOf(t, client, account).Token
	reviewer := forgetful(t, config, clock.RealClock{})
	_, err := reviewer.Authenticate(t.Context(), tokenOf(t, client, account, audience).Token)
	if !errors.Is(err, authn.ErrUnavailable) || !strings.Contains(err.Error(), "verb create on tokenreviews.authentication.k8s.io") {
		t.Errorf("authenticating: %v", err)
	}
	err = reviewer.Authorize(t.Context(), authn.Caller{Name: "a"}, authn.Access{Verb: "get", Namespace: namespace, Resource: "taskruns"})
	if !errors.Is(err, authn.ErrUnavailable) || !strings.Contains(err.Error(), "verb create on subjectaccessreviews.authorization.k8s.io") {
		t.Errorf("authorizing: %v", err)
	}
}

func TestReviewer_stoppedAPIServerAcceptsNoNewCaller(t *testing.T) {
	env := testenv.StartPrivate(t)
	client, namespace := clientOf(t, env.Config), env.Namespace(t)
	account := newAccount(t, client, namespace, "worker")
	known, unknown := tokenOf(t, client, account, audience).Token, tokenOf(t, client, account, audience).Token
	reviewer := reviewerOf(t, authn.DefaultOptions(), env.Config, clock.RealClock{})
	caller, err := reviewer.Authenticate(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	env.StopAPIServer(t)
	if _, err := reviewer.Authenticate(t.Context(), known); err != nil {
		t.Errorf("who was known a moment ago: %v", err)
	}
	if _, err := reviewer.Authenticate(t.Context(), unknown); !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("who was not known: %v, want %v", err, authn.ErrUnavailable)
	}
	access := authn.Access{Verb: "get", Namespace: namespace, Resource: "taskruns"}
	if err := reviewer.Authorize(t.Context(), caller, access); !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("what was not asked before: %v, want %v", err, authn.ErrUnavailable)
	}
	env.StartAPIServer(t)
	await(t, func(ctx context.Context) error {
		_, err := reviewer.Authenticate(ctx, unknown)
		return err
	})
}

// forwarded is the response of the server of TestFrontProxy_aggregationLayerForwardsCallers.
type forwarded struct {
	Caller authn.Caller
	OK     bool
	Err    string
}

func TestFrontProxy_aggregationLayerForwardsCallers(t *testing.T) {
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	proxy := authn.NewFrontProxy(clientOf(t, readerOf(t, env, namespace)), clock.RealClock{}, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- proxy.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Start ended with %v", err)
		}
	})
	server := behind(t, env, namespace, proxy)

	config := rest.CopyConfig(env.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "ann", UID: "7", Groups: []string{"dev", "system:masters"}, Extra: map[string][]string{"example.org/team": {"x", "y"}},
	}
	var got forwarded
	await(t, func(ctx context.Context) error {
		body, err := clientOf(t, config).Discovery().RESTClient().Get().AbsPath("/apis/" + groupOf(namespace) + "/v1/whoami").DoRaw(ctx)
		if err != nil {
			return fmt.Errorf("%w: %s", err, body)
		}
		got = forwarded{}
		return json.Unmarshal(body, &got)
	})
	want := forwarded{OK: true, Caller: authn.Caller{
		Name: "ann", UID: "7", Groups: []string{"dev", "system:masters", "system:authenticated"},
		Extra: map[string][]string{"example.org/team": {"x", "y"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("caller (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(forwarded{}, direct(t, server)); diff != "" {
		t.Errorf("a caller that says so himself (-want +got):\n%s", diff)
	}
}

// readerOf returns a client with only the permission to read the configuration of the aggregation layer.
func readerOf(t *testing.T, env *testenv.Env, namespace string) *rest.Config {
	t.Helper()
	client := clientOf(t, env.Config)
	account := newAccount(t, client, namespace, "operator")
	_, err := client.RbacV1().RoleBindings("kube-system").Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: account.Name}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "extension-apiserver-authentication-reader"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(env.Config)
	config.BearerToken = tokenOf(t, client, account).Token
	return config
}

func groupOf(namespace string) string { return namespace + ".example.org" }

// behind starts a server that responds with its caller, and registers it with the aggregation layer.
func behind(t *testing.T, env *testenv.Env, namespace string, proxy *authn.FrontProxy) *httptest.Server {
	t.Helper()
	crt, key, err := cert.GenerateSelfSignedCertKey("whoami."+namespace+".svc", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(crt, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok, err := proxy.Caller(r)
		answer := forwarded{Caller: caller, OK: ok}
		if err != nil {
			answer.Err = err.Error()
		}
		if strings.HasSuffix(r.URL.Path, "/whoami") && !ok && r.Header.Get("X-Direct") == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		config := server.TLS.Clone()
		config.ClientAuth, config.ClientCAs = tls.RequestClientCert, proxy.ClientCAs()
		return config, nil
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	address, ok := server.Listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("the server listens on %v", server.Listener.Addr())
	}
	aggregate(t, env, namespace, int64(address.Port), crt)
	return server
}

func aggregate(t *testing.T, env *testenv.Env, namespace string, port int64, authority []byte) {
	t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "whoami"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}
	if _, err := clientOf(t, env.Config).CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	services := client.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	name := "v1." + groupOf(namespace)
	_, err = services.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"group": groupOf(namespace), "version": "v1", "groupPriorityMinimum": int64(1000), "versionPriority": int64(10),
			"caBundle": base64.StdEncoding.EncodeToString(authority), "service": map[string]any{"namespace": namespace, "name": "whoami", "port": port},
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := services.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("deleting the APIService: %v", err)
		}
	})
}

// direct sends a request to the server itself, with the headers of the aggregation layer and no certificate.
func direct(t *testing.T, server *httptest.Server) forwarded {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/whoami", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"X-Remote-User": {"root"}, "X-Remote-Group": {"system:masters"}, "X-Direct": {"1"}}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var got forwarded
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}
