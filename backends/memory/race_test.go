package memory_test

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

// TestCreateOnlyHasOneWinner: tests that use this store must not pass by luck.
func TestCreateOnlyHasOneWinner(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{})
	for round := range 200 {
		var winners atomic.Int64
		key := fmt.Sprint(round)
		together(16, func(i int) {
			opts := dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}
			_, err := b.Put(t.Context(), key, source(strconv.Itoa(i)), opts)
			if err == nil {
				winners.Add(1)
			} else if !errors.Is(err, dossier.ErrExist) {
				t.Error(err)
			}
		})
		if winners.Load() != 1 {
			t.Errorf("%d winners", winners.Load())
		}
	}
}

// TestCompareAndSwapCountsExactly: a lost update is a committed change that nobody can see any more.
func TestCompareAndSwapCountsExactly(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{})
	put(t, b, "counter", "0")
	together(8, func(int) {
		for range 50 {
			increment(t, b)
		}
	})
	if got := content(t, b, "counter"); got != "400" {
		t.Errorf("the counter is %s after 400 increments", got)
	}
}

func increment(t *testing.T, b dossier.Backend) {
	t.Helper()
	for {
		object, err := b.Get(t.Context(), "counter", dossier.GetOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		read, err := io.ReadAll(object)
		count, bad := strconv.Atoi(string(read))
		if err := errors.Join(err, bad); err != nil {
			t.Error(err)
			return
		}
		opts := dossier.PutOptions{If: dossier.Condition{Match: object.Version}}
		_, err = b.Put(t.Context(), "counter", source(strconv.Itoa(count+1)), opts)
		if err == nil {
			return
		}
		if !errors.Is(err, dossier.ErrPrecondition) {
			t.Error(err)
			return
		}
	}
}

// TestOpenObjectsKeepTheirVersion whatever happens to the key and the store.
func TestOpenObjectsKeepTheirVersion(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{})
	put(t, b, "key", "old")
	var open []*dossier.Object
	for range 3 {
		object, err := b.Get(t.Context(), "key", dossier.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, object)
	}
	put(t, b, "key", "new")
	readOld(t, open[0])
	if err := b.Delete(t.Context(), "key", dossier.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	readOld(t, open[1])
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	readOld(t, open[2])
	_, err := b.Stat(t.Context(), "key")
	wantError(t, err, dossier.ErrClosed)
}

func readOld(t *testing.T, object *dossier.Object) {
	t.Helper()
	if got, err := io.ReadAll(object); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if err := object.Close(); err != nil {
		t.Error(err)
	}
}

// TestCallersCannotReachIn: what comes out is a copy, and what went in is not looked at again.
func TestCallersCannotReachIn(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{})
	bytes, metadata := []byte("content"), map[string]string{"a": "b"}
	info, err := b.Put(t.Context(), "key", dossier.BytesSource(bytes), dossier.PutOptions{Metadata: metadata})
	if err != nil {
		t.Fatal(err)
	}
	bytes[0], metadata["a"] = 'X', "X"
	info.Metadata["a"], info.Checksums.CRC32C[0] = "Y", info.Checksums.CRC32C[0]+1
	stat, err := b.Stat(t.Context(), "key")
	if err != nil || stat.Metadata["a"] != "b" || content(t, b, "key") != "content" {
		t.Errorf("%+v, %v, %q", stat, err, content(t, b, "key"))
	}
}
