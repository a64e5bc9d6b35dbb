package session_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// Invoice is the model of the examples.
type Invoice struct {
	bun.BaseModel `bun:"table:invoices"`
	model.UUID
	model.Audit
	Number string                 `bun:"number,notnull,unique"`
	Scan   *fileobject.FileObject `bun:"scan" file:"scans,max:20MiB"`
	Notes  fileobject.List        `bun:"notes" file:"scans,many:50"`
}

// openExample returns a manager over a database in memory and a store in memory, and the store.
func openExample(opts session.Options) (*session.Manager, *memory.Backend) {
	pool, err := sql.Open("sqlite", "file:/"+journal.NewID()+"?vfs=memdb&_pragma=busy_timeout(10000)")
	if err != nil {
		log.Fatal(err)
	}
	pool.SetMaxIdleConns(2) // the database lives as long as a connection to it
	store := memory.New(memory.Config{})
	opts.Registry = &dossier.Registry{}
	if err := opts.Registry.Register("scans", store); err != nil {
		log.Fatal(err)
	}
	m, err := session.New(bun.NewDB(pool, sqlitedialect.New()), opts)
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(m.Register((*Invoice)(nil)), m.CreateSchema(context.Background())); err != nil {
		log.Fatal(err)
	}
	return m, store
}

// countObjects counts what a store holds.
func countObjects(ctx context.Context, store dossier.Backend) (n int) {
	for _, err := range dossier.List(ctx, store, dossier.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		n++
	}
	return n
}

// pdf is a pending file.
func pdf(text string) *fileobject.FileObject {
	return fileobject.FromReader("scan.pdf", strings.NewReader("%PDF-1.7 "+text), fileobject.Options{})
}

// A program opens the database, registers its stores and models once, and keeps the manager.
func ExampleNew() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "app.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	store, err := local.New(filepath.Join(folder, "scans"), local.Config{})
	if err != nil {
		log.Fatal(err)
	}
	registry := &dossier.Registry{}
	if err := registry.Register("scans", store); err != nil {
		log.Fatal(err)
	}

	manager, err := session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: registry})
	if err != nil {
		log.Fatal(err)
	}
	if err := manager.Register((*Invoice)(nil)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(manager.CreateSchema(context.Background()))
	// Output: <nil>
}

// The row and the bytes are written together, or neither is.
func ExampleManager_Run() {
	manager, store := openExample(session.Options{})
	ctx := context.Background()
	invoice := &Invoice{Number: "2026-001", Scan: pdf("first")}
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, invoice) })
	fmt.Println(err, invoice.Scan.ContentType, countObjects(ctx, store))

	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		if err := s.Insert(ctx, &Invoice{Number: "2026-002", Scan: pdf("second")}); err != nil {
			return err
		}
		return errors.New("the customer does not exist")
	})
	fmt.Println(err, countObjects(ctx, store))
	// Output:
	// <nil> application/pdf 1
	// the customer does not exist 1
}

// Many models are written by one statement, and their files uploaded in parallel before it.
func ExampleSession_Insert() {
	manager, store := openExample(session.Options{})
	ctx := context.Background()
	var invoices []*Invoice
	for i := range 3 {
		invoices = append(invoices, &Invoice{Number: fmt.Sprint("2026-00", i+1), Scan: pdf(fmt.Sprint(i))})
	}
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &invoices) })
	fmt.Println(err, countObjects(ctx, store), !invoices[2].CreatedAt.IsZero())
	// Output: <nil> 3 true
}

// A new file in the field replaces the old one, whose object goes after the commit: by default an hour later, for
// readers who still hold the old row.
func ExampleSession_Update() {
	manager, store := openExample(session.Options{DeleteAfter: session.AtOnce})
	ctx := context.Background()
	invoice := &Invoice{Number: "2026-001", Scan: pdf("first")}
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, invoice) })
	if err != nil {
		log.Fatal(err)
	}

	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		loaded := &Invoice{}
		if err := s.Get(ctx, loaded, invoice.ID); err != nil {
			return err
		}
		loaded.Scan = pdf("second")
		return s.Update(ctx, loaded)
	})
	fmt.Println(err, countObjects(ctx, store))

	invoice.Number = "2026-001b" // a struct from before
	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Update(ctx, invoice) })
	fmt.Println(errors.Is(err, dossier.ErrStale))
	// Output:
	// <nil> 1
	// true
}

