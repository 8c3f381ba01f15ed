package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// report is the output of gremlins. File names are relative to the folder of the target.
type report struct {
	Files []struct {
		Name      string `json:"file_name"`
		Mutations []mutation
	}
}

type mutation struct {
	Type, Status string
	Line, Column int
}

// parseReport finds the source of each mutant. read returns a file by its path below the root.
func parseReport(text []byte, folder string, read func(file string) ([]byte, error)) ([]mutant, error) {
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("decode the report of gremlins: %w", err)
	}
	var mutants []mutant
	for _, f := range r.Files {
		name := path.Join(folder, f.Name)
		text, err := read(name)
		if err != nil {
			return nil, fmt.Errorf("read the source of mutants: %w", err)
		}
		s, err := newSource(name, text)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(f.Mutations, func(a, b mutation) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		seen := map[key]int{}
		for _, m := range f.Mutations {
			k, err := s.key(m)
			if err != nil {
				return nil, err
			}
			seen[k]++
			if n := seen[k]; n > 1 {
				k.kind += "#" + strconv.Itoa(n)
			}
			mutants = append(mutants, mutant{k, name, m.Line, m.Column, status(m.Status)})
		}
	}
	return mutants, nil
}

// source is a file in which gremlins changed operators.
type source struct {
	name  string
	lines []string
	file  *ast.File
	set   *token.FileSet
}

func newSource(name string, text []byte) (source, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return source{}, fmt.Errorf("read the source of mutants: %w", err)
	}
	return source{name, strings.Split(string(text), "\n"), file, set}, nil
}

func (s source) key(m mutation) (key, error) {
	if m.Line < 1 || m.Line > len(s.lines) {
		return key{}, fmt.Errorf("%s has no line %d", s.name, m.Line)
	}
	return key{path.Base(path.Dir(s.name)) + "/" + path.Base(s.name), s.function(m.Line), m.Type, strings.TrimSpace(s.lines[m.Line-1])}, nil
}

func (s source) function(line int) string {
	for _, declaration := range s.file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || line < s.set.Position(f.Pos()).Line || line > s.set.Position(f.End()).Line {
			continue
		}
		if f.Recv == nil {
			return f.Name.Name
		}
		return receiver(f.Recv.List[0].Type) + "." + f.Name.Name
	}
	return "-"
}

// receiver returns the name of a receiver's type, without its pointer and its type parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	default:
		return "-"
	}
}
