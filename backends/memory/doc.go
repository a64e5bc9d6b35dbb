// Package memory stores objects in the memory of the process: for tests, and for caches that may be lost.
//
//	store := memory.New(memory.Config{Budget: 256 << 20})
//
// It keeps every promise of [dossier.Backend] but durability, and has every extension, so that what works with it
// works with the other stores. Content is held once, in pieces, and is never copied again: a Copy, a Move, an open
// object and a completed multipart upload share the pieces.
//
// # What this package does not protect from
//
//   - The end of the process: everything is lost. The capability Durable is clear.
//   - More than the budget counts: keys, headers, metadata and the pieces that open objects still hold after their
//     object was replaced or deleted are not counted; a Put in progress holds up to 1 MiB that is not yet counted.
package memory
