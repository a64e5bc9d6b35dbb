package session_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// visit has every type of time that bun knows.
type visit struct {
	bun.BaseModel `bun:"table:visits"`
	ID            int64        `bun:"id,pk"`
	At            time.Time    `bun:"at"`
	Pointer       *time.Time   `bun:"pointer"`
	Null          bun.NullTime `bun:"null_time"`
	SQL           sql.NullTime `bun:"sql_time"`
}

// MySQL's columns keep no zone, and bun writes a time as its zone shows it: a time of another zone would come back hours
// away from what was written, without a word, unless the session writes UTC whatever the type of the field is.
func TestTimesOfOtherZonesComeBack(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		at := time.Date(2026, 7, 8, 9, 10, 11, 123456000, time.FixedZone("far", 11*3600))
		check := func(id int64) {
			t.Helper()
			got := load[visit](w, id)
			if got.Pointer == nil || !got.SQL.Valid {
				t.Fatalf("row %d is %+v", id, got)
			}
			for name, back := range map[string]time.Time{"time": got.At, "pointer": *got.Pointer, "bun": got.Null.Time,
				"sql": got.SQL.Time} {
				if !back.Equal(at) {
					t.Errorf("row %d: %s is %v, written was %v", id, name, back, at)
				}
			}
		}
		pointer := at
		full := visit{bun.BaseModel{}, 1, at, &pointer, bun.NullTime{Time: at}, sql.NullTime{Time: at, Valid: true}}
		must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error {
			if err := s.Insert(ctx, &full, &visit{ID: 2}); err != nil {
				return err
			}
			_, err := s.UpdateWhere(ctx, (*visit)(nil), map[string]any{
				"at": at, "pointer": &pointer, "null_time": bun.NullTime{Time: at}, "sql_time": sql.NullTime{Time: at, Valid: true},
			}, "id = 2")
			return err
		}))
		check(1)
		check(2)
		must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error {
			n, err := s.DeleteWhere(ctx, (*visit)(nil), "at = ? AND pointer = ? AND id = ?", at, &pointer, 2)
			if n != 1 {
				t.Errorf("%d rows were found by their time", n)
			}
			return err
		}))
		if pointer.Location() != at.Location() {
			t.Error("the caller's time was changed")
		}
	}, (*visit)(nil))
}
