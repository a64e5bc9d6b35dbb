// Package wrap has decorators of any [dossier.Backend]. They need only the standard library.
//
//   - [Prefix] shows the objects under one beginning of the keys as a store of its own.
//   - [ReadOnly] refuses everything that would change a store.
//
// A decorator can stand in front of another one, and of the backends of other modules. [dossier.As] answers for what it
// decorates: an extension interface is offered where the inner backend has it, and its methods are the decorator's.
package wrap
