package certificates

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/utils/clock"
)

const (
	// pollInterval is the time between two reads of the Secret and the ConfigMap. There
	// is no watch: changes take effect within weeks, and get is the only permission that
	// is needed.
	pollInterval = time.Minute
	// pollTimeout is the maximum duration of a poll.
	pollTimeout = 15 * time.Second
	// attempts is the maximum number of attempts after conflicts with another replica.
	attempts = 10
	// namesGracePeriod is the time for which a replica tolerates other names than its
	// own. During a rolling update, replicas with different names run side by side, and
	// must not renew the certificate in turn.
	namesGracePeriod = time.Hour
)

// errConflict is returned if another replica wrote first.
var errConflict = errors.New("changed by another writer")

// errRequest is returned for an unknown request.
var errRequest = errors.New("the annotation " + annotationRenew + " must be " + renewCertificate + " or " + renewAuthority)

// selfSigned creates the CA and the certificate, and stores them in a Secret that all
// replicas share. Each write is conditional on the resourceVersion that was read.
type selfSigned struct {
	secrets    typedcorev1.SecretInterface
	configMaps typedcorev1.ConfigMapInterface
	namespace  string
	secret     string
	configMap  string
	names      []string // sorted
	clock      clock.PassiveClock
	log        *slog.Logger
	current    *current
	interval   time.Duration

	otherNames time.Time // when other names were first seen in the certificate; zero = its names are right
}

func newSelfSigned(o Options, d Dependencies, s *current) *selfSigned {
	names := o.DNSNames
	if len(names) == 0 {
		names = DefaultNames(d.Namespace)
	}
	return &selfSigned{
		secrets: d.Secrets, configMaps: d.ConfigMaps, namespace: d.Namespace, secret: o.Secret, configMap: o.CAConfigMap,
		names: sorted(names), clock: d.Clock, log: d.Log, current: s, interval: pollInterval,
	}
}

// load reads or creates the certificate with the configured names.
func (k *selfSigned) load(ctx context.Context) error {
	err := k.sync(ctx, false)
	if errors.Is(err, errRequest) { // the certificate is valid; only the annotation is not
		k.current.report(ctx, err)
		return nil
	}
	return err
}

// run polls until the context ends.
func (k *selfSigned) run(ctx context.Context) error {
	ticker := time.NewTicker(k.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			k.current.report(ctx, k.poll(ctx))
		}
	}
}

func (k *selfSigned) poll(ctx context.Context) error {
	return k.sync(ctx, k.otherNames.IsZero() || k.clock.Now().Sub(k.otherNames) < namesGracePeriod)
}

// sync reconciles the Secret, the current certificate and the ConfigMap.
func (k *selfSigned) sync(ctx context.Context, anyNames bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	for range attempts {
		if err = k.syncOnce(ctx, anyNames); !errors.Is(err, errConflict) {
			return err
		}
	}
	return err
}

func (k *selfSigned) syncOnce(ctx context.Context, anyNames bool) error {
	// The ConfigMap is read before the Secret and written after it, so that a write based
	// on an older Secret fails.
	published, err := k.readPublished(ctx)
	if err != nil {
		return err
	}
	d := requirements{now: k.clock.Now().UTC().Truncate(time.Second), names: k.names, anyNames: anyNames}
	if published != nil {
		d.published, _ = decodeCertificates([]byte(published.Data[keyBundle])) // an invalid bundle counts as not published
	}
	m, err := k.reconcile(ctx, d)
	if err != nil {
		return err
	}
	k.current.set(m.certificate())
	switch {
	case slices.Equal(namesOf(m.leaf), k.names):
		k.otherNames = time.Time{}
	case k.otherNames.IsZero():
		k.otherNames = d.now
	}
	if err := k.publish(ctx, published, m.bundle()); err != nil {
		return err
	}
	if m.request != "" { // known requests are done and cleared
		return fmt.Errorf("the Secret %s: %w, not %q", k.qualified(k.secret), errRequest, m.request)
	}
	return nil
}

// reconcile returns the key pair of the Secret, after all steps that are due.
func (k *selfSigned) reconcile(ctx context.Context, d requirements) (*keyPair, error) {
	secret, err := k.secrets.Get(ctx, k.secret, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return k.create(ctx, d)
	case err != nil:
		return nil, k.explain("reading", "Secret", k.secret, err)
	}
	m, err := read(secret)
	if err != nil {
		return nil, k.explainSecret(err)
	}
	var changes []string
	for {
		next, reason := m.due(d)
		if next == stepNone {
			break
		}
		if err := m.apply(next, d); err != nil {
			return nil, err
		}
		changes = append(changes, next.String()+": "+reason)
	}
	if len(changes) == 0 {
		return m, nil
	}
	return m, k.update(ctx, secret, m, changes)
}

