package repository_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// event is what pages are made of: columns that repeat, that may be NULL, and that are made of text, time, bytes and numbers.
type event struct {
	bun.BaseModel `bun:"table:events"`
	ID            uuid.UUID  `bun:"id,pk,type:varchar(36)"`
	Kind          string     `bun:"kind,notnull,type:varchar(20)"`
	At            time.Time  `bun:"at,notnull"`
	Done          *time.Time `bun:"done"`
	Rank          *int64     `bun:"rank_number"`
	Weight        float64    `bun:"weight,notnull"`
	Open          bool       `bun:"open,notnull"`
	Hash          []byte     `bun:"hash,notnull,type:bytea"`
	Loose         string     `bun:"loose"`
	Ratio         float32    `bun:"ratio,notnull"`
}

func testSigner(t testing.TB) *dossier.Signer {
	t.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "a", Secret: []byte(strings.Repeat("k", 32))})
	check(t, err)
	return signer
}

var eventKinds = []string{"it's", "", "Ä", "ä", `\`, "%"}

func newEvent(random *rand.Rand) *event {
	e := &event{
		ID: uuid.Must(uuid.NewRandom()), Kind: eventKinds[random.IntN(len(eventKinds))],
		At:     noon.Add(time.Duration(random.IntN(50)) * 1001 * time.Microsecond),
		Weight: random.Float64(), Open: random.IntN(2) == 0, Hash: []byte{byte(random.IntN(3)), 0, byte(random.IntN(3))},
	}
	if random.IntN(3) > 0 {
		e.Done = ptr(noon.Add(time.Duration(random.IntN(9)) * time.Hour))
	}
	if random.IntN(3) > 0 {
		e.Rank = ptr(int64(random.IntN(9)) - 4)
	}
	return e
}

func insertEvents(t testing.TB, m *session.Manager, random *rand.Rand, n int) []*event {
	t.Helper()
	events := make([]*event, n)
	for i := range events {
		events[i] = newEvent(random)
	}
	check(t, m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		for chunk := range slices.Chunk(events, 500) {
			if _, err := s.IDB().NewInsert().Model(&chunk).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	}))
	return events
}

func createEvents(t testing.TB, name string) *session.Manager {
	t.Helper()
	m := openOn(t, name, session.Options{})
	bytes := map[string]string{"sqlite": "BLOB", "postgresql": "BYTEA", "mariadb": "VARBINARY(20)"}[name]
	stamp := map[string]string{"sqlite": "TEXT", "postgresql": "TIMESTAMPTZ", "mariadb": "DATETIME(6)"}[name]
	_, err := m.DB().ExecContext(context.Background(),
		fmt.Sprintf(`CREATE TABLE events (id VARCHAR(36) PRIMARY KEY, kind VARCHAR(20) NOT NULL,
		at %s NOT NULL, done %s, rank_number BIGINT, weight DOUBLE PRECISION NOT NULL, open BOOLEAN NOT NULL, hash %s NOT NULL,
		loose VARCHAR(20), ratio REAL NOT NULL)`, stamp, stamp, bytes))
	check(t, err)
	check(t, m.Register((*event)(nil)))
	return m
}

var eventOrders = map[string][]repository.Order{
	"by the key alone": nil,
	"newest first":     {{Column: "at", Descending: true}},
	"mixed":            {{Column: "kind"}, {Column: "at", Descending: true}, {Column: "open"}},
	"nulls first":      {{Column: "done"}, {Column: "rank_number", Descending: true}},
	"nulls last": {{Column: "rank_number", Nulls: repository.NullsLast},
		{Column: "done", Descending: true, Nulls: repository.NullsFirst}, {Column: "kind"}},
	"numbers, bytes": {{Column: "hash", Descending: true}, {Column: "weight"}},
	"key descending": {{Column: "open"}, {Column: "id", Descending: true}},
}

// Pages forth and back are the list itself, cut: for every order, on every database.
func TestKeysetPagesAreTheListCut(t *testing.T) {
	t.Parallel()
	for _, name := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := createEvents(t, name)
			events := repository.For[event](m)
			insertEvents(t, m, rand.New(rand.NewPCG(1, 2)), 120)
			for what, order := range eventOrders {
				where := []repository.Filter{repository.NotEqual("kind", "%")}
				list, err := events.List(t.Context(), repository.ListOptions{Limit: 1000, Order: order, Where: where})
				check(t, err)
				opts := repository.KeysetOptions{Signer: testSigner(t), Limit: 7, Order: order, Where: where}
				var forth []*event
				var last repository.KeysetPage[*event]
				for {
					last, err = events.Keyset(t.Context(), opts)
					check(t, err)
					forth = append(forth, last.Items...)
					if opts.Cursor = last.Next; opts.Cursor == "" {
						break
					}
				}
				back := slices.Clone(last.Items)
				for last.Previous != "" {
					opts.Cursor = last.Previous
					last, err = events.Keyset(t.Context(), opts)
					check(t, err)
					back = append(slices.Clone(last.Items), back...)
					if last.Next == "" {
						t.Error("a page back has none after it")
					}
				}
				if want := eventIDs(list); eventIDs(forth) != want || eventIDs(back) != want || len(list) < 50 {
					t.Errorf("%s: %d rows forth, %d back, want %d:\n%s\n%s\n%s", what, len(forth), len(back), len(list), eventIDs(forth),
						eventIDs(back), want)
				}
			}
		})
	}
}

func eventIDs(events []*event) string {
	var all []string
	for _, e := range events {
		all = append(all, e.ID.String()[:4])
	}
	return strings.Join(all, " ")
}

// While others insert and delete, no row comes twice and none that stays is skipped.
func TestKeysetPagesWhileOthersWrite(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"sqlite": 4000, "postgresql": 2000, "mariadb": 2000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := 100
			if os.Getenv("DOSSIER_LONG") != "" {
				rows, limit = 200_000, 1000
			}
			m := createEvents(t, name)
			random := rand.New(rand.NewPCG(3, 4))
			there := insertEvents(t, m, random, rows)
			deleted := map[uuid.UUID]bool{}
			seen := map[uuid.UUID]int{}
			opts := repository.KeysetOptions{Signer: testSigner(t), Limit: limit, Order: eventOrders["nulls last"]}
			for {
				page, err := repository.For[event](m).Keyset(t.Context(), opts)
				check(t, err)
				for _, e := range page.Items {
					seen[e.ID]++
				}
				if opts.Cursor = page.Next; opts.Cursor == "" {
					break
				}
				insertEvents(t, m, random, 20)
				leave := []uuid.UUID{page.Items[len(page.Items)-1].ID, page.Items[0].ID} // what the cursors stand at, and others
				for range 10 {
					leave = append(leave, there[random.IntN(len(there))].ID)
				}
				_, err = m.DB().NewDelete().Model((*event)(nil)).Where("id IN (?)", bun.List(leave)).Exec(t.Context())
				check(t, err)
				for _, id := range leave {
					deleted[id] = true
				}
			}
			for _, e := range there {
				if n := seen[e.ID]; n > 1 || n == 0 && !deleted[e.ID] {
					t.Errorf("row %s was seen %d times", e.ID, n)
				}
			}
			for id, n := range seen {
				if n > 1 {
					t.Errorf("row %s was seen %d times", id, n)
				}
			}
		})
	}
}

// When all rows of a page are gone there is still a way back, to the row that the page before ended with.
func TestKeysetPagesFindBackFromAnEmptyPage(t *testing.T) {
	t.Parallel()
	m := createEvents(t, "sqlite")
	events := repository.For[event](m)
	insertEvents(t, m, rand.New(rand.NewPCG(5, 6)), 6)
	opts := repository.KeysetOptions{Signer: testSigner(t), Limit: 3}
	first, err := events.Keyset(t.Context(), opts)
	check(t, err)
	if first.Previous != "" || first.Next == "" {
		t.Fatalf("first page: %+v", first)
	}
	opts.Cursor = first.Next
	second, err := events.Keyset(t.Context(), opts)
	check(t, err)
	for _, e := range second.Items {
		check(t, events.Delete(t.Context(), e.ID))
	}
	empty, err := events.Keyset(t.Context(), opts)
	check(t, err)
	if len(empty.Items) != 0 || empty.Items == nil || empty.Next != "" || empty.Previous == "" {
		t.Fatalf("empty page: %+v", empty)
	}
	opts.Cursor = empty.Previous
	again, err := events.Keyset(t.Context(), opts)
	check(t, err)
	if eventIDs(again.Items) != eventIDs(first.Items) {
		t.Errorf("back at %s, want %s", eventIDs(again.Items), eventIDs(first.Items))
	}
}

// A cursor is good for its own query alone, and for nobody's inventions.
func TestCursorsAreBoundToTheirQuery(t *testing.T) {
	t.Parallel()
	m := createEvents(t, "sqlite")
	insertEvents(t, m, rand.New(rand.NewPCG(7, 8)), 9)
	events := repository.For[event](m)
	where := []repository.Filter{repository.Less("weight", 2)}
	opts := repository.KeysetOptions{Signer: testSigner(t), Limit: 2, Where: where, Order: []repository.Order{{Column: "at"}}}
	page, err := events.Keyset(t.Context(), opts)
	check(t, err)
	opts.Cursor = page.Next
	if _, err := events.Keyset(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	larger := opts
	larger.Limit = 5 // not bound
	if _, err := events.Keyset(t.Context(), larger); err != nil {
		t.Error(err)
	}
	other, err := dossier.NewSigner(dossier.SigningKey{ID: "a", Secret: []byte(strings.Repeat("x", 32))})
	check(t, err)
	for name, change := range map[string]func(o *repository.KeysetOptions){
		"another filter":  func(o *repository.KeysetOptions) { o.Where = []repository.Filter{repository.Less("weight", 3)} },
		"no filter":       func(o *repository.KeysetOptions) { o.Where = nil },
		"another order":   func(o *repository.KeysetOptions) { o.Order = []repository.Order{{Column: "at", Descending: true}} },
		"other nulls":     func(o *repository.KeysetOptions) { o.Order = []repository.Order{{Column: "kind"}} },
		"another signer":  func(o *repository.KeysetOptions) { o.Signer = other },
		"no token":        func(o *repository.KeysetOptions) { o.Cursor = "first" },
		"a long token":    func(o *repository.KeysetOptions) { o.Cursor = strings.Repeat("x", 1<<20) },
		"an upload token": func(o *repository.KeysetOptions) { o.Cursor = sign(t, o.Signer, "upload") },
	} {
		changed := opts
		change(&changed)
		if _, err := events.Keyset(t.Context(), changed); !errors.Is(err, dossier.ErrBadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := events.With(repository.Options{Scope: []repository.Filter{repository.True("open")}}).Keyset(t.Context(),
		opts); !errors.Is(err, dossier.ErrBadSignature) {
		t.Errorf("another scope: %v", err)
	}
	for i := range len(opts.Cursor) {
		changed := opts
		changed.Cursor = opts.Cursor[:i] + string(opts.Cursor[i]^1) + opts.Cursor[i+1:]
		if _, err := events.Keyset(t.Context(), changed); !errors.Is(err, dossier.ErrBadSignature) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	opts.Cursor = ""
	purpose, err := events.CursorPurpose(t.Context(), opts)
	check(t, err)
	for payload, ago := range map[string]time.Duration{`{"v":["1"]}`: 0, `{}`: 0, ``: 0, `{"v":["x",null]}`: 0,
		`{"v":["2024-05-06T12:00:00Z","x"]}`: time.Hour} {
		token, err := opts.Signer.SignToken(purpose, []byte(payload), time.Now().Add(time.Minute-ago))
		check(t, err)
		opts.Cursor = token
		_, err = events.Keyset(t.Context(), opts)
		if ago > 0 && !errors.Is(err, dossier.ErrExpired) || ago == 0 && !errors.Is(err, dossier.ErrBadSignature) &&
			!errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("cursor of %s: %v", payload, err)
		}
	}
}

func sign(t testing.TB, signer *dossier.Signer, purpose string) string {
	t.Helper()
	token, err := signer.SignToken(purpose, []byte(`{"v":["1"]}`), time.Now().Add(time.Hour))
	check(t, err)
	return token
}

// What cannot be done right is refused at once, not on page two.
func TestKeysetRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	m := createEvents(t, "sqlite")
	signer := testSigner(t)
	for name, opts := range map[string]repository.KeysetOptions{
		"no signer":           {},
		"negative life":       {Signer: signer, Life: -1},
		"limit":               {Signer: signer, Limit: repository.MaxLimit + 1},
		"may be null":         {Signer: signer, Order: []repository.Order{{Column: "loose"}}},
		"float32":             {Signer: signer, Order: []repository.Order{{Column: "ratio"}}},
		"unknown":             {Signer: signer, Order: []repository.Order{{Column: "colour"}}},
		"unknown in a filter": {Signer: signer, Where: []repository.Filter{repository.Null("colour")}},
		"twice":               {Signer: signer, Order: []repository.Order{{Column: "at"}, {Column: "at"}}},
	} {
		if _, err := repository.For[event](m).Keyset(t.Context(), opts); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	files := openOn(t, "sqlite", session.Options{}, entryModels...)
	_, err := repository.For[entry](files).Keyset(t.Context(), repository.KeysetOptions{Signer: signer,
		Order: []repository.Order{{Column: "file.size"}}})
	wantError(t, err, dossier.ErrInvalid)
}

// What a cursor holds is checked value by value even though it is signed: no payload reaches the database as SQL.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{`{"v":["2024-05-06T12:00:00Z","it's"]}`, `{"v":[null,"x"],"b":true,"i":true}`,
		`{"v":["'; DROP TABLE events; --","\u0000"]}`, `{`} {
		f.Add([]byte(seed))
	}
	m := createEvents(f, "sqlite")
	ctx := context.Background()
	events := repository.For[event](m)
	opts := repository.KeysetOptions{Signer: testSigner(f), Order: []repository.Order{{Column: "done"}}}
	purpose, err := events.CursorPurpose(ctx, opts)
	check(f, err)
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, purpose := range []string{purpose, "other"} {
			o, err := opts, error(nil)
			if o.Cursor, err = opts.Signer.SignToken(purpose, payload, time.Now().Add(time.Hour)); err != nil {
				t.Skip(err)
			}
			_, err = events.Keyset(ctx, o)
			switch {
			case purpose == "other" && !errors.Is(err, dossier.ErrBadSignature):
				t.Errorf("a cursor for another purpose: %v", err)
			case err != nil && !errors.Is(err, dossier.ErrBadSignature) && !errors.Is(err, dossier.ErrInvalid):
				t.Errorf("%q: %v", payload, err)
			}
		}
	})
}
