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
	ids, err := s.side.land(ctx, s.side.entries)
	if err != nil {
		return err
	}
	side := s.side
	s.side = nil
	for _, staged := range s.staged {
		if staged.side == side {
			staged.id, staged.side = ids[staged.store+"|"+staged.ref.Key], nil
			s.keeper.add(from, staged.id)
		}
	}
	return side.remove()
}

// land announces entries in the journal, under a lease, and returns the ids by store and key.
func (f *sideFile) land(ctx context.Context, entries []sideEntry) (map[string]string, error) {
	ids := map[string]string{}
	var intents []journal.Intent
	for _, e := range entries {
		intent := journal.Intent{ID: journal.NewID(), Backend: e.Backend, Store: e.Store, Key: e.Key, UploadID: e.Upload}
		intents = append(intents, intent)
		ids[e.Store+"|"+e.Key] = intent.ID
	}
	return ids, f.m.journal.Announce(ctx, "session", f.m.opts.Lease, intents...)
}
