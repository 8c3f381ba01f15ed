package certificates

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// overlap is the time that a new CA is published before it signs, and an old one after
// it has stopped. Clients read the CA when they start.
const overlap = 30 * day

// lastDay is the minimum remaining lifetime of a CA that signs.
const lastDay = day

// requirements are the requirements on the key pair at one time.
type requirements struct {
	now       time.Time
	names     []string            // sorted
	anyNames  bool                // other names are accepted
	published []*x509.Certificate // the CAs in the ConfigMap
}

// step is one change of the key pair.
type step int

const (
	stepNone          step = iota
	stepNextAuthority      // create a CA that is published and does not sign yet
	stepSwitch             // sign with it from now on
	stepCertificate        // a new certificate of the same CA
	stepRemoveOld          // remove CAs that do not sign anymore
	stepClearRequest       // remove a request that is done
)

// due returns the next step that is due and its reason, or stepNone.
func (m *keyPair) due(d requirements) (next step, reason string) {
	if next, reason = m.dueAuthority(d); next != stepNone {
		return next, reason
	}
	switch {
	case m.request == renewCertificate:
		return stepCertificate, "requested by the annotation " + annotationRenew
	case needsRenewal(m.leaf, d.now):
		return stepCertificate, "two thirds of its life are over"
	case m.leaf.CheckSignatureFrom(m.signer.cert) != nil:
		return stepCertificate, "it is of an old CA"
	case !d.anyNames && !slices.Equal(namesOf(m.leaf), d.names):
		return stepCertificate, "its names are others"
	case len(m.old) > 0 && !d.now.Before(createdAt(m.leaf).Add(overlap)):
		return stepRemoveOld, fmt.Sprintf("they have signed nothing for %d days", overlap/day)
	}
	return stepNone, ""
}

func (m *keyPair) dueAuthority(d requirements) (step, string) {
	if m.next == nil {
		switch {
		case m.request == renewAuthority:
			return stepNextAuthority, "requested by the annotation " + annotationRenew
		case needsRenewal(m.signer.cert, d.now):
			return stepNextAuthority, "two thirds of its life are over"
		}
		return stepNone, ""
	}
	ripe := !d.now.Before(createdAt(m.next.cert).Add(overlap)) && contains(d.published, m.next.cert)
	switch {
	case m.request == renewAuthority:
		return stepClearRequest, "a new CA is published already"
	case d.now.After(m.signer.cert.NotAfter.Add(-lastDay)): // no replica ran for years, so there is no time to overlap
		return stepSwitch, "the CA ends"
	case ripe:
		return stepSwitch, fmt.Sprintf("the new CA has been published for %d days", overlap/day)
	}
	return stepNone, ""
}

// apply applies a step.
func (m *keyPair) apply(todo step, d requirements) (err error) {
	switch todo {
	case stepNextAuthority:
		m.next, err = newAuthority(d.now)
		m.clearRequest(renewAuthority)
	case stepSwitch:
		m.old = append(m.old, m.signer.cert)
		m.signer, m.next = m.next, nil
		err = m.issue(d)
	case stepCertificate:
		err = m.issue(d)
		m.clearRequest(renewCertificate)
	case stepRemoveOld:
		m.old = nil
	case stepClearRequest:
		m.clearRequest(renewAuthority)
	case stepNone:
	}
	return err
}

func (m *keyPair) clearRequest(request string) {
	if m.request == request {
		m.request = ""
	}
}

func (m *keyPair) issue(d requirements) (err error) {
	m.leaf, m.leafKey, err = m.signer.issue(d.names, d.now)
	return err
}

// newMaterial creates a CA and a certificate.
func newKeyPair(d requirements) (*keyPair, error) {
	signer, err := newAuthority(d.now)
	if err != nil {
		return nil, err
	}
	m := &keyPair{signer: signer}
	return m, m.issue(d)
}

// needsRenewal reports whether two thirds of a certificate's lifetime have passed.
func needsRenewal(cert *x509.Certificate, now time.Time) bool {
	return !now.Before(cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) / 3 * 2))
}

// createdAt returns the time at which a certificate was created here.
func createdAt(cert *x509.Certificate) time.Time { return cert.NotBefore.Add(backdate) }

func contains(certs []*x509.Certificate, wanted *x509.Certificate) bool {
	return slices.ContainsFunc(certs, func(cert *x509.Certificate) bool { return bytes.Equal(cert.Raw, wanted.Raw) })
}

func (s step) String() string {
	switch s {
	case stepNextAuthority:
		return "a new CA is published; it signs later"
	case stepSwitch:
		return "the new CA has signed a certificate"
	case stepCertificate:
		return "a new certificate was made"
	case stepRemoveOld:
		return "old CAs are not published any more"
	case stepClearRequest:
		return "a request was taken away"
	case stepNone:
	}
	return "nothing"
}
