package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// verify builds the image from the repository, and again from a copy of it elsewhere with nothing in the build cache,
// and fails if their digests differ.
func verify(ctx context.Context, o options, out io.Writer, say sayer) error {
	r, err := o.release()
	if err != nil {
		return err
	}
	platforms, err := o.ownPlatforms()
	if err != nil {
		return err
	}
	here, err := buildAll(ctx, operator(o.root), r, platforms, say)
	if err != nil {
		return err
	}
	elsewhere, err := os.MkdirTemp("", "taskrun-verify-")
	if err != nil {
		return fmt.Errorf("making a folder for the copy: %w", err)
	}
	defer func() { _ = os.RemoveAll(elsewhere) }()
	copied := operator(filepath.Join(elsewhere, "copy"))
	copied.cache = filepath.Join(elsewhere, "cache")
	if err := copyTree(ctx, o.root, copied.root); err != nil {
		return err
	}
	say("again, in %s, with an empty build cache", elsewhere)
	there, err := buildAll(ctx, copied, r, platforms, say)
	if err != nil {
		return err
	}
	return compare(out, here, there)
}

// compare prints the digests of both builds and fails if any pair differs.
func compare(out io.Writer, here, there []platformBuild) error {
	same := true
	for i := range here {
		first, err := here[i].image.Digest()
		if err != nil {
			return fmt.Errorf("computing the digest: %w", err)
		}
		second, err := there[i].image.Digest()
		if err != nil {
			return fmt.Errorf("computing the digest: %w", err)
		}
		word := "same"
		if first != second || !bytes.Equal(here[i].materials, there[i].materials) {
			word, same = "DIFFERENT", false
		}
		if _, err := fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", here[i].platform, word, first, second); err != nil {
			return fmt.Errorf("printing the digests: %w", err)
		}
	}
	if !same {
		return errors.New("the image cannot be reproduced: two builds of the same files differ")
	}
	return nil
}

// copyTree copies the files of a repository as they are in the work tree, without those that git ignores.
func copyTree(ctx context.Context, from, to string) error {
	command := exec.CommandContext(ctx, "git", "-C", from, "ls-files", "-z", "--cached", "--others", "--exclude-standard") //nolint:gosec // the folder of whoever builds
	list, err := command.Output()
	if err != nil {
		return fmt.Errorf("listing the files of the repository: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("copying %s: %w", name, err)
		}
	}
	return nil
}

// copyFile copies one file; one that has been removed, and what is no plain file, is passed over.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	text, err := os.ReadFile(from) //nolint:gosec // a file of the repository
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm()) //nolint:gosec // into the folder just made
}
