package session

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"

	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/plaintext"
)

// isText reports whether a column's values are written as the texts that they are.
func isText(field *schema.Field) bool {
	pointer := reflect.PointerTo(field.IndirectType)
	return field.IndirectType.Kind() == reflect.String && !pointer.Implements(reflect.TypeFor[driver.Valuer]()) &&
		!pointer.Implements(reflect.TypeFor[schema.QueryAppender]())
}

// checkTexts refuses texts that would not come back as they are, in the named columns or, without names, in all. PostgreSQL has
// no NUL in texts, and bun writes other characters for what is no UTF-8: the row would differ from the struct, silently.
func (r row) checkTexts(names []string) error {
	for _, field := range r.texts {
		if names != nil && !slices.Contains(names, field.Name) {
			continue
		}
		v := field.Value(r.value)
		if field.IsPtr {
			if v.IsNil() {
				continue
			}
			v = v.Elem()
		}
		if err := plaintext.Check(v.String()); err != nil {
			return fmt.Errorf("%w: column %s of table %s: %w", dossier.ErrInvalid, field.Name, r.table.Name, err)
		}
	}
	return nil
}
