package repository

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/plaintext"
	"github.com/uptrace/bun/dialect"
)

// MaxSearchLength is the longest text that the search filters take, in characters.
const MaxSearchLength = 1000

// Search selects the rows at least one of whose fields contains the text, whatever the case of its letters. No character
// of the text is a wildcard. Case is that of all of Unicode, by simple folding, as strings.EqualFold has it, and the same
// on every database, whatever its locale and collations; accents count, and so do different encodings of the same letter
// (normalise what is stored, if it can vary).
//
// It looks at every row that other filters leave; an index does not help. For large tables use the full-text search of
// the database.
//
// Errors when it is used: dossier.ErrInvalid for no field, one that holds no text, and a text that is longer than
// [MaxSearchLength], no valid UTF-8 or has a NUL byte.
func Search(text string, fields ...string) Filter {
	return search(pattern{text: text, fold: true}, fields)
}

// SearchExact is [Search] with regard to case.
func SearchExact(text string, fields ...string) Filter { return search(pattern{text: text}, fields) }

// NotSearch selects the rows none of whose fields contains the text, whatever its case, and none of whose fields is NULL.
func NotSearch(text string, fields ...string) Filter {
	return search(pattern{text: text, fold: true, not: true}, fields)
}

// NotSearchExact is [NotSearch] with regard to case.
func NotSearchExact(text string, fields ...string) Filter {
	return search(pattern{text: text, not: true}, fields)
}

// StartsWith selects the rows whose field begins with the text, with regard to case.
func StartsWith(field, text string) Filter {
	return search(pattern{text: text, atStart: true}, []string{field})
}

// StartsWithFold is [StartsWith] whatever the case; see [Search].
func StartsWithFold(field, text string) Filter {
	return search(pattern{text: text, atStart: true, fold: true}, []string{field})
}

// EndsWith selects the rows whose field ends with the text, with regard to case.
func EndsWith(field, text string) Filter {
	return search(pattern{text: text, atEnd: true}, []string{field})
}

// EndsWithFold is [EndsWith] whatever the case; see [Search].
func EndsWithFold(field, text string) Filter {
	return search(pattern{text: text, atEnd: true, fold: true}, []string{field})
}

// EqualFold selects the rows whose field is the text, whatever the case; see [Search].
func EqualFold(field, text string) Filter {
	return search(pattern{text: text, atStart: true, atEnd: true, fold: true}, []string{field})
}

// pattern is a text to be found.
type pattern struct {
	text           string
	fold, not      bool
	atStart, atEnd bool
}

func search(p pattern, fields []string) Filter {
	return Filter{func(t target) (condition, error) {
		if len(fields) == 0 {
			return condition{}, fmt.Errorf("%w: search for %q: no field is named", dossier.ErrInvalid, p.text)
		}
		if err := p.check(); err != nil {
			return condition{}, fmt.Errorf("%w: search in %q: %w", dossier.ErrInvalid, fields, err)
		}
		var parts []string
		for _, field := range fields {
			o, err := t.operand(field)
			if err != nil {
				return condition{}, err
			}
			if o.want.Kind() != reflect.String {
				return condition{}, fmt.Errorf("%w: search in %q: the field holds no text", dossier.ErrInvalid, field)
			}
			parts = append(parts, "("+o.where(func(sql string) string { return p.match(t, sql) }).sql+")")
		}
		operator := " OR "
		if p.not {
			operator = " AND "
		}
		return condition{sql: strings.Join(parts, operator), amounts: p.amounts()}, nil
	}}
}

// amounts is what the pattern comes to, NULL apart: every text holds the empty one.
func (p pattern) amounts() truth {
	switch {
	case p.text != "" || p.atStart && p.atEnd:
		return depends
	case p.not:
		return noRows
	}
	return allRows
}

func (p pattern) check() error {
	if n := utf8.RuneCountInString(p.text); n > MaxSearchLength {
		return fmt.Errorf("the text has %d characters, more than %d", n, MaxSearchLength)
	}
	return plaintext.Check(p.text)
}

// match compares a text with the pattern, byte for byte but for the cases that the pattern itself spells out, so that
// neither locale nor collation have a say.
func (p pattern) match(t target, sql string) string {
	operator := " "
	if p.not {
		operator = " NOT "
	}
	switch t.table.Dialect().Name() {
	case dialect.PG:
		sql += "::text" // of an enumeration or a uuid, which have no patterns; citext would ignore case
		if !p.fold {
			return sql + operator + "LIKE " + t.quote(p.like()) + " ESCAPE '!'"
		}
		return sql + map[bool]string{false: " ~ ", true: " !~ "}[p.not] + t.quote(p.regexp(`\Z`))
	case dialect.MySQL:
		sql = "CONVERT(" + sql + " USING utf8mb4) COLLATE utf8mb4_bin"
		if !p.fold {
			return sql + operator + "LIKE " + t.quote(p.like()) + " ESCAPE '!'"
		}
		return sql + operator + "REGEXP " + t.quote(p.regexp(`\z`))
	}
	return sql + operator + "GLOB " + t.quote(p.glob()) // LIKE knows the case of ASCII letters alone, and always ignores it
}

// spell writes the pattern between what stands for any text.
func (p pattern) spell(start, end string, character func(r rune) string) string {
	var b strings.Builder
	b.WriteString(start)
	for _, r := range p.text {
		b.WriteString(character(r))
	}
	b.WriteString(end)
	return b.String()
}

func (p pattern) like() string {
	start, end := p.open("%")
	return p.spell(start, end, func(r rune) string {
		if strings.ContainsRune("%_!", r) {
			return "!" + string(r)
		}
		return string(r)
	})
}

// glob is SQLite's: a set of characters stands in brackets, and so does a wildcard that is meant.
func (p pattern) glob() string {
	start, end := p.open("*")
	return p.spell(start, end, func(r rune) string {
		if cases := p.cases(r); strings.ContainsRune("*?[", r) || len(cases) > 1 {
			return "[" + string(cases) + "]"
		}
		return string(r)
	})
}

// regexp is what PostgreSQL, MariaDB and MySQL understand alike; end is how they call the end of a text.
func (p pattern) regexp(end string) string {
	start := ""
	if p.atStart {
		start = `\A`
	}
	if !p.atEnd {
		end = ""
	}
	return p.spell(start, end, func(r rune) string {
		switch cases := p.cases(r); {
		case len(cases) > 1:
			return "[" + string(cases) + "]"
		case r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return `\` + string(r)
		}
		return string(r)
	})
}

// open returns what stands at both ends.
func (p pattern) open(any string) (start, end string) {
	if !p.atStart {
		start = any
	}
	if !p.atEnd {
		end = any
	}
	return start, end
}

// cases are all characters that are r but for their case, r first.
func (p pattern) cases(r rune) []rune {
	cases := []rune{r}
	if !p.fold {
		return cases
	}
	for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
		cases = append(cases, c)
	}
	return cases
}
