package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Close prints what failed, what was skipped that need not have been, and the closing line. It reports whether the
// run was good: tests were run, none failed and, when strict, none was skipped that need not have been.
func (r *Report) Close(out io.Writer, strict bool) bool {
	for _, name := range r.failed {
		fmt.Fprintln(out, "failed:", name)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skips)) {
		tests := r.skips[reason]
		fmt.Fprintf(out, "skipped: %s: %s%s\n", tests[0], reason, others(len(tests)-1))
	}
	good := r.Failed == 0
	if r.Passed+r.Failed == 0 {
		fmt.Fprintln(out, "no test was run")
		good = false
	}
	if strict && len(r.skips) > 0 {
		fmt.Fprintln(out, "these skips are failures here: everything that a test needs must be there")
		good = false
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, r.Skipped)
	return good
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}
