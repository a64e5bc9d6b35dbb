// Package migrations holds the SQL of dossier's own tables, one folder for each database, for bun/migrate, goose or the
// database's own shell. Files are named NNNN_name.up.sql and NNNN_name.down.sql and are safe to run twice.
package migrations

import "embed"

// FS holds sql/<dialect>/*.sql. The dialect's folder is "sqlite".
//
//go:embed sql
var FS embed.FS
