package repository

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/dossier-go/dossier/internal/lossless"
	"github.com/dossier-go/dossier/internal/plaintext"
)

var timeType = reflect.TypeFor[time.Time]()

// convert makes a value of a column's type, exactly or not at all.
func convert(want reflect.Type, value any) (reflect.Value, error) {
	dest := reflect.New(want)
	return dest.Elem(), convertTo(dest, value)
}

// convertTo is convert into *dest.
func convertTo(dest reflect.Value, value any) error {
	v, want := reflect.ValueOf(value), dest.Type().Elem()
	for v.IsValid() && v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.IsValid() {
		v = unwrapped(v)
	}
	if !v.IsValid() || v.Kind() == reflect.Slice && v.IsNil() {
		return fmt.Errorf("nil is no %v; NULL is asked for with Null and NotNull", want)
	}
	if !comparable(want) {
		return fmt.Errorf("values of type %v are not compared", want)
	}
	if err := assign(dest, v); err != nil {
		return err
	}
	return storable(dest.Elem())
}

// comparable reports whether a database can compare values of the type as they are stored.
func comparable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	}
	return t == timeType || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// storable refuses values that a type has and no column, and brings times to UTC.
func storable(v reflect.Value) error {
	if v.Type() == timeType {
		t := v.Interface().(time.Time).UTC()
		v.Set(reflect.ValueOf(t))
		if t.Year() < 1 || t.Year() > 9999 {
			return fmt.Errorf("the year %d is not within 1 to 9999", t.Year())
		}
	}
	if v.CanFloat() && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)) {
		return fmt.Errorf("%v is no number to compare with", v.Float())
	}
	if v.Kind() == reflect.String {
		return plaintext.Check(v.String())
	}
	return nil
}

// assign sets *dest from v.
func assign(dest, v reflect.Value) error {
	want := dest.Type().Elem()
	if v.Type() == want {
		dest.Elem().Set(v)
		return nil
	}
	if v.Kind() == reflect.String && want.Kind() != reflect.String {
		return assignText(dest, v.String())
	}
	if lossless.Set(dest.Elem(), v) {
		return nil
	}
	return fmt.Errorf("%v (%v) is no %v", v, v.Type(), want)
}

// assignText sets *dest to what the text says.
func assignText(dest reflect.Value, text string) (err error) {
	to := dest.Elem()
	wrong := fmt.Errorf("%q is no %v", text, to.Type())
	switch unmarshaler, ok := dest.Interface().(encoding.TextUnmarshaler); {
	case to.Type() == timeType:
		t, err := parseTime(text)
		if err != nil {
			return err
		}
		to.Set(reflect.ValueOf(t))
		return nil
	case ok:
		if err := unmarshaler.UnmarshalText([]byte(text)); err != nil {
			return wrong
		}
		return nil
	case to.Kind() == reflect.Bool && (text == "true" || text == "false"):
		to.SetBool(text == "true")
		return nil
	case to.CanInt():
		n, err := strconv.ParseInt(text, 10, to.Type().Bits())
		if err != nil {
			return wrong
		}
		to.SetInt(n)
		return nil
	case to.CanUint():
		n, err := strconv.ParseUint(text, 10, to.Type().Bits())
		if err != nil {
			return wrong
		}
		to.SetUint(n)
		return nil
	case to.CanFloat():
		n, err := strconv.ParseFloat(text, to.Type().Bits())
		if err != nil {
			return wrong
		}
		to.SetFloat(n)
		return nil
	}
	return wrong
}

// parseTime reads RFC 3339, or a date, which is midnight in UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time as 2006-01-02T15:04:05Z or 2006-01-02", text)
}
