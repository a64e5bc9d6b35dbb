package filetype_test

import (
	"archive/zip"
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/filetype"
)

// pixel is an image of one point.
var pixel = image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black, color.White})

// encoded returns what an encoder writes for one pixel.
func encoded(t *testing.T, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	return encoded(t, func(b *bytes.Buffer) error {
		w := zip.NewWriter(b)
		for _, name := range files {
			f, err := w.Create(name)
			if err != nil {
				return err
			}
			if _, err := f.Write([]byte(`<?xml version="1.0"?><x/>`)); err != nil {
				return err
			}
		}
		return w.Close()
	})
}

// ftyp is the beginning of an ISO base media file (ISO/IEC 14496-12, section 4.3) of the given brand.
func ftyp(brand string) []byte {
	return slices.Concat([]byte{0, 0, 0, 24}, []byte("ftyp"+brand), []byte{0, 0, 0, 0}, []byte("mif1"+brand), make([]byte, 40))
}

func utf16LE(s string) []byte {
	b := []byte{0xFF, 0xFE}
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return b
}

// The bytes of each common format give its type, then what that is a special case of. A wrong answer here stores a
// wrong Content-Type in the row, or turns a permitted file away.
func TestBytesDecide(t *testing.T) {
	t.Parallel()
	const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	cases := map[string]struct {
		head []byte
		want []string
	}{
		"PNG":  {encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, pixel) }), []string{"image/png"}},
		"JPEG": {encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, pixel, nil) }), []string{"image/jpeg"}},
		"GIF":  {encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, pixel, nil) }), []string{"image/gif"}},
		"WebP": {[]byte("RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00"), []string{"image/webp"}},
		"HEIC": {ftyp("heic"), []string{"image/heic"}},
		"AVIF": {ftyp("avif"), []string{"image/avif"}},
		"MP4":  {ftyp("isom"), []string{"video/mp4"}},
		"PDF":  {[]byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), []string{"application/pdf"}},
		"ZIP":  {zipped(t, "a.txt"), []string{"application/zip"}},
		"DOCX": {
			zipped(t, "[Content_Types].xml", "_rels/.rels", "word/document.xml"),
			[]string{docx, "application/zip"},
		},
		"HTML":                 {[]byte("<!DOCTYPE html><html></html>"), []string{"text/html; charset=utf-8"}},
		"HTML after space":     {[]byte("\n\t  <html><body>hi"), []string{"text/html; charset=utf-8"}},
		"HTML after BOM":       {[]byte("\xEF\xBB\xBF<html><body>hi"), []string{"text/html; charset=utf-8"}},
		"SVG":                  {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"></svg>`), []string{"image/svg+xml"}},
		"SVG after prologue":   {[]byte("<?xml version=\"1.0\"?>\n<!-- c --><svg xmlns=\"http://www.w3.org/2000/svg\"/>"), []string{"image/svg+xml"}},
		"XML":                  {[]byte(`<?xml version="1.0"?><a/>`), []string{"text/xml; charset=utf-8"}},
		"JSON":                 {[]byte(`{"a": [1, 2]}`), []string{"application/json", "text/plain"}},
		"plain text":           {[]byte("Dear reader,\n"), []string{"text/plain; charset=utf-8"}},
		"plain text, Latin-1":  {[]byte("caf\xe9 au lait\n"), []string{"text/plain"}},
		"plain text, UTF-16":   {utf16LE("Dear reader"), []string{"text/plain; charset=utf-16le"}},
		"CSV":                  {[]byte("a,b\n1,2\n3,4\n"), []string{"text/csv; charset=utf-8", "text/plain"}},
		"empty":                {nil, []string{"text/plain; charset=utf-8"}},
		"binary":               {[]byte{0, 1, 2, 3, 250, 251, 252}, []string{"application/octet-stream"}},
		"sound in an MP4 file": {ftyp("M4A "), []string{"audio/x-m4a"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (filetype.Detector{}).Detect(c.head, ""); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The name chooses between passive text formats only, whatever its case or folder: formats without a signature would
// otherwise be indistinguishable.
func TestNameRefinesPlainText(t *testing.T) {
	t.Parallel()
	prose := []byte("# Title\n\nSome words.\n")
	cases := map[string]struct {
		head []byte
		name string
		want []string
	}{
		"Markdown":              {prose, "README.md", []string{"text/markdown; charset=utf-8", "text/plain"}},
		"upper case":            {prose, "README.MD", []string{"text/markdown; charset=utf-8", "text/plain"}},
		"in a folder":           {prose, `C:\docs.html\README.md`, []string{"text/markdown; charset=utf-8", "text/plain"}},
		"one column":            {[]byte("a\n1\n2\n"), "a.csv", []string{"text/csv; charset=utf-8", "text/plain"}},
		"JSON cut short":        {[]byte(`{"a": [1, 2`), "a.json", []string{"application/json", "text/plain"}},
		"prose like CSV":        {[]byte("one, two\nthree, four\n"), "poem.txt", []string{"text/plain; charset=utf-8"}},
		"empty":                 {nil, "a.csv", []string{"text/csv; charset=utf-8", "text/plain"}},
		"unknown extension":     {prose, "a.unknown", []string{"text/plain; charset=utf-8"}},
		"no extension":          {prose, "LICENSE", []string{"text/plain; charset=utf-8"}},
		"name against the HTML": {[]byte("<html>"), "a.csv", []string{"text/html; charset=utf-8"}},
		"name against the PDF":  {[]byte("%PDF-1.7\n"), "a.json", []string{"application/pdf"}},
		"name against binary":   {[]byte{0, 1, 2}, "a.csv", []string{"application/octet-stream"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (filetype.Detector{}).Detect(c.head, c.name); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// No name turns harmless bytes into something that a browser would run: the name comes from the client, and the type
// goes into the row and the Content-Type header.
func TestNameNeverMakesContentActive(t *testing.T) {
	t.Parallel()
	for _, extension := range strings.Fields("html htm xhtml xht svg svgz xml xsl xslt js mjs cjs css swf mht mhtml hta php") {
		for content, head := range map[string][]byte{
			"text": []byte("alert(1)\n"), "CSV": []byte("a,b\n1,2\n"), "empty": nil, "binary": {0, 1, 2},
		} {
			with := (filetype.Detector{}).Detect(head, "x."+extension)
			without := (filetype.Detector{}).Detect(head, "")
			if !slices.Equal(with, without) {
				t.Errorf("%s named x.%s is %q, without the name %q", content, extension, with, without)
			}
		}
	}
}

// A column that accepts text/plain must not thereby accept what a browser runs.
func TestActiveTypesAreNoKindOfPlainText(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"<html><script>alert(1)</script>",
		`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`,
		`<?xml version="1.0"?><a/>`,
		`<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"></html>`,
		`<?xml version="1.0"?><xfdf xmlns="http://ns.adobe.com/xfdf/"></xfdf>`,
		"#!/usr/bin/env node\nalert(1)\n",
	} {
		for _, contentType := range (filetype.Detector{}).Detect([]byte(content), "a.txt") {
			if strings.HasPrefix(contentType, "text/plain") {
				t.Errorf("%q is listed as text/plain", content)
			}
		}
	}
}

// The type goes into a header: a charset that the document declares of itself could smuggle anything into it.
func TestDeclaredCharsetIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		`<html><meta charset="utf-7">`,
		`<html><meta charset="x; filename=evil">`,
		"<?xml version=\"1.0\" encoding=\"x\r\nSet-Cookie: a=b\"?><a/>",
	} {
		got := (filetype.Detector{}).Detect([]byte(content), "")[0]
		if _, charset, _ := strings.Cut(got, ";"); charset != " charset=utf-8" {
			t.Errorf("%q is %q, want charset=utf-8", content, got)
		}
	}
}

// A character that the end of the head cuts in two is no sign against UTF-8: where the head ends is chance.
func TestCutCharacterKeepsUTF8(t *testing.T) {
	t.Parallel()
	text := []byte("Preis: 5 € 😀")
	for end := len("Preis"); end <= len(text); end++ {
		got := (filetype.Detector{}).Detect(text[:end], "")
		if want := []string{"text/plain; charset=utf-8"}; !slices.Equal(got, want) {
			t.Errorf("cut at %d: %q, want %q", end, got, want)
		}
	}
}
