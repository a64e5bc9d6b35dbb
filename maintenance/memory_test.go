package maintenance_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// endless is a store of n objects that takes no memory: it makes up what it is asked for.
type endless struct {
	dossier.Backend
	n int
}

func (e endless) List(_ context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		for i := range e.n {
			if !yield(e.info(fmt.Sprintf("object/%08d", i)), nil) {
				return
			}
		}
	}
}

func (e endless) Stat(_ context.Context, key string) (dossier.Info, error) {
	if key < fmt.Sprintf("object/%08d", e.n) {
		return e.info(key), nil
	}
	return dossier.Info{}, &dossier.Error{Op: "stat", Key: key, Kind: dossier.ErrNotExist}
}

func (e endless) info(key string) dossier.Info {
	return dossier.Info{Key: key, Size: 5, ModTime: time.Unix(0, 0)}
}

// Promise 4: the memory of an audit does not grow with rows, objects or findings. Half of these rows have objects, so half
// of the objects are orphaned and half of the rows miss theirs: more suspects than any real store has.
func TestMemoryDoesNotGrowWithRows(t *testing.T) { //nolint:paralleltest // it reads the memory of the whole process
	const rows = 20_000
	m := newManagerOver(t, endless{memory.New(memory.Config{}), rows}, session.Options{})
	execute(t, m, `INSERT INTO documents (id, title, file) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)
		SELECT i, '', printf('{"filename":"a","to_filename":"object/%08d","size":5,"backend":"uploads"}', i + ?) FROM n`, rows, rows/2)
	var most uint64
	before := heap()
	measure := func() { most = max(most, heap()) }
	calls := 0
	opts := maintenance.AuditOptions{
		Database: m.DB(), Registry: m.Registry(), Columns: columns,
		Found: func(maintenance.Finding) error { return nil },
		Progress: func(maintenance.AuditReport) {
			if calls++; calls%20 == 0 {
				measure()
			}
		},
	}
	report, err := maintenance.Audit(t.Context(), opts)
	check(t, err)
	if report.Files != rows || report.Objects != rows || report.Kinds[maintenance.Missing] != rows/2 || report.Kinds[maintenance.Orphaned] != rows/2 {
		t.Errorf("report %+v", report)
	}
	// As findings, 20,000 of them would be more than 4 MB. What there is comes from pages of 256 and the connection.
	const limit = 2 << 20
	if most == 0 || most > before+limit {
		t.Errorf("%d kB in use beside %d kB before, want at most %d kB more", most>>10, before>>10, limit>>10)
	}
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
