package faultkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/faultkit"
)

// bucket is an inventory made by hand.
type bucket struct {
	objects  map[string]string
	leftover []string
	err      error
}

func (b bucket) Objects(context.Context) (keys, leftover []string, err error) {
	for key := range b.objects {
		keys = append(keys, key)
	}
	return keys, b.leftover, b.err
}

func (b bucket) Open(_ context.Context, key string) (io.ReadCloser, error) {
	content, ok := b.objects[key]
	if !ok || content == "gone" {
		return nil, fmt.Errorf("%w: %s", fs.ErrNotExist, key)
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

// A cloud store is judged like a folder: what is there, what is in it, and what should not be there.
func TestCheckLooksIntoAnyStore(t *testing.T) {
	t.Parallel()
	c := newChecked(t)
	for _, key := range []string{"whole", "torn", "missing", "vanished"} {
		c.row(record(key), nil)
	}
	store := bucket{
		objects:  map[string]string{"whole": "hello", "torn": "hell", "orphan": "x", "vanished": "gone"},
		leftover: []string{"the upload of b"},
	}
	check := faultkit.Check{DB: c.db, Columns: []string{"docs.file"}, Inventory: store}
	report, err := check.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2 missing, 1 mismatched", "\nmissing: missing", "\nmissing: vanished", "\nmismatched: torn", "\norphaned: orphan", "\nleftover: the upload of b",
	} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("want %q in:\n%v", want, report)
		}
	}
	check.Inventory = bucket{err: errors.New("no answer")}
	if report, err := check.Run(t.Context()); err == nil {
		t.Errorf("a store that cannot be listed was found in order: %v", report)
	}
}
