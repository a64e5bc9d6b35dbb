package session_test

import (
	"context"
	"fmt"
	"log"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// With triggers, a statement that knows nothing of files leaves orders for the next sweep.
func ExampleManager_InstallTriggers() {
	ctx := context.Background()
	m, store := openExample(session.Options{DeleteAfter: session.AtOnce})
	if err := m.InstallTriggers(ctx); err != nil { // in a migration
		log.Fatal(err)
	}
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &Invoice{Number: "7", Scan: fileobject.FromBytes("7.pdf", []byte("%PDF-1.7"), fileobject.Options{})})
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.DB().DB.ExecContext(ctx, "DELETE FROM invoices"); err != nil { // or in a shell
		log.Fatal(err)
	}
	report, err := m.Sweep(ctx, journal.SweepOptions{})
	fmt.Println(report.Deleted, countObjects(ctx, store), err)
	// Output: 1 0 <nil>
}

// CheckTriggers is for a test of the deployment: it finds what a change of models, stores or delays left behind.
func ExampleManager_CheckTriggers() {
	ctx := context.Background()
	m, _ := openExample(session.Options{})
	if err := m.InstallTriggers(ctx); err != nil {
		log.Fatal(err)
	}
	drift, err := m.CheckTriggers(ctx)
	fmt.Println(len(drift), err)
	if err := m.DropTriggers(ctx); err != nil {
		log.Fatal(err)
	}
	drift, err = m.CheckTriggers(ctx)
	fmt.Println(drift[0].Table, drift[0].Problem, err)
	// Output:
	// 0 <nil>
	// invoices missing <nil>
}
