package certificates

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// What the Secret holds beside tls.crt and tls.key. ca.crt is a bundle: the CA in
// use, and the next one some time before it is used.
const (
	keyCA        = "ca.crt"
	keyCAKey     = "ca.key"
	keyNextCA    = "next-ca.crt"
	keyNextCAKey = "next-ca.key"
)

// tries bounds how often a write is tried that another replica was faster with.
const tries = 5

// keeper keeps the certificate in a Secret that all replicas share, and the CA in
// a ConfigMap for clients.
type keeper struct {
	client    kubernetes.Interface
	namespace string
	secret    string
	configMap string
	names     []string
	clock     Clock
}

func newKeeper(o Options, d Dependencies) *keeper {
	k := &keeper{
		client: d.Client, namespace: d.Namespace, secret: o.Secret, configMap: o.CAConfigMap, names: o.DNSNames, clock: d.Clock,
	}
	if len(k.names) == 0 {
		const service = "taskrun-rest"
		k.names = []string{
			service, service + "." + d.Namespace, service + "." + d.Namespace + ".svc", service + "." + d.Namespace + ".svc.cluster.local", "localhost",
		}
	}
	return k
}

// look reads what is kept, makes it anew where it is time to, and sees to it that
// clients find the CA. What two replicas do at once, one of them does.
func (k *keeper) look(ctx context.Context) (*kept, error) {
	for range tries {
		found, err := k.read(ctx)
		switch {
		case apierrors.IsNotFound(err):
			err = k.create(ctx)
		case err == nil:
			var now *kept
			if now, err = k.current(ctx, found); err == nil && now != nil {
				return now, k.publish(ctx, now.bundle)
			}
		}
		if err != nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the Secret %s/%s changes all the time", k.namespace, k.secret)
}

// current is what the Secret holds, or nil if it was just written anew.
func (k *keeper) current(ctx context.Context, found *corev1.Secret) (*kept, error) {
	read, err := parse(found.Data)
	if err != nil {
		return nil, fmt.Errorf("the Secret %s/%s is not as the operator made it: delete it, and a new one is made: %w", k.namespace, k.secret, err)
	}
	changed, err := read.renewed(k.clock.Now(), k.names)
	if err != nil || changed == nil {
		return read, err
	}
	found.Data = changed
	_, err = k.client.CoreV1().Secrets(k.namespace).Update(ctx, found, metav1.UpdateOptions{})
	return nil, k.saying("renewing", err)
}

func (k *keeper) read(ctx context.Context) (*corev1.Secret, error) {
	found, err := k.client.CoreV1().Secrets(k.namespace).Get(ctx, k.secret, metav1.GetOptions{})
	return found, k.saying("reading", err)
}

func (k *keeper) create(ctx context.Context) error {
	data, err := first(k.clock.Now(), k.names)
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().Secrets(k.namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: k.secret}, Type: corev1.SecretTypeTLS, Data: data,
	}, metav1.CreateOptions{})
	return k.saying("making", err)
}

func (k *keeper) saying(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s the Secret %s/%s, which --tls-secret names: %w", doing, k.namespace, k.secret, err)
	}
	return nil
}

// publish puts the CA where clients look for it, whoever has changed it.
func (k *keeper) publish(ctx context.Context, bundle []byte) error {
	maps := k.client.CoreV1().ConfigMaps(k.namespace)
	found, err := maps.Get(ctx, k.configMap, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err = maps.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: k.configMap}, Data: map[string]string{keyCA: string(bundle)},
		}, metav1.CreateOptions{})
	case err == nil && found.Data[keyCA] != string(bundle):
		if found.Data == nil {
			found.Data = map[string]string{}
		}
		found.Data[keyCA] = string(bundle)
		_, err = maps.Update(ctx, found, metav1.UpdateOptions{})
	}
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) { // else another replica did it
		return fmt.Errorf("publishing the CA in the ConfigMap %s/%s, which --tls-ca-configmap names: %w", k.namespace, k.configMap, err)
	}
	return nil
}

// renewed is what the Secret is to hold, nil if it is to stay as it is.
func (k *kept) renewed(now time.Time, names []string) (map[string][]byte, error) {
	authority, next, err := k.authorities(now)
	if err != nil {
		return nil, err
	}
	asItWas := authority == k.authority && next == k.next
	if asItWas && !twoThirdsOver(k.serving.Leaf, now) && slices.Equal(k.serving.Leaf.DNSNames, names) {
		return nil, nil //nolint:nilnil // nothing is to be done
	}
	data, err := authority.issue(now, names)
	if err != nil {
		return nil, err
	}
	data[keyCA] = authority.pem()
	if authority != k.authority { // clients that have not read the new one yet know the old one
		data[keyCA] = append(data[keyCA], k.authority.pem()...)
	}
	if next != nil {
		data[keyCA] = append(data[keyCA], next.pem()...)
		data[keyNextCA] = next.pem()
		if data[keyNextCAKey], err = next.keyPEM(); err != nil {
			return nil, err
		}
	}
	data[keyCAKey], err = authority.keyPEM()
	return data, err
}

// authorities are the CA to use and the one to use after it: one that nears its
// end is followed by another, which clients are told of for a while before.
func (k *kept) authorities(now time.Time) (authority, next *authority, err error) {
	switch {
	case k.next != nil && now.Sub(k.next.certificate.NotBefore) >= overlap:
		return k.next, nil, nil
	case k.next == nil && twoThirdsOver(k.authority.certificate, now):
		next, err = newAuthority(now)
		return k.authority, next, err
	default:
		return k.authority, k.next, nil
	}
}
