package session

import (
	"fmt"
	"slices"
	"strings"
)

// checkStatement refuses SQL text that has transaction control in any of its statements.
func checkStatement(query string) error {
	words := scanWords(query)
	for start := 0; start < len(words); {
		end := statementEnd(words, start)
		if start < end && controlsTransaction(words[start:end]) {
			return fmt.Errorf("%s: %w", words[start], errTransactionControl)
		}
		start = end + 1
	}
	return nil
}

func controlsTransaction(statement []string) bool {
	return slices.Contains([]string{"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "START", "ATTACH", "DETACH"}, statement[0])
}

// statementEnd returns the index of the semicolon that ends the statement at start. The body of a trigger, from BEGIN to
// END, belongs to its statement; a CASE inside it has an END of its own.
func statementEnd(words []string, start int) int {
	trigger := words[start] == "CREATE" && slices.Contains(words[start:min(start+4, len(words))], "TRIGGER")
	depth := 0
	for i := start; i < len(words); i++ {
		switch {
		case trigger && (words[i] == "BEGIN" || words[i] == "CASE"):
			depth++
		case trigger && words[i] == "END":
			depth--
		case words[i] == ";" && depth <= 0:
			return i
		}
	}
	return len(words)
}

// scanWords returns the bare words and semicolons of SQL text in upper case, without what is in quotes or comments.
func scanWords(query string) []string {
	var words []string
	for i := 0; i < len(query); {
		if end := skipQuoted(query, i); end > i {
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
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// skipQuoted returns where the quoted text or comment that begins at i ends, or i.
func skipQuoted(query string, i int) int {
	rest := query[i:]
	switch {
	case strings.HasPrefix(rest, "--"):
		return i + indexAfter(rest, "\n", 2)
	case strings.HasPrefix(rest, "/*"):
		return i + indexAfter(rest, "*/", 2)
	case rest[0] == '[':
		return i + indexAfter(rest, "]", 1)
	case strings.IndexByte("'\"`", rest[0]) >= 0:
		return i + indexAfter(rest, rest[:1], 1) // a doubled quote begins the next quoted text
	}
	return i
}

// indexAfter returns the index behind the first end after skip bytes, or the length of s.
func indexAfter(s, end string, skip int) int {
	if at := strings.Index(s[skip:], end); at >= 0 {
		return skip + at + len(end)
	}
	return len(s)
}
