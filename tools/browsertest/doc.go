// Package browsertest tests the demo application examples/documents with a real browser. It is a module of its own, so
// that what drives the browser is in nobody's module graph.
//
//	DOSSIER_CHROMIUM=/usr/bin/chromium-headless-shell go test -C tools/browsertest ./...
//
// With -artifacts the screenshots that the tests take are kept; see go help testflag.
package browsertest