// A step that may fail without ending the whole stands in a savepoint.
func ExampleSession_Nested() {
	manager, store := openExample(session.Options{})
	ctx := context.Background()
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		if err := s.Insert(ctx, &Invoice{Number: "2026-001", Scan: pdf("first")}); err != nil {
			return err
		}
		err := s.Nested(ctx, func(ctx context.Context) error {
			return s.Insert(ctx, &Invoice{Number: "2026-001", Scan: pdf("the number is taken")})
		})
		fmt.Println("duplicate:", err != nil)
		return nil
	})
	fmt.Println(err, countObjects(ctx, store))
	// Output:
	// duplicate: true
	// <nil> 1
}

// Stage uploads before the transaction begins, which is then short however large the files are.
func ExampleSession_Stage() {
	manager, store := openExample(session.Options{})
	ctx := context.Background()
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		invoice := &Invoice{Number: "2026-001", Scan: pdf("large")}
		if err := s.Stage(ctx, invoice); err != nil {
			return err
		}
		fmt.Println("uploaded:", countObjects(ctx, store))
		return s.Insert(ctx, invoice)
	})
	fmt.Println(err, countObjects(ctx, store))
	// Output:
	// uploaded: 1
	// <nil> 1
}

// Files are added to a list whatever it holds by now, so two writers lose nothing.
func ExampleSession_AppendFiles() {
	manager, _ := openExample(session.Options{})
	ctx := context.Background()
	invoice := &Invoice{Number: "2026-001"}
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, invoice) })
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"paid", "reminded"} {
		err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
			return s.AppendFiles(ctx, invoice, "notes", fileobject.FromBytes(name+".txt", []byte(name), fileobject.Options{}))
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	for _, note := range invoice.Notes {
		fmt.Println(note.Filename)
	}
	// Output:
	// paid.txt
	// reminded.txt
}

// An object that another program wrote becomes a row's: nothing is copied.
func ExampleSession_Import() {
	manager, store := openExample(session.Options{})
	ctx := context.Background()
	_, err := store.Put(ctx, "archive/1999.pdf", dossier.BytesSource([]byte("%PDF-1.2 old")), dossier.PutOptions{})
	if err != nil {
		log.Fatal(err)
	}
	invoice := &Invoice{Number: "1999-001", Scan: &fileobject.FileObject{
		Record: dossier.Record{Key: "archive/1999.pdf", Filename: "1999.pdf"},
	}}
	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		if err := s.Import(ctx, invoice, "scan", invoice.Scan); err != nil {
			return err
		}
		return s.Insert(ctx, invoice)
	})
	fmt.Println(err, invoice.Scan.ContentType, invoice.Scan.Size, countObjects(ctx, store))
	// Output: <nil> application/pdf 12 1
}

// A program runs the sweeper beside its server; any number of its processes may.
func ExampleManager_RunSweeper() {
	manager, _ := openExample(session.Options{})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- manager.RunSweeper(ctx, time.Minute) }()
	// … serve …
	stop()
	fmt.Println(<-done)
	// Output: <nil>
}

// What must not happen unless the rows are there, such as sending mail, waits for the commit.
func ExampleSession_AfterCommit() {
	manager, _ := openExample(session.Options{})
	ctx := context.Background()
	for _, fail := range []error{nil, errors.New("no")} {
		err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
			s.AfterCommit(func(context.Context) { fmt.Println("mail is sent") })
			s.AfterRollback(func(context.Context) { fmt.Println("nothing happened") })
			return errors.Join(s.Insert(ctx, &Invoice{Number: "2026-001"}), fail)
		})
		fmt.Println(err)
		if err == nil {
			_ = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
				_, err := s.DeleteWhere(ctx, (*Invoice)(nil), "1 = 1")
				return err
			})
		}
	}
	// Output:
	// mail is sent
	// <nil>
	// nothing happened
	// no
}

// Rows are read one by one, in constant memory.
func ExampleStream() {
	manager, _ := openExample(session.Options{})
	ctx := context.Background()
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &Invoice{Number: "2026-001"}, &Invoice{Number: "2026-002"})
	})
	if err != nil {
		log.Fatal(err)
	}
	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		query := s.IDB().NewSelect().Model((*Invoice)(nil)).Order("number")
		for invoice, err := range session.Stream[Invoice](ctx, s, query) {
			if err != nil {
				return err
			}
			fmt.Println(invoice.Number)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 2026-001
	// 2026-002
	// <nil>
}
