package session_test

import (
	"context"
	"fmt"

	"github.com/dossier-go/dossier/session"
)

func ExampleSession_SelectBriefly() {
	m, _ := openExample(session.Options{})
	err := m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &Invoice{Number: "1"})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		var page []*Invoice
		forget, err := s.SelectBriefly(ctx, s.IDB().NewSelect().Model(&page))
		if err != nil {
			return err
		}
		fmt.Println(len(page), s.IsModified(page[0]))
		forget() // before the next page
		fmt.Println(s.IsModified(page[0]))
		return nil
	})
	fmt.Println(err)
	// Output:
	// 1 false
	// true
	// <nil>
}
