// Command testcount reads the output of "go test -json" from standard input and prints what a person wants to read:
// one line per package, the whole output of what failed, and at the end
//
//	N passed, N failed, N skipped
//
// alone on a line. It counts tests, examples and the seeds of fuzz targets; of a test with subtests only the subtests.
// A package that fails without a failed test (it does not build, panics, or leaves early) counts as one failure.
// Several runs may be concatenated. Lines that are not JSON are passed on.
//
// The exit status is 1 when something failed, when no test was run, and, with -strict, when a test was skipped for
// another reason than a permanent one: a message that begins with "capability:" (a store that lacks an ability) or
// "platform:" (an operating system that does).
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	strict := flag.Bool("strict", false, `fail when a test is skipped, unless its message begins with "capability:" or "platform:"`)
	flag.Parse()
	report, err := Read(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		os.Exit(1)
	}
	if !report.Close(os.Stdout, *strict) {
		os.Exit(1)
	}
}
