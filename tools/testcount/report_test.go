package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// run feeds events to a reader and returns the report, what was printed and whether the run was good.
func run(t *testing.T, strict bool, events ...event) (*Report, string, bool) {
	t.Helper()
	var in, out strings.Builder
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	report, err := Read(strings.NewReader(in.String()), &out)
	if err != nil {
		t.Fatal(err)
	}
	good := report.Close(&out, strict)
	return report, out.String(), good
}

func start(pkg string) event { return event{Action: "start", Package: pkg} }

func end(action, pkg string) event { return event{Action: action, Package: pkg} }

// ran is what go test -json says of one test that printed the given lines.
func ran(action, pkg, name string, lines ...string) []event {
	events := []event{{Action: "run", Package: pkg, Test: name}}
	for _, line := range lines {
		events = append(events, event{Action: "output", Package: pkg, Test: name, Output: line + "\n"})
	}
	return append(events, event{Action: action, Package: pkg, Test: name})
}

func sequence(parts ...any) []event {
	var events []event
	for _, part := range parts {
		switch part := part.(type) {
		case event:
			events = append(events, part)
		case []event:
			events = append(events, part...)
		}
	}
	return events
}

// The closing line is what machines read: it must be the last one, alone, and count what was run.
func TestClosingLineCounts(t *testing.T) {
	t.Parallel()
	_, out, good := run(t, true, sequence(
		start("p"), ran("pass", "p", "TestA"), ran("pass", "p", "ExampleB"), end("pass", "p"),
		start("q"), ran("skip", "q", "TestC", "    c_test.go:3: platform: no symlinks"), end("pass", "q"),
	)...)
	if !good {
		t.Error("a good run was called bad")
	}
	if !strings.HasSuffix(out, "\n2 passed, 0 failed, 1 skipped\n") {
		t.Errorf("closing line is missing: %q", out)
	}
}

// A test with subtests is not a test of its own: counting both would make a failure two failures.
func TestSubtestsAreCountedWithoutTheirParents(t *testing.T) {
	t.Parallel()
	report, _, good := run(t, true, sequence(start("p"),
		event{Action: "run", Package: "p", Test: "TestA"},
		ran("pass", "p", "TestA/one"), ran("fail", "p", "TestA/two"),
		event{Action: "fail", Package: "p", Test: "TestA"}, end("fail", "p"))...)
	if good || report.Passed != 1 || report.Failed != 1 {
		t.Errorf("good %v, %d passed, %d failed; want bad, 1, 1", good, report.Passed, report.Failed)
	}
}

// A parent that fails although its subtests pass is a failure, or it would be lost.
func TestParentThatFailsAloneIsCounted(t *testing.T) {
	t.Parallel()
	report, out, good := run(t, true, sequence(start("p"),
		event{Action: "run", Package: "p", Test: "TestA"},
		ran("pass", "p", "TestA/one"),
		event{Action: "output", Package: "p", Test: "TestA", Output: "    a_test.go:9: after the loop\n"},
		event{Action: "fail", Package: "p", Test: "TestA"}, end("fail", "p"))...)
	if good || report.Failed != 1 || !strings.Contains(out, "after the loop") {
		t.Errorf("good %v, %d failed, printed %q", good, report.Failed, out)
	}
}

// A package can fail without any test that fails: it does not build, or it panics outside of a test. That must be
// bad, be counted, and say why.
func TestPackageThatFailsWithoutATestIsAFailure(t *testing.T) {
	t.Parallel()
	report, out, good := run(t, true,
		event{Action: "build-output", ImportPath: "p", Output: "p.go:1: syntax error\n"},
		event{Action: "build-fail", ImportPath: "p"},
		start("p"),
		event{Action: "output", Package: "p", Output: "FAIL p [build failed]\n"},
		event{Action: "fail", Package: "p", FailedBuild: "p"},
	)
	if good || report.Failed != 1 || !strings.Contains(out, "syntax error") {
		t.Errorf("good %v, %d failed, printed %q", good, report.Failed, out)
	}
}

// go test's output belongs to the test that ran when it was printed: a panic there ends the package, not the test.
func TestOutputOfUnfinishedTestIsPrinted(t *testing.T) {
	t.Parallel()
	_, out, good := run(t, true, start("p"),
		event{Action: "run", Package: "p", Test: "TestA"},
		event{Action: "output", Package: "p", Test: "TestA", Output: "panic: index out of range\n"},
		end("fail", "p"))
	if good || !strings.Contains(out, "index out of range") {
		t.Errorf("good %v, printed %q", good, out)
	}
}

// A killed go test leaves packages open: what was not run to its end did not pass.
func TestInputThatEndsEarlyIsAFailure(t *testing.T) {
	t.Parallel()
	report, _, good := run(t, true, sequence(start("p"), ran("pass", "p", "TestA"))...)
	if good || report.Failed != 1 || report.Passed != 1 {
		t.Errorf("good %v, %d failed, %d passed; want bad, 1, 1", good, report.Failed, report.Passed)
	}
}

// A suite that runs nothing proves nothing, however well it ends.
func TestNoTestIsAFailure(t *testing.T) {
	t.Parallel()
	if _, out, good := run(t, true, start("p"), end("skip", "p")); good {
		t.Errorf("a run without tests was called good: %q", out)
	}
}

// A skip for something that could have been installed is a failure when strict, and only then; its reason is shown.
func TestSkipsAreFailuresOnlyWhenStrict(t *testing.T) {
	t.Parallel()
	events := sequence(start("p"), ran("pass", "p", "TestA"),
		ran("skip", "p", "TestB", "    b_test.go:2: capability: noise before the reason",
			"    b_test.go:3: no browser was found", "--- SKIP: TestB (0.00s)"),
		end("pass", "p"))
	if _, out, good := run(t, true, events...); good || !strings.Contains(out, "no browser was found") {
		t.Errorf("strict: good %v, printed %q", good, out)
	}
	if _, _, good := run(t, false, events...); !good {
		t.Error("not strict: a skip was a failure")
	}
}

// Passing tests print nothing: a reader looks for what failed.
func TestOnlyFailuresPrintTheirOutput(t *testing.T) {
	t.Parallel()
	_, out, _ := run(t, true, sequence(start("p"),
		ran("pass", "p", "TestA", "=== RUN   TestA", "    a_test.go:1: chatter"),
		ran("fail", "p", "TestB", "=== RUN   TestB", "    b_test.go:1: wrong"), end("fail", "p"))...)
	if strings.Contains(out, "chatter") || !strings.Contains(out, "wrong") || strings.Contains(out, "=== RUN") {
		t.Errorf("printed %q", out)
	}
}

// The seed of the shuffled order is in the package's line: with it a failure can be repeated.
func TestShuffleSeedIsPrinted(t *testing.T) {
	t.Parallel()
	_, out, _ := run(t, true, sequence(start("p"),
		event{Action: "output", Package: "p", Output: "-test.shuffle 1234567890\n"},
		ran("pass", "p", "TestA"), end("pass", "p"))...)
	if !strings.Contains(out, "shuffle 1234567890") {
		t.Errorf("printed %q", out)
	}
}

// What is not JSON (go's own messages) is passed on.
func TestOtherLinesArePassedOn(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if _, err := Read(strings.NewReader("go: downloading x\n"), &out); err != nil || out.String() != "go: downloading x\n" {
		t.Errorf("printed %q, %v", out.String(), err)
	}
}
