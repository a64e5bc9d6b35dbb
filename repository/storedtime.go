package repository

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// storedTime marks a time of a position that is written as the database has it.
const storedTime = "="

// storedTimes replaces the times of an item's position by the texts that SQLite has for them. SQLite compares times as texts,
// and what CURRENT_TIMESTAMP or another program wrote is not spelt as the session spells the same time: a page that began
// after the session's text would leave out rows, or have them again.
func storedTimes[T any](ctx context.Context, s *session.Session, k *keyset, item *T, values []*string) error {
	if k.order.name != dialect.SQLite {
		return nil
	}
	q := s.Manager().DB().NewSelect().TableExpr("? AS ?", k.table.SQLName, k.table.SQLAlias)
	var places []int
	var texts []any
	for i, t := range k.order.terms {
		if values[i] == nil || t.field.IndirectType != timeType {
			continue
		}
		spelt, err := literal(k.table, t.label, t.field, *values[i])
		if err != nil {
			return err
		}
		q = q.ColumnExpr("?", bun.Safe(sameTime(t.sql, spelt)))
		places, texts = append(places, i), append(texts, new(string))
	}
	if len(places) == 0 {
		return nil
	}
	row, err := modelKey(k.table, item)
	if err != nil {
		return err
	}
	where, err := row.filter().on(target{k.table, k.table.SQLAlias})
	if err != nil {
		return err
	}
	switch err = s.Select(ctx, q.Where("?", where), texts...); {
	case errors.Is(err, dossier.ErrNotFound): // deleted meanwhile
		return nil
	case err != nil:
		return err
	}
	for n, i := range places {
		text := storedTime + *texts[n].(*string)
		values[i] = &text
	}
	return nil
}

// sameTime is the text of a column if it still is the time that was read, else that time as the session spells it.
func sameTime(column, spelt string) string {
	const milliseconds = "strftime('%Y-%m-%d %H:%M:%f', "
	same := milliseconds + column + ") = " + milliseconds + spelt + ")"
	return "CASE WHEN typeof(" + column + ") = 'text' AND " + same + " THEN " + column + " ELSE " + spelt + " END"
}
