package backendtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"github.com/dossier-go/dossier"
)

func concurrentCases() []contractCase {
	return []contractCase{
		{
			name: "concurrent/reads while overwritten", groups: []int{10}, run: readWhileOverwritten,
			sentence: "Bytes, Info and Version that Get returns belong to one version.",
		},
		{
			name: "concurrent/writers of one key", groups: []int{11}, run: writersOfOneKey,
			sentence: "Of concurrent Puts one wins entirely.",
		},
		{
			name: "concurrent/reader outlives its version", groups: []int{12}, run: readerOutlivesVersion,
			sentence: "An Object opened before an overwrite or delete delivers its version or a typed error, never mixed bytes.",
		},
		{
			name: "concurrent/everything", groups: []int{80}, run: everythingAtOnce,
			sentence: "All methods are safe for concurrent use.",
		},
	}
}

// letters is a content that tells its generation from every byte and from its length.
func letters(generation int) string {
	return strings.Repeat(string(rune('a'+generation%26)), 3000+generation%26)
}

// whole fails unless content is one of letters.
func (t *trial) whole(what, content string) {
	t.Helper()
	if content == "" || content != letters(int(content[0]-'a')) {
		t.Errorf("%s: torn content %s of %d bytes", what, brief(content), len(content))
	}
}

func readWhileOverwritten(t *trial) {
	t.put("a", letters(0))
	var writing atomic.Int32
	writing.Store(2)
	together(6, func(i int) {
		if i < 2 {
			defer writing.Add(-1)
			for generation := range t.harness.some(200) {
				opts := dossier.PutOptions{}
				if t.can(dossier.StoresMetadata) {
					opts.Metadata = map[string]string{"letter": letters(generation)[:1]}
				}
				if _, err := t.backend.Put(t.ctx, "a", dossier.BytesSource([]byte(letters(generation))), opts); err != nil {
					t.Errorf("put: %v", err)
				}
			}
			return
		}
		for writing.Load() > 0 {
			t.readOneVersion("a")
		}
	})
}

func (t *trial) readOneVersion(key string) {
	object, err := t.backend.Get(t.ctx, key, dossier.GetOptions{})
	if err != nil {
		t.Errorf("get: %v", err)
		return
	}
	content, err := readAll(object)
	if err != nil {
		t.Errorf("read: %v", err)
		return
	}
	t.whole("read", string(content))
	letter, kept := object.Metadata["letter"]
	if object.Size != int64(len(content)) || kept && letter != string(content[:1]) {
		t.Errorf("size %d and metadata %q with %d bytes of %q", object.Size, letter, len(content), content[:1])
	}
}

func writersOfOneKey(t *trial) {
	for range t.harness.some(20) {
		infos := make([]dossier.Info, 8)
		together(len(infos), func(i int) {
			opts := dossier.PutOptions{}
			if t.can(dossier.StoresMetadata) {
				opts.Metadata = map[string]string{"letter": letters(i)[:1]}
			}
			info, err := t.backend.Put(t.ctx, "a", dossier.BytesSource([]byte(letters(i))), opts)
			if err != nil && !errors.Is(err, dossier.ErrConflict) {
				t.Errorf("put: %v", err)
			}
			infos[i] = info
		})
		winner := int(t.read("a")[0] - 'a')
		if lost := t.difference(infos[winner], t.stat("a")); lost != "" {
			t.Errorf("content of writer %d with other %s", winner, lost)
		}
		t.holds("a", letters(winner))
	}
}

func readerOutlivesVersion(t *trial) {
	size := 8 * t.harness.unit()
	old, fresh := pattern("old", size), pattern("fresh", size)
	for name, change := range map[string]func(){
		"overwritten": func() { t.put("a", fresh) },
		"deleted":     func() { t.succeeds("delete", t.backend.Delete(t.ctx, "a", dossier.DeleteOptions{})) },
	} {
		t.put("a", old)
		object, err := t.backend.Get(t.ctx, "a", dossier.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 100)
		if _, err := io.ReadFull(object, first); err != nil {
			t.Fatal(err)
		}
		change()
		rest, err := readAll(object)
		if got := string(first) + string(rest); err == nil && got != old || !strings.HasPrefix(old, got) {
			t.Errorf("%s: the reader delivered other bytes than its version's", name)
		}
		var typed *dossier.Error
		if err != nil && !errors.As(err, &typed) {
			t.Errorf("%s: %v is no *dossier.Error", name, err)
		}
	}
}

// everythingAtOnce runs random operations on few keys; the race detector and the kinds of errors are the judges.
func everythingAtOnce(t *trial) {
	together(8, func(i int) {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		for range t.harness.some(100) {
			key, other := fmt.Sprint("k", random.IntN(4)), fmt.Sprint("k", random.IntN(4))
			if err := t.anything(random.IntN(8), key, other, letters(random.IntN(26))); !harmless(err) {
				t.Errorf("operation on %s and %s: %v", key, other, err)
			}
		}
	})
	for i := range 4 {
		key := fmt.Sprint("k", i)
		if _, err := t.backend.Stat(t.ctx, key); err == nil {
			t.whole(key, t.read(key))
		}
	}
}

func (t *trial) anything(choice int, key, other, content string) (err error) {
	switch choice {
	case 0, 1:
		_, err = t.backend.Put(t.ctx, key, dossier.BytesSource([]byte(content)), dossier.PutOptions{})
	case 2, 3:
		var object *dossier.Object
		if object, err = t.backend.Get(t.ctx, key, dossier.GetOptions{}); err == nil {
			var got []byte
			if got, err = readAll(object); err == nil {
				t.whole(key, string(got))
			}
		}
	case 4:
		_, err = t.backend.Stat(t.ctx, key)
	case 5:
		err = t.backend.Delete(t.ctx, key, dossier.DeleteOptions{})
	case 6:
		_, err = dossier.Copy(t.ctx, t.backend, key, other, dossier.CopyOptions{})
	case 7:
		if lister.in(t.backend) {
			_, err = collect(dossier.List(t.ctx, t.backend, dossier.ListOptions{}))
		}
	}
	return err
}

// harmless reports whether an error is one that others' operations explain.
func harmless(err error) bool {
	for _, kind := range []error{nil, dossier.ErrNotExist, dossier.ErrConflict, dossier.ErrPrecondition} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
