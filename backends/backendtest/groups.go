package backendtest

import (
	"fmt"
	"slices"
	"strings"
)

// GroupStatus says how a group of the list of contract cases is covered.
type GroupStatus struct {
	Number int
	Title  string
	// Cases are the names of the cases that cover the group here. Empty: see Elsewhere.
	Cases []string
	// Elsewhere says where the rest of the group is tested, or why not here. Default: empty, nothing is missing.
	Elsewhere string
}

// Groups returns the status of every group, in order of number.
func Groups() []GroupStatus {
	var all []GroupStatus
	cases := allCases()
	for i, title := range groupTitles() {
		status := GroupStatus{Number: i + 1, Title: title, Elsewhere: groupsElsewhere()[i+1]}
		for _, c := range cases {
			if slices.Contains(c.groups, i+1) {
				status.Cases = append(status.Cases, c.name)
			}
		}
		all = append(all, status)
	}
	return all
}

// Table returns the status of the groups as Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("# Conformance\n\n" +
		"What package backends/backendtest proves of every backend, by the groups of the list that it was made from. Each case\n" +
		"runs on the backend itself, behind the registry's decorator, behind a do-nothing wrapper and below a prefix; those of the\n" +
		"area network run on the backend itself, behind a proxy that breaks requests. For stores that take milliseconds for each\n" +
		"request the first two wrappers, which change nothing, are tried with the areas describe and life only. This file is\n" +
		"written by\n" +
		"`go test ./backends/backendtest -run TestConformanceTable -update`.\n\n" +
		"| group | what it is about | cases | elsewhere, or not yet |\n|---:|---|---|---|\n")
	for _, g := range Groups() {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", g.Number, g.Title, strings.Join(g.Cases, "<br>"), g.Elsewhere)
	}
	b.WriteString("\n## The cases\n\n| case | what it proves |\n|---|---|\n")
	for _, c := range allCases() {
		fmt.Fprintf(&b, "| %s | %s |\n", c.name, strings.ReplaceAll(c.sentence, "|", "\\|"))
	}
	return b.String()
}
