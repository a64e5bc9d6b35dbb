package dossier_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The README's code must compile and run: each block is part of a program that is built and tested.
func TestREADMECodeIsCompiled(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var programs strings.Builder
	for _, path := range []string{"examples/quickstart/main.go", "filehttp/example_readme_test.go"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		programs.Write(text)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 5 {
		t.Errorf("%d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(flat(programs.String()), flat(block[1])) {
			t.Errorf("this block is in no program that is compiled:\n%s", block[1])
		}
	}
	if lines := strings.Count(string(readme), "\n"); lines >= 200 {
		t.Errorf("the README has %d lines; it must stay under 200", lines)
	}
}

// flat drops indentation.
func flat(code string) string {
	lines := strings.Split(code, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
