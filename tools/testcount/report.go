package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Report is the count of a whole run.
type Report struct {
	Passed, Failed, Skipped int

	skips  map[string][]string // reason → tests skipped for it that need not have been
	failed []string            // names of what failed
}

// tally is what is known of one package while it runs.
type tally struct {
	passed, failed, skipped int
	seed                    string
}

type reader struct {
	report  Report
	out     io.Writer
	output  map[test][]string // of tests that have not ended; of packages under the test ""
	running map[test]bool     // started, not ended
	parents map[test]bool     // have subtests
	broken  map[test]bool     // have a failed subtest
	tallies map[string]*tally
	builds  map[string][]string // output of builds
}

// Read counts the events of in and prints packages and failures to out as they come.
func Read(in io.Reader, out io.Writer) (*Report, error) {
	r := &reader{
		report: Report{skips: map[string][]string{}}, out: out,
		output: map[test][]string{}, running: map[test]bool{}, parents: map[test]bool{}, broken: map[test]bool{},
		tallies: map[string]*tally{}, builds: map[string][]string{},
	}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if err == io.EOF {
			r.unfinished()
			return &r.report, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *reader) line(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		io.WriteString(r.out, line)
		return
	}
	switch {
	case e.Action == "build-output":
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
	case e.Action == "build-fail":
		r.print(r.builds[e.ImportPath])
	case e.Test == "":
		r.packageEvent(e)
	default:
		r.testEvent(test{e.Package, e.Test}, e)
	}
}

func (r *reader) tally(pkg string) *tally {
	if r.tallies[pkg] == nil {
		r.tallies[pkg] = &tally{}
	}
	return r.tallies[pkg]
}

func (r *reader) testEvent(t test, e event) {
	switch e.Action {
	case "run":
		r.running[t] = true
		if parent, ok := t.parent(); ok {
			r.parents[parent] = true
		}
	case "output":
		r.output[t] = append(r.output[t], e.Output)
	case "pass", "fail", "skip":
		r.end(t, e.Action)
	}
}

// end counts a test that is over and forgets its output.
func (r *reader) end(t test, action string) {
	counts := r.tally(t.pkg)
	switch {
	case action == "fail":
		r.print(r.output[t])
		if parent, ok := t.parent(); ok {
			r.broken[parent] = true
		}
		if !r.broken[t] { // otherwise the subtest that failed was counted
			counts.failed++
			r.report.failed = append(r.report.failed, t.pkg+" "+t.name)
		}
	case action == "skip":
		counts.skipped++
		if reason := skipReason(r.output[t]); !permanent(reason) {
			r.report.skips[reason] = append(r.report.skips[reason], t.pkg+" "+t.name)
		}
	case !r.parents[t]:
		counts.passed++
	}
	for _, of := range []map[test]bool{r.running, r.parents, r.broken} {
		delete(of, t)
	}
	delete(r.output, t)
}

func (r *reader) packageEvent(e event) {
	self := test{e.Package, ""}
	switch e.Action {
	case "start":
		r.running[self] = true
	case "output":
		if m := shuffleLine.FindStringSubmatch(e.Output); m != nil {
			r.tally(e.Package).seed = m[1]
		}
		r.output[self] = append(r.output[self], e.Output)
	case "pass", "fail", "skip":
		r.endPackage(self, e)
	}
}

func (r *reader) endPackage(self test, e event) {
	counts := r.tally(self.pkg)
	if e.Action == "fail" {
		r.explain(self, counts)
	}
	r.report.Passed += counts.passed
	r.report.Failed += counts.failed
	r.report.Skipped += counts.skipped
	r.summary(e, counts)
	delete(r.output, self)
	delete(r.running, self)
	delete(r.tallies, self.pkg)
}

// explain prints what a failed package says of itself, and the output of tests that it ended in the middle of.
func (r *reader) explain(self test, counts *tally) {
	for _, t := range r.startedIn(self.pkg) {
		if slices.ContainsFunc(r.output[t], func(line string) bool { return !frame(line) }) {
			r.print(r.output[t])
		}
		delete(r.output, t)
		delete(r.running, t)
	}
	r.print(r.output[self])
	if counts.failed == 0 {
		counts.failed = 1
		r.report.failed = append(r.report.failed, self.pkg+" (the package itself)")
	}
}

// startedIn lists the tests of a package that have started and not ended, in the order of their names.
func (r *reader) startedIn(pkg string) []test {
	var started []test
	for t := range r.running {
		if t.pkg == pkg && t.name != "" {
			started = append(started, t)
		}
	}
	slices.SortFunc(started, func(a, b test) int { return strings.Compare(a.name, b.name) })
	return started
}

func (r *reader) summary(e event, counts *tally) {
	word := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "-   "}[e.Action]
	fmt.Fprintf(r.out, "%s %s  %d passed, %d failed, %d skipped  %.1fs", word, e.Package,
		counts.passed, counts.failed, counts.skipped, e.Elapsed)
	if counts.seed != "" {
		fmt.Fprintf(r.out, "  shuffle %s", counts.seed)
	}
	fmt.Fprintln(r.out)
}

// unfinished fails the packages for which the input ends too early: go test itself was killed.
func (r *reader) unfinished() {
	var open []string
	for t := range r.running {
		if t.name == "" {
			open = append(open, t.pkg)
		}
	}
	slices.Sort(open)
	for _, pkg := range open {
		r.endPackage(test{pkg, ""}, event{Action: "fail", Package: pkg})
	}
}

func (r *reader) print(lines []string) {
	for _, line := range lines {
		if !frame(line) {
			io.WriteString(r.out, line)
		}
	}
}
