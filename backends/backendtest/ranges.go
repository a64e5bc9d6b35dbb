package backendtest

import (
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

func rangeCases() []contractCase {
	return []contractCase{
		{
			name: "range/table", groups: []int{46, 47}, run: rangeTable,
			sentence: "A range delivers exactly the bytes that it says; one that starts after the end is ErrRange.",
		},
		{
			name: "range/from the end", groups: []int{46, 47}, needs: dossier.SuffixRange, run: rangeSuffix,
			sentence: "SuffixRange: a negative offset counts from the end and is cut at the beginning.",
		},
		{
			name: "range/large numbers", groups: []int{47}, run: rangeOverflow,
			sentence: "Offsets and lengths near the largest numbers neither overflow nor leave the object.",
		},
		{
			name: "range/large object", groups: []int{47, 61}, run: rangeLarge,
			sentence: "A range of a large object delivers its bytes and nothing of their neighbours.",
		},
		{
			name: "range/at once", groups: []int{53}, run: rangesAtOnce,
			sentence: "Any number of ranges of one object can be read at once.",
		},
	}
}

// ranged compares a ranged Get with what Range.Resolve says.
func (t *trial) ranged(key, content string, r dossier.Range) {
	t.Helper()
	object, err := t.backend.Get(t.ctx, key, dossier.GetOptions{Range: r})
	from, to, want := r.Resolve(int64(len(content)))
	if want != nil {
		kind := dossier.ErrRange
		if errors.Is(want, dossier.ErrInvalid) {
			kind = dossier.ErrInvalid
		}
		t.wants(fmt.Sprintf("%+v of %d bytes", r, len(content)), err, kind)
	}
	if (err == nil) != (want == nil) {
		t.Errorf("%+v of %d bytes: %v, want %v", r, len(content), err, want)
	}
	if err != nil {
		return
	}
	got, err := readAll(object)
	if err != nil || string(got) != content[from:to] {
		t.Errorf("%+v of %d bytes: %s, %v; want %s", r, len(content), brief(string(got)), err, brief(content[from:to]))
	}
	if object.From != from || object.To != to || object.Size != int64(len(content)) || object.Key != key {
		t.Errorf("%+v of %d bytes: [%d,%d) of %d bytes under %q", r, len(content), object.From, object.To, object.Size, object.Key)
	}
}

func rangeTable(t *trial) {
	for _, size := range []int{0, 1, 10} {
		key, content := fmt.Sprint("size/", size), pattern("range", size)
		t.put(key, content)
		for offset := range int64(13) {
			for length := int64(-2); length <= 12; length++ {
				t.ranged(key, content, dossier.Range{Offset: offset, Length: length})
			}
		}
	}
	_, err := t.backend.Get(t.ctx, "missing", dossier.GetOptions{Range: dossier.Range{Offset: 1, Length: 2}})
	t.wants("a range of a missing key", err, dossier.ErrNotExist)
}

func rangeSuffix(t *trial) {
	for _, size := range []int{0, 1, 10} {
		key, content := fmt.Sprint("size/", size), pattern("suffix", size)
		t.put(key, content)
		for offset := int64(-12); offset < 0; offset++ {
			for length := int64(-1); length <= 1; length++ {
				t.ranged(key, content, dossier.Range{Offset: offset, Length: length})
			}
		}
		t.ranged(key, content, dossier.Range{Offset: -hugeOffset})
	}
}

func rangeOverflow(t *trial) {
	for _, content := range []string{"", "0123456789"} {
		t.put("a", content)
		for _, r := range []dossier.Range{
			{Offset: hugeOffset, Length: hugeOffset}, {Offset: hugeOffset, Length: -1}, {Offset: hugeOffset}, {Offset: 1, Length: hugeOffset},
			{Length: hugeOffset}, {Offset: 5, Length: hugeOffset - 4}, {Offset: hugeOffset - 5, Length: 10}, {Offset: 1, Length: -hugeOffset - 1},
			{Offset: 1 << 31, Length: 1}, {Offset: 1 << 32, Length: 1}, {Offset: 3, Length: 1 << 32},
		} {
			t.ranged("a", content, r)
		}
	}
}

func rangeLarge(t *trial) {
	unit := int64(t.harness.unit())
	content := pattern("large", int(6*unit+1))
	t.put("a", content)
	size := int64(len(content))
	for _, offset := range []int64{0, 1, unit - 1, unit, unit + 1, 3*unit - 7, size - 1, size} {
		for _, length := range []int64{0, 1, unit - 1, unit, 2*unit + 1, size, -1} {
			t.ranged("a", content, dossier.Range{Offset: offset, Length: length})
		}
	}
}

func rangesAtOnce(t *trial) {
	content := pattern("at once", 4*t.harness.unit())
	t.put("a", content)
	step := int64(len(content) / 32)
	together(32, func(i int) {
		t.ranged("a", content, dossier.Range{Offset: int64(i) * step, Length: step + 5})
	})
}
