package lifecycle_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// stoppedVariable holds the orders of a child process that stops itself, a stoppedOrders in JSON.
const stoppedVariable = "DOSSIER_STOPPED_CHILD"

// stoppedOrders tell the child where its world is.
type stoppedOrders struct{ On, Driver, DSN, Files string }

const stoppedLease = time.Second

// latePuts is a store whose Put says so and waits for its parent when nothing can hold it back any more, like a request that is
// on its way to a bucket: it lands whatever became of its lease.
type latePuts struct{ dossier.Forward }

func (l *latePuts) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	fmt.Println("put")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return dossier.Info{}, err
	}
	return l.Inner.Put(context.WithoutCancel(ctx), key, src, opts)
}

// stoppedChild is the program of the child. It ends with 0 when it was told that its lease was lost.
func stoppedChild(text string) int {
	var orders stoppedOrders
	err := json.Unmarshal([]byte(text), &orders)
	if err == nil {
		err = orders.insert(context.Background())
	}
	fmt.Println(err)
	if errors.Is(err, dossier.ErrLeaseLost) {
		return 0
	}
	return 1
}

func (o stoppedOrders) insert(ctx context.Context) error {
	store, err := local.New(o.Files, local.Config{Durability: local.Fast})
	if err != nil {
		return err
	}
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", &latePuts{dossier.Forward{Inner: store}}); err != nil {
		return err
	}
	pool, err := sql.Open(o.Driver, o.DSN)
	if err != nil {
		return err
	}
	m, err := session.New(bun.NewDB(pool, dialectOf(o.On)), session.Options{Registry: registry, Lease: stoppedLease})
	if err != nil {
		return err
	}
	if err := m.Register((*document)(nil)); err != nil {
		return err
	}
	return m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &document{Title: "late", File: file("late")})
	})
}

// A process is stopped while its upload is under way, its lease ends, a sweep comes, and the process goes on: its bytes land
// after the delete, and its commit is refused. The tombstone has the object deleted once more.
func TestStoppedProcessWhosePutLandsAfterTheSweep(t *testing.T) {
	onEveryDatabase(t, testStoppedProcessWhosePutLandsAfterTheSweep)
}

func testStoppedProcessWhosePutLandsAfterTheSweep(t *testing.T) {
	t.Helper()
	t.Parallel()
	if !canStop {
		t.Skip("platform: processes cannot be stopped and continued")
	}
	orders := stoppedOrders{On: databaseOf(t)}
	w := newWorld(t, setup{open: func(driver, dsn string) (*sql.DB, error) {
		orders.Driver, orders.DSN = driver, dsn
		return sql.Open(driver, dsn)
	}})
	orders.Files = w.files
	text, err := json.Marshal(orders)
	must(t, err)
	executable, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), executable)
	child.Env = append(os.Environ(), stoppedVariable+"="+string(text))
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	must(t, err)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "put" {
		t.Fatalf("the child said %q before its upload", lines.Text())
	}
	must(t, stop(child.Process))
	for w.journal(t)["tombstone"] == 0 { // by the clock: the lease must end
		w.sweepWith(t, journal.SweepOptions{Quarantine: time.Hour})
	}
	_, err = in.Write([]byte("\n"))
	must(t, errors.Join(err, goOn(child.Process)))
	lines.Scan()
	if err := child.Wait(); err != nil {
		t.Fatalf("the child was not told that its lease was lost, but %q: %v", lines.Text(), err)
	}
	if have := fmt.Sprint(w.objects(t)); have != "[late]" || w.titles(t) != "" {
		t.Errorf("the late bytes did not land, or a row took them: objects %s, rows %q", have, w.titles(t))
	}
	w.fallDue(t)
	if r := w.sweepWith(t, journal.SweepOptions{}); r.Deleted != 1 {
		t.Errorf("the second delete: %+v", r)
	}
	w.check(t)
}
