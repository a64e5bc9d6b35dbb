// Package lossless turns values of one type into another where nothing is lost.
package lossless

import "reflect"

// Set sets to, which is settable, from v, and reports whether it did: when both are of one kind and Go converts between
// them, structs apart, or when both are numbers and this one fits. Two floating-point numbers fit whatever their precision.
func Set(to, v reflect.Value) bool {
	if to.Kind() == v.Kind() {
		if to.Kind() == reflect.Struct || !v.CanConvert(to.Type()) {
			return false
		}
		to.Set(v.Convert(to.Type()))
		return true
	}
	switch {
	case to.CanInt():
		n, ok := integer(v)
		if ok = ok && !to.OverflowInt(n); ok {
			to.SetInt(n)
		}
		return ok
	case to.CanUint():
		return setUint(to, v)
	case to.CanFloat() && v.CanFloat() && !to.OverflowFloat(v.Float()):
		to.SetFloat(v.Float())
		return true
	case to.CanFloat() && v.CanInt() && int64(float64(v.Int())) == v.Int():
		to.SetFloat(float64(v.Int()))
		return true
	}
	return false
}

// integer is a number that is a whole one.
func integer(v reflect.Value) (int64, bool) {
	switch {
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint()), v.Uint() <= 1<<63-1
	case v.CanFloat():
		f := v.Float()
		return int64(f), f >= -1<<53 && f <= 1<<53 && f == float64(int64(f))
	}
	return 0, false
}

func setUint(to, v reflect.Value) bool {
	n, ok := uint64(0), v.CanUint()
	if ok {
		n = v.Uint()
	} else {
		whole, is := integer(v)
		n, ok = uint64(whole), is && whole >= 0
	}
	if ok = ok && !to.OverflowUint(n); ok {
		to.SetUint(n)
	}
	return ok
}
