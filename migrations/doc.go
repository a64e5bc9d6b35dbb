// Package migrations holds the SQL of dossier's own tables, one folder for each database, for bun/migrate, goose or the
// database's own shell. Files are named NNNN_name.up.sql and NNNN_name.down.sql and are safe to run twice. Those for
// MySQL and MariaDB have one statement each, because connections should not take several at once.
package migrations

import "embed"

// FS holds sql/<dialect>/*.sql. The dialects' folders are "sqlite", "postgresql", and "mysql", which is MariaDB's too.
//
//go:embed sql
var FS embed.FS
