package main

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"text/tabwriter"
)

// row describes one result.
type row struct {
	platform string
	digest   string
	// file is the archive, or the folder of the layout.
	file string
}

// table prints the results, with files relative to the root.
func table(out io.Writer, root string, rows []row) error {
	writer := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(writer, "PLATFORM\tDIGEST\tSIZE\tFILE")
	for _, r := range rows {
		size, err := sizeOf(r.file)
		if err != nil {
			return err
		}
		file := r.file
		if below, err := filepath.Rel(root, file); err == nil && filepath.IsLocal(below) {
			file = below
		}
		_, _ = fmt.Fprintf(writer, "%s\t%s\t%.1f MB\t%s\n", r.platform, r.digest, megabytes(size), file)
	}
	if err := writer.Flush(); err != nil {
		return fmt.Errorf("printing the results: %w", err)
	}
	return nil
}

// sizeOf returns the size of a file, or of all files in a folder, in bytes.
func sizeOf(file string) (int64, error) {
	var size int64
	err := filepath.WalkDir(file, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measuring %s: %w", file, err)
	}
	return size, nil
}

func megabytes(size int64) float64 { return float64(size) / 1e6 }
