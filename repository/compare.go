package repository

import "time"

// Equal selects the rows whose field is the value. Texts are compared as the column's collation does it: on MySQL and
// MariaDB usually without regard to case, accents and trailing spaces.
func Equal(field string, value any) Filter { return comparison(field, "=", value) }

// NotEqual selects the rows whose field is another value, and not NULL.
func NotEqual(field string, value any) Filter { return comparison(field, "<>", value) }

// Less selects the rows whose field is less than the value.
func Less(field string, value any) Filter { return comparison(field, "<", value) }

// LessOrEqual selects the rows whose field is the value or less.
func LessOrEqual(field string, value any) Filter { return comparison(field, "<=", value) }

// Greater selects the rows whose field is greater than the value.
func Greater(field string, value any) Filter { return comparison(field, ">", value) }

// GreaterOrEqual selects the rows whose field is the value or greater.
func GreaterOrEqual(field string, value any) Filter { return comparison(field, ">=", value) }

// Between selects the rows whose field is from low to high, both included.
func Between(field string, low, high any) Filter {
	return And(GreaterOrEqual(field, low), LessOrEqual(field, high))
}

// Before selects the rows whose field is a time before t.
func Before(field string, t time.Time) Filter { return comparison(field, "<", t) }

// After selects the rows whose field is a time after t.
func After(field string, t time.Time) Filter { return comparison(field, ">", t) }

// OnBefore selects the rows whose field is t or a time before it.
func OnBefore(field string, t time.Time) Filter { return comparison(field, "<=", t) }

// OnAfter selects the rows whose field is t or a time after it.
func OnAfter(field string, t time.Time) Filter { return comparison(field, ">=", t) }

// OnDate selects the rows whose field is a time within the day of t, from midnight to midnight in the zone of t.
func OnDate(field string, t time.Time) Filter {
	year, month, day := t.Date()
	return And(
		OnAfter(field, time.Date(year, month, day, 0, 0, 0, 0, t.Location())),
		Before(field, time.Date(year, month, day+1, 0, 0, 0, 0, t.Location())))
}

// True selects the rows whose field is true.
func True(field string) Filter { return comparison(field, "=", true) }

// False selects the rows whose field is false, and not NULL.
func False(field string) Filter { return comparison(field, "=", false) }

func comparison(field, operator string, value any) Filter {
	return Filter{func(t target) (condition, error) {
		o, err := t.operand(field)
		if err != nil {
			return condition{}, err
		}
		literal, err := o.literal(value)
		if err != nil {
			return condition{}, err
		}
		return o.where(func(sql string) string { return sql + " " + operator + " " + literal }), nil
	}}
}
