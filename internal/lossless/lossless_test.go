package lossless_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/dossier-go/dossier/internal/lossless"
)

type colour string

// A number that does not fit must not be written as another one.
func TestSetLosesNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ from, want any }{
		{7, int8(7)}, {uint16(7), int64(7)}, {7.0, 7}, {int64(7), uint8(7)}, {7.0, uint8(7)}, {uint8(7), uint64(7)}, {7, 7.0}, {float32(0.5), 0.5},
		{"red", colour("red")}, {colour("red"), "red"}, {[]byte("x"), reflect.ValueOf([]byte("x")).Convert(reflect.TypeFor[[]byte]()).Interface()},
		{uint64(math.MaxInt64), int64(math.MaxInt64)}, {uint64(math.MaxUint64), uint64(math.MaxUint64)},
	} {
		to := reflect.New(reflect.TypeOf(test.want)).Elem()
		if !lossless.Set(to, reflect.ValueOf(test.from)) || !reflect.DeepEqual(to.Interface(), test.want) {
			t.Errorf("%T %v became %T %v", test.from, test.from, to.Interface(), to.Interface())
		}
	}
	for _, test := range []struct{ from, to any }{
		{300, int8(0)}, {-1, uint(0)}, {uint64(math.MaxUint64), int64(0)}, {7.5, 0}, {1e300, 0}, {math.NaN(), 0}, {math.Inf(1), uint8(0)},
		{math.MaxFloat64, float32(0)}, {1<<53 + 1, 0.0}, {"7", 0}, {7, "7"}, {true, 1}, {struct{ A int }{1}, struct{ B int }{}}, {-7.0, uint8(0)},
	} {
		to := reflect.New(reflect.TypeOf(test.to)).Elem()
		if lossless.Set(to, reflect.ValueOf(test.from)) {
			t.Errorf("%T %v became %T %v", test.from, test.from, to.Interface(), to.Interface())
		}
	}
}
