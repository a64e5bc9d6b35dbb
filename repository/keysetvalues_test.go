package repository_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// sample holds values at the limits of their types.
type sample struct {
	bun.BaseModel `bun:"table:samples"`
	ID            int64     `bun:"id,pk"`
	Weight        float64   `bun:"weight,notnull"`
	Number        int64     `bun:"number,notnull"`
	Text          *string   `bun:"text"`
	Hash          []byte    `bun:"hash,notnull,type:bytea"`
	At            time.Time `bun:"at,notnull"`
	Price         string    `bun:"price,notnull"`
}

var (
	sampleWeights = []float64{0, math.Copysign(0, -1), 5e-324, 1e-300, 1e-40, 0.1, 0.30000000000000004, 0.3, 1<<53 - 1, math.MaxFloat64, -1e300, -5e-324}
	sampleNumbers = []int64{math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, 0, 1<<53 + 1, 1 << 53}
	sampleTexts   = []*string{nil, ptr(""), ptr(" "), ptr("a"), ptr("A"), ptr("Ä"), ptr("ä"), ptr("a "), nil, ptr("ß"), ptr("ss"), ptr("İ"), ptr("😀"), ptr("'")}
	sampleHashes  = [][]byte{{}, {0}, {0, 0}, {255}, []byte("abc")}
	samplePrices  = []string{"0", "0.1000000001", "9999999999999999999999999999.9999999999", "9999999999999999999999999999.9999999998", "-3"}
)

func fillSamples(t *testing.T, name string) *session.Manager {
	t.Helper()
	m := openOn(t, name, session.Options{})
	types := map[string][2]string{"sqlite": {"BLOB", "TIMESTAMP"}, "postgresql": {"BYTEA", "TIMESTAMPTZ"}, "mariadb": {"VARBINARY(20)", "DATETIME(6)"}}[name]
	_, err := m.DB().ExecContext(t.Context(), fmt.Sprintf(`CREATE TABLE samples (id BIGINT PRIMARY KEY, weight DOUBLE PRECISION NOT NULL,
		number BIGINT NOT NULL, text VARCHAR(50), hash %s NOT NULL, at %s NOT NULL, price NUMERIC(38, 10) NOT NULL)`, types[0], types[1]))
	check(t, err)
	check(t, m.Register((*sample)(nil)))
	prices := samplePrices
	if name == "sqlite" {
		prices = []string{"0", "0.1", "1e300", "-3"} // its numbers are floats
	}
	rows := make([]*sample, 30)
	for i := range rows {
		rows[i] = &sample{
			ID: int64(i), Weight: sampleWeights[i%len(sampleWeights)], Number: sampleNumbers[i%len(sampleNumbers)],
			Text: sampleTexts[i%len(sampleTexts)], Hash: sampleHashes[i%len(sampleHashes)], Price: prices[i%len(prices)],
			At: time.Date(2024, 1, 1, 0, 0, i%3, (i%4)*100_001_000, time.UTC),
		}
	}
	check(t, repository.For[sample](m).CreateMany(t.Context(), rows))
	return m
}

// turn collects the rows of all pages, forth and then back.
func turn[T any](t *testing.T, rows *repository.Repository[T], opts repository.KeysetOptions, id func(*T) int64) (forth, back []int64) {
	t.Helper()
	opts.Signer = testSigner(t)
	for opts.Limit = 4; len(forth) < 200; {
		page, err := rows.Keyset(t.Context(), opts)
		check(t, err)
		for _, row := range page.Items {
			forth = append(forth, id(row))
		}
		if opts.Cursor = page.Next; page.Next != "" {
			continue
		}
		for back = nil; len(back) < 200; {
			for _, row := range slices.Backward(page.Items) {
				back = append(back, id(row))
			}
			if opts.Cursor = page.Previous; page.Previous == "" {
				break
			}
			page, err = rows.Keyset(t.Context(), opts)
			check(t, err)
		}
		break
	}
	slices.Reverse(back)
	return forth, back
}

