package session

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// checkStatement refuses SQL text that has transaction control in any of its statements. END, which is COMMIT, is also what
// ends the body of a trigger, whose statements end with semicolons of their own.
func checkStatement(query string) error {
	inTrigger := false
	for words := scanWords(query); len(words) > 0; {
		end := slices.Index(words, ";")
		if end < 0 {
			end = len(words)
		}
		statement := words[:end]
		words = words[min(end+1, len(words)):]
		switch {
		case len(statement) == 0:
		case inTrigger && statement[0] == "END":
			inTrigger = false
		case controlsTransaction(statement[0]):
			return fmt.Errorf("%s: %w", statement[0], errTransactionControl)
		case createsTrigger(statement):
			inTrigger = true
		}
	}
	return nil
}

func controlsTransaction(word string) bool {
	return slices.Contains([]string{"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "START", "ATTACH", "DETACH"}, word)
}

// createsTrigger looks at the very words: SQLite also takes trigger and begin for names of tables and columns.
func createsTrigger(statement []string) bool {
	rest, created := strings.CutPrefix(strings.Join(statement[:min(3, len(statement))], " ")+" ", "CREATE ")
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "TEMP "), "TEMPORARY ")
	return created && strings.HasPrefix(rest, "TRIGGER ")
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
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// byteOrderMark is white space to SQLite, wherever a word may begin.
const byteOrderMark = "\ufeff"

// variable is a parameter of SQLite's. What it has in parentheses, as Tcl's arrays do, may look like anything.
var variable = regexp.MustCompile(`^[$@:#](?:[\w$]|[^\x00-\x7f]|::)*(?:\([^\t-\r )]*\))?`)

// skipQuoted returns where the quoted text, comment or parameter that begins at i ends, or i.
func skipQuoted(query string, i int) int {
	rest := query[i:]
	switch {
	case strings.HasPrefix(rest, byteOrderMark):
		return i + len(byteOrderMark)
	case strings.IndexByte("$@:#", rest[0]) >= 0:
		return i + len(variable.FindString(rest))
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
