package main

import (
	"regexp"
	"strings"
)

// event is one line of "go test -json", as described by "go doc test2json" and, for build output, "go help buildjson".
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// test names a test of a package. The test "" is the package itself.
type test struct {
	pkg, name string
}

// parent is the test whose subtest t is; ok is false for a top-level test.
func (t test) parent() (_ test, ok bool) {
	i := strings.LastIndexByte(t.name, '/')
	if i < 0 {
		return test{}, false
	}
	return test{t.pkg, t.name[:i]}, true
}

var (
	logLine     = regexp.MustCompile(`^\s+\S+\.go:\d+: (.*)$`)
	shuffleLine = regexp.MustCompile(`^-test\.shuffle (\d+)\s*$`)
)

// skipReason is the message of the last log line in the output of a skipped test.
func skipReason(output []string) string {
	for i := len(output) - 1; i >= 0; i-- {
		if m := logLine.FindStringSubmatch(strings.TrimRight(output[i], "\n")); m != nil {
			return m[1]
		}
	}
	return "no reason given"
}

// permanent reports whether a skip is for what no set-up of the machine could provide.
func permanent(reason string) bool {
	return strings.HasPrefix(reason, "capability:") || strings.HasPrefix(reason, "platform:")
}

// frame reports whether a line of output is only go test's own account of what runs.
func frame(line string) bool {
	line = strings.TrimLeft(line, " ")
	for _, prefix := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- PASS", "--- SKIP"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}
