package filetype_test

import (
	"mime"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/filetype"
)

// Whatever the bytes and the name are, the answer is a list of well-formed content types in which the generic type
// stands alone: every entry may be sent as a header and compared with a list of accepted types.
func FuzzDetect(f *testing.F) {
	f.Add([]byte("%PDF-1.7"), "a.pdf")
	f.Add([]byte("<html><meta charset=\"x\r\ny\">"), "a.csv")
	f.Add([]byte("PK\x03\x04"), "../a.docx")
	f.Add([]byte("a,b\n1,2\n"), "a.md\r\nX: y")
	f.Add([]byte{0xFF, 0xFE, 0, 0}, "")
	f.Fuzz(func(t *testing.T, head []byte, name string) {
		types := filetype.Detector{}.Detect(head, name)
		if len(types) == 0 {
			t.Fatal("no type at all")
		}
		seen := map[string]bool{}
		for i, contentType := range types {
			base, parameters, err := mime.ParseMediaType(contentType)
			switch {
			case err != nil || !strings.Contains(base, "/") || strings.ContainsAny(contentType, "\r\n"):
				t.Fatalf("%q is not a content type: %v", contentType, err)
			case seen[base]:
				t.Fatalf("%q stands twice in %q", base, types)
			case base == "application/octet-stream" && len(types) > 1:
				t.Fatalf("the generic type stands beside others: %q", types)
			case i > 0 && len(parameters) > 0:
				t.Fatalf("a parent has parameters: %q", types)
			}
			seen[base] = true
		}
	})
}
