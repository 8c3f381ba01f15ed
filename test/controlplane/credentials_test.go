package controlplane

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCredentials_areKept(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "credentials")
	first, err := loadCredentials(folder)
	if err != nil {
		t.Fatal(err)
	}
	second, err := loadCredentials(folder)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second, cmp.AllowUnexported(credentials{}, frontProxy{}, etcdTLS{}, signed{})); diff != "" {
		t.Errorf("loaded again they differ:\n%s", diff)
	}
	for _, file := range []string{first.keyFile, first.serviceAccountFile, first.tokenFile, first.frontProxy.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %o, want one that keeps others out", file, info.Mode().Perm())
		}
	}
}

func TestCredentials_unreadableCertificateIsCreatedAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "apiserver.crt"), []byte("cut short"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadCredentials(folder)
	if err != nil {
		t.Fatal(err)
	}
	if !stillGood(c.certificate) {
		t.Error("the certificate is not good")
	}
}
