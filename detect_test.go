package dossier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
)

// The name comes from an attacker: it may choose between passive text formats and nothing else.
func TestDefaultDetectorDoesNotBelieveTheName(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ head, name, want string }{
		{"%PDF-1.7", "x.txt", "application/pdf"},
		{"\x89PNG\r\n\x1a\n", "x.csv", "image/png"},
		{"<html><script>", "x.csv", "text/html; charset=utf-8"},
		{"a,b\n1,2\n", "TABLE.CSV", "text/csv; charset=utf-8"},
		{`{"a":1}`, "x.json", "application/json"},
		{"alert(1)", "x.js", "text/plain; charset=utf-8"},
		{"hello", "x.html", "text/plain; charset=utf-8"},
		{"hello", "x.svg", "text/plain; charset=utf-8"},
		{"\x00\x01", "x.json", "application/octet-stream"},
		{"", "", "text/plain; charset=utf-8"},
	} {
		got := dossier.DefaultDetector().Detect([]byte(row.head), row.name)
		if len(got) == 0 || got[0] != row.want {
			t.Errorf("%q named %q is %q, want %q", row.head, row.name, got, row.want)
		}
	}
}

// A policy that accepts text must accept CSV: the generalisation follows the special type.
func TestDefaultDetectorNamesTheGeneralType(t *testing.T) {
	t.Parallel()
	got := dossier.DefaultDetector().Detect([]byte("a,b\n"), "x.csv")
	if !slices.ContainsFunc(got[1:], func(s string) bool { return strings.HasPrefix(s, "text/plain") }) {
		t.Errorf("%q", got)
	}
}

type silent struct{}

func (silent) Detect([]byte, string) []string { return nil }

// A detector of a user's own that finds nothing must not crash whoever takes the first result.
func TestRegistryDetectIsNeverEmpty(t *testing.T) {
	t.Parallel()
	r := dossier.Registry{Detector: silent{}}
	if got := r.Detect(nil, ""); !slices.Equal(got, []string{"application/octet-stream"}) {
		t.Errorf("%q", got)
	}
	if got := (&dossier.Registry{}).Detect([]byte("%PDF-1.7"), ""); !slices.Equal(got, []string{"application/pdf"}) {
		t.Errorf("%q", got)
	}
}

func ExampleDefaultDetector() {
	detector := dossier.DefaultDetector()
	fmt.Println(detector.Detect([]byte("a,b\n1,2\n"), "table.csv"))
	fmt.Println(detector.Detect([]byte("<script>alert(1)</script>"), "table.csv"))
	// Output:
	// [text/csv; charset=utf-8 text/plain; charset=utf-8]
	// [text/html; charset=utf-8]
}
