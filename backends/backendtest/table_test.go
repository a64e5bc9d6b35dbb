package backendtest_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/backends/backendtest"
)

var update = flag.Bool("update", false, "write docs/conformance.md")

const tablePath = "../../docs/conformance.md"

// The table is what a reader believes: it must be that of this suite.
func TestConformanceTable(t *testing.T) {
	t.Parallel()
	table := backendtest.Table()
	if *update {
		if err := os.WriteFile(tablePath, []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(tablePath)
	if err != nil || string(stored) != table {
		t.Errorf("%s is not current (%v); run: go test ./backends/backendtest -run TestConformanceTable -update", tablePath, err)
	}
}

// A group is covered by a case, or the reader is told why not.
func TestEveryGroupIsCoveredOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	groups := backendtest.Groups()
	if len(groups) != 86 {
		t.Errorf("%d groups, the list has 86", len(groups))
	}
	for _, g := range groups {
		if len(g.Cases) == 0 && g.Elsewhere == "" || g.Title == "" || strings.Contains(g.Title, "|") {
			t.Errorf("group %d (%s) has neither a case nor a reason", g.Number, g.Title)
		}
	}
}
