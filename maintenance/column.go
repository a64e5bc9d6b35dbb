package maintenance

import (
	"fmt"
	"strings"

	"github.com/dossier-go/dossier"
)

// Column names a column that holds a file or a list of files.
type Column struct {
	Table  string
	Column string
}

// ParseColumn reads "table.column"; the table's name may contain dots. Other text is dossier.ErrInvalid.
func ParseColumn(text string) (Column, error) {
	dot := strings.LastIndexByte(text, '.')
	if dot <= 0 || dot == len(text)-1 {
		return Column{}, fmt.Errorf("column %q: %w: want table.column", text, dossier.ErrInvalid)
	}
	return Column{Table: text[:dot], Column: text[dot+1:]}, nil
}

// String returns "table.column".
func (c Column) String() string { return c.Table + "." + c.Column }
