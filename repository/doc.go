// Package repository is everyday reading and writing of one model's rows, over package session.
//
//	documents := repository.For[Document](manager)
//	err := documents.Create(ctx, &Document{Title: "Plan", File: fileobject.FromPath("plan.pdf", fileobject.Options{})})
//	doc, err := documents.Get(ctx, id)
//	newest, err := documents.List(ctx, repository.ListOptions{Limit: 20, Order: []repository.Order{{Column: "created_at", Descending: true}}})
//
// [New] works in a session that the caller commits: several repositories share one unit of work. [For] makes every call
// a unit of work of its own.
//
// What the session promises about rows and objects holds here too: files are uploaded before their row is written,
// replaced objects are deleted after the commit, and a stale struct cannot overwrite a newer file.
//
// # Clearing a file
//
// Setting a file column to nil and updating the whole row is understood only by the session that read the row, with Get,
// GetOne, List or Batches; otherwise it is dossier.ErrStale, because a struct that never had the file looks the same. With
// [For], or after Stream, name the column: Update(ctx, doc, "file").
//
// # Services
//
// [Service] is a repository whose writes go through rules; [Mapped] puts an application's own types before it. [StatusOf] has the
// HTTP status of every error, [WriteProblem] answers with it.
package repository