func (k *selfSigned) create(ctx context.Context, d requirements) (*keyPair, error) {
	m, err := newKeyPair(d)
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{ObjectMeta: k.meta(k.secret), Type: corev1.SecretTypeTLS}
	if err := m.write(secret); err != nil {
		return nil, err
	}
	_, err = k.secrets.Create(ctx, secret, metav1.CreateOptions{})
	switch {
	case apierrors.IsAlreadyExists(err):
		return nil, errConflict
	case err != nil:
		return nil, k.explain("creating", "Secret", k.secret, err)
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, "created a CA and a serving certificate",
		slog.String("secret", k.qualified(k.secret)), slog.String("authority", m.signer.cert.Subject.CommonName),
		slog.Time("authorityNotAfter", m.signer.cert.NotAfter))
	return m, nil
}

func (k *selfSigned) update(ctx context.Context, secret *corev1.Secret, m *keyPair, changes []string) error {
	secret = secret.DeepCopy()
	if err := m.write(secret); err != nil {
		return err
	}
	_, err := k.secrets.Update(ctx, secret, metav1.UpdateOptions{})
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return errConflict
	case err != nil:
		return k.explain("updating", "Secret", k.secret, err)
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, "renewed the certificates",
		slog.String("secret", k.qualified(k.secret)), slog.Any("changes", changes))
	return nil
}

// readPublished returns the ConfigMap of the CA, or nil if it does not exist.
func (k *selfSigned) readPublished(ctx context.Context) (*corev1.ConfigMap, error) {
	configMap, err := k.configMaps.Get(ctx, k.configMap, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // a missing ConfigMap is not an error
	case err != nil:
		return nil, k.explain("reading", "ConfigMap", k.configMap, err)
	}
	return configMap, nil
}

// publish writes the bundle to the ConfigMap.
func (k *selfSigned) publish(ctx context.Context, published *corev1.ConfigMap, bundle []byte) (err error) {
	switch {
	case published == nil:
		configMap := &corev1.ConfigMap{ObjectMeta: k.meta(k.configMap), Data: map[string]string{keyBundle: string(bundle)}}
		_, err = k.configMaps.Create(ctx, configMap, metav1.CreateOptions{})
	case published.Data[keyBundle] == string(bundle):
		return nil
	default:
		configMap := published.DeepCopy()
		if configMap.Data == nil {
			configMap.Data = map[string]string{}
		}
		configMap.Data[keyBundle] = string(bundle)
		_, err = k.configMaps.Update(ctx, configMap, metav1.UpdateOptions{})
	}
	switch {
	case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err), published != nil && apierrors.IsNotFound(err):
		return errConflict
	case err != nil:
		return k.explain("writing", "ConfigMap", k.configMap, err)
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, "published the CA for clients", slog.String("configMap", k.qualified(k.configMap)))
	return nil
}

func (k *selfSigned) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: k.namespace, Name: name,
		Labels: map[string]string{"app.kubernetes.io/name": "taskrun-operator", "app.kubernetes.io/managed-by": "taskrun-operator"},
	}
}

func (k *selfSigned) qualified(name string) string { return k.namespace + "/" + name }

// explain adds the failed operation and a hint to an error of the API server.
func (k *selfSigned) explain(doing, kind, name string, err error) error {
	hint := ""
	if apierrors.IsForbidden(err) {
		hint = " (the operator's ServiceAccount needs the Role of config/rbac/certificates_role.yaml in this namespace)"
	}
	return fmt.Errorf("%s %s %s%s: %w", doing, kind, k.qualified(name), hint, err)
}

// explainSecret adds the fix to an error about the content of the Secret.
func (k *selfSigned) explainSecret(err error) error {
	remove := fmt.Sprintf("kubectl -n %s delete secret %s", k.namespace, k.secret)
	if errors.Is(err, errForeign) {
		return fmt.Errorf("the Secret %s cannot be used by %s: %w; serve it from files (%s and %s), or name another Secret with %s, or remove it with %q",
			k.qualified(k.secret), flagSelfSigned, err, flagCertFile, flagKeyFile, flagSecret, remove)
	}
	return fmt.Errorf("the Secret %s is broken: %w; put back what it was, or remove it with %q: then a new CA is made, which all clients need",
		k.qualified(k.secret), err, remove)
}
