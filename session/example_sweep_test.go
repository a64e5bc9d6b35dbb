package session_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// Metrics of a sweep come from a hook; what waits for one is counted in the journal.
func Example_metrics() {
	ctx := context.Background()
	opts := session.Options{DeleteAfter: session.AtOnce, DueOrders: -1} // no commit executes orders here
	opts.Hooks.AfterSweep = func(_ context.Context, sweep session.Sweep) {
		fmt.Println("swept:", sweep.Report.Deleted, "deleted,", sweep.Report.Failed, "failed, error:", sweep.Err)
	}
	m, _ := openExample(opts)
	invoice := &Invoice{Number: "1", Scan: fileobject.FromBytes("a.txt", []byte("content"), fileobject.Options{})}
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return errors.Join(s.Insert(ctx, invoice), s.Delete(ctx, invoice))
	})
	if err != nil {
		log.Fatal(err)
	}
	statistics, err := m.Journal().Statistics(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range statistics {
		fmt.Println(s.Backend, s.State, "rows:", s.Rows, "due:", s.Due, "parked:", s.Parked)
	}
	if _, err := m.Sweep(ctx, journal.SweepOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// scans doomed rows: 1 due: 1 parked: 0
	// swept: 1 deleted, 0 failed, error: <nil>
}

// What speaks to the driver alone works inside the transaction: an error undoes it with the rest.
func ExampleSession_Raw() {
	ctx := context.Background()
	m, _ := openExample(session.Options{})
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Raw(ctx, func(driverConn any) error {
			conn := driverConn.(driver.ExecerContext)
			_, err := conn.ExecContext(ctx, "CREATE TABLE jobs (name TEXT)", nil)
			return errors.Join(err, errors.New("the queue is full"))
		})
	})
	fmt.Println(err)
	var tables int
	if err := m.DB().QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'jobs'").Scan(&tables); err != nil {
		log.Fatal(err)
	}
	fmt.Println("tables:", tables)
	// Output:
	// the queue is full
	// tables: 0
}