// A value that a cursor brings back as another one skips rows or shows them for ever: empty bytes as NULL, floats and decimals
// rounded, integers as floats, an empty text as NULL.
func TestKeysetPagesOfValuesAtTheirLimits(t *testing.T) {
	t.Parallel()
	for _, name := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples := repository.For[sample](fillSamples(t, name))
			for _, column := range []string{"weight", "number", "text", "hash", "at", "price"} {
				for _, nulls := range []repository.Nulls{repository.NullsLeast, repository.NullsFirst, repository.NullsLast} {
					if nulls != repository.NullsLeast && column != "text" {
						continue
					}
					for _, descending := range []bool{false, true} {
						order := []repository.Order{{Column: column, Descending: descending, Nulls: nulls}}
						list, err := samples.List(t.Context(), repository.ListOptions{Order: order})
						check(t, err)
						var want []int64
						for _, row := range list {
							want = append(want, row.ID)
						}
						forth, back := turn(t, samples, repository.KeysetOptions{Order: order}, func(s *sample) int64 { return s.ID })
						if !slices.Equal(forth, want) || !slices.Equal(back, want) {
							t.Errorf("by %+v:\nforth %v\nback  %v\nwant  %v", order, forth, back, want)
						}
					}
				}
			}
		})
	}
}

// What was read from a row selects it.
func TestEveryValueEqualsItself(t *testing.T) {
	t.Parallel()
	for _, name := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples := repository.For[sample](fillSamples(t, name))
			all, err := samples.List(t.Context(), repository.ListOptions{})
			check(t, err)
			for _, row := range all {
				for column, value := range map[string]any{"weight": row.Weight, "number": row.Number, "hash": row.Hash, "at": row.At,
					"price": row.Price} {
					if found, err := samples.Exists(t.Context(), repository.Equal("id", row.ID), repository.Equal(column, value)); !found || err != nil {
						t.Errorf("row %d has %s %v, and is not found by it: %v", row.ID, column, value, err)
					}
				}
			}
		})
	}
}

// PostgreSQL keeps what is no number in columns of numbers; such rows are not the end of all pages.
func TestKeysetPagesOfWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	m := openOn(t, "postgresql", session.Options{}, (*parcelWeight)(nil))
	for i, weight := range []float64{math.NaN(), 1, math.Inf(1), math.Inf(-1), math.NaN(), 1, math.Inf(1), -1, math.NaN(), math.NaN(), 0} {
		check(t, repository.For[parcelWeight](m).Create(t.Context(), &parcelWeight{int64(i), weight}))
	}
	forth, back := turn(t, repository.For[parcelWeight](m), repository.KeysetOptions{Order: []repository.Order{{Column: "weight"}}},
		func(p *parcelWeight) int64 { return p.ID })
	if want := []int64{3, 7, 10, 1, 5, 2, 6, 0, 4, 8, 9}; !slices.Equal(forth, want) || !slices.Equal(back, want) {
		t.Errorf("forth %v, back %v, want %v", forth, back, want)
	}
}

type parcelWeight struct {
	ID     int64   `bun:"id,pk"`
	Weight float64 `bun:"weight,notnull"`
}

// SQLite compares times as texts, and not everybody spells them as the session does: what CURRENT_TIMESTAMP and other programs
// wrote must neither be left out nor come for ever.
func TestKeysetPagesOfTimesThatOthersWrote(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{})
	_, err := m.DB().ExecContext(t.Context(), `CREATE TABLE visits (id INTEGER PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`)
	check(t, err)
	check(t, m.Register((*visit)(nil)))
	for i, at := range []string{"2024-05-06 12:00:00", "2024-05-06 12:00:00+00:00", "2024-05-06T12:00:00Z", "2024-05-06 12:00:00.000000+00:00"} {
		for n := range 5 {
			_, err := m.DB().ExecContext(t.Context(), "INSERT INTO visits (id, at) VALUES (?, ?)", i*10+n, bun.Safe("'"+at+"'"))
			check(t, err)
		}
	}
	check(t, repository.For[visit](m).Create(t.Context(), &visit{ID: 99, At: noon.Add(time.Hour)}))
	for _, descending := range []bool{false, true} {
		order := []repository.Order{{Column: "at", Descending: descending}}
		list, err := repository.For[visit](m).List(t.Context(), repository.ListOptions{Order: order})
		check(t, err)
		var want []int64
		for _, v := range list {
			want = append(want, v.ID)
		}
		forth, back := turn(t, repository.For[visit](m), repository.KeysetOptions{Order: order}, func(v *visit) int64 { return v.ID })
		if len(want) != 21 || !slices.Equal(forth, want) || !slices.Equal(back, want) {
			t.Errorf("forth %v\nback  %v\nwant  %v", forth, back, want)
		}
	}
}

