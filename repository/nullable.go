package repository

import (
	"reflect"

	"github.com/uptrace/bun"
)

var nullTimeType = reflect.TypeFor[bun.NullTime]()

// inner is the type of the value in a struct that says by a field Valid whether there is one, as those of package sql do, and in
// bun's for times; every other type is its own.
func inner(t reflect.Type) reflect.Type {
	switch {
	case t == nullTimeType:
		return timeType
	case t.Kind() == reflect.Struct && t.NumField() == 2 && t.Field(0).IsExported() && t.Field(1).Name == "Valid" &&
		t.Field(1).Type.Kind() == reflect.Bool:
		return t.Field(0).Type
	}
	return t
}

// wrapped puts a value into such a struct.
func wrapped(t reflect.Type, v reflect.Value) reflect.Value {
	if t == v.Type() || inner(t) == t {
		return v
	}
	around := reflect.New(t).Elem()
	around.Field(0).Set(v)
	if t.NumField() == 2 {
		around.Field(1).SetBool(true)
	}
	return around
}

// unwrapped takes it out again; what says that there is none is no value.
func unwrapped(v reflect.Value) reflect.Value {
	if inner(v.Type()) == v.Type() {
		return v
	}
	if v.NumField() == 2 && !v.Field(1).Bool() || v.NumField() == 1 && v.Field(0).IsZero() {
		return reflect.Value{}
	}
	return v.Field(0)
}
