package session

import (
	"context"
	"database/sql"
	"errors"
)

// outcome of a COMMIT.
type outcome int

const (
	unknown outcome = iota
	committed
	rolledBack
)

// settle finds out what became of a COMMIT whose answer was an error: rule 8. It is rolled back when the transaction
// turns out to be still open, when the database says that it refused the COMMIT, or when an intent that the transaction deleted
// is there after all, read under a lock for which a late commit would have to be over. It is committed when something that
// only the transaction wrote is there.
func (s *Session) settle(ctx context.Context, err error) (outcome, error) {
	if err == nil {
		return committed, nil
	}
	if s.m.engine.over(ctx, s.tx, err) {
		tx := s.tx
		s.tx = nil
		return rolledBack, errors.Join(err, tx.release())
	}
	err = errors.Join(err, s.tx.discard())
	s.tx = nil
	ctx, cancel := s.m.detached(ctx)
	defer cancel()
	found, problem := s.evidence(ctx)
	return found, errors.Join(err, problem)
}

// evidence looks for traces of the transaction on a new connection.
func (s *Session) evidence(ctx context.Context) (outcome, error) {
	tx := &transaction{}
	if err := s.m.begin(ctx, tx, sql.LevelReadCommitted); err != nil { // a snapshot would be of before the end of a late commit
		return unknown, err
	}
	found, err := s.examine(ctx, tx)
	return found, errors.Join(err, tx.rollback(ctx))
}

func (s *Session) examine(ctx context.Context, tx *transaction) (outcome, error) {
	base := s.frames[0]
	if s.side != nil && s.side.frame != nil && s.side.file != nil {
		marked, err := s.m.journal.Marked(ctx, tx.conn, s.side.id)
		if err != nil {
			return unknown, err
		}
		if marked {
			return committed, nil
		}
		return rolledBack, nil // its marker goes only after its file, which is ours
	}
	if ordered, err := s.m.journal.Exists(ctx, tx.conn, base.orders...); err != nil || ordered {
		return outcomeIf(ordered, committed), err
	}
	for _, staged := range base.adopted {
		id := staged.id
		if staged.direct != nil {
			id = staged.direct.ID
		}
		if id == "" {
			continue
		}
		pending, err := s.m.journal.Pending(ctx, tx.conn, id)
		if err != nil || pending {
			return outcomeIf(pending, rolledBack), err
		}
	}
	return s.examineRows(ctx, tx)
}

func outcomeIf(is bool, o outcome) outcome {
	if is {
		return o
	}
	return unknown
}

// examineRows looks for a fresh key in the rows that were to hold it.
func (s *Session) examineRows(ctx context.Context, tx *transaction) (outcome, error) {
	for _, place := range s.frames[0].places {
		there, err := s.holds(ctx, tx, place)
		if err != nil || there {
			return outcomeIf(there, committed), err
		}
	}
	return unknown, nil
}

// holds reports whether a row holds one of the objects that this unit of work put there.
func (s *Session) holds(ctx context.Context, tx *transaction, place row) (bool, error) {
	s.tx = tx
	defer func() { s.tx = nil }()
	current, ok, err := s.current(ctx, place, place.plan.files)
	if err != nil || !ok {
		return false, err
	}
	for _, files := range current {
		for _, ref := range references(files) {
			if staged := s.staged[ref]; staged != nil && staged.frame == s.frames[0] {
				return true, nil
			}
		}
	}
	return false, nil
}
