package session_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

func ExampleOpen() {
	ctx := context.Background()
	registry := &dossier.Registry{}
	if err := registry.Register("scans", memory.New(memory.Config{})); err != nil {
		fmt.Println(err)
		return
	}
	manager, err := session.Open(ctx, session.Config{
		DSN:          "file:/example-open?vfs=memdb", // "app.db", "postgres://…", "mysql://…"
		Options:      session.Options{Registry: registry},
		Models:       []any{(*Invoice)(nil)},
		CreateSchema: true,
		Wait:         time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer manager.Close()

	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &Invoice{Number: "1", Scan: fileobject.FromBytes("1.txt", []byte("scan"), fileobject.Options{})})
	})
	fmt.Println(err)

	_, err = session.Open(ctx, session.Config{DSN: "mysql://app:secret@localhost/app?parseTime=false"})
	fmt.Println(err)
	// Output:
	// <nil>
	// open database: invalid argument: the DSN has parseTime=false: times could not be read; leave it out
}

func ExampleManager_Health() {
	ctx := context.Background()
	manager, err := session.Open(ctx, session.Config{DSN: "file:/example-health?vfs=memdb"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer manager.Close()

	_, err = manager.Health(ctx)
	fmt.Println(errors.Is(err, dossier.ErrUnavailable), errors.Is(err, session.ErrNoSchema))
	if err := manager.CreateSchema(ctx); err != nil {
		fmt.Println(err)
	}
	_, err = manager.Health(ctx)
	fmt.Println(err)
	// Output:
	// false true
	// <nil>
}

func ExampleReadYourWrites() {
	ctx := context.Background()
	manager, _ := openExample(session.Options{})
	invoice := &Invoice{Number: "1"}

	// A request of a user: what it commits, later requests of the same user see, although replicas lag.
	ctx = session.ReadYourWrites(ctx, "user 7")
	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, invoice) })
	fmt.Println(err)

	// A check that must not be behind, whoever wrote.
	err = manager.Run(session.OnPrimary(ctx), func(ctx context.Context, s *session.Session) error { return s.Get(ctx, invoice) })
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
}
