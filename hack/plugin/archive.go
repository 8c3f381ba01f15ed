package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
)

// archive is the download for one platform.
type archive struct {
	system, machine string // in Go's names
	sha256          string
}

// program is the file name of the plugin.
func (a archive) program() string {
	if a.system == "windows" {
		return "kubectl-taskrun.exe"
	}
	return "kubectl-taskrun"
}

func (r *release) fileName(a archive) string {
	return "kubectl-taskrun-" + r.version + "-" + a.system + "-" + a.machine + ".tar.gz"
}

// pack writes the program and the license, which Krew requires, to an archive.
func (r *release) pack(binary []byte, a archive) ([]byte, error) {
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	files := tar.NewWriter(compressed)
	for _, file := range []struct {
		name string
		mode int64
		text []byte
	}{{"LICENSE", 0o644, license}, {a.program(), 0o755, binary}} {
		header := &tar.Header{Name: file.name, Mode: file.mode, Size: int64(len(file.text)), ModTime: r.made, Format: tar.FormatUSTAR}
		if err := files.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := files.Write(file.text); err != nil {
			return nil, err
		}
	}
	if err := files.Close(); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
