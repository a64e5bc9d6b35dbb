// Package backendtest is the conformance suite for whoever writes a [dossier.Backend].
//
//	func TestConformance(t *testing.T) {
//		backendtest.Run(t, backendtest.Harness{
//			New: func(t *testing.T) dossier.Backend { return mystore.New(t.TempDir()) },
//		})
//	}
//
// Each case proves one sentence of the contract, which a failure prints. Cases that need a capability or an extension
// interface that the backend does not claim are skipped with a message that begins with "capability: "; what a backend
// has to claim is for its own test to say, with [dossier.Backend.Describe]. Cases are numbered by the groups of the list
// that the suite was made from; [Groups] says which case covers which, and which are not covered here.
//
// Every case runs on the backend itself, behind the decorator of a [dossier.Registry], behind a wrapper that embeds
// [dossier.Forward] and changes nothing, and below a prefix of package wrap: what a backend can do must not depend on who
// stands in front of it.
//
// For a store behind HTTP, Harness.Network puts a [Proxy] in front of it, and the cases of the area network break each
// request of each operation in turn: reset, cut, lost, repeated, stalled, refused by a store that is busy. Where a protocol
// cannot promise something, [Protocol] says so; what a single server does wrong is in Harness.Excused.
//
// The suite tests behaviour that a caller can see. It does not test what happens when a process is killed or a disk is
// full: that needs tests of the store's own.
package backendtest
