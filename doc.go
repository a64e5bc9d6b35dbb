// Package dossier makes a file a database column.
//
// A row keeps the metadata of its file as JSON in one column; the bytes live in a registered [Backend]: a local
// folder, memory, or an object store. Package session writes both so that they never part: no committed row points
// at a missing object, and no object stays behind without a row for long.
//
//	type Document struct {
//		bun.BaseModel `bun:"table:documents"`
//		model.UUID
//		model.Audit
//		Title string                 `bun:"title,notnull"`
//		File  *fileobject.FileObject `bun:"file"  file:"uploads,max:20MiB,accept:image/*|application/pdf"`
//		Pages fileobject.List        `bun:"pages" file:"uploads,max:5MiB,many:50"`
//	}
//
//	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
//		return s.Insert(ctx, &Document{Title: "Plan", File: fileobject.FromPath("plan.pdf", fileobject.Options{})})
//	})
//
// # This package
//
// The root holds the contracts and imports only the standard library; every other package imports it.
//
//   - [Backend] is what a store must do: Put, Get, Stat, Delete and Describe. Everything else is an extension
//     interface ([Lister], [Copier], [URLSigner] …) with a helper of the same name ([List], [Copy], [SignURLs] …)
//     that uses the extension when it is there and otherwise falls back or returns [errors.ErrUnsupported].
//   - [Registry] names backends. It hands out each one behind a decorator that checks keys, metadata and conditions
//     once for all of them and puts the registered name into errors.
//   - [Record] is what the column holds; fileobject.FileObject is the live handle over it.
//   - [Signer] signs and verifies URLs for stores that have no signatures of their own.
//   - [Error] and the Err values are the error model: [errors.Is] answers every question that a caller may ask.
//
// # Packages
//
//	fileobject              the live handle, lists, the policy of a column
//	filetype                content types from bytes, over a larger table than net/http's
//	backends/local, memory  stores; backends/all opens one by URL
//	backends/backendtest    the conformance suite for anyone who writes a backend
//	journal, session        the intent ledger and the unit of work
//	repository, model       everyday create, read, update, delete; embeddable columns
//	filehttp                serve files, verify signed URLs
//	faultkit                faulty backends and drivers, crash points, an independent checker
//	cli, cmd/dossier        sweep, journal, audit, undelete
package dossier
