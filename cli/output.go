package cli

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"golang.org/x/term"
)

// isTerminal reports whether people read what is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// printable returns text that is safe in a terminal and in one field of a line: quoted, unless all of it can be printed.
func printable(text string) string {
	for _, r := range text {
		if !strconv.IsPrint(r) || r == utf8.RuneError {
			return strconv.Quote(text)
		}
	}
	return text
}

// table writes rows: aligned under a header on a terminal, else fields separated by tabs.
type table struct {
	out     io.Writer
	aligned *tabwriter.Writer // nil: plain lines
	rows    int
}

// alignedRows is how many rows are aligned with each other; memory stays constant and output flows.
const alignedRows = 100

func newTable(out io.Writer, terminal bool, header ...string) (*table, error) {
	t := &table{out: out}
	if !terminal {
		return t, nil
	}
	t.aligned = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	return t, t.line(header)
}

func (t *table) row(fields ...string) error {
	for i, field := range fields {
		fields[i] = printable(field)
	}
	if t.rows++; t.rows%alignedRows == 0 {
		if err := t.flush(); err != nil {
			return err
		}
	}
	return t.line(fields)
}

func (t *table) line(fields []string) error {
	out := t.out
	if t.aligned != nil {
		out = t.aligned
	}
	_, err := io.WriteString(out, strings.Join(fields, "\t")+"\n")
	return err
}

// flush writes what is waiting to be aligned.
func (t *table) flush() error {
	if t.aligned == nil {
		return nil
	}
	return t.aligned.Flush()
}

// lines writes one JSON object a line.
func lines(out io.Writer) *json.Encoder {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder
}
