// Package maintenance looks after what rows and objects have become: [Audit] compares them both ways, and
// [Undelete] puts deleted files back.
//
//	report, err := maintenance.Audit(ctx, maintenance.AuditOptions{
//		Database: db,
//		Registry: registry,
//		Columns:  []maintenance.Column{{Table: "documents", Column: "file"}},
//		Found:    func(f maintenance.Finding) error { fmt.Println(f); return nil },
//	})
//
// An audit changes nothing. It needs no models: columns are named, so it also runs in a tool that knows only the
// database.
//
// # What it holds true while the application works
//
// It lists the objects first, then reads the journal and the rows as of one moment, soft-deleted rows too. Whatever
// looks wrong is looked at a second time at the end, with journal and rows read anew and the store asked again, and only what is
// still wrong is reported: uploads, replacements and deletes that happen meanwhile are no findings.
//
// # Memory and disk
//
// Memory use is constant: what must be compared is kept in temporary tables of one connection, which SQLite keeps in a
// temporary file of this machine (unless the connection sets the pragma temp_store to memory). It takes about as much room
// as the columns and the list of keys. The rows are copied there in one transaction, so the application's writers
// are not held up while the stores are asked. On PostgreSQL and MySQL that transaction only
// reads, at REPEATABLE READ. Audit the primary: a replica that lags has the rows of then and would be compared with the
// objects of now.
//
// # What it cannot know
//
//   - A column that was not named: its objects look orphaned. Name every column that holds files.
//   - Who else uses a store. Any object under [AuditOptions.Prefix] without row and journal entry is orphaned, whoever
//     put it there. Give each application a prefix or bucket of its own.
//   - The objects of a row that is malformed or names an unknown backend: they may look orphaned. Mend such
//     rows before anything is removed.
//   - Uploads that a session makes inside an open transaction on a database in memory: audit when none is open.
package maintenance
