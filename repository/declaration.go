package repository

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dossier-go/dossier"
)

// declaration builds a parser; it keeps its first error.
type declaration struct {
	*Parser
	target target
	err    error
}

func (d *declaration) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *declaration) add(name string, p parameter) {
	if _, taken := d.known[name]; taken || name == "" {
		d.fail(fmt.Errorf("%w: the parameter %q is declared twice", dossier.ErrInvalid, name))
	}
	d.known[name] = p
}

// column finds a column that a parameter compares with values of the kind, reflect.Invalid being any that can be
// compared.
func (d *declaration) column(name string, fits func(t reflect.Type) bool) operand {
	o, err := d.target.named("parameter for", name)
	switch {
	case err != nil:
		d.fail(err)
	case !fits(o.want):
		d.fail(fmt.Errorf("%w: parameter for %q: the column is of the type %v", dossier.ErrInvalid, name, o.want))
	}
	return o
}

func (d *declaration) page() {
	d.add(pageParameter, parameter{read: func(q *query, values []string) (err error) {
		q.page, err = number(values[0], maxPage)
		return err
	}})
	d.add("pageSize", parameter{read: func(q *query, values []string) (err error) {
		q.size, err = number(values[0], d.config.MaxPageSize)
		return err
	}})
}

// maxPage keeps offsets within what every database counts.
const maxPage = 1 << 31 / MaxLimit

func number(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s is no whole number from 1 to %d", brief(text), most)
	}
	return n, nil
}

func (d *declaration) collection(parameterName, name string, filter func(field string, values []any) Filter) {
	if name == "" {
		return
	}
	o := d.column(name, comparable)
	d.add(parameterName, parameter{many: true, read: func(q *query, texts []string) error {
		values := make([]any, len(texts))
		for i, text := range texts {
			v, err := convert(o.want, text)
			if err != nil {
				return fmt.Errorf("%s is no %s", brief(text), called(o.want))
			}
			values[i] = v.Interface()
		}
		q.where = append(q.where, filter(name, values))
		return nil
	}})
}

func (d *declaration) times(prefix, name string) {
	if name == "" {
		return
	}
	d.column(name, func(t reflect.Type) bool { return t == timeType })
	for suffix, operator := range map[string]string{"Before": "<", "After": ">"} {
		d.add(prefix+suffix, parameter{read: func(q *query, values []string) error {
			t, err := parseTime(values[0])
			if err == nil {
				_, err = convert(timeType, t)
			}
			if err != nil {
				return fmt.Errorf("%s is no %s", brief(values[0]), called(timeType))
			}
			q.where = append(q.where, comparison(name, operator, t))
			return nil
		}})
	}
}

func (d *declaration) search(names []string) {
	if len(names) == 0 {
		return
	}
	for _, name := range names {
		d.column(name, func(t reflect.Type) bool { return t.Kind() == reflect.String })
	}
	d.add("searchString", parameter{read: func(q *query, values []string) error {
		q.search = values[0]
		return pattern{text: q.search}.check()
	}})
	d.add("searchIgnoreCase", parameter{read: func(q *query, values []string) (err error) {
		q.fold, err = boolean(values[0])
		return err
	}})
}

func (d *declaration) sort(names []string) {
	if len(names) == 0 {
		return
	}
	for _, name := range names {
		if _, err := d.target.term(Order{Column: name}); err != nil {
			d.fail(err)
		}
		d.order[name], d.order[camelCase(name)] = name, name
	}
	d.add("orderBy", parameter{read: func(q *query, values []string) error {
		name, known := d.order[values[0]]
		if !known {
			return fmt.Errorf("%s is none of %s", brief(values[0]), strings.Join(names, ", "))
		}
		q.orderBy = name
		return nil
	}})
	d.add("sortOrder", parameter{read: func(q *query, values []string) error {
		if values[0] != "asc" && values[0] != "desc" {
			return fmt.Errorf("%s is neither asc nor desc", brief(values[0]))
		}
		q.descending = values[0] == "desc"
		return nil
	}})
}

func (d *declaration) boolean(name string) {
	d.column(name, func(t reflect.Type) bool { return t.Kind() == reflect.Bool })
	d.add(camelCase(name), parameter{read: func(q *query, values []string) error {
		value, err := boolean(values[0])
		q.where = append(q.where, Equal(name, value))
		return err
	}})
}

func boolean(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, fmt.Errorf("%s is neither true nor false", brief(text))
	}
	return text == "true", nil
}

func (d *declaration) choices(name string, choices []string) {
	o := d.column(name, comparable)
	if len(choices) == 0 {
		d.fail(fmt.Errorf("%w: parameter for %q: there are no choices", dossier.ErrInvalid, name))
	}
	if d.err != nil {
		return
	}
	for _, choice := range choices {
		if _, err := o.literal(choice); err != nil {
			d.fail(err)
		}
	}
	choices = slices.Clone(choices)
	d.add(camelCase(name), parameter{many: true, read: func(q *query, values []string) error {
		for _, value := range values {
			if !slices.Contains(choices, value) {
				return fmt.Errorf("%s is none of %s", brief(value), strings.Join(choices, ", "))
			}
		}
		q.where = append(q.where, In(name, values))
		return nil
	}})
}
