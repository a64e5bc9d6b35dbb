package faultkit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Report is what a [Check] found. Each finding is a line of text that begins with the object's key.
type Report struct {
	Rows       int // values that are not NULL, of all columns
	References int // files in them
	Objects    int // in the folder
	Journal    int // rows of the journal, markers apart

	// Missing objects: a row has them and the folder does not.
	Missing []string
	// Mismatched objects: size or checksum are not what the row says.
	Mismatched []string
	// Shared objects: more than one reference has them.
	Shared []string
	// Condemned objects: a row has them, and the journal too, so that a sweep would delete them.
	Condemned []string
	// Orphaned objects: neither a row nor the journal has them.
	Orphaned []string
	// Known objects: no row has them, and the journal will have them deleted.
	Known []string
	// Leftover files: temporary files and unfinished uploads, as paths in the folder.
	Leftover []string
}

// Err returns nil if rows and objects belong together, else an error with all findings. Known objects and leftover
// files are no fault: a sweep and a reclaim take them away.
func (r Report) Err() error {
	if len(r.Missing)+len(r.Mismatched)+len(r.Shared)+len(r.Condemned)+len(r.Orphaned) == 0 {
		return nil
	}
	return errors.New(r.String())
}

// String counts everything on its first line and lists the findings, one on each further line.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows, %d references, %d objects, %d in the journal: ", r.Rows, r.References, r.Objects, r.Journal)
	groups := r.groups()
	for i, group := range groups {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d %s", len(*group.findings), group.name)
	}
	for _, group := range groups {
		for _, finding := range *group.findings {
			fmt.Fprintf(&b, "\n%s: %s", group.name, finding)
		}
	}
	return b.String()
}

type group struct {
	name     string
	findings *[]string
}

func (r *Report) groups() []group {
	return []group{
		{"missing", &r.Missing},
		{"mismatched", &r.Mismatched},
		{"shared", &r.Shared},
		{"condemned", &r.Condemned},
		{"orphaned", &r.Orphaned},
		{"known", &r.Known},
		{"leftover", &r.Leftover},
	}
}

func (r *Report) sort() {
	for _, group := range r.groups() {
		slices.Sort(*group.findings)
	}
}
