package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// How many replicas a manager reads from, as a page of health may show it.
func ExampleManager_Replicas() {
	m, _ := openExample(session.Options{})
	fmt.Println(m.Replicas())
	// Output: 0
}

// The level decides what a transaction sees of the commits of others.
func ExampleSession_Isolation() {
	m, _ := openExample(session.Options{})
	s, err := m.Begin(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println(s.Isolation()) // SQLite has one writer
	// Output: Serializable
}

// Inside Nested the transaction is open: what a client sends slowly is uploaded before.
func ExampleSession_StageUpdate() {
	m, store := openExample(session.Options{})
	err := m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		invoice := &Invoice{Number: "2026-1"}
		if err := s.Insert(ctx, invoice); err != nil {
			return err
		}
		invoice.Scan = fileobject.FromBytes("scan.txt", []byte("a scan"), fileobject.Options{})
		if err := s.StageUpdate(ctx, invoice, "scan"); err != nil {
			return err
		}
		fmt.Println(countObjects(ctx, store), "uploaded")
		return s.Nested(ctx, func(ctx context.Context) error { return s.Update(ctx, invoice, "scan") })
	})
	fmt.Println(err)
	// Output:
	// 1 uploaded
	// <nil>
}

// Values from outside can be checked before anything else is done.
func ExampleSession_CheckSet() {
	m, _ := openExample(session.Options{})
	s, err := m.Begin(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println(s.CheckSet((*Invoice)(nil), map[string]any{"number": "2026-2"}))
	err = s.CheckSet((*Invoice)(nil), map[string]any{"number": 5})
	fmt.Println(errors.Is(err, dossier.ErrInvalid))
	// Output:
	// <nil>
	// true
}
