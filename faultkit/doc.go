// Package faultkit makes storage and databases fail on purpose and checks afterwards, without any code of dossier,
// whether rows and objects still belong together. It is for tests of this module and of programs that use it.
//
// [Points] are named places in a program at which something can happen: each hit is counted, and an [Action] can be set
// for the n-th hit of a name: return an error, wait, call a function, or kill the process.
//
//	points := &faultkit.Points{}
//	points.At("put.after", 1, faultkit.Fail(errors.New("connection reset"))) // stored, but the answer is lost
//	points.At("sql.commit.before", 3, faultkit.Kill)
//
// Who hits points:
//
//   - [Backend], a wrapper of any storage backend: an operation and a moment, as in "get.before" ([Steps]). It also counts
//     calls and bytes.
//   - [OpenDB] and [NewConnector], a wrapper of any database/sql driver: "sql.", the statement's kind and table, and a
//     moment, as in "sql.insert documents.before", "sql.begin.after" or "sql.commit.after".
//   - [Points.Hit] given to backends/local (Config.Step) and to package session (Options.Step), which hit the names that
//     their Steps functions list.
//
// [Check] is the independent judge: it reads rows with plain SQL and objects with a plain walk of the folder.
package faultkit
