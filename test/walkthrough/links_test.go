package walkthrough

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link        = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	linkedText  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// anchorsOf returns the anchors of a page's headings, as GitHub makes them.
func anchorsOf(page string) map[string]bool {
	anchors, inBlock := map[string]bool{}, false
	for line := range strings.SplitSeq(page, "\n") {
		if strings.HasPrefix(line, "```") {
			inBlock = !inBlock
		}
		heading := strings.TrimLeft(line, "#")
		if inBlock || heading == line || !strings.HasPrefix(heading, " ") {
			continue
		}
		text := strings.ToLower(strings.TrimSpace(linkedText.ReplaceAllString(heading, "$1")))
		anchors[strings.ReplaceAll(notInAnchor.ReplaceAllString(text, ""), " ", "-")] = true
	}
	return anchors
}

// checkLink returns an error if the target of a page's link does not exist.
func checkLink(page, target string) error {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return nil
	}
	name, anchor, _ := strings.Cut(target, "#")
	file := page
	if name != "" {
		file = filepath.Join(filepath.Dir(page), name)
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("there is no such file: %w", err)
	}
	if anchor == "" || !strings.HasSuffix(file, ".md") {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	if !anchorsOf(string(text))[anchor] {
		return fmt.Errorf("%s has no heading #%s", name, anchor)
	}
	return nil
}

// docsPages returns the files of the docs, including README and CONTRIBUTING.
func docsPages(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	pages := []string{filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestEveryLinkOfTheDocsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, page := range docsPages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			if err := checkLink(page, found[1]); err != nil {
				t.Errorf("%s: %s: %v", page, found[1], err)
			}
		}
	}
	if links == 0 {
		t.Error("the pages have no links")
	}
}
