package repository

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/plaintext"
)

// query is a query string while it is read.
type query struct {
	parser           *Parser
	where            []Filter
	page, size       int
	search           string
	fold, descending bool
	orderBy          string
	problems         []ProblemError
}

// maxProblems is how many problems are told; a client that has more knows enough.
const maxProblems = 20

func (q *query) fail(parameter, detail string) {
	if len(q.problems) < maxProblems {
		q.problems = append(q.problems, ProblemError{Parameter: parameter, Detail: detail})
	}
}

// read checks what all parameters have in common, and reads the values.
func (q *query) read(name string, values []string) {
	p, known := q.parser.known[name]
	config := &q.parser.config
	switch {
	case !known:
		q.fail(shorten(name), "there is no such parameter")
		return
	case p.read == nil || len(values) == 0:
		return
	case !p.many && len(values) > 1:
		q.fail(name, fmt.Sprintf("it is given %d times, and may be given once", len(values)))
		return
	case len(values) > config.MaxValues:
		q.fail(name, fmt.Sprintf("it is given %d times, and may be given %d times", len(values), config.MaxValues))
		return
	}
	for _, value := range values {
		if len(value) > config.MaxLength {
			q.fail(name, fmt.Sprintf("a value has %d bytes, and may have %d", len(value), config.MaxLength))
			return
		}
		if err := plaintext.Check(value); err != nil {
			q.fail(name, err.Error())
			return
		}
	}
	if err := p.read(q, values); err != nil {
		q.fail(name, err.Error())
	}
}

// options are what was read, with the parameters that others decide about.
func (q *query) options() ListOptions {
	options := ListOptions{Limit: q.size, Offset: (q.page - 1) * q.size, Where: q.where}
	if q.search != "" {
		options.Where = append(options.Where, search(pattern{text: q.search, fold: q.fold}, q.parser.config.Search))
	}
	if q.orderBy == "" && len(q.parser.config.OrderBy) > 0 {
		q.orderBy = q.parser.config.OrderBy[0]
	}
	if q.orderBy != "" {
		options.Order = []Order{{Column: q.orderBy, Descending: q.descending}}
	}
	return options
}

// QueryError is a query string that cannot be read. It is dossier.ErrInvalid, and [WriteProblem] tells the client all of its
// problems.
type QueryError struct {
	// Problems in order of the parameters' names, 20 at most.
	Problems []ProblemError
}

// Error names every parameter.
func (e *QueryError) Error() string {
	var all []string
	for _, p := range e.Problems {
		all = append(all, p.Parameter+": "+p.Detail)
	}
	return "query: " + dossier.ErrInvalid.Error() + ": " + strings.Join(all, "; ")
}

// Unwrap returns dossier.ErrInvalid.
func (e *QueryError) Unwrap() error { return dossier.ErrInvalid }

// brief quotes a value for a problem.
func brief(text string) string { return strconv.Quote(shorten(text)) }

// shorten keeps what a client sent short, and readable.
func shorten(text string) string {
	const most = 60
	text = strings.ToValidUTF8(text, "�")
	if utf8.RuneCountInString(text) > most {
		return string([]rune(text)[:most]) + "…"
	}
	return text
}

// called is what a client knows a type as.
func called(t reflect.Type) string {
	switch v := reflect.Zero(t); {
	case t == timeType:
		return "time as 2006-01-02T15:04:05Z or 2006-01-02"
	case v.CanInt() || v.CanUint():
		return "whole number that fits"
	case v.CanFloat():
		return "number"
	case t.Kind() == reflect.Bool:
		return "truth value, true or false"
	case strings.HasSuffix(t.Name(), "UUID"):
		return "UUID"
	}
	return "value of this parameter"
}
