package azure_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/dossier-go/dossier/backends/azure"
	"github.com/dossier-go/dossier/internal/crc"
)

// TestJoinedChecksumsAreThoseOfTheWhole: a wrong one would make every later read of the object fail.
func TestJoinedChecksumsAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	content := pattern(300_001)
	for _, cuts := range [][]int{{}, {0}, {1}, {300_001}, {100_000, 200_000}, {7, 8, 9, 65_536, 65_537}} {
		var sums crc.Sums
		from := 0
		for _, to := range append(slices.Clone(cuts), len(content)) {
			sums = azure.Joined(sums, crc.Of(content[from:to]))
			from = to
		}
		if sums != crc.Of(content) {
			t.Errorf("cut at %v: %+v, want %+v", cuts, sums, crc.Of(content))
		}
	}
}

// TestMetadataValuesComeBack although header fields take visible ASCII only.
func TestMetadataValuesComeBack(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "plain", "a=b; c, d", "100% & <b>", "Ünï", "日本語\U0001F600", "UTF-8''", "UTF-8''x%41", "%C3%BC", "=?UTF-8?B?w7w=?=", "a b",
	} {
		stored := azure.EncodeValue(value)
		if stored == "" || strings.ContainsFunc(stored, func(r rune) bool { return r < 0x20 || r > 0x7E }) || azure.DecodeValue(stored) != value {
			t.Errorf("%q is stored as %q and read as %q", value, stored, azure.DecodeValue(stored))
		}
	}
	for _, foreign := range []string{"plain", "UTF-8''%zz", "utf-8''x"} {
		if got := azure.DecodeValue(foreign); got != foreign {
			t.Errorf("the foreign value %q is read as %q", foreign, got)
		}
	}
}

// TestAListingInUTF16OrderIsPutInByteOrder: whoever goes on after a key would lose others.
func TestAListingInUTF16OrderIsPutInByteOrder(t *testing.T) {
	t.Parallel()
	letters := []string{"a", "z", "\uD7FF", "\uE000", "\uFF5E", "\U00010000", "\U0010FFFD", "/"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		seen := map[string]bool{}
		for range 60 {
			var key strings.Builder
			for range 1 + random.IntN(4) {
				key.WriteString(letters[random.IntN(len(letters))])
			}
			seen[key.String()] = true
		}
		var want []string
		for key := range seen {
			want = append(want, key)
		}
		slices.Sort(want)
		server := slices.Clone(want)
		slices.SortFunc(server, func(a, b string) int { return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))) })
		for name, order := range map[string][]string{"UTF-16": server, "bytes": want} {
			if got := azure.InByteOrder(order); !slices.Equal(got, want) {
				t.Fatalf("%s:\n%q\nbecame\n%q\nwant\n%q", name, order, got, want)
			}
		}
	}
}

// TestPartETagsCarryWhatCompletionNeeds, and all have one length, without which the service refuses blocks of one key.
func TestPartETagsCarryWhatCompletionNeeds(t *testing.T) {
	t.Parallel()
	var all []string
	for _, number := range []int{1, 2, 255, 256, 10_000} {
		etag, ok := azure.PartETag(number, pattern(number))
		if !ok || len(etag) != 62 {
			t.Errorf("part %d has the ETag %s", number, etag)
		}
		all = append(all, etag)
	}
	if slices.SortFunc(all, cmp.Compare); len(slices.Compact(all)) != 5 {
		t.Errorf("%q", all)
	}
	for _, foreign := range []string{"", `""`, `"another"`, strings.Trim(all[0], `"`), all[0] + "x", `"` + strings.Repeat("A", 60) + `"`} {
		if azure.ReadsPartETag(foreign) {
			t.Errorf("%q is taken for an ETag of ours", foreign)
		}
	}
}
