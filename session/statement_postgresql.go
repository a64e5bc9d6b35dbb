package session

import (
	"regexp"
	"slices"
	"strings"
)

var postgresqlSyntax = syntax{
	skip: skipPostgreSQL,
	refuses: func(statement []string) error {
		second := append(statement, "")[1]
		switch {
		case slices.Contains([]string{"BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "START"}, statement[0]),
			statement[0] == "PREPARE" && second == "TRANSACTION",
			statement[0] == "SET" && (second == "TRANSACTION" || slices.Contains(statement, "CHARACTERISTICS")):
			return errTransactionControl
		}
		return nil
	},
	// A function in standard SQL: CREATE FUNCTION … BEGIN ATOMIC …; END
	hasBody: func(statement []string) bool {
		at := slices.Index(statement, "ATOMIC")
		return statement[0] == "CREATE" && at > 0 && statement[at-1] == "BEGIN"
	},
}

// dollarQuote begins and ends a text in which nothing has a meaning.
var dollarQuote = regexp.MustCompile(`^\$(?:[A-Za-z_\x{80}-\x{10ffff}][\w\x{80}-\x{10ffff}]*)?\$`)

func skipPostgreSQL(query string, i int) int {
	rest := query[i:]
	switch {
	case strings.HasPrefix(rest, "--"):
		return i + indexAfter(rest, "\n", 2)
	case strings.HasPrefix(rest, "/*"):
		return i + afterNested(rest)
	case rest[0] == '$':
		if quote := dollarQuote.FindString(rest); quote != "" {
			return i + indexAfter(rest, quote, len(quote))
		}
	case strings.HasPrefix(rest, "e'"), strings.HasPrefix(rest, "E'"):
		return i + afterEscapeText(rest)
	case rest[0] == '\'', rest[0] == '"':
		return i + indexAfter(rest, rest[:1], 1) // a doubled quote begins the next quoted text
	}
	return i
}

// afterEscapeText returns the index behind an E'…' text, which goes on with the next one after a new line.
func afterEscapeText(s string) int {
	end := indexAfterEscaped(s, '\'', 2)
	for {
		rest := strings.TrimLeft(s[end:], " \t\n\r\f\v")
		between := s[end : len(s)-len(rest)]
		if !strings.ContainsAny(between, "\n\r") || !strings.HasPrefix(rest, "'") {
			return end
		}
		end += len(between) + indexAfterEscaped(rest, '\'', 1)
	}
}

// afterNested returns the index behind a comment, in which comments nest.
func afterNested(s string) int {
	for depth, i := 0, 0; i < len(s)-1; {
		switch s[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			depth--
			if i += 2; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(s)
}
