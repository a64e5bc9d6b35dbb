package dossier

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the key rules, in bytes.
const (
	MaxKeyLength     = 1024
	MaxSegmentLength = 255
)

// ReservedSegment is the first segment of keys that backends use for themselves; no object can have it.
const ReservedSegment = ".dossier"

// CheckKey returns an error that Is [ErrInvalidKey] unless key follows the rules that hold for every backend alike:
//
//   - UTF-8 without U+FFFD, 1 to 1,024 bytes
//   - segments of 1 to 255 bytes, separated by "/"; so no leading, trailing or double slash
//   - no segment "." or "..", and no first segment ".dossier"
//   - no control characters (categories Cc, Cf, Zl, Zp: bidirectional overrides and byte order marks are among them),
//     no backslash, no noncharacters or private use
//
// Keys are never escaped, normalised or folded: two different keys are two objects.
func CheckKey(key string) error {
	if problem := keyProblem(key); problem != "" {
		return fmt.Errorf("%w %s: %s", ErrInvalidKey, quoteKey(key), problem)
	}
	return nil
}

// CheckPrefix returns an error that Is [ErrInvalidKey] unless prefix is the beginning of some valid key. The empty
// prefix is valid.
func CheckPrefix(prefix string) error {
	if prefix == "" || keyProblem(prefix) == "" {
		return nil
	}
	probe := prefix + "x" // completes a last segment that is not valid as it stands: "", ".", "..", ".dossier"
	if problem := keyProblem(probe); problem != "" {
		return fmt.Errorf("%w: prefix %s: %s", ErrInvalidKey, quoteKey(prefix), problem)
	}
	return nil
}

func keyProblem(key string) string {
	switch {
	case key == "":
		return "it is empty"
	case len(key) > MaxKeyLength:
		return fmt.Sprintf("it has %d bytes, at most %d are allowed", len(key), MaxKeyLength)
	case !utf8.ValidString(key):
		return "it is not UTF-8"
	}
	for _, r := range key {
		if forbiddenRune(r) {
			return fmt.Sprintf("it contains %U", r)
		}
	}
	first := true
	for segment := range strings.SplitSeq(key, "/") {
		if problem := segmentProblem(segment); problem != "" {
			return problem
		}
		if first && segment == ReservedSegment {
			return "the first segment " + ReservedSegment + " is reserved"
		}
		first = false
	}
	return ""
}

func segmentProblem(segment string) string {
	switch {
	case segment == "":
		return "it has an empty segment (a leading, trailing or double slash)"
	case segment == "." || segment == "..":
		return "it has the segment " + segment
	case len(segment) > MaxSegmentLength:
		return fmt.Sprintf("it has a segment of %d bytes, at most %d are allowed", len(segment), MaxSegmentLength)
	}
	return ""
}

func forbiddenRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r < 0x20 || r == 0x7F || r == '\\'
	}
	if r == utf8.RuneError || r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF {
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}

// quoteKey makes a key safe to print: whole when it is harmless, else quoted and cut.
func quoteKey(key string) string {
	const most = 200
	if len(key) > most {
		return strconv.QuoteToASCII(key[:most]) + "…"
	}
	if keyProblem(key) != "" {
		return strconv.QuoteToASCII(key)
	}
	return key
}
