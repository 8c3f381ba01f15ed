package main

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// operators are the tokens that each kind of mutant changes.
var operators = map[string][]token.Token{
	"ARITHMETIC_BASE":       {token.ADD, token.SUB, token.MUL, token.QUO, token.REM},
	"CONDITIONALS_BOUNDARY": {token.LSS, token.LEQ, token.GTR, token.GEQ},
	"CONDITIONALS_NEGATION": {token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ},
	"INCREMENT_DECREMENT":   {token.INC, token.DEC},
	"INVERT_NEGATIVES":      {token.SUB},
}

// findMissing returns the explained mutants that the source below the root does not have, for instance because a
// function was renamed.
func findMissing(root fs.FS, explained []key) (missing []key, err error) {
	files := map[string][]string{} // paths by the file names in keys
	err = fs.WalkDir(root, "internal", func(name string, _ fs.DirEntry, err error) error {
		short := path.Join(path.Base(path.Dir(name)), path.Base(name))
		files[short] = append(files[short], name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the source of mutants: %w", err)
	}
	for _, k := range explained {
		found := false
		for _, name := range files[k.file] {
			text, err := fs.ReadFile(root, name)
			if err != nil {
				return nil, fmt.Errorf("read the source of mutants: %w", err)
			}
			s, err := newSource(name, text)
			if err != nil {
				return nil, err
			}
			found = found || s.has(k)
		}
		if !found {
			missing = append(missing, k)
		}
	}
	return missing, nil
}

// has reports whether the file has a mutant. It counts the operators of that kind on the lines with the text.
func (s source) has(k key) bool {
	kind, ordinal, numbered := strings.Cut(k.kind, "#")
	want := 1
	if n, err := strconv.Atoi(ordinal); err == nil {
		want = n
	} else if numbered {
		return false
	}
	count := 0
	for i, line := range s.lines {
		if strings.TrimSpace(line) == k.text && s.function(i+1) == k.function {
			count += countTokens(line, operators[kind])
		}
	}
	return want <= count
}

func countTokens(line string, wanted []token.Token) (count int) {
	set := token.NewFileSet()
	var s scanner.Scanner
	s.Init(set.AddFile("", set.Base(), len(line)), []byte(line), nil, 0)
	for {
		_, t, _ := s.Scan()
		switch {
		case t == token.EOF:
			return count
		case slices.Contains(wanted, t):
			count++
		}
	}
}
