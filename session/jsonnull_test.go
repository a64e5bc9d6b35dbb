package session_test

import (
	"context"
	"slices"
	"testing"

	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// labelled has columns of JSON that may hold nothing.
type labelled struct {
	bun.BaseModel `bun:"table:labelled"`
	model.UUID
	Plain    map[string]string `bun:"plain"`
	List     []string          `bun:"list"`
	NullZero map[string]string `bun:"nullzero_map,nullzero"`
	NullList []string          `bun:"nullzero_list,nullzero"`
}

// bun writes a nil map or slice as the JSON text null, which no IS NULL finds, unless the tag says nullzero: docs/traps.md tells
// what to do, on every database and for updates too.
func TestNilMapsAreJSONNullUnlessTheTagSaysNullzero(t *testing.T) {
	t.Parallel()
	everyDSN(t, func(t *testing.T, _, dsn string) {
		m := open(t, session.Config{DSN: dsn, Models: []any{(*labelled)(nil)}})
		full := &labelled{
			Plain: map[string]string{"a": "b"}, List: []string{"a"}, NullZero: map[string]string{"a": "b"}, NullList: []string{"a"},
		}
		must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			if err := s.Insert(ctx, &labelled{}, full); err != nil {
				return err
			}
			return s.Update(ctx, &labelled{UUID: full.UUID}, "plain", "list", "nullzero_map", "nullzero_list")
		}))
		var got []string
		for _, column := range []string{"plain", "list", "nullzero_map", "nullzero_list"} {
			got = append(got, texts(t, m.DB().DB, "SELECT count(*) FROM labelled WHERE "+column+" IS NULL")...)
		}
		if want := []string{"0", "0", "2", "2"}; !slices.Equal(got, want) {
			t.Errorf("rows with NULL in the columns: %v, want %v", got, want)
		}
	})
}
