package faultkit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/faultkit"
)

// A function under test hits a point; the test makes the second time fail.
func ExamplePoints() {
	points := &faultkit.Points{}
	points.At("send.before", 2, faultkit.Fail(errors.New("no route to host")))
	for range 3 {
		fmt.Println(points.Hit("send.before"))
	}
	fmt.Println(points.Count("send.before"))
	// Output:
	// <nil>
	// no route to host
	// <nil>
	// 3
}

// The answer of an upload is lost: the object is there, and the error says that nobody knows.
func ExampleBackend() {
	ctx := context.Background()
	points := &faultkit.Points{}
	b := faultkit.Wrap(memory.New(memory.Config{}), points)
	points.Next("put.after", faultkit.Fail(errors.New("connection reset")))

	_, err := b.Put(ctx, "plan.txt", dossier.BytesSource([]byte("plan")), dossier.PutOptions{})
	fmt.Println(err)
	fmt.Println(errors.Is(err, dossier.ErrOutcomeUnknown))
	info, err := b.Stat(ctx, "plan.txt")
	fmt.Println(info.Size, err)
	// Output:
	// put mem:plan.txt: connection reset (outcome unknown)
	// true
	// 4 <nil>
}

// A test asserts how many bytes a range costs.
func ExampleBackend_Usage() {
	ctx := context.Background()
	b := faultkit.Wrap(memory.New(memory.Config{}), nil)
	if _, err := b.Put(ctx, "log", dossier.BytesSource(make([]byte, 1<<20)), dossier.PutOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	object, err := b.Get(ctx, "log", dossier.GetOptions{Range: dossier.Range{Offset: -10}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer object.Close()
	_, err = io.Copy(io.Discard, object)
	fmt.Printf("%+v %v\n", b.Usage("get"), err)
	// Output: {Calls:1 Bytes:10} <nil>
}

// A download breaks off half-way.
func ExampleCut() {
	points := &faultkit.Points{}
	b := faultkit.Wrap(memory.New(memory.Config{}), points)
	if _, err := b.Put(context.Background(), "a", dossier.BytesSource([]byte("content")), dossier.PutOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	points.Next("get.before", faultkit.Cut(3, errors.New("connection reset")))
	object, err := b.Get(context.Background(), "a", dossier.GetOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer object.Close()
	fmt.Println(io.Copy(os.Stdout, object))
	// Output: con3 connection reset
}

// The COMMIT succeeds, and its answer is lost with the connection.
func ExampleOpenDB() {
	points := &faultkit.Points{}
	db, err := faultkit.OpenDB("sqlite", "file:/example?vfs=memdb", points)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	keep, err := db.Conn(context.Background()) // a database in memory lives as long as a connection to it
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keep.Close()
	points.At("sql.commit.after", 1, faultkit.Drop)
	fmt.Println(insert(db))
	var n int
	err = db.QueryRow("SELECT count(*) FROM documents").Scan(&n)
	fmt.Println(n, "row", err)
	// Output:
	// faultkit: connection dropped
	// 1 row <nil>
}

func insert(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	for _, query := range []string{"CREATE TABLE documents (title TEXT)", "INSERT INTO documents VALUES ('plan')"} {
		if _, err := tx.Exec(query); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// After a test that crashed its application, rows and objects are compared. Here somebody removed an object, and
// somebody left one.
func ExampleCheck() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	files := filepath.Join(dir, "files")
	err = errors.Join(os.Mkdir(files, 0o755), os.WriteFile(filepath.Join(files, "left.txt"), nil, 0o600))
	if err == nil {
		_, err = db.Exec(`CREATE TABLE documents (file TEXT); INSERT INTO documents VALUES ('{"to_filename":"plan.pdf"}')`)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := faultkit.Check{DB: db, Columns: []string{"documents.file"}, Dir: files}.Run(context.Background())
	fmt.Println(err)
	fmt.Println(report)
	// Output:
	// <nil>
	// 1 rows, 1 references, 1 objects, 0 in the journal: 1 missing, 0 mismatched, 0 shared, 0 condemned, 1 orphaned, 0 known, 0 leftover
	// missing: plan.pdf: in documents.file
	// orphaned: left.txt
}
