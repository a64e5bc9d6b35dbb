// Command river runs dossier's sweeps, and work on files, as jobs of River (https://riverqueue.com) on any number of
// nodes over one PostgreSQL database:
//
//   - A sweep is a periodic job. River elects a leader that enqueues it, and any node works it off; two sweeps at once
//     would do no harm either, because the journal gives each row to one of them.
//   - A job about a document is enqueued in the transaction that writes the document: it is there if and only if
//     the row is, and the row only with its file's bytes.
//
// Run it with DATABASE_URL set to a PostgreSQL database:
//
//	DATABASE_URL=postgres://localhost/app go run . plan.txt
package main
