package repository_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// stage is an enumeration, level one that is kept as its name.
type (
	stage string
	level int
)

const high level = 2

// Value implements [driver.Valuer].
func (l level) Value() (driver.Value, error) {
	names := []string{"low", "middle", "high"}
	if l < 0 || int(l) >= len(names) {
		return nil, errors.New("there is no such level")
	}
	return names[l], nil
}

// Scan implements [sql.Scanner].
func (l *level) Scan(src any) error {
	name := fmt.Sprint(src)
	if b, ok := src.([]byte); ok {
		name = string(b)
	}
	i := strings.Index("low  mid  high ", name)
	if i < 0 {
		return fmt.Errorf("%q is no level", name)
	}
	*l = level(i / 5)
	return nil
}

// gauge has a column of each kind that a struct's field may have.
type gauge struct {
	bun.BaseModel `bun:"table:gauges"`
	ID            int64             `bun:"id,pk"`
	Name          string            `bun:"name,type:varchar(100)"`
	Code          string            `bun:"code,nullzero,type:varchar(100)"`
	Stage         stage             `bun:"stage,type:varchar(100)"`
	Level         level             `bun:"level,type:varchar(100)"`
	Small         int8              `bun:"small"`
	Big           uint32            `bun:"big,type:bigint"`
	Ratio         float64           `bun:"ratio"`
	Open          bool              `bun:"is_open"`
	At            time.Time         `bun:"seen_at"`
	Last          *time.Time        `bun:"last_at"`
	Until         sql.NullTime      `bun:"until_at"`
	Blob          []byte            `bun:"blob_data"`
	Owner         uuid.UUID         `bun:"owner"`
	Other         *uuid.UUID        `bun:"other"`
	Note          *string           `bun:"note,type:varchar(100)"`
	Remark        sql.NullString    `bun:"remark,type:varchar(100)"`
	Count         sql.Null[int64]   `bun:"count_n,type:bigint"`
	Tags          []string          `bun:"tags,type:json"`
	Attributes    map[string]any    `bun:"attributes,type:json"`
	Raw           json.RawMessage   `bun:"raw,type:json"`
	Words         map[string]string `bun:"words,type:json"`
}

// settable is a column, a model that has the value, and what UpdateWhere is given for the same.
type settable struct {
	column string
	model  gauge
	values []any
}

func settables() []settable {
	at := time.Date(2026, 3, 29, 2, 30, 0, 123456000, time.FixedZone("east", 5*3600))
	id, note, small := uuid.MustParse("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"), "it's ? \\ \"quoted\"", int8(7)
	return []settable{
		{"name", gauge{Name: note}, []any{note, &note, stage(note), sql.NullString{String: note, Valid: true}}},
		{"name", gauge{}, []any{""}},
		{"code", gauge{}, []any{"", nil, (*string)(nil), sql.NullString{}}},
		{"stage", gauge{Stage: "draft"}, []any{"draft", stage("draft")}},
		{"level", gauge{Level: high}, []any{high, 2, int64(2), "high"}},
		{"small", gauge{Small: 7}, []any{7, small, &small, uint64(7), 7.0, int64(7)}},
		{"big", gauge{Big: math.MaxUint32}, []any{uint32(math.MaxUint32), int64(math.MaxUint32)}},
		{"ratio", gauge{Ratio: 1.5}, []any{1.5, float32(1.5)}},
		{"ratio", gauge{Ratio: 3}, []any{3, 3.0}},
		{"is_open", gauge{Open: true}, []any{true, sql.NullBool{Bool: true, Valid: true}}},
		{"seen_at", gauge{At: at}, []any{at, &at, at.UTC(), "2026-03-29T02:30:00.123456+05:00", sql.NullTime{Time: at, Valid: true}}},
		{"last_at", gauge{Last: &at}, []any{at, &at}},
		{"last_at", gauge{}, []any{nil, (*time.Time)(nil)}},
		{"until_at", gauge{Until: sql.NullTime{Time: at, Valid: true}}, []any{at, &at, sql.NullTime{Time: at, Valid: true}}},
		{"until_at", gauge{}, []any{nil, sql.NullTime{}}},
		{"blob_data", gauge{Blob: []byte{0, 0xff, '\'', '\\'}}, []any{[]byte{0, 0xff, '\'', '\\'}, json.RawMessage{0, 0xff, '\'', '\\'}}},
		{"owner", gauge{Owner: id}, []any{id, &id, id.String()}},
		{"other", gauge{Other: &id}, []any{id, &id, id.String()}},
		{"note", gauge{Note: &note}, []any{note, &note}},
		{"remark", gauge{Remark: sql.NullString{String: note, Valid: true}}, []any{note, &note, sql.NullString{String: note, Valid: true}}},
		{"remark", gauge{}, []any{nil, sql.NullString{}}},
		{"count_n", gauge{Count: sql.Null[int64]{V: 9, Valid: true}}, []any{9, int64(9), sql.Null[int64]{V: 9, Valid: true}}},
		{"tags", gauge{Tags: []string{"a,b", `"c"`}}, []any{[]string{"a,b", `"c"`}}},
		{"tags", gauge{}, []any{[]string(nil)}},
		{"attributes", gauge{Attributes: map[string]any{"a": []int{1}}}, []any{map[string]any{"a": []int{1}}}},
		{"raw", gauge{Raw: json.RawMessage(`{"a": [1, "x"]}`)}, []any{json.RawMessage(`{"a": [1, "x"]}`), []byte(`{"a": [1, "x"]}`)}},
		{"words", gauge{Words: map[string]string{"a": "it's"}}, []any{map[string]string{"a": "it's"}}},
	}
}

