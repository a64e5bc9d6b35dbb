// Package journal is the intent ledger that keeps rows and objects true to each other: one table, dossier_journal, in
// the same database as the rows.
//
// A row of the journal is about one object:
//
//	pending     an upload intent under lease: the object may come into being, no row has it yet
//	doomed      a delete order: no row has the object any more; it goes when the order is due
//	tombstone   the object was deleted and will be deleted once more, because a stalled upload may land late
//	marker      a side file (see package session) was committed
//
// The protocol, by the numbers that the tests carry:
//
//  1. Intent first: [Journal.Announce] commits the pending row before the first byte of its object is sent.
//  2. Bytes next, transaction last: an upload ends before its lease does; [Journal.Renew] extends it.
//  3. Adoption: [Journal.Adopt] deletes the pending row in the transaction that writes the row, counted.
//  4. Deletes are orders: [Journal.Order] inserts doomed rows in that transaction; [Journal.Cancel] takes one back.
//  7. Rollback: [Journal.Release] gives up objects whose own rows it changes from pending.
//  8. An error from COMMIT means unknown: [Journal.Pending] is the evidence.
//  9. [Journal.Sweep] claims what is due, deletes the object first and its row after.
//
// Exactly one of adoption and sweep wins, whatever the clocks say, because both change the same row under a condition
// on its state. All times are milliseconds of the database's clock.
package journal
