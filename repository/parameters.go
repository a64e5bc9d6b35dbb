package repository

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun/schema"
)

// Defaults of [Parameters].
const (
	DefaultPageSize    = 20
	DefaultMaxPageSize = 100
	DefaultMaxValues   = 100
	DefaultMaxLength   = 1000
)

// Parameters declares what a query string may ask of a table. Columns that are not named here cannot be asked for; a
// parameter that nothing declares is an error, because a misspelt filter would otherwise widen the result. A column's
// parameter has its name in camel case: "group_number" is asked for as groupNumberIn.
type Parameters struct {
	// ID is the column of the parameter ids, which may be repeated. Default: empty, no such parameter.
	ID string
	// CreatedAt is the column of createdBefore and createdAfter, both exclusive. Default: empty, no such parameters.
	CreatedAt string
	// UpdatedAt is the column of updatedBefore and updatedAfter, both exclusive. Default: empty, no such parameters.
	UpdatedAt string
	// Search are the columns of searchString; searchIgnoreCase (true or false) says whether case counts. An empty text asks for
	// nothing. Default: none, no such parameters.
	Search []string
	// SearchIgnoreCase is the value of searchIgnoreCase if it is not given. Default: false.
	SearchIgnoreCase bool
	// OrderBy are the columns that orderBy may name, as they are called here or in camel case; sortOrder is asc or desc. The
	// first one is the order if none is asked for. Default: none, no such parameters, and the order of the primary key.
	OrderBy []string
	// SortOrder is the sense if sortOrder is not given. Default: SortDescending.
	SortOrder SortOrder
	// In are the columns of parameters as nameIn, which may be repeated. Default: none.
	In []string
	// NotIn are the columns of parameters as nameNotIn, which may be repeated. Default: none.
	NotIn []string
	// Boolean are the columns of parameters called as they are, which are true or false. Default: none.
	Boolean []string
	// Choices are the columns of parameters called as they are, which may be repeated, with the values that they may have.
	// Default: none.
	Choices map[string][]string
	// PageSize is the value of pageSize if it is not given. The parameter currentPage counts from 1. Default: 0, which means
	// DefaultPageSize.
	PageSize int
	// MaxPageSize is the largest pageSize that is taken, at most MaxLimit. Default: 0, which means DefaultMaxPageSize, or
	// PageSize if that is more.
	MaxPageSize int
	// MaxValues is how often a parameter may be repeated. Default: 0, which means DefaultMaxValues.
	MaxValues int
	// MaxLength is the longest value that is taken, in bytes. Default: 0, which means DefaultMaxLength.
	MaxLength int
	// Other are parameters that the application reads itself; they are passed over. Default: none.
	Other []string
}

// SortOrder is a sense of an order.
type SortOrder uint8

const (
	// SortDescending puts the greatest first.
	SortDescending SortOrder = iota
	// SortAscending puts the least first.
	SortAscending
)

// Parser reads query strings into filters, order and page, for the table of a model. It is immutable and safe for
// concurrent use.
type Parser struct {
	config Parameters
	known  map[string]parameter
	order  map[string]string // the columns of orderBy by their names in the query
}

// parameter reads the values of one parameter.
type parameter struct {
	many bool
	read func(q *query, values []string) error
}

// NewParser checks the declaration for a model, a pointer to its struct, nil or not. What is wrong with it is
// dossier.ErrInvalid: a column that the table does not have or that has the wrong type, a parameter that is declared
// twice, no choices, sizes that make no sense.
func NewParser(m *session.Manager, model any, config Parameters) (*Parser, error) {
	t := reflect.TypeOf(model)
	if m == nil || t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("parameters: %w: they need a manager, and a pointer to a model, not a %v", dossier.ErrInvalid, t)
	}
	if err := m.Register(model); err != nil {
		return nil, wrap("parameters", err)
	}
	config.fill()
	if err := config.check(); err != nil {
		return nil, wrap("parameters", err)
	}
	p := &Parser{config: config, known: map[string]parameter{}, order: map[string]string{}}
	if err := p.declare(m.DB().Table(t.Elem())); err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	return p, nil
}

func (config *Parameters) fill() {
	for value, standard := range map[*int]int{
		&config.PageSize: DefaultPageSize, &config.MaxValues: DefaultMaxValues, &config.MaxLength: DefaultMaxLength,
	} {
		if *value == 0 {
			*value = standard
		}
	}
	if config.MaxPageSize == 0 {
		config.MaxPageSize = max(DefaultMaxPageSize, config.PageSize)
	}
}

func (config *Parameters) check() error {
	if config.PageSize < 1 || config.MaxPageSize < config.PageSize || config.MaxPageSize > MaxLimit {
		return fmt.Errorf("%w: a page size of %d, at most %d; sizes are 1 to %d",
			dossier.ErrInvalid, config.PageSize, config.MaxPageSize, MaxLimit)
	}
	if config.MaxValues < 1 || config.MaxLength < 1 {
		return fmt.Errorf("%w: %d values of %d bytes", dossier.ErrInvalid, config.MaxValues, config.MaxLength)
	}
	if config.SortOrder > SortAscending {
		return fmt.Errorf("%w: SortOrder is %d", dossier.ErrInvalid, config.SortOrder)
	}
	return nil
}

// declare adds the parameters one by one; the first mistake ends it.
func (p *Parser) declare(table *schema.Table) error {
	d := declaration{Parser: p, target: target{table: table}}
	d.page()
	d.collection("ids", p.config.ID, In)
	d.times("created", p.config.CreatedAt)
	d.times("updated", p.config.UpdatedAt)
	d.search(p.config.Search)
	d.sort(p.config.OrderBy)
	for _, name := range p.config.In {
		d.collection(camelCase(name)+"In", name, In)
	}
	for _, name := range p.config.NotIn {
		d.collection(camelCase(name)+"NotIn", name, NotIn)
	}
	for _, name := range p.config.Boolean {
		d.boolean(name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.config.Choices)) {
		d.choices(name, p.config.Choices[name])
	}
	for _, name := range p.config.Other {
		d.add(name, parameter{many: true})
	}
	return d.err
}

// camelCase is how a column is called in a query: group_number as groupNumber, file.size as fileSize.
func camelCase(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '.' })
	for i, word := range words {
		if i > 0 {
			first, size := utf8.DecodeRuneInString(word)
			words[i] = string(unicode.ToUpper(first)) + word[size:]
		}
	}
	return strings.Join(words, "")
}

// Parse reads the parameters of a query. The error is a [QueryError] that has all problems.
func (p *Parser) Parse(values url.Values) (ListOptions, error) {
	q := &query{
		parser: p, page: 1, size: p.config.PageSize, fold: p.config.SearchIgnoreCase, descending: p.config.SortOrder == SortDescending,
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		q.read(name, values[name])
	}
	options := q.options()
	if len(q.problems) > 0 {
		return ListOptions{}, &QueryError{Problems: q.problems}
	}
	return options, nil
}

// ParseRaw reads a query as it stands in an address, after the question mark. Malformed escapes are problems too.
func (p *Parser) ParseRaw(raw string) (ListOptions, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return ListOptions{}, &QueryError{Problems: []ProblemError{{Detail: "the query string is malformed"}}}
	}
	return p.Parse(values)
}
