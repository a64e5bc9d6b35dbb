package all

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dossier-go/dossier"
)

// parameters are the query of a URL. Each reader takes its parameter out; what is left at the end is unknown.
type parameters struct {
	values url.Values
	known  []string
	errs   []error
}

// take returns the value of a parameter, and whether it was given.
func (p *parameters) take(name string) (string, bool) {
	p.known = append(p.known, name)
	values, given := p.values[name]
	delete(p.values, name)
	if len(values) > 1 {
		p.errs = append(p.errs, fmt.Errorf("%w: the parameter %s is given twice", dossier.ErrInvalid, name))
	}
	if !given {
		return "", false
	}
	return values[0], true
}

func (p *parameters) refuse(name, want string) {
	p.errs = append(p.errs, fmt.Errorf("%w: the parameter %s: want %s", dossier.ErrInvalid, name, want))
}

// truth reads true or false.
func (p *parameters) truth(name string) bool {
	value, given := p.take(name)
	if given && value != "true" && value != "false" {
		p.refuse(name, "true or false")
	}
	return value == "true"
}

// choice returns the position of the value; the first is the default.
func (p *parameters) choice(name string, values ...string) int {
	value, given := p.take(name)
	at := slices.Index(values, value)
	if given && at < 0 {
		p.refuse(name, strings.Join(values, ", "))
	}
	return max(at, 0)
}

// mode reads octal permission bits.
func (p *parameters) mode(name string) fs.FileMode {
	value, given := p.take(name)
	bits, err := strconv.ParseUint(value, 8, 32)
	if given && (err != nil || bits == 0 || fs.FileMode(bits)&^fs.ModePerm != 0) {
		p.refuse(name, "octal permission bits such as 0640")
	}
	return fs.FileMode(bits)
}

// units of sizes, in bytes.
var units = map[string]int64{"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// size reads a number of bytes.
func (p *parameters) size(name string) int64 {
	value, given := p.take(name)
	if !given {
		return 0
	}
	digits := strings.TrimRight(value, "BkKMGi")
	unit, known := units[value[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || !known || n == 0 || int64(n) > (1<<62)/unit {
		p.refuse(name, "a size from 1 such as 500, 64KiB or 20MB")
		return 0
	}
	return int64(n) * unit
}

// done returns what was wrong, unknown parameters too. It names no values: they may be secrets in the wrong place.
func (p *parameters) done() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		p.errs = append(p.errs, fmt.Errorf("%w: unknown parameter %q; there are %s", dossier.ErrInvalid, name, strings.Join(p.known, ", ")))
	}
	return errors.Join(p.errs...)
}
