// Package session is the unit of work: it writes rows and the bytes of their files so that they never part.
//
//	manager, err := session.Open(ctx, session.Config{
//		DSN:     "postgres://…", // or mysql://…, or a path for SQLite; New takes a bun.DB
//		Options: session.Options{Registry: registry},
//		Models:  []any{(*Document)(nil)},
//	})
//
//	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
//		return s.Insert(ctx, &Document{Title: "Plan", File: fileobject.FromPath("plan.pdf", fileobject.Options{})})
//	})
//
// [Manager.Run] commits when the function returns nil and rolls back on an error or a panic. What holds, whatever
// happens in between (docs/protocol.md has the rules and what they do not cover):
//
//   - A committed row never points at a missing or truncated object: bytes are stored before the row is written, and a
//     replaced object is deleted only after the commit and after [Options.DeleteAfter].
//   - What a crash leaves is known to the journal and reclaimed by [Manager.Sweep] or [Manager.RunSweeper].
//   - A struct that was loaded before somebody else changed its files cannot overwrite them: [dossier.ErrStale].
//   - A file stands at one place: the same stored file in a second row is refused, use Clone.
//   - An error from COMMIT is never guessed: it is settled by evidence, or [dossier.ErrOutcomeUnknown].
//
// # Order of work
//
// A session reads without a transaction until SQL must be written. Insert, Update and Delete upload the files of their
// models first, then begin the transaction if none is open. Uploads are best made before a transaction is open, because
// an open one holds row locks, or SQLite's write lock: insert with [Session.Add] and [Session.Flush], or call [Session.Stage]
// or [Session.StageFile] first. Where it is open already, uploads work all the same, with a second connection or, on
// SQLite, a side file beside the database; only PostgreSQL's REPEATABLE READ and SERIALIZABLE refuse them, with
// [dossier.ErrUploadInTransaction].
//
// # SQLite
//
// Open it with a busy time-out, write-ahead logging and full synchronisation:
//
//	file:app.db?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)
//
// # PostgreSQL
//
// Use pgdialect over pgx's database/sql driver, and a pool of two connections or more:
//
//	postgres://user@host/database
//
// # MySQL and MariaDB
//
// Use mysqldialect, and connections that count what an UPDATE found and that treat times as UTC; New refuses others:
//
//	user@tcp(host)/database?clientFoundRows=true&parseTime=true
//
// Their DDL commits, so [Session.IDB] refuses it: create tables on the manager's DB.
//
// A Session is for one goroutine; use by two at once is detected. A Manager is safe for concurrent use.
package session
