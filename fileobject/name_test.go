package fileobject_test

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// hostileNames are what an attacker may call a file, with what is left of it.
var hostileNames = map[string]string{
	"../../etc/passwd":             "passwd",
	`C:\Users\x\plan.pdf`:          "plan.pdf",
	`..\..\boot.ini`:               "boot.ini",
	"dir/":                         "file",
	"":                             "file",
	".":                            "file",
	"..":                           "file",
	"....":                         "file",
	" . . ":                        "file",
	"\x00":                         "file",
	"plan.pdf\x00.png":             "plan.pdf.png",
	"a\r\nSet-Cookie: b.txt":       "aSet-Cookie: b.txt",
	"\u202Egnp.exe":                "gnp.exe",
	"\uFEFFx\u200B.txt":            "x.txt",
	"\xff\xfename.txt":             "name.txt",
	"\xed\xa0\x80.txt":             "txt",
	".htaccess":                    "htaccess",
	"x.txt. ":                      "x.txt",
	"\u00a0\u3000x.txt\u2003":      "x.txt",
	"Größe 10%.pdf":                "Größe 10%.pdf",
	"写真.jpg":                       "写真.jpg",
	strings.Repeat("../", 5000):    "file",
	strings.Repeat("x", 300) + "é": strings.Repeat("x", 255),
}

// The name is shown to people and sent in headers: whatever a client sends must be harmless there.
func TestHostileNamesBecomeHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range hostileNames {
		if got := fileobject.CleanFilename(in); got != want {
			t.Errorf("%.40q became %.80q, want %.80q", in, got, want)
		}
	}
}

// People know a file by its extension, so a name that is cut keeps it; a hostile name has no long "extension".
func TestLongNameKeepsItsExtension(t *testing.T) {
	t.Parallel()
	for in, suffix := range map[string]string{
		strings.Repeat("x", 10<<10) + ".pdf":              "x.pdf",
		strings.Repeat("é", 10<<10) + ".pdf":              "é.pdf",
		strings.Repeat("x", 5<<20) + ".tar":               "x.tar",
		"x." + strings.Repeat("y", 10<<10):                "y",
		strings.Repeat("\U0001F600", 200) + ".jpeg":       "\U0001F600.jpeg",
		strings.Repeat("x", 250) + " . " + "0123456789ab": "x . 0123456789ab"[4:],
	} {
		got := fileobject.CleanFilename(in)
		if len(got) > fileobject.MaxFilename || !strings.HasSuffix(got, suffix) || !utf8.ValidString(got) {
			t.Errorf("%.20q… became %d bytes ending %q, want %q", in, len(got), got[max(0, len(got)-20):], suffix)
		}
	}
}

func FuzzCleanFilename(f *testing.F) {
	for name := range hostileNames {
		f.Add(name)
	}
	f.Add(strings.Repeat("a", 254) + " bbbb")
	f.Add(strings.Repeat("a", 250) + ".")
	f.Add(strings.Repeat("a", 20<<10) + "\x80/\u202e.")
	f.Fuzz(func(t *testing.T, name string) {
		got := fileobject.CleanFilename(name)
		hostile := func(r rune) bool {
			return r == '/' || r == '\\' || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
		}
		switch {
		case got == "" || len(got) > fileobject.MaxFilename || !utf8.ValidString(got):
			t.Fatalf("%q became %q", name, got)
		case strings.ContainsFunc(got, hostile) || path.Clean(got) != got || got == "." || got == "..":
			t.Fatalf("%q became %q, which is not harmless", name, got)
		case fileobject.CleanFilename(got) != got:
			t.Fatalf("%q became %q, then %q", name, got, fileobject.CleanFilename(got))
		}
		if err := dossier.CheckKey(got); err != nil && got != dossier.ReservedSegment {
			t.Fatalf("%q became %q: %v", name, got, err)
		}
	})
}

// A web server that serves the folder by extension must not run what was uploaded, nor show it as something else.
func TestKeyExtensionIsNeverActiveOrContradicting(t *testing.T) {
	t.Parallel()
	const html, text, unknown = "<!DOCTYPE html><script>alert(1)</script>", "just text", "\x00\x01\x02\x03"
	for _, test := range []struct{ name, content, want string }{
		{"evil.html", png, ""},
		{"evil.HTML", png, ""},
		{"evil.html", html, ""},
		{"evil.svg", png, ""},
		{"evil.php", text, ""},
		{"evil.php5", text, ""},
		{"evil.phar", text, ""},
		{"evil.xht", text, ""},
		{"evil.jsp", text, ""},
		{"evil.js", text, ""},
		{"evil.htaccess", text, ""},
		{"evil.svg", "<svg onload=alert(1)>", ""},
		{"a.png", png, ".png"},
		{"A.PNG", png, ".png"},
		{"a.jpg", png, ""},
		{"a.png", html, ""},
		{"a.txt", html, ""},
		{"a.png", text, ""},
		{"a.pdf", text, ""},
		{"a.mp4", text, ""},
		{"a.txt", text, ".txt"},
		{"a.csv", text, ".csv"},
		{"a.go", text, ".go"},
		{"a.dossierformat", unknown, ""},
		{"a.dwg", unknown, ".dwg"},
		{"a.p hp", unknown, ""},
		{"a.é", unknown, ""},
		{"a.../x", text, ""},
		{"noext", text, ""},
		{"a.", text, ""},
		{"a.b\x00c", unknown, ".bc"},
		{"a.png.html", png, ""},
		{"html", png, ""},
		{"a.pdf", "%PDF-1.7\n", ".pdf"},
	} {
		_, ctx := newStore(t)
		key := begin(ctx, t, fileobject.FromBytes(test.name, []byte(test.content), fileobject.Options{}), "uploads").Reference().Key
		if got := path.Ext(key); got != test.want {
			t.Errorf("%q with %.10q has key %s, want the extension %q", test.name, test.content, key, test.want)
		}
	}
}

func ExampleCleanFilename() {
	fmt.Println(fileobject.CleanFilename(`C:\Users\me\plan.pdf`))
	fmt.Println(fileobject.CleanFilename("../../etc/passwd"))
	fmt.Println(fileobject.CleanFilename("invoice\r\nX-Evil: 1.pdf"))
	fmt.Println(fileobject.CleanFilename(".."))
	// Output:
	// plan.pdf
	// passwd
	// invoiceX-Evil: 1.pdf
	// file
}
