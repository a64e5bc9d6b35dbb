package maintenance_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/maintenance"
)

// Each difference between row and object has its kind, and names both sides.
func TestDifferencesBetweenRowAndObject(t *testing.T) {
	t.Parallel()
	const record = `{"filename":"a.txt","to_filename":"k","content_type":"text/plain; charset=UTF-8","size":5,"checksum":"crc32c:9a71bb4c","backend":"uploads"}`
	for name, c := range map[string]struct {
		record, with string // what is replaced in the record
		kind         maintenance.Kind
		detail       string
	}{
		"size":           {`"size":5`, `"size":6`, maintenance.WrongSize, "5 bytes, the row says 6"},
		"checksum":       {`9a71bb4c`, `00000000`, maintenance.WrongChecksum, "crc32c:9a71bb4c, the row says crc32c:00000000"},
		"type":           {`text/plain; charset=UTF-8`, `image/png`, maintenance.WrongType, "text/plain;charset=utf-8, the row says image/png"},
		"backend":        {`"backend":"uploads"`, `"backend":"gone"`, maintenance.UnknownBackend, `the backend "gone" is not registered`},
		"no backend":     {`,"backend":"uploads"`, ``, maintenance.UnknownBackend, `the backend "" is not registered`},
		"no JSON":        {`{"filename"`, `{"filename`, maintenance.Malformed, "file column"},
		"a number":       {record, `17`, maintenance.Malformed, "file column"},
		"empty":          {record, ``, maintenance.Malformed, "EOF"},
		"negative size":  {`"size":5`, `"size":-5`, maintenance.Malformed, "size"},
		"escape by key":  {`"to_filename":"k"`, `"to_filename":"../k"`, maintenance.Malformed, ".."},
		"no key":         {`"filename":"a.txt","to_filename":"k",`, ``, maintenance.Malformed, "empty"},
		"element":        {record, `[{"size":true}]`, maintenance.Malformed, "size"},
		"list that ends": {record, `[`, maintenance.Malformed, "end of JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newManager(t)
			put(t, m, "k", "hello", "text/plain;charset=utf-8")
			insertRaw(t, m.DB().DB, "the-row", strings.Replace(record, c.record, c.with, 1))
			// The object has a row in another column, so that it is not orphaned when this one is damaged.
			insertRaw(t, m.DB().DB, "another", `{"filename":"k","backend":"uploads"}`)
			findings, _ := audit(t.Context(), t, m, nil)
			if f := only(t, findings, c.kind); f.Row != "the-row" || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("finding %+v, want detail %q", f, c.detail)
			}
		})
	}
}

// Rows of other libraries name no to_filename: their filename is the key, and it counts as a reference. JSON null, an
// empty object and an empty list are no files.
func TestForeignRowsAreReferences(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	put(t, m, "theirs.txt", "1", "")
	for i, value := range []string{`{"filename":"theirs.txt","backend":"uploads","unknown":[1]}`, `null`, `{}`, `[]`, `[null]`} {
		insertRaw(t, m.DB().DB, string(rune('a'+i)), value)
	}
	if findings, report := audit(t.Context(), t, m, nil); len(findings) > 0 || report.Files != 1 {
		t.Errorf("findings %v, report %+v", findings, report)
	}
}

// What can be read of a damaged list still counts: otherwise its other objects would look orphaned.
func TestTheRestOfADamagedListCounts(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	put(t, m, "kept", "1", "")
	insertRaw(t, m.DB().DB, "row", `[{"size":"?"}, {"filename":"kept","backend":"uploads"}]`)
	findings, _ := audit(t.Context(), t, m, nil)
	only(t, findings, maintenance.Malformed)
}

// Soft-deleted rows keep their objects.
func TestSoftDeletedRowsAreReferences(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	put(t, m, "kept", "1", "")
	execute(t, m, "CREATE TABLE soft (id INTEGER PRIMARY KEY, file TEXT, deleted_at TIMESTAMP)")
	execute(t, m, `INSERT INTO soft VALUES (1, '{"filename":"kept","backend":"uploads"}', '2026-01-01 00:00:00')`)
	findings, _ := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) { o.Columns = []maintenance.Column{{Table: "soft", Column: "file"}} })
	if len(findings) > 0 {
		t.Errorf("findings %v", findings)
	}
}

// liar keeps its word about nothing but the bytes: a store whose disk rots under correct metadata.
type liar struct{ dossier.Backend }

func (l liar) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	object, err := l.Backend.Get(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return dossier.NewObject(object.Info, object.From, object.To, rot{object}), nil
}

type rot struct{ *dossier.Object }

func (r rot) Read(p []byte) (int, error) {
	n, err := r.Object.Read(p)
	if n > 0 {
		p[0] ^= 1
	}
	return n, err
}

// Only reading finds bytes that rot under correct metadata; that is what Verify is for.
func TestVerifyReadsTheBytes(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	d := &document{Title: "one", File: text("hello")}
	insert(t, m, d)
	m.Registry().Replace("uploads", liar{uploads(t, m)})
	m.Registry().Register("listed", memory.New(memory.Config{}))
	if findings, _ := audit(t.Context(), t, m, nil); len(findings) > 0 {
		t.Errorf("without Verify: %v", findings)
	}
	findings, _ := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) { o.Verify = true })
	if f := only(t, findings, maintenance.WrongChecksum); f.Key != d.File.Key {
		t.Errorf("finding %+v", f)
	}
}

// refusing is a store that answers no Stat.
type refusing struct{ dossier.Backend }

func (r refusing) Stat(context.Context, string) (dossier.Info, error) {
	return dossier.Info{}, &dossier.Error{Op: "stat", Kind: dossier.ErrPermission, Err: errors.New("key policy")}
}

// "Missing" is said on positive evidence only: a store that does not answer gives another kind.
func TestAStoreThatDoesNotAnswerIsUnreadableNotMissing(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	insert(t, m, &document{Title: "one", File: text("hello")})
	m.Registry().Replace("uploads", refusing{uploads(t, m)})
	findings, _ := audit(t.Context(), t, m, nil)
	if f := only(t, findings, maintenance.Unreadable); !strings.Contains(f.Detail, "key policy") {
		t.Errorf("finding %+v", f)
	}
}
