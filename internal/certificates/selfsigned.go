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
	// pollInterval is the time between two looks at the Secret and the ConfigMap. It
	// is no watch: all that changes there has months or weeks of time, two reads a
	// minute cost nothing, and the right to get is enough.
	pollInterval = time.Minute
	// pollTimeout bounds one look.
	pollTimeout = 15 * time.Second
	// attempts bounds how often a replica begins again because another was faster.
	attempts = 10
	// patience is how long a replica puts up with other names than its own: while a
	// new version of the program is rolled out, replicas of two opinions live
	// together, and must not take turns at renewing.
	patience = time.Hour
)

// errAgain is returned when another replica was faster.
var errAgain = errors.New("changed by somebody else meanwhile")

// errRequest is returned for an unknown request.
var errRequest = errors.New("the annotation " + annotationRenew + " must be " + renewCertificate + " or " + renewAuthority)

// selfSigned keeps what it makes in a Secret that all replicas share. All it writes,
// it writes only if the Secret is unchanged since it was read.
type selfSigned struct {
	secrets    typedcorev1.SecretInterface
	configMaps typedcorev1.ConfigMapInterface
	namespace  string
	secret     string
	configMap  string
	names      []string // sorted
	clock      clock.PassiveClock
	log        *slog.Logger
	served     *served
	interval   time.Duration

	otherNames time.Time // since when the certificate has had other names; zero: it has not
}

func newSelfSigned(o Options, d Dependencies, s *served) *selfSigned {
	names := o.DNSNames
	if len(names) == 0 {
		names = DefaultNames(d.Namespace)
	}
	return &selfSigned{
		secrets: d.Secrets, configMaps: d.ConfigMaps, namespace: d.Namespace, secret: o.Secret, configMap: o.CAConfigMap,
		names: sorted(names), clock: d.Clock, log: d.Log, served: s, interval: pollInterval,
	}
}

// load reads or makes the certificate, with the names that are wanted now.
func (k *selfSigned) load(ctx context.Context) error {
	err := k.sync(ctx, false)
	if errors.Is(err, errRequest) { // everything is there, only somebody's wish is not understood
		k.served.tell(ctx, err)
		return nil
	}
	return err
}

// run looks again and again.
func (k *selfSigned) run(ctx context.Context) error {
	ticker := time.NewTicker(k.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			k.served.tell(ctx, k.look(ctx))
		}
	}
}

func (k *selfSigned) look(ctx context.Context) error {
	return k.sync(ctx, k.otherNames.IsZero() || k.clock.Now().Sub(k.otherNames) < patience)
}

// sync brings the Secret, the certificate in use and the ConfigMap to what they
// should be now.
func (k *selfSigned) sync(ctx context.Context, anyNames bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	for range attempts {
		if err = k.syncOnce(ctx, anyNames); !errors.Is(err, errAgain) {
			return err
		}
	}
	return err
}

func (k *selfSigned) syncOnce(ctx context.Context, anyNames bool) error {
	// The ConfigMap is read before the Secret, and written after it. So if it is newer
	// than what is read of the Secret, writing it fails.
	published, err := k.readPublished(ctx)
	if err != nil {
		return err
	}
	d := demand{now: k.clock.Now().UTC().Truncate(time.Second), names: k.names, anyNames: anyNames}
	if published != nil {
		d.published, _ = decodeCertificates([]byte(published.Data[keyBundle])) // what cannot be read is not published
	}
	m, err := k.settle(ctx, d)
	if err != nil {
		return err
	}
	k.served.use(m.certificate())
	switch {
	case slices.Equal(namesOf(m.leaf), k.names):
		k.otherNames = time.Time{}
	case k.otherNames.IsZero():
		k.otherNames = d.now
	}
	if err := k.publish(ctx, published, m.bundle()); err != nil {
		return err
	}
	if m.request != "" { // one that is known has been done
		return fmt.Errorf("the Secret %s: %w, not %q", k.where(k.secret), errRequest, m.request)
	}
	return nil
}

// settle returns the material of the Secret, after it has done all that is due.
func (k *selfSigned) settle(ctx context.Context, d demand) (*material, error) {
	secret, err := k.secrets.Get(ctx, k.secret, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return k.create(ctx, d)
	case err != nil:
		return nil, k.explain("reading", "Secret", k.secret, err)
	}
	m, err := read(secret)
	if err != nil {
		return nil, k.refuse(err)
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

func (k *selfSigned) create(ctx context.Context, d demand) (*material, error) {
	m, err := newMaterial(d)
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
		return nil, errAgain
	case err != nil:
		return nil, k.explain("creating", "Secret", k.secret, err)
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, "a CA and a serving certificate were made",
		slog.String("secret", k.where(k.secret)), slog.String("authority", m.signer.cert.Subject.CommonName),
		slog.Time("authorityNotAfter", m.signer.cert.NotAfter))
	return m, nil
}

func (k *selfSigned) update(ctx context.Context, secret *corev1.Secret, m *material, changes []string) error {
	secret = secret.DeepCopy()
	if err := m.write(secret); err != nil {
		return err
	}
	_, err := k.secrets.Update(ctx, secret, metav1.UpdateOptions{})
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return errAgain
	case err != nil:
		return k.explain("updating", "Secret", k.secret, err)
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, "the certificates were renewed",
		slog.String("secret", k.where(k.secret)), slog.Any("changes", changes))
	return nil
}

// readPublished returns the ConfigMap of the CA; nil if there is none.
func (k *selfSigned) readPublished(ctx context.Context) (*corev1.ConfigMap, error) {
	configMap, err := k.configMaps.Get(ctx, k.configMap, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // there is none, which is no error
	case err != nil:
		return nil, k.explain("reading", "ConfigMap", k.configMap, err)
	}
	return configMap, nil
}

// publish makes the ConfigMap hold the bundle.
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
		return errAgain
	case err != nil:
		return k.explain("writing", "ConfigMap", k.configMap, err)
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, "the CA was published for clients", slog.String("configMap", k.where(k.configMap)))
	return nil
}

func (k *selfSigned) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: k.namespace, Name: name,
		Labels: map[string]string{"app.kubernetes.io/name": "taskrun-operator", "app.kubernetes.io/managed-by": "taskrun-operator"},
	}
}

func (k *selfSigned) where(name string) string { return k.namespace + "/" + name }

// explain words an error of the API server.
func (k *selfSigned) explain(doing, kind, name string, err error) error {
	hint := ""
	if apierrors.IsForbidden(err) {
		hint = " (the operator's ServiceAccount needs the Role of config/rbac/certificates_role.yaml in this namespace)"
	}
	return fmt.Errorf("%s %s %s%s: %w", doing, kind, k.where(name), hint, err)
}

// refuse words what is wrong with the content of the Secret.
func (k *selfSigned) refuse(err error) error {
	remove := fmt.Sprintf("kubectl -n %s delete secret %s", k.namespace, k.secret)
	if errors.Is(err, errForeign) {
		return fmt.Errorf("the Secret %s cannot be used by %s: %w; serve it from files (%s and %s), or name another Secret with %s, or remove it with %q",
			k.where(k.secret), flagSelfSigned, err, flagCertFile, flagKeyFile, flagSecret, remove)
	}
	return fmt.Errorf("the Secret %s is broken: %w; put back what it was, or remove it with %q: then a new CA is made, which all clients need",
		k.where(k.secret), err, remove)
}