// visit has the time that bun's own documentation gives a row.
type visit struct {
	bun.BaseModel `bun:"table:visits"`
	ID            int64     `bun:"id,pk"`
	At            time.Time `bun:"at,nullzero,notnull,default:current_timestamp"`
}

// A time that the database set is found by that time: SQLite's default must be spelt as the session spells times.
func TestATimeThatTheDatabaseSetEqualsItself(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		visits := repository.For[visit](m)
		v := &visit{ID: 1}
		check(t, visits.Create(t.Context(), v))
		read, err := visits.Get(t.Context(), 1)
		check(t, err)
		if since := time.Since(read.At); since < -time.Minute || since > time.Minute || !v.At.Equal(read.At) {
			t.Errorf("the time is %v, in the struct %v", read.At, v.At)
		}
		for what, filter := range map[string]repository.Filter{"equal": repository.Equal("at", read.At),
			"on or after": repository.OnAfter("at", read.At), "on or before": repository.OnBefore("at", read.At)} {
			if found, err := visits.Exists(t.Context(), filter); !found || err != nil {
				t.Errorf("%s: not found, %v", what, err)
			}
		}
		if found, err := visits.Exists(t.Context(), repository.Before("at", read.At)); found || err != nil {
			t.Errorf("the time is before itself, %v", err)
		}
	}, (*visit)(nil))
}

// A cursor that holds another text than the row would skip rows in silence.
func TestATextThatNoCursorCanHoldIsAnError(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, (*phrase)(nil))
	_, err := m.DB().ExecContext(context.Background(), "INSERT INTO phrases (id, text) VALUES (1, CAST(X'61FF' AS TEXT)), (2, 'b')")
	check(t, err)
	_, err = repository.For[strictPhrase](m).Keyset(t.Context(), repository.KeysetOptions{Signer: testSigner(t), Limit: 1,
		Order: []repository.Order{{Column: "text"}}})
	if err == nil {
		t.Error("the next page would begin after another text")
	}
}

type strictPhrase struct {
	bun.BaseModel `bun:"table:phrases"`
	ID            int64  `bun:"id,pk"`
	Text          string `bun:"text,notnull"`
}

// Keys of several columns settle an order as one column does, in the order of the struct.
func TestKeysetPagesOfCompositeKeys(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		places := repository.For[place](m)
		for i := range 11 {
			check(t, places.Create(t.Context(), &place{Street: []string{"Elm", "elm ", "Oak"}[i%3], Number: i}))
		}
		for _, order := range [][]repository.Order{nil, {{Column: "number", Descending: true}}, {{Column: "street", Descending: true}}} {
			list, err := places.List(t.Context(), repository.ListOptions{Order: order})
			check(t, err)
			var want []int64
			for _, p := range list {
				want = append(want, int64(p.Number))
			}
			forth, back := turn(t, places, repository.KeysetOptions{Order: order}, func(p *place) int64 { return int64(p.Number) })
			if len(want) != 11 || !slices.Equal(forth, want) || !slices.Equal(back, want) {
				t.Errorf("by %+v: forth %v, back %v, want %v", order, forth, back, want)
			}
		}
	}, (*place)(nil))
}
