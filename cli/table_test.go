package cli

import (
	"bytes"
	"strings"
	"testing"
)

// On a terminal rows stand under a header, aligned; this needs a terminal, so it is tested from inside.
func TestTableOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	rows, err := newTable(&out, true, "ID", "KEY", "SIZE")
	for _, fields := range [][]string{{"1", "a/long/key", "3"}, {"1000", "b\x1b[0m", "4"}} {
		if err == nil {
			err = rows.row(fields...)
		}
	}
	if err == nil {
		err = rows.flush()
	}
	want := "ID    KEY         SIZE\n1     a/long/key  3\n1000  \"b\\x1b[0m\"  4\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s want\n%s", err, &out, want)
	}
}

// Rows are not held back until the last: memory use is constant, and people see something.
func TestTableFlows(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	rows, err := newTable(&out, true, "ID")
	for range 3 * alignedRows {
		if err == nil {
			err = rows.row("x")
		}
	}
	if n := strings.Count(out.String(), "\n"); err != nil || n < 2*alignedRows {
		t.Errorf("%d of %d rows were written, %v", n, 3*alignedRows, err)
	}
}
