package dossier

import (
	"fmt"
	"math"
)

// Range selects bytes of an object. The zero value is the whole object.
//
//	Range{Offset: 10, Length: 5}    bytes 10 to 14
//	Range{Offset: 10, Length: -1}   from byte 10 to the end
//	Range{Offset: -10}              the last 10 bytes, or all when there are fewer
//	Range{Offset: 10, Length: 0}    no bytes, at offset 10
type Range struct {
	// Offset is the first byte; negative counts from the end. Default: 0.
	Offset int64
	// Length is the number of bytes, cut at the end of the object; negative means to the end. It must be zero or
	// negative when Offset is negative. Default: 0, which with Offset 0 means the whole object.
	Length int64
}

// IsAll reports whether the range is the whole object of any size.
func (r Range) IsAll() bool { return r.Offset == 0 && r.Length <= 0 }

// Check returns ErrInvalid for a range that has no meaning.
func (r Range) Check() error {
	if r.Offset < 0 && r.Length > 0 {
		return fmt.Errorf("%w: range with offset %d must not have a length", ErrInvalid, r.Offset)
	}
	if r.Offset == math.MinInt64 {
		return fmt.Errorf("%w: range offset %d", ErrInvalid, r.Offset)
	}
	return nil
}

// Resolve returns the first byte and the byte after the last one of the range in an object of size bytes.
// A range that starts after the end is [ErrRange]; one that starts at the end is empty, but is ErrRange too when it
// asks for bytes of an object that has some (as RFC 9110, section 14.1.2, has it).
func (r Range) Resolve(size int64) (from, to int64, err error) {
	if err := r.Check(); err != nil {
		return 0, 0, err
	}
	if r.IsAll() {
		return 0, size, nil
	}
	if r.Offset < 0 {
		return max(0, size+r.Offset), size, nil
	}
	if r.Offset > size || r.Offset == size && r.Length != 0 && size > 0 {
		return 0, 0, fmt.Errorf("%w: offset %d of an object of %d bytes", ErrRange, r.Offset, size)
	}
	if r.Length < 0 || r.Length > size-r.Offset {
		return r.Offset, size, nil
	}
	return r.Offset, r.Offset + r.Length, nil
}
