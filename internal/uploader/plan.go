package uploader

import "math"

const mib = 1 << 20

// Plan holds the limits of the store and the wishes of the user. Its zero value has the limits of S3. Fields that are
// 0 or less have their default.
type Plan struct {
	PartSize   int64 // in bytes, of a part while that is enough; default: 8 MiB; raised to MinPart, lowered to MaxPart
	MaxWhole   int64 // size in bytes up to which an object goes in one request if it needs no buffers; default: PartSize
	MinPart    int64 // in bytes, of every part but the last; default: 5 MiB
	MaxPart    int64 // in bytes; default: 5 GiB
	MaxParts   int   // of one object; default: 10,000
	EqualParts bool  // every part but the last must have the same size
	Parallel   int   // part requests at once per upload; default: 4
}

func (p Plan) withDefaults() Plan {
	p.MinPart = positive(p.MinPart, 5*mib)
	p.MaxPart = max(positive(p.MaxPart, 5<<30), p.MinPart)
	p.PartSize = min(max(positive(p.PartSize, defaultPartSize), p.MinPart), p.MaxPart)
	p.MaxWhole = max(p.MaxWhole, p.PartSize)
	p.MaxParts = int(positive(int64(p.MaxParts), 10_000))
	p.Parallel = int(positive(int64(p.Parallel), 4))
	return p
}

func positive(value, otherwise int64) int64 {
	if value > 0 {
		return value
	}
	return otherwise
}

// Reach returns the size in bytes of the largest object of unknown size that can be sent through the pool.
func (p Plan) Reach(pool *Pool) int64 {
	p = p.withDefaults()
	return p.scheduleFor(pool, Source{Size: -1}).reach()
}

// schedule says how large each part of one source is.
type schedule struct {
	part  int64 // size of the first
	most  int64 // no part is larger
	parts int
	step  int   // after so many parts the size doubles; 0: never
	whole int64 // size up to which the source goes in one request
}

func (p Plan) scheduleFor(pool *Pool, src Source) schedule {
	s := schedule{part: p.PartSize, most: p.MaxPart, parts: p.MaxParts}
	if src.At == nil {
		s.most = min(s.most, pool.capacity())
	}
	if s.most < p.MinPart {
		s.parts = 1 // the store would refuse every part but the last
	}
	switch {
	case src.Size >= 0:
		if least := ceilDivide(src.Size, int64(p.MaxParts)); least > s.part {
			s.part = ceilTo(least, mib)
		}
		if src.At == nil && s.part > int64(pool.size) {
			s.part = ceilTo(s.part, int64(pool.size)) // what is reserved is used
		}
	case !p.EqualParts:
		s.step = max(1, p.MaxParts/10)
	}
	s.part = min(s.part, s.most)
	s.whole = s.part
	if src.At != nil && src.Size >= 0 {
		s.whole = p.MaxWhole
	}
	return s
}

// size returns that of the part with the number, from 1.
func (s schedule) size(number int) int64 {
	if s.step == 0 {
		return s.part
	}
	size := s.part
	for range (number - 1) / s.step {
		if size >= s.most/2 {
			return s.most
		}
		size *= 2
	}
	return size
}

// reach returns how many bytes all parts have, or the whole object if that is more.
func (s schedule) reach() int64 {
	if s.step == 0 || s.parts == 1 {
		if s.most > math.MaxInt64/int64(s.parts) {
			return math.MaxInt64
		}
		return s.part * int64(s.parts)
	}
	var sum int64
	for done := 0; done < s.parts; done += s.step {
		sum += s.size(done+1) * int64(min(s.step, s.parts-done))
	}
	return sum
}

// check refuses a source that is known not to fit.
func (s schedule) check(size int64) error {
	if limit := s.reach(); size > limit && size > s.whole {
		return &TooManyParts{Size: size, Limit: limit}
	}
	return nil
}

func ceilDivide(a, b int64) int64 { return a/b + min(1, a%b) }

// ceilTo rounds up to a multiple of unit, if that is no more than an int64 holds.
func ceilTo(value, unit int64) int64 {
	if value > math.MaxInt64-unit {
		return value
	}
	return ceilDivide(value, unit) * unit
}
