package session

import (
	"regexp"
	"slices"
	"strings"
)

var sqliteSyntax = syntax{
	skip: skipSQLite,
	refuses: func(statement []string) error {
		if slices.Contains([]string{"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "START", "ATTACH", "DETACH"}, statement[0]) {
			return errTransactionControl
		}
		return nil
	},
	hasBody: createsTrigger,
}

// createsTrigger looks at the very words: SQLite also takes trigger and begin for names of tables and columns.
func createsTrigger(statement []string) bool {
	rest, created := strings.CutPrefix(strings.Join(statement[:min(3, len(statement))], " ")+" ", "CREATE ")
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "TEMP "), "TEMPORARY ")
	return created && strings.HasPrefix(rest, "TRIGGER ")
}

// byteOrderMark is white space to SQLite, wherever a word may begin.
const byteOrderMark = "\ufeff"

// variable is a parameter of SQLite's. What it has in parentheses, as Tcl's arrays do, may look like anything.
var variable = regexp.MustCompile(`^[$@:#](?:[\w$]|[^\x00-\x7f]|::)*(?:\([^\t-\r )]*\))?`)

func skipSQLite(query string, i int) int {
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
