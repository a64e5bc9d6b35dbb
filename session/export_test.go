package session

// What the tests need of the inside.
var (
	CheckStatement  = sqliteSyntax.check
	CheckPostgreSQL = postgresqlSyntax.check
	CheckMySQL      = mysqlSyntax.check
	LockOpened      = lockOpened
	ReadSideFile    = readSideFile
)

// SideEntry is a line of a side file.
type SideEntry = sideEntry
