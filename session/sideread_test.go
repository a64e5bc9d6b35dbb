package session_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

const sideHeader = "dossier side file v1\n"

// lines writes a side file as a session does.
func lines(t testing.TB, entries ...session.SideEntry) string {
	t.Helper()
	text := sideHeader
	for _, entry := range entries {
		line, err := json.Marshal(entry)
		must(t, err)
		text += string(line) + "\n"
	}
	return text
}

// A crash tears the last line wherever it likes: every whole line is an entry, the torn one is none, because the bytes of
// its object were not sent before it was written whole.
func TestSideFileOfAnyLengthGivesItsWholeLines(t *testing.T) {
	t.Parallel()
	entries := []session.SideEntry{
		{Backend: "uploads", Store: "mem:a", Key: "a\"\n/ü"}, {Backend: "uploads", Store: "mem:a", Key: "b"},
		{Backend: "uploads", Store: "mem:a", Key: "b", Upload: "7"}, {Backend: "uploads", Store: "mem:b", Key: "b"},
	}
	text := lines(t, entries...)
	for n := range len(text) + 1 {
		have, err := session.ReadSideFile(iotest.OneByteReader(strings.NewReader(text[:n])))
		whole := max(strings.Count(text[:n], "\n")-1, 0)
		want := slices.Clone(entries[:whole])
		if whole > 2 { // the third line says more of the second object
			want = slices.Delete(want, 1, 2)
		}
		if err != nil || !slices.Equal(have, want) {
			t.Fatalf("%q: %v, %v; want %v", text[:n], have, err, want)
		}
	}
}

// A file that is not ours, or of another version, must not be taken for one that lists nothing: it would be removed.
func TestSideFileOfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"dossier side file v2\n", "{}\n", "\n", sideHeader + "no JSON\n", sideHeader + "{}\n{\n", sideHeader + "[]\n",
		sideHeader + `{"key":7}` + "\n",
	} {
		if entries, err := session.ReadSideFile(strings.NewReader(text)); !errors.Is(err, dossier.ErrInvalid) || len(entries) > 0 {
			t.Errorf("%q: %v, %v", text, entries, err)
		}
	}
}

// A file that cannot be read is not a file that ends here.
func TestSideFileThatFailsToReadIsNotAShortOne(t *testing.T) {
	t.Parallel()
	text := lines(t, session.SideEntry{Backend: "uploads", Store: "mem:a", Key: "a"},
		session.SideEntry{Backend: "uploads", Store: "mem:a", Key: "b"})
	broken := io.MultiReader(strings.NewReader(text[:len(text)-20]), iotest.ErrReader(errInjected))
	if entries, err := session.ReadSideFile(broken); !errors.Is(err, errInjected) {
		t.Errorf("%v, %v", entries, err)
	}
}

// Any bytes give entries or an error, and what a session writes comes back whatever the key.
func FuzzSideFile(f *testing.F) {
	f.Add([]byte(sideHeader), "uploads", "mem:a", "key")
	f.Add([]byte(sideHeader+`{"backend":"b","store":"s","key":"k","upload":"u"}`+"\n{"), "", "", "")
	f.Add([]byte("\x00\n{}\n"), "\u2028", "\"", "\n\\")
	f.Fuzz(func(t *testing.T, text []byte, backend, store, key string) {
		if entries, err := session.ReadSideFile(bytes.NewReader(text)); err == nil {
			again, err := session.ReadSideFile(strings.NewReader(lines(t, entries...)))
			if err != nil || !slices.Equal(entries, again) {
				t.Errorf("%v came back as %v, %v", entries, again, err)
			}
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "") }
		entry := session.SideEntry{Backend: valid(backend), Store: valid(store), Key: valid(key)}
		have, err := session.ReadSideFile(strings.NewReader(lines(t, entry)))
		if err != nil || len(have) != 1 || have[0] != entry {
			t.Errorf("%+v came back as %+v, %v", entry, have, err)
		}
	})
}
