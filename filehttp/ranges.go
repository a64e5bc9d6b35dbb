package filehttp

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dossier-go/dossier"
)

// span is bytes [from, to) of an object; never empty.
type span struct{ from, to int64 }

func (s span) length() int64 { return s.to - s.from }

// contentRange is the Content-Range field (RFC 9110, section 14.4).
func (s span) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.from, s.to-1, size)
}

// parseRanges reads a Range field (RFC 9110, section 14.2) for an object of size bytes. None means the whole object: no
// Range, another unit than bytes, an empty object, or ranges that overlap so much that they are more than the object.
// More than most ranges, a malformed one, or ranges that are all behind the end are [dossier.ErrRange].
func parseRanges(field string, size int64, most int) ([]span, error) {
	unit, list, ok := strings.Cut(field, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || size == 0 {
		return nil, nil
	}
	var spans []span
	var total int64
	count := 0
	for text := range strings.SplitSeq(list, ",") {
		text = strings.Trim(text, " \t")
		if text == "" {
			continue
		}
		if count++; count > most {
			return nil, fmt.Errorf("%w: more than %d ranges", dossier.ErrRange, most)
		}
		s, ok, err := parseRange(text, size)
		if err != nil {
			return nil, err
		}
		if ok {
			spans = append(spans, s)
			total += s.length()
		}
	}
	if len(spans) == 0 {
		return nil, fmt.Errorf("%w: no range is inside the object", dossier.ErrRange)
	}
	if total > size {
		return nil, nil
	}
	return spans, nil
}

// parseRange reads one range; ok is false for one that is behind the end.
func parseRange(text string, size int64) (s span, ok bool, err error) {
	first, last, dash := strings.Cut(text, "-")
	first, last = strings.TrimRight(first, " \t"), strings.TrimLeft(last, " \t")
	if !dash || first == "" && last == "" {
		return span{}, false, malformedRange(text)
	}
	if first == "" {
		count, err := parsePosition(last)
		return span{max(0, size-count), size}, count > 0, err
	}
	from, err := parsePosition(first)
	if err != nil {
		return span{}, false, err
	}
	end := size - 1
	if last != "" {
		if end, err = parsePosition(last); err != nil {
			return span{}, false, err
		}
		if end < from {
			return span{}, false, malformedRange(text)
		}
	}
	return span{from, min(end, size-1) + 1}, from < size, nil
}

// parsePosition reads digits only: no sign, no space. A number that is too big for 63 bits is behind every end.
func parsePosition(digits string) (int64, error) {
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, malformedRange(digits)
		}
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return 0, nil
	}
	if len(digits) > 18 {
		return 1e18, nil
	}
	return strconv.ParseInt(digits, 10, 64)
}

func malformedRange(text string) error {
	return fmt.Errorf("%w: malformed range %.40q", dossier.ErrRange, text)
}
