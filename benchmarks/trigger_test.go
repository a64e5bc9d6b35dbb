package benchmarks

import (
	"fmt"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// triggered has a file column of each kind.
type triggered struct {
	bun.BaseModel `bun:"table:papers"`
	ID            int64                  `bun:"id,pk"`
	Title         string                 `bun:"title,notnull"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
	Pages         fileobject.List        `bun:"pages" file:"uploads,many:10"`
	Cover         fileobject.FileObject  `bun:"cover" file:"uploads"`
}

// triggerRows is how many rows each statement of BenchmarkTriggers touches.
const triggerRows = 9000

// triggerStatements are run one after the other; each touches all rows. Those without a name are not measured.
var triggerStatements = [][2]string{
	{"insert", "INSERT INTO papers SELECT * FROM kept"},
	{"update-title", "UPDATE papers SET title = 'b'"},
	{"update-same", "UPDATE papers SET file = file"},
	{"delete", "DELETE FROM papers"},
	{"", "DELETE FROM dossier_journal"},
	{"", "INSERT INTO papers SELECT * FROM kept"},
	{"update-file", "UPDATE papers SET file = NULL"},
	{"", "DELETE FROM papers"},
	{"", "DELETE FROM dossier_journal"},
}

// numbers counts from 1 to triggerRows.
var numbers = map[string]string{
	"sqlite": fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n",
		triggerRows),
	"postgresql": fmt.Sprintf("SELECT i FROM generate_series(1, %d) AS n(i)", triggerRows),
	"mysql":      fmt.Sprintf("SELECT seq AS i FROM seq_1_to_%d", triggerRows),
}

// papersOf is the SQL that fills a table beside with rows of one file, or of a file, a list of two and a cover.
func papersOf(database string, full bool) string {
	file := func(name string) string {
		return `{"filename":"a.txt","to_filename":"` + name + `-#","size":1,"backend":"uploads"}`
	}
	value := func(text string) string {
		if database == "postgresql" {
			return "replace('" + text + "', '#', n.i::text)::jsonb"
		}
		return "replace('" + text + "', '#', n.i)"
	}
	pages, cover := "NULL", "NULL"
	if full {
		pages, cover = value("["+file("p")+", "+file("q")+"]"), value(file("c"))
	}
	return fmt.Sprintf("INSERT INTO kept (id, title, file, pages, cover) SELECT n.i, 'a', %s, %s, %s FROM (%s) n",
		value(file("f")), pages, cover, numbers[database])
}

// Bulk SQL on rows of one file and on rows of four, without triggers and with them. The metrics: microseconds for each row.
func BenchmarkTriggers(b *testing.B) {
	for _, database := range []string{"sqlite", "postgresql", "mysql"} {
		for _, files := range []string{"one file", "four files"} {
			for _, triggers := range []string{"without", "with"} {
				b.Run(fmt.Sprintf("%s/%s/%s", database, files, triggers), func(b *testing.B) {
					benchmarkTriggers(b, database, files == "four files", triggers == "with")
				})
			}
		}
	}
}

func benchmarkTriggers(b *testing.B, database string, full, triggers bool) {
	db := openDatabase(b, database)
	registry := &dossier.Registry{}
	m, err := session.New(db, session.Options{Registry: registry})
	for _, step := range []func() error{
		func() error { return err },
		func() error { return registry.Register("uploads", memory.New(memory.Config{})) },
		func() error { return m.Register((*triggered)(nil)) },
		func() error { return m.CreateSchema(b.Context()) },
	} {
		if err := step(); err != nil {
			b.Fatal(err)
		}
	}
	run := func(statement string) time.Duration {
		start := time.Now()
		if _, err := db.DB.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	run("CREATE TABLE kept AS SELECT * FROM papers")
	run(papersOf(database, full))
	if triggers {
		if err := m.InstallTriggers(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	took := map[string]time.Duration{}
	for b.Loop() {
		for _, statement := range triggerStatements {
			took[statement[0]] += run(statement[1])
		}
	}
	delete(took, "")
	for name, time := range took {
		b.ReportMetric(float64(time.Microseconds())/float64(b.N*triggerRows), "µs/"+name)
	}
}
