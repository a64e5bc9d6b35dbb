package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/cli"
)

// filled has one row of each state, one of them parked.
func filled(t *testing.T) *application {
	t.Helper()
	a := newApplication(t)
	a.entry(t, "1", "pending", "uploads", "p", 0, "")
	a.entry(t, "2", "doomed", "uploads", "d", 20, "no answer")
	a.entry(t, "3", "tombstone", "avatars", "t", 0, "")
	a.entry(t, "4", "marker", "", "m", 0, "")
	return a
}

// Elsewhere than on a terminal a row is a line with tabs, in order of creation, times as programs read them.
func TestJournalListsRows(t *testing.T) {
	t.Parallel()
	a := filled(t)
	const due = "2026-01-01T00:00:00Z"
	pending, doomed := "1\tpending\tuploads\tp\t"+due+"\t0\t\n", "2\tdoomed\tuploads\td\t"+due+"\t20\tno answer\n"
	tombstone, marker := "3\ttombstone\tavatars\tt\t"+due+"\t0\t\n", "4\tmarker\t\tm\t"+due+"\t0\t\n"
	for args, want := range map[string]string{
		"":                                  pending + doomed + tombstone,
		"--state pending":                   pending,
		"--state doomed,tombstone":          doomed + tombstone,
		"--state marker":                    marker,
		"--backend avatars":                 tombstone,
		"--backend other":                   "",
		"--parked":                          doomed,
		"--parked --state pending":          "",
		"--backend avatars=file:///missing": pending + doomed + tombstone, // a store, which is neither needed nor opened
	} {
		run(t, cli.Config{}, append([]string{"journal", "--database", a.database}, strings.Fields(args)...)...).want(t, 0, want, "")
	}
}

// With --json every line is an object with everything that the row has.
func TestJournalAsJSON(t *testing.T) {
	t.Parallel()
	a := filled(t)
	a.run(t, "journal", "--json", "--parked").want(t, 0, `{"id":"2","state":"doomed","backend":"uploads","store":"elsewhere","key":"d",`+
		`"intent":false,"due_at":"2026-01-01T00:00:00Z","attempts":20,"parked":true,"last_error":"no answer","created_at":"1970-01-01T00:00:00Z"}`+"\n", "")
}

// A key or a store's message must not move the cursor, add lines or fake columns.
func TestWhatIsPrintedIsHarmless(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.entry(t, "1", "doomed", "uploads", "ünï\x1b[2Jcode\u202e", 1, "first\nsecond\tthird")
	a.run(t, "journal").want(t, 0, "1\tdoomed\tuploads\t\"ünï\\x1b[2Jcode\\u202e\"\t2026-01-01T00:00:00Z\t1\t\"first\\nsecond\\tthird\"\n", "")
}

// A filter that matches nothing by mistake is worse than an error.
func TestJournalRefusesUnknownFilters(t *testing.T) {
	t.Parallel()
	a := filled(t)
	a.run(t, "journal", "--state", "dooomed").want(t, 2, "", `--state: invalid argument: "dooomed"; the states are pending, doomed, tombstone, open, marker`)
	a.run(t, "journal", "--backend", "a", "--backend", "b").want(t, 2, "", "one backend")
	a.run(t, "journal", "lst").want(t, 2, "", `"lst" is no subcommand of dossier journal; see dossier journal --help`)
}

// Parked rows are tried again when somebody asks for it, all or those named.
func TestJournalRetry(t *testing.T) {
	t.Parallel()
	a := filled(t)
	a.entry(t, "5", "doomed", "uploads", "e", 25, "no answer")
	a.entry(t, "6", "doomed", "uploads", "f", 25, "no answer")
	a.run(t, "journal", "retry", "5").want(t, 0, "1 rows are due again\n", "")
	a.run(t, "journal", "retry", "5", "1", "none", "none").want(t, 1, "0 rows are due again\n", "3 of the ids are not parked or not in the journal")
	a.run(t, "journal", "retry").want(t, 0, "2 rows are due again\n", "")
	a.run(t, "journal", "--parked").want(t, 0, "", "")
}

// Rows flow: more of them than a page of the journal.
func TestJournalListsMoreThanAPage(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.execute(t, `INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) SELECT printf('%05d', i), 'uploads', 's', i, 'doomed', 0, 0 FROM n`)
	got := a.run(t, "journal")
	if n := strings.Count(got.stdout, "\n"); n != 1234 || !strings.HasPrefix(got.stdout, "00001\t") {
		t.Errorf("%d lines", n)
	}
	if last := fmt.Sprintf("%05d\t", 1234); !strings.Contains(got.stdout, last) {
		t.Error("the last row is missing")
	}
}