// A value written for many rows must be the same in the database as one written from the struct: a time in another zone, a
// truth value as a text, or JSON as an array is a row that nobody finds again, or that does not load.
func TestUpdateWhereWritesWhatUpdateWrites(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, gauges := t.Context(), repository.For[gauge](m)
		check(t, gauges.CreateMany(ctx, []*gauge{{ID: 1}, {ID: 2, Name: "x", Code: "x", Open: false, Small: 1}}))
		stored := func(column string, id int) string {
			expression := map[string]string{
				"sqlite": "typeof(%s) || quote(%s)", "pg": "%s::text || left(%s::text, 0)", "mysql": "CONCAT(HEX(%s), LEFT(HEX(%s), 0))",
			}[m.DB().Dialect().Name().String()]
			var text sql.NullString
			check(t, m.DB().QueryRowContext(ctx, fmt.Sprintf("SELECT "+expression+" FROM gauges WHERE id = %d", column, column, id)).Scan(&text))
			return fmt.Sprint(text)
		}
		for _, test := range settables() {
			for _, value := range test.values {
				test.model.ID = 1
				check(t, gauges.Update(ctx, &test.model, test.column))
				n, err := gauges.UpdateWhere(ctx, map[string]any{test.column: value}, repository.Equal("id", 2))
				if err != nil || n != 1 {
					t.Errorf("%s to %T %v: %d rows, %v", test.column, value, value, n, err)
					continue
				}
				if want, got := stored(test.column, 1), stored(test.column, 2); got != want {
					t.Errorf("%s to %T %v: stored is %s, Update stores %s", test.column, value, value, got, want)
				}
				_, err = gauges.Get(ctx, 2)
				check(t, err)
			}
		}
	}, (*gauge)(nil))
}

// What does not fit is refused before anything is sent: half of the databases would take it and keep something else.
func TestUpdateWhereRefusesWhatDoesNotFit(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, gauges := t.Context(), repository.For[gauge](m)
		check(t, gauges.Create(ctx, &gauge{ID: 1, Name: "x"}))
		seen := watchStatements(m)
		scoped := gauges.With(repository.Options{Scope: []repository.Filter{repository.Equal("id", 1)}})
		for column, values := range map[string][]any{
			"name":       {7, true, []byte("x"), time.Now(), map[string]any{}},
			"level":      {level(7), "none", 2.5},
			"small":      {300, "7", 7.5, math.NaN(), uint64(math.MaxUint64), true},
			"big":        {-1, "1"},
			"ratio":      {"1.5", 1<<53 + 1},
			"is_open":    {1, "true"},
			"seen_at":    {"yesterday", 7, true},
			"last_at":    {"", 7},
			"blob_data":  {"x", 7},
			"owner":      {"no uuid", 7},
			"remark":     {7},
			"count_n":    {"x", 1.5},
			"tags":       {"a", []int{1}, map[string]any{}},
			"attributes": {"{}", []any{}, map[string]any{"f": func() {}}},
			"raw":        {"{}", json.RawMessage("{")},
			"nothing":    {1},
		} {
			for _, value := range values {
				for _, r := range []*repository.Repository[gauge]{gauges, scoped} {
					if _, err := r.UpdateWhere(ctx, map[string]any{column: value}, repository.Equal("id", 1)); !errors.Is(err, dossier.ErrInvalid) {
						t.Errorf("%s to %T %v: %v", column, value, value, err)
					}
				}
			}
		}
		if n := seen.take(""); n != 0 {
			t.Errorf("%d statements were sent", n)
		}
	}, (*gauge)(nil))
}

// Whoever writes SQL on purpose can count, and the value of a client can never be SQL.
func TestUpdateWhereTakesSQLOnlyAsSuch(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, gauges := t.Context(), repository.For[gauge](m)
		check(t, gauges.Create(ctx, &gauge{ID: 1, Small: 6, Name: "x"}))
		_, err := gauges.UpdateWhere(ctx, map[string]any{"small": bun.Safe("small + 1"), "name": "small + 1"}, repository.Equal("id", 1))
		check(t, err)
		got, err := gauges.Get(ctx, 1)
		if err != nil || got.Small != 7 || got.Name != "small + 1" {
			t.Errorf("%d, %q, %v", got.Small, got.Name, err)
		}
	}, (*gauge)(nil))
}

func ExampleRepository_UpdateWhere() {
	manager, err := openExample("updatewhere")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, notes := context.Background(), repository.For[Note](manager)
	for i, title := range []string{"a", "b", "c"} {
		if err := notes.Create(ctx, &Note{ID: int64(i + 1), Title: title}); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(notes.UpdateWhere(ctx, map[string]any{"title": "done"}, repository.Less("id", 3)))
	_, err = notes.UpdateWhere(ctx, map[string]any{"title": 7}, repository.Less("id", 3))
	fmt.Println(errors.Is(err, dossier.ErrInvalid))
	_, err = notes.UpdateWhere(ctx, map[string]any{"title": "done"}, repository.Search("", "title")) // an empty search box
	fmt.Println(errors.Is(err, dossier.ErrInvalid))
	fmt.Println(notes.UpdateWhere(ctx, map[string]any{"title": "done"}, repository.All()))
	// Output:
	// 2 <nil>
	// true
	// true
	// 3 <nil>
}
