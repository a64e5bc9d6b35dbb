package session

import (
	"context"
	"time"

	"github.com/dossier-go/dossier/journal"
)

// landSideFile moves the intents of the side file into the journal, after a rollback whose uploads are kept for another
// attempt, and removes the file.
func (s *Session) landSideFile(ctx context.Context) error {
	if s.side == nil {
		return nil
	}
	from := time.Now()
	var intents []journal.Intent
	var kept []string
	for _, e := range s.side.entries {
		intent := journal.Intent{ID: journal.NewID(), Backend: e.Backend, Store: e.Store, Key: e.Key}
		intents = append(intents, intent)
		for _, staged := range s.staged {
			if staged.side == s.side && staged.store == e.Store && staged.ref.Key == e.Key {
				staged.id, staged.side = intent.ID, nil
				kept = append(kept, intent.ID)
			}
		}
	}
	if err := s.m.journal.Announce(ctx, "session", s.m.opts.Lease, intents...); err != nil {
		return err
	}
	s.keeper.add(from, kept...)
	side := s.side
	s.side = nil
	return side.remove()
}
