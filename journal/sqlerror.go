package journal

import (
	"errors"
	"reflect"
)

// SQLState returns the code of a PostgreSQL error, of any driver whose errors have SQLState, or "".
func SQLState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// MySQLNumber returns the number of an error of a MySQL or MariaDB server, or 0. The driver's error has it as a field and
// not behind a method; it is read by its name, so that nobody gets a driver who does not use it.
func MySQLNumber(err error) int {
	for err != nil {
		if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct &&
			v.Elem().Type().Name() == "MySQLError" {
			if number := v.Elem().FieldByName("Number"); number.CanUint() {
				return int(number.Uint())
			}
		}
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range several.Unwrap() {
				if number := MySQLNumber(one); number != 0 {
					return number
				}
			}
			return 0
		}
		err = errors.Unwrap(err)
	}
	return 0
}
