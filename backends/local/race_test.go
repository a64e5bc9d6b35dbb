package local_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// TestCreateOnlyHasOneWinner: two uploads that believe to own one key would each commit a row for the other's bytes.
func TestCreateOnlyHasOneWinner(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*local.Backend) *local.Backend{
		"links":    func(b *local.Backend) *local.Backend { return b },
		"no links": (*local.Backend).WithoutLinks,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, dir := openFast(t)
			b = open(b)
			for round := range 200 {
				raceToCreate(t, b, fmt.Sprintf("folder/%d/object", round))
			}
			wantNothingLeft(t, dir)
		})
	}
}

func raceToCreate(t *testing.T, b dossier.Backend, key string) {
	t.Helper()
	const writers = 16
	var winner atomic.Int64
	var winners atomic.Int64
	together(writers, func(i int) {
		opts := dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}
		switch _, err := b.Put(t.Context(), key, source(strconv.Itoa(i)), opts); {
		case err == nil:
			winners.Add(1)
			winner.Store(int64(i))
		case !errors.Is(err, dossier.ErrExist):
			t.Error(err)
		}
	})
	if winners.Load() != 1 || content(t, b, key) != strconv.FormatInt(winner.Load(), 10) {
		t.Errorf("%s: %d winners, content %q of winner %d", key, winners.Load(), content(t, b, key), winner.Load())
	}
}

// together runs n goroutines that begin at the same time.
func together(n int, do func(i int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			do(i)
		})
	}
	close(begin)
	group.Wait()
}

// TestCompareAndSwapCountsExactly: a lost update is a committed change that nobody can see any more.
func TestCompareAndSwapCountsExactly(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	put(t, b, "counter", "0")
	together(8, func(int) {
		for range 50 {
			if err := increment(b, "counter"); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if got := content(t, b, "counter"); got != "400" {
		t.Errorf("the counter is %s after 400 increments", got)
	}
}

// increment adds one by compare-and-swap, as often as it takes.
func increment(b dossier.Backend, key string) error {
	for {
		object, err := b.Get(background(), key, dossier.GetOptions{})
		if err != nil {
			return err
		}
		version := object.Version
		read := make([]byte, object.Size)
		_, err = object.Read(read)
		if err := errors.Join(err, object.Close()); err != nil {
			return err
		}
		count, err := strconv.Atoi(string(read))
		if err != nil {
			return err
		}
		opts := dossier.PutOptions{If: dossier.Condition{Match: version}}
		_, err = b.Put(background(), key, source(strconv.Itoa(count+1)), opts)
		if !errors.Is(err, dossier.ErrPrecondition) {
			return err
		}
	}
}

// TestUnconditionalWritesDoNotSlipIntoACompareAndSwap: a Put, Delete or Move between the comparison and the swap would
// be undone without anybody being told. Every swap that succeeded must have replaced the version it named, so a chain
// of swaps sees each plain write at most once.
func TestUnconditionalWritesDoNotSlipIntoACompareAndSwap(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	const rounds = 300
	for range rounds {
		first := put(t, b, "key", "old")
		var swapped, deleted error
		together(2, func(i int) {
			if i == 0 {
				_, swapped = b.Put(t.Context(), "key", source("new"), dossier.PutOptions{If: dossier.Condition{Match: first.Version}})
				return
			}
			deleted = b.Delete(t.Context(), "key", dossier.DeleteOptions{If: dossier.Condition{Match: first.Version}})
		})
		if (swapped == nil) == (deleted == nil) {
			t.Fatalf("swap: %v, delete of the same version: %v; exactly one must win", swapped, deleted)
		}
		if _, err := b.Stat(t.Context(), "key"); (err == nil) != (swapped == nil) {
			t.Fatalf("swap: %v, but stat: %v", swapped, err)
		}
	}
}

// TestReadersSeeOldOrNew: a reader that gets half of each serves a corrupt file under a valid name.
func TestReadersSeeOldOrNew(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, _ string) {
		t.Helper()
		put(t, b, "key", strings.Repeat("0", 9000))
		var done atomic.Bool
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				for !done.Load() {
					checkUniform(t, b)
				}
			})
		}
		for i := range 500 {
			letter := strconv.Itoa(i % 10)
			opts := dossier.PutOptions{Metadata: map[string]string{"letter": letter}}
			if _, err := b.Put(t.Context(), "key", source(strings.Repeat(letter, 9000+i)), opts); err != nil {
				t.Error(err)
			}
		}
		done.Store(true)
		group.Wait()
	})
}

func checkUniform(t *testing.T, b dossier.Backend) {
	t.Helper()
	object, err := b.Get(t.Context(), "key", dossier.GetOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	defer object.Close()
	read := make([]byte, object.Size)
	for at := 0; at < len(read); {
		n, err := object.Read(read[at:])
		if err != nil {
			t.Error(err)
			return
		}
		at += n
	}
	letter := object.Metadata["letter"]
	if letter != "" && strings.Trim(string(read), letter) != "" {
		t.Errorf("bytes and metadata are of different versions: %s… with %q", read[:10], letter)
	}
}

// TestPutAndDeleteShareAFolder: Delete removes the folder that became empty while a Put is about to use it.
func TestPutAndDeleteShareAFolder(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, dir string) {
		t.Helper()
		together(4, func(i int) {
			key := fmt.Sprintf("shared/deep/%d", i)
			for range 150 {
				if _, err := b.Put(t.Context(), key, source("x"), dossier.PutOptions{}); err != nil {
					t.Error(err)
				}
				if err := b.Delete(t.Context(), key, dossier.DeleteOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
		if got := keys(t, b, dossier.ListOptions{}); got != nil {
			t.Errorf("left: %q", got)
		}
		wantNothingLeft(t, dir)
	})
}

// TestFolderAndObjectFightForAName: whoever loses gets a conflict; nobody's object is removed with a folder.
func TestFolderAndObjectFightForAName(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	together(2, func(i int) {
		key := []string{"name", "name/below"}[i]
		for range 300 {
			_, err := b.Put(t.Context(), key, source(key), dossier.PutOptions{})
			if err != nil {
				if !errors.Is(err, dossier.ErrConflict) {
					t.Error(err)
				}
				continue
			}
			if got, err := dossier.ReadAll(t.Context(), b, key, 0); err != nil || string(got) != key {
				t.Errorf("%s after a successful put: %q, %v", key, got, err)
			}
			if err := b.Delete(t.Context(), key, dossier.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
}
