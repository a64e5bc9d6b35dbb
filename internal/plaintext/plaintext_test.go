package plaintext_test

import (
	"testing"

	"github.com/dossier-go/dossier/internal/plaintext"
)

// A text that comes back as another one would make the row differ from the struct, in silence; one that every database keeps must
// not be refused, whatever its language.
func TestTextsThatComeBack(t *testing.T) {
	t.Parallel()
	for text, comesBack := range map[string]bool{
		"": true, "a\n\t'\"\\": true, "Ünïcödé 漢字 🙂": true, "\ufffd": true, "\ufeff": true, "\U0010ffff": true,
		"a\x00": false, "\xff": false, "\xc3": false, "\xed\xa0\x80": false, "\xf4\x90\x80\x80": false,
	} {
		if err := plaintext.Check(text); (err == nil) != comesBack {
			t.Errorf("%q: %v", text, err)
		}
	}
}
