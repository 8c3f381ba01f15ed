package certificates

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// overlap is how long a new CA is published before it signs, and an old one after
// it has ceased to: clients read the CA when they start, or when somebody copies it.
const overlap = 30 * day

// lastDay is how much life a CA needs to sign at all.
const lastDay = day

// demand is what a certificate has to be like at a moment.
type demand struct {
	now       time.Time
	names     []string            // sorted
	anyNames  bool                // other names will do for now
	published []*x509.Certificate // the CAs that clients are given
}

// step is one change of the material.
type step int

const (
	stepNone          step = iota
	stepNextAuthority      // make a CA, to be published and not yet used
	stepSwitch             // sign with it from now on
	stepCertificate        // a new certificate of the same CA
	stepForgetOld          // cease to publish CAs that sign no more
	stepForgetRequest      // what is asked for is being done
)

// due tells the next change that is due, and why. To be applied until there is none.
func (m *material) due(d demand) (next step, reason string) {
	if next, reason = m.dueAuthority(d); next != stepNone {
		return next, reason
	}
	switch {
	case m.request == renewCertificate:
		return stepCertificate, "asked for by the annotation " + annotationRenew
	case aged(m.leaf, d.now):
		return stepCertificate, "two thirds of its life are over"
	case m.leaf.CheckSignatureFrom(m.signer.cert) != nil:
		return stepCertificate, "it is of an old CA"
	case !d.anyNames && !slices.Equal(namesOf(m.leaf), d.names):
		return stepCertificate, "its names are others"
	case len(m.old) > 0 && !d.now.Before(made(m.leaf).Add(overlap)):
		return stepForgetOld, fmt.Sprintf("they have signed nothing for %d days", overlap/day)
	}
	return stepNone, ""
}

func (m *material) dueAuthority(d demand) (step, string) {
	if m.next == nil {
		switch {
		case m.request == renewAuthority:
			return stepNextAuthority, "asked for by the annotation " + annotationRenew
		case aged(m.signer.cert, d.now):
			return stepNextAuthority, "two thirds of its life are over"
		}
		return stepNone, ""
	}
	ripe := !d.now.Before(made(m.next.cert).Add(overlap)) && contains(d.published, m.next.cert)
	switch {
	case m.request == renewAuthority:
		return stepForgetRequest, "a new CA is published already"
	case d.now.After(m.signer.cert.NotAfter.Add(-lastDay)): // nobody ran for years: there is no time to overlap
		return stepSwitch, "the CA ends"
	case ripe:
		return stepSwitch, fmt.Sprintf("the new CA has been published for %d days", overlap/day)
	}
	return stepNone, ""
}

// apply does a step.
func (m *material) apply(todo step, d demand) (err error) {
	switch todo {
	case stepNextAuthority:
		m.next, err = newAuthority(d.now)
		m.forget(renewAuthority)
	case stepSwitch:
		m.old = append(m.old, m.signer.cert)
		m.signer, m.next = m.next, nil
		err = m.issue(d)
	case stepCertificate:
		err = m.issue(d)
		m.forget(renewCertificate)
	case stepForgetOld:
		m.old = nil
	case stepForgetRequest:
		m.forget(renewAuthority)
	case stepNone:
	}
	return err
}

func (m *material) forget(request string) {
	if m.request == request {
		m.request = ""
	}
}

func (m *material) issue(d demand) (err error) {
	m.leaf, m.leafKey, err = m.signer.issue(d.names, d.now)
	return err
}

// newMaterial makes everything.
func newMaterial(d demand) (*material, error) {
	signer, err := newAuthority(d.now)
	if err != nil {
		return nil, err
	}
	m := &material{signer: signer}
	return m, m.issue(d)
}

// aged tells whether two thirds of a certificate's life are over.
func aged(cert *x509.Certificate, now time.Time) bool {
	return !now.Before(cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) / 3 * 2))
}

// made is when a certificate of ours was made.
func made(cert *x509.Certificate) time.Time { return cert.NotBefore.Add(backdate) }

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
	case stepForgetOld:
		return "old CAs are not published any more"
	case stepForgetRequest:
		return "a request was taken away"
	case stepNone:
	}
	return "nothing"
}
