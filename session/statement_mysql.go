package session

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

var mysqlSyntax = syntax{
	skip:    skipMySQL,
	refuses: refusesMySQL,
	hasBody: func([]string) bool { return false },
}

// harmlessInMySQL are the statements that never commit. Of all others there are too many that do, or that can.
var harmlessInMySQL = []string{
	"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "DO",
}

var errImplicitCommit = fmt.Errorf("%w: MySQL and MariaDB commit the transaction with such statements, or may; "+
	"run them on the manager's DB, outside of a session", dossier.ErrInvalid)

func refusesMySQL(statement []string) error {
	second := append(statement, "")[1]
	temporary := second == "TEMPORARY" && (statement[0] == "CREATE" || statement[0] == "DROP")
	switch {
	case slices.Contains(harmlessInMySQL, statement[0]), temporary:
		return nil
	case slices.Contains([]string{"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START", "XA"}, statement[0]):
		return errTransactionControl
	}
	return errImplicitCommit
}

// executed is a comment whose text is not one.
var executed = regexp.MustCompile(`^/\*M?!\d*`)

func skipMySQL(query string, i int) int {
	rest := query[i:]
	switch {
	case strings.HasPrefix(rest, "/*"):
		if begin := executed.FindString(rest); begin != "" {
			return i + len(begin)
		}
		return i + indexAfter(rest, "*/", 2)
	case rest[0] == '#', strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
		return i + indexAfter(rest, "\n", 1)
	case rest[0] == '\'', rest[0] == '"':
		return i + indexAfterEscaped(rest, rest[0], 1)
	case rest[0] == '`':
		return i + indexAfter(rest, "`", 1) // a doubled quote begins the next quoted text
	case rest[0] == '@':
		return i + 1
	}
	return i
}
