package repository

import "strings"

// In selects the rows whose field is one of the values; without values, none.
func In[V any](field string, values []V) Filter { return collection(field, " IN ", noRows, values) }

// NotIn selects the rows whose field is none of the values, and not NULL; without values, all rows, those with NULL
// included.
func NotIn[V any](field string, values []V) Filter {
	return collection(field, " NOT IN ", allRows, values)
}

// Null selects the rows whose field is NULL. A column of many files asks whether any of its files lacks the value.
func Null(field string) Filter { return null(field, " IS NULL", noRows) }

// NotNull selects the rows whose field is not NULL.
func NotNull(field string) Filter { return null(field, " IS NOT NULL", allRows) }

func collection[V any](field, operator string, empty truth, values []V) Filter {
	return Filter{func(t target) (condition, error) {
		o, err := t.operand(field)
		if err != nil || len(values) == 0 {
			return constantly(empty), err
		}
		literals := make([]string, len(values))
		for i, value := range values {
			if literals[i], err = o.literal(value); err != nil {
				return condition{}, err
			}
		}
		list := "(" + strings.Join(literals, ", ") + ")"
		return o.where(func(sql string) string { return sql + operator + list }), nil
	}}
}

// null compares with NULL; never is what that comes to for a column that is never NULL.
func null(field, operator string, never truth) Filter {
	return Filter{func(t target) (condition, error) {
		o, err := t.operand(field)
		if err != nil {
			return condition{}, err
		}
		c := o.where(func(sql string) string { return sql + operator })
		if f, err := column(t.table, "filter on", field); err == nil && (f.IsPK || f.NotNull) {
			c.amounts = never
		}
		return c, nil
	}}
}
