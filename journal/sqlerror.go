package journal

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
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
	return codeOf(err, func(err error) int {
		v := reflect.ValueOf(err)
		if v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct && v.Elem().Type().Name() == "MySQLError" {
			if number := v.Elem().FieldByName("Number"); number.CanUint() {
				return int(number.Uint())
			}
		}
		return 0
	})
}

// SQLiteCode returns the extended result code of an error of SQLite's driver (modernc.org/sqlite), or 0. Many errors have a
// method Code; the texts of the driver's have it in parentheses, so an application's own are not taken for the database's.
func SQLiteCode(err error) int {
	return codeOf(err, func(err error) int {
		if source, ok := err.(interface{ Code() int }); ok && strings.Contains(err.Error(), " ("+strconv.Itoa(source.Code())+")") {
			return source.Code()
		}
		return 0
	})
}

// codeOf asks the errors that err wraps, itself first, and returns the first answer that is not 0.
func codeOf(err error, ask func(err error) int) int {
	for err != nil {
		if code := ask(err); code != 0 {
			return code
		}
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range several.Unwrap() {
				if code := codeOf(one, ask); code != 0 {
					return code
				}
			}
			return 0
		}
		err = errors.Unwrap(err)
	}
	return 0
}

// Retryable reports whether err says that a statement lost against others, with a serialization failure, a deadlock, a
// lock that was not given in time or a busy database, and that it, or its whole transaction, may succeed when it is tried
// again. Errors are recognised by their codes: those of SQLite's (modernc.org/sqlite), PostgreSQL's (any driver with
// SQLState) and MySQL's drivers.
func Retryable(err error) bool {
	if Busy(err) {
		return true
	}
	switch SQLState(err) {
	case "40001", "40P01", "55P03":
		return true
	}
	switch MySQLNumber(err) {
	case 1020, 1205, 1213, 3572: // 3572 is what MySQL says to NOWAIT; MariaDB says 1205
		return true
	}
	return false
}

// Busy reports whether err says that an SQLite database was locked by others for longer than busy_timeout.
func Busy(err error) bool {
	code := SQLiteCode(err) & 0xFF
	return code == 5 || code == 6 // SQLITE_BUSY and SQLITE_LOCKED, whatever their extended codes
}
