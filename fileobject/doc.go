// Package fileobject holds the live handle of a file in a database column.
//
// A [FileObject] is a [dossier.Record] (what the column stores) with what a program needs around it: pending bytes that
// a unit of work will upload, and readers, signed URLs and checks over the stored object. A [List] is a column of many.
//
//	file := fileobject.FromPath("plan.pdf", fileobject.Options{})   // pending: nothing is read yet
//	err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
//		return s.Insert(ctx, &Document{Title: "Plan", File: file})     // bytes, then row
//	})
//	r, err := file.Open(ctx)                                          // reads ranges on demand
//
// # What a handle guarantees
//
//   - A pending handle cannot be written by plain bun: its Value is an error, so no row can come before its bytes.
//   - Copies of a handle share their pending state: a file is uploaded once, whichever copy is saved.
//   - Content types come from the bytes, through the registry's [dossier.Detector], never from a client's claim.
//   - Limits of size and type ([Policy]) are enforced while the bytes stream by; what breaks one is never stored.
//   - Memory use does not depend on the size of a file, except for [FromBytes] and [FileObject.Content].
//
// # What it does not
//
//   - Save and Delete work on storage alone, without a row and without the journal. Use package session for rows.
//   - MarshalJSON gives the stored form, which names backend and key. For clients use [FileObject.View].
//   - A FileObject is not for concurrent change. Reading its stored object from several goroutines is fine.
package fileobject
