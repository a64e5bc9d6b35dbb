// Package benchmarks measures dossier side by side with what its users would otherwise write or use, in one run on
// one machine.
//
// It is a module of its own, so that the libraries it compares with are never in the module graph of a program that
// uses dossier. The budgets and the results are in RESULTS.md, how to run it in README.md.
package benchmarks
