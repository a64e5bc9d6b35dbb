package repository

import (
	"context"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/dossier-go/dossier/session"
)

// storedTime marks a time of a position that is written as the database has it.
const storedTime = "="

// storedTimes replaces the times of positions by the texts that SQLite has for them, with one query for both ends of a page.
// SQLite compares times as texts, and what CURRENT_TIMESTAMP or another program wrote is not spelt as the session spells the
// same time: a page that began after the session's text would leave out rows, or have them again. A row that was deleted
// meanwhile keeps the session's text.
func storedTimes[T any](ctx context.Context, s *session.Session, k *keyset, ends []*end[T]) error {
	if k.order.name != dialect.SQLite {
		return nil
	}
	q := s.Manager().DB().NewSelect()
	var values []**string // of positions
	var texts []any
	for _, e := range ends {
		for i, t := range k.order.terms {
			if e.item == nil || e.at.Values[i] == nil || t.field.IndirectType != timeType {
				continue
			}
			stored, err := k.storedTime(t, *e.at.Values[i], e.item)
			if err != nil {
				return err
			}
			q = q.ColumnExpr("?", bun.Safe(stored))
			values, texts = append(values, &e.at.Values[i]), append(texts, new(*string))
		}
	}
	if len(values) == 0 {
		return nil
	}
	if err := s.Select(ctx, q, texts...); err != nil {
		return err
	}
	for i, value := range values {
		if text := *texts[i].(**string); text != nil {
			marked := storedTime + *text
			*value = &marked
		}
	}
	return nil
}

// storedTime asks, in SQL, for what a model's row has in the column of a term.
func (k *keyset) storedTime(t term, text string, model any) (string, error) {
	spelt, err := literal(k.table, t.label, t.field, text)
	if err != nil {
		return "", err
	}
	row, err := keyOf(k.table, []any{model})
	if err != nil {
		return "", err
	}
	where, err := row.filter().on(target{k.table, k.table.SQLAlias})
	if err != nil {
		return "", err
	}
	return "(SELECT " + sameTime(t.sql, spelt) + " FROM " + string(k.table.SQLName) + " AS " + string(k.table.SQLAlias) +
		" WHERE " + where.sql + ")", nil
}

// sameTime is the text of a column if it still is the time that was read, else that time as the session spells it.
func sameTime(column, spelt string) string {
	const milliseconds = "strftime('%Y-%m-%d %H:%M:%f', "
	same := milliseconds + column + ") = " + milliseconds + spelt + ")"
	return "CASE WHEN typeof(" + column + ") = 'text' AND " + same + " THEN " + column + " ELSE " + spelt + " END"
}
