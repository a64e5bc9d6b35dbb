package dossier_test

import (
	"os"
	"path/filepath"
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

// A page that nobody finds is not there, and a link that leads nowhere is worse.
func TestEveryPageIsLinked(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	links, code := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`), regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	linked := map[string]bool{}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			if strings.Contains(link[1], ":") {
				continue
			}
			target := filepath.Join(filepath.Dir(page), link[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, target)
			}
			linked[target] = linked[target] || page == "README.md"
		}
	}
	for _, page := range pages {
		if !linked[page] {
			t.Errorf("the README does not link to %s", page)
		}
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
