// Package plaintext tells the texts that come back from every database as they were written.
package plaintext

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// The two kinds of text that do not.
var (
	errEncoding = errors.New("the text is not valid UTF-8")
	errNUL      = errors.New("the text holds a NUL byte")
)

// Check refuses what no database, or not all of them, keep as it is or can be asked for: bun writes other characters for what is
// no UTF-8, and PostgreSQL has no NUL in texts.
func Check(text string) error {
	switch {
	case !utf8.ValidString(text):
		return errEncoding
	case strings.IndexByte(text, 0) >= 0:
		return errNUL
	}
	return nil
}
