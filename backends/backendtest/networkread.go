package backendtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

func networkReadCases() []contractCase {
	return []contractCase{
		{
			name: "network/reads", groups: []int{48, 54, 86}, network: true, run: networkReads,
			sentence: "A read that is broken goes on or fails; it never ends early as if it were complete, and never says that there is no object.",
		},
		{
			name: "network/reads that stay broken", groups: []int{48}, network: true, run: networkReadsBroken,
			sentence: "A body that cannot be read to its end is io.ErrUnexpectedEOF or the failure of the store.",
		},
		{
			name: "network/replaced between attempts", groups: []int{12, 48}, network: true, run: networkReplaced,
			sentence: "A read that goes on after a break delivers its version, or fails: never bytes of two.",
		},
		{
			name: "network/listings", groups: []int{42, 43, 86}, network: true, extensions: []extension{lister}, run: networkLists,
			sentence: "A listing that is broken goes on or ends with an error; it is never just shorter.",
		},
	}
}

// readFaults are what can happen to one request of a read of size bytes.
func readFaults(size int64) map[string]Fault {
	faults := map[string]Fault{
		"reset": {Kind: ResetRequest}, "answer lost": {Kind: LoseAnswer}, "503": unavailable(),
		"500": {Kind: Answer, Status: http.StatusInternalServerError}, "429": {Kind: Answer, Status: http.StatusTooManyRequests},
	}
	for _, after := range []int64{0, 1, size / 2, size - 1} {
		faults[fmt.Sprintf("cut after %d bytes", after)] = Fault{Kind: CutAnswer, After: after}
	}
	return faults
}

// getAll reads an object, or a range of it.
func (t *trial) getAll(key string, r dossier.Range) (string, error) {
	object, err := t.backend.Get(t.ctx, key, dossier.GetOptions{Range: r})
	if err != nil {
		return "", err
	}
	content, err := readAll(object)
	return string(content), err
}

func networkReads(t *trial) {
	content := pattern("read", 3*t.harness.unit())
	info := t.put("a", content)
	for name, fault := range readFaults(info.Size) {
		for _, r := range []dossier.Range{{}, {Offset: 5, Length: info.Size - 10}} {
			for index := range 2 {
				from, to, _ := r.Resolve(info.Size)
				t.proxy.Follow(only(index, fault))
				got, err := t.getAll("a", r)
				t.proxy.Follow(nil)
				what := fmt.Sprintf("range %+v, %s in request %d", r, name, index)
				if err == nil && got != content[from:to] || !strings.HasPrefix(content[from:to], got) {
					t.Errorf("%s: %s, %v", what, brief(got), err)
				}
				t.truthfulRead(what, err)
			}
		}
		t.proxy.Follow(only(0, fault))
		found, err := t.backend.Stat(t.ctx, "a")
		t.proxy.Follow(nil)
		if err == nil && t.difference(info, found) != "" {
			t.Errorf("stat, %s: %+v is not %+v", name, found, info)
		}
		t.truthfulRead("stat, "+name, err)
		t.proxy.Follow(only(0, fault))
		_, err = t.backend.Stat(t.ctx, "missing")
		t.proxy.Follow(nil)
		if err == nil {
			t.Errorf("stat of a missing key, %s: success", name)
		}
	}
}

// truthfulRead is truthful for reads, whose bodies may end with io.ErrUnexpectedEOF alone.
func (t *trial) truthfulRead(what string, err error) {
	t.Helper()
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.truthful(what, err)
	}
}

func networkReadsBroken(t *trial) {
	content := pattern("broken", 3*t.harness.unit())
	info := t.put("a", content)
	for name, fault := range map[string]Fault{"reset": {Kind: ResetRequest}, "cut": {Kind: CutAnswer}, "500": {Kind: Answer, Status: 500}} {
		for _, after := range []int64{0, 1, info.Size / 2, info.Size - 1} {
			t.proxy.Follow(func(i int, _ *http.Request) *Fault {
				if i == 0 {
					return &Fault{Kind: CutAnswer, After: after}
				}
				return &fault
			})
			got, err := t.getAll("a", dossier.Range{})
			t.proxy.Follow(nil)
			what := fmt.Sprintf("cut after %d bytes, then %s", after, name)
			if err == nil || !strings.HasPrefix(content, got) {
				t.Errorf("%s: %d bytes, %v", what, len(got), err)
			}
			broken := slices.ContainsFunc([]error{io.ErrUnexpectedEOF, dossier.ErrUnavailable, dossier.ErrThrottled}, func(kind error) bool { return errors.Is(err, kind) })
			if err != nil && !broken {
				t.Errorf("%s: %v is neither io.ErrUnexpectedEOF nor ErrUnavailable", what, err)
			}
			t.truthfulRead(what, err)
		}
	}
}

func networkReplaced(t *trial) {
	size := 64 * t.harness.unit() // more than is on the way at any moment
	old, fresh := pattern("old", size), pattern("fresh", size)
	for name, change := range map[string]func(){
		"replaced": func() { t.put("a", fresh) },
		"deleted":  func() { t.succeeds("delete", t.backend.Delete(t.ctx, "a", dossier.DeleteOptions{})) },
	} {
		t.put("a", old)
		t.proxy.Follow(only(0, Fault{Kind: CutAnswer, After: int64(size / 2)}))
		object, err := t.backend.Get(t.ctx, "a", dossier.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 10)
		if _, err := io.ReadFull(object, first); err != nil {
			t.Fatal(err)
		}
		t.proxy.Follow(nil)
		change()
		rest, err := readAll(object)
		got := string(first) + string(rest)
		if err == nil && got != old || !strings.HasPrefix(old, got) {
			t.Errorf("%s: %d bytes that are not the beginning of the version, %v", name, len(got), err)
		}
	}
}

func networkLists(t *trial) {
	var keys []string
	for i := range 5 {
		keys = append(keys, fmt.Sprint("k", i))
		t.put(keys[i], "content")
	}
	faults := readFaults(2)
	faults["cut in the middle"] = Fault{Kind: CutAnswer, After: 100}
	for name, fault := range faults {
		for index := range 4 {
			t.listsBroken(keys, only(index, fault), fmt.Sprintf("%s in request %d", name, index))
			t.listsBroken(keys, from(index, fault), fmt.Sprintf("%s from request %d on", name, index))
		}
	}
}

// listsBroken fails unless a listing yields all keys, or an error after some.
func (t *trial) listsBroken(keys []string, plan Plan, how string) {
	t.Helper()
	t.proxy.Follow(plan)
	all, err := collect(dossier.List(t.ctx, t.backend, dossier.ListOptions{PageSize: 2}))
	t.proxy.Follow(nil)
	var got []string
	for _, info := range all {
		got = append(got, info.Key)
	}
	if err == nil && !slices.Equal(got, keys) || err != nil && !slices.Equal(got, keys[:len(got)]) {
		t.Errorf("list, %s: %q, %v", how, got, err)
	}
	t.truthful("list, "+how, err)
}
