package session

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

// syntax is how a database reads statements, as far as transactions go.
type syntax struct {
	// skip returns where the quoted text, comment or parameter that begins at i ends, or i.
	skip func(query string, i int) int
	// refuses returns why a statement cannot be sent, or nil.
	refuses func(statement []string) error
	// hasBody reports whether a statement begins a body of statements that ends with END.
	hasBody func(statement []string) bool
}

var errTransactionControl = fmt.Errorf("%w: a session controls its transaction itself; use Session.Nested for a savepoint", dossier.ErrInvalid)

// check refuses SQL text that has transaction control in any of its statements. END, which is COMMIT, is also what ends
// the body of a trigger or function, whose statements end with semicolons of their own.
func (s syntax) check(query string) error {
	inBody := false
	for words := s.words(query); len(words) > 0; {
		end := slices.Index(words, ";")
		if end < 0 {
			end = len(words)
		}
		statement := words[:end]
		words = words[min(end+1, len(words)):]
		if len(statement) == 0 {
			continue
		}
		if inBody && statement[0] == "END" {
			inBody = false
			continue
		}
		if err := s.refuses(statement); err != nil {
			return fmt.Errorf("%s: %w", statement[0], err)
		}
		inBody = inBody || s.hasBody(statement)
	}
	return nil
}

// words returns the bare words and semicolons of SQL text in upper case, without what is in quotes or comments.
func (s syntax) words(query string) []string {
	var words []string
	for i := 0; i < len(query); {
		if end := s.skip(query, i); end > i {
			i = end
			continue
		}
		c := query[i]
		if c == ';' {
			words = append(words, ";")
		}
		if !wordByte(c) {
			i++
			continue
		}
		start := i
		for i < len(query) && wordByte(query[i]) {
			i++
		}
		words = append(words, strings.ToUpper(query[start:i]))
	}
	return words
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// indexAfter returns the index behind the first end after skip bytes, or the length of s.
func indexAfter(s, end string, skip int) int {
	if at := strings.Index(s[min(skip, len(s)):], end); at >= 0 {
		return skip + at + len(end)
	}
	return len(s)
}

// indexAfterEscaped is the index behind a quoted text in which a backslash takes the next byte along and a doubled quote
// is one.
func indexAfterEscaped(s string, quote byte, skip int) int {
	for i := skip; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}
