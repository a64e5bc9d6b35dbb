package dossier_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// Limits of length. A file or function beyond them has more than one job.
const (
	maxFileLines     = 500
	maxFunctionLines = 60 // from func to the closing brace; tests may be longer
)

// drivers lists the folders that may import a package for its side effect only, with what.
var drivers = map[string]string{
	"session":             "database drivers register themselves with database/sql",
	"session/sessiontest": "database drivers register themselves with database/sql",
	"cmd/...":             "database drivers register themselves with database/sql",
	"examples/...":        "database drivers register themselves with database/sql",
}

// source is one Go file of the repository, nested modules included.
type source struct {
	name   string // from the root of the repository
	lines  int
	test   bool
	files  *token.FileSet
	syntax *ast.File
}

// sources parses every Go file of the repository but those under testdata.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipFolder(name)
		case path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		syntax, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{
			name: name, lines: bytes.Count(text, []byte("\n")), test: strings.HasSuffix(name, "_test.go"),
			files: files, syntax: syntax,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// skipFolder leaves out what git or the go command does not take for source.
func skipFolder(name string) error {
	base := path.Base(name)
	hidden := name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_"))
	if hidden || base == "testdata" || name == "bin" || name == "data" {
		return fs.SkipDir
	}
	return nil
}

// functions calls yield for each function with a body.
func (s source) functions(yield func(*ast.FuncDecl)) {
	for _, declaration := range s.syntax.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok && function.Body != nil {
			yield(function)
		}
	}
}

// Files and functions stay short enough to be read in one go.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d: split it by job", s.name, s.lines, maxFileLines)
		}
		if s.test {
			continue
		}
		s.functions(func(function *ast.FuncDecl) {
			first, last := s.files.Position(function.Pos()), s.files.Position(function.End())
			if lines := last.Line - first.Line + 1; lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d: split it", first, function.Name.Name, lines, maxFunctionLines)
			}
		})
	}
}

// Importing a package runs nothing: no init function, and no import for its side effect but that of a driver.
func TestImportingRunsNothing(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		s.functions(func(function *ast.FuncDecl) {
			if function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s: init function: let the caller call it", s.files.Position(function.Pos()))
			}
		})
		for _, imported := range s.syntax.Imports {
			blank := imported.Name != nil && imported.Name.Name == "_" && imported.Path.Value != `"embed"`
			if blank && !mayImportDriver(path.Dir(s.name)) {
				t.Errorf("%s imports %s for its side effect", s.name, imported.Path.Value)
			}
		}
	}
}

func mayImportDriver(folder string) bool {
	for pattern := range drivers {
		if within(folder, pattern) {
			return true
		}
	}
	return false
}

// A package is named by what it is about; these names say nothing and gather everything.
func TestNoPackageIsNamedForNothing(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		name := strings.TrimSuffix(s.syntax.Name.Name, "_test")
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, name) {
			t.Errorf("%s is in package %s: name it by its job", s.name, name)
		}
	}
}
