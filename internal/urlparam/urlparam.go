// Package urlparam reads the query of a backend's URL: every parameter has a reader, and what no reader took is unknown.
// Its errors name parameters and never values, which may be secrets in the wrong place.
package urlparam

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Set is the query of a URL. Each reader takes its parameter out; what is left at the end is unknown.
type Set struct {
	values url.Values
	known  []string
	errs   []error
}

// Parse reads a query.
func Parse(rawQuery string) (*Set, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, errors.New("the parameters are not URL-encoded")
	}
	return &Set{values: values}, nil
}

// Text reads any text; "" is the default and cannot be given.
func (p *Set) Text(name string) string {
	value, given := p.Take(name)
	if given && value == "" {
		p.Refuse(name, "a value")
	}
	return value
}

// Number reads a number from 1 to limit; 0 is the default.
func (p *Set) Number(name string, limit int) int {
	value, given := p.Take(name)
	n, err := strconv.ParseUint(value, 10, 31)
	if given && (err != nil || n == 0 || int(n) > limit) {
		p.Refuse(name, fmt.Sprintf("a number from 1 to %d", limit))
		return 0
	}
	return int(n)
}

// Duration reads a time such as 90s or 5m, more than zero; 0 is the default.
func (p *Set) Duration(name string) time.Duration {
	value, given := p.Take(name)
	if !given {
		return 0
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		p.Refuse(name, "a time from 1ns such as 90s or 5m")
		return 0
	}
	return d
}

// Take returns the value of a parameter, and whether it was given.
func (p *Set) Take(name string) (string, bool) {
	p.known = append(p.known, name)
	values, given := p.values[name]
	delete(p.values, name)
	if len(values) > 1 {
		p.errs = append(p.errs, fmt.Errorf("the parameter %s is given twice", name))
	}
	if !given {
		return "", false
	}
	return values[0], true
}

// Cut takes a parameter that is for somebody else than the readers: the errors of Done do not name it. An empty value or
// one that is given twice is an error.
func (p *Set) Cut(name string) (value string, given bool, err error) {
	values, given := p.values[name]
	if !given {
		return "", false, nil
	}
	delete(p.values, name)
	if len(values) > 1 {
		return "", false, fmt.Errorf("the parameter %s is given twice", name)
	}
	if values[0] == "" {
		return "", false, fmt.Errorf("the parameter %s: want a value", name)
	}
	return values[0], true, nil
}

// Encode returns the query of what no reader took yet.
func (p *Set) Encode() string { return p.values.Encode() }

// Refuse remembers that a parameter is not what is wanted.
func (p *Set) Refuse(name, want string) {
	p.errs = append(p.errs, fmt.Errorf("the parameter %s: want %s", name, want))
}

// Truth reads true or false.
func (p *Set) Truth(name string) bool {
	value, given := p.Take(name)
	if given && value != "true" && value != "false" {
		p.Refuse(name, "true or false")
	}
	return value == "true"
}

// Choice returns the position of the value; the first is the default.
func (p *Set) Choice(name string, values ...string) int {
	value, given := p.Take(name)
	at := slices.Index(values, value)
	if given && at < 0 {
		p.Refuse(name, strings.Join(values, ", "))
	}
	return max(at, 0)
}

// Mode reads octal permission bits.
func (p *Set) Mode(name string) fs.FileMode {
	value, given := p.Take(name)
	bits, err := strconv.ParseUint(value, 8, 32)
	if given && (err != nil || bits == 0 || fs.FileMode(bits)&^fs.ModePerm != 0) {
		p.Refuse(name, "octal permission bits such as 0640")
	}
	return fs.FileMode(bits)
}

// units of sizes, in bytes.
var units = map[string]int64{"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// Size reads a number of bytes.
func (p *Set) Size(name string) int64 {
	value, given := p.Take(name)
	if !given {
		return 0
	}
	digits := strings.TrimRight(value, "BkKMGi")
	unit, known := units[value[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || !known || n == 0 || int64(n) > (1<<62)/unit {
		p.Refuse(name, "a size from 1 such as 500, 64KiB or 20MB")
		return 0
	}
	return int64(n) * unit
}

// Done returns what was wrong, unknown parameters too. It names no values: they may be secrets in the wrong place.
func (p *Set) Done() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		p.errs = append(p.errs, fmt.Errorf("unknown parameter %q; there are %s", name, strings.Join(p.known, ", ")))
	}
	return errors.Join(p.errs...)
}
