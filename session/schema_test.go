package session_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/google/uuid"
)

type bareText struct {
	bun.BaseModel `bun:"table:t"`
	model.NanoID
	model.SlugKey `slug:"id"`
	model.AuditBy[string]
}

type bareCounted struct {
	bun.BaseModel `bun:"table:t"`
	model.Int64
	model.Versioned
	model.SoftDelete
}

type bareUUID struct {
	bun.BaseModel `bun:"table:t"`
	model.UUID
	model.Audit
	model.AuditBy[uuid.UUID]
}

// The table of docs/models.md is what migrations are written by: each column is there as CreateSchema makes it.
func TestDocumentedColumnsAreTheCreatedOnes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/models.md")
	must(t, err)
	everyDatabase(t, func(t *testing.T, w *world) {
		statements, err := w.SchemaSQL((*bareText)(nil), (*bareCounted)(nil), (*bareUUID)(nil))
		must(t, err)
		heading := slices.Index([]string{"sqlite", "postgresql", "mariadb"}, w.on) + 2
		documented := map[string]bool{}
		for line := range strings.Lines(string(page)) {
			cells := strings.Split(line, "|")
			if len(cells) != 7 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
				continue
			}
			for _, name := range strings.Split(cells[2], ",") {
				definition := strings.Trim(strings.TrimSpace(name), "`") + " " + strings.Trim(strings.TrimSpace(cells[heading+1]), "`")
				documented[definition] = true
			}
		}
		for _, statement := range statements {
			for _, column := range definitions(statement) {
				if !documented[column] {
					t.Errorf("docs/models.md does not have %q", column)
				}
			}
		}
	})
}

// definitions are the columns of a CREATE TABLE without quotes.
func definitions(statement string) []string {
	_, body, _ := strings.Cut(strings.NewReplacer("`", "", `"`, "").Replace(statement), " (")
	var all []string
	for _, part := range strings.Split(strings.TrimSuffix(body, ")"), ", ") {
		if !strings.HasPrefix(part, "PRIMARY KEY") && !strings.HasPrefix(part, "UNIQUE") {
			all = append(all, part)
		}
	}
	return all
}

// What SchemaSQL says is what a database takes, as a migration tool sends it.
func TestSchemaSQLCreatesTheTables(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		statements, err := w.SchemaSQL((*article)(nil), (*coupon)(nil))
		must(t, err)
		for _, statement := range statements {
			w.exec(statement)
		}
		w.insert(&article{Title: "Plan"}, &article{Title: "Plan"}, &coupon{})
	})
	w := newMemoryWorld(t, session.Options{})
	_, err := w.SchemaSQL(7)
	wantError(t, err, dossier.ErrInvalid)
}
