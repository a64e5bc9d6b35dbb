package dossier_test

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// testNames are the tests, fuzz tests and examples of the repository, each with the texts of the file that it is in.
func testNames(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		var texts []string
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					texts = append(texts, text)
				}
			}
			return true
		})
		s.functions(func(function *ast.FuncDecl) {
			if function.Recv == nil {
				all[function.Name.Name] = append(all[function.Name.Name], texts...)
			}
		})
	}
	return all
}

// quotedTest finds the name of a test in Markdown, and after a stroke one of its cases.
var quotedTest = regexp.MustCompile("`((?:Test|Fuzz|Example)[A-Za-z0-9_]*)(…?)(?:/([^`]+))?`")

// A table that says "this test covers it" is worth nothing once the test is gone or has another name.
func TestDocumentedTestsExist(t *testing.T) {
	t.Parallel()
	names := testNames(t)
	for _, file := range []string{"docs/traps.md", "docs/seed.md", "docs/differences.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range quotedTest.FindAllStringSubmatch(string(text), -1) {
			name, prefix, one := found[1], found[2] != "", found[3]
			texts, known := names[name]
			for other := range names {
				known = known || prefix && strings.HasPrefix(other, name)
			}
			if !known {
				t.Errorf("%s: there is no test %s", file, name)
			} else if one != "" && !slices.Contains(texts, one) {
				t.Errorf("%s: the file of %s has no case %q", file, name, one)
			}
		}
	}
}

// seedSections are the sections of docs/seed.md, with how many features each has at least.
var seedSections = map[string]int{
	"2.1": 21, "2.2": 11, "2.3": 6, "2.4": 26, "2.5": 1, "2.6": 8, "2.7": 6, "2.8": 8, "3": 18, "4.1": 13, "4.2": 7,
	"5.1": 14, "5.2": 15, "5.3": 4, "5.4": 13, "5.5": 6, "5.6": 5, "6.5": 12, "6.6": 11, "6.7": 3, "7.4": 11,
}

var (
	seedRow        = regexp.MustCompile(`(?m)^\| (\d(?:\.\d)?)[^|]* \| (.+) \| (.+) \|$`)
	difference     = regexp.MustCompile(`difference (\d+)`)
	differenceLine = regexp.MustCompile(`(?m)^(\d+)\. \*\*`)
)

// Every feature of the libraries that users come from is there, by a test, or is named among the differences.
func TestEveryFeatureHasATestOrADifference(t *testing.T) {
	t.Parallel()
	seed, err := os.ReadFile("docs/seed.md")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile("docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	numbered := differenceLine.FindAllStringSubmatch(string(lines), -1)
	if n := strings.Count(string(lines), "\n"); n > 25 {
		t.Errorf("docs/differences.md has %d lines; whoever must know more than 25 reads none", n)
	}
	rows, used := map[string]int{}, map[string]bool{}
	for _, row := range seedRow.FindAllStringSubmatch(string(seed), -1) {
		rows[row[1]]++
		different := difference.FindAllStringSubmatch(row[3], -1)
		for _, found := range different {
			used[found[1]] = true
		}
		if len(different) == 0 && !quotedTest.MatchString(row[3]) {
			t.Errorf("%s %s: neither a test nor a difference", row[1], row[2])
		}
	}
	for section, want := range seedSections {
		if rows[section] < want {
			t.Errorf("section %s has %d features, want %d", section, rows[section], want)
		}
	}
	for i, line := range numbered {
		if line[1] != strconv.Itoa(i+1) || !used[line[1]] {
			t.Errorf("difference %s is the line %d of the list; used: %v", line[1], i+1, used[line[1]])
		}
		delete(used, line[1])
	}
	for number := range used {
		t.Errorf("there is no difference %s", number)
	}
}
