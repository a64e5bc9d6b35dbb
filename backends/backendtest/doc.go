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
// Every case runs on the backend itself, behind the decorator of a [dossier.Registry], and behind a wrapper that embeds
// [dossier.Forward] and changes nothing: what a backend can do must not depend on who stands in front of it.
//
// The suite tests behaviour that a caller can see. It does not test what happens when a process is killed, a disk is
// full or a network breaks: that needs tests of the store's own.
package backendtest
