package fileobject

import (
	"mime"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
)

// MaxFilename is the longest file name that is kept, in bytes.
const MaxFilename = 255

// CleanFilename makes a client's file name harmless to show and to send in a header: it drops folders ("/" and "\"),
// invalid UTF-8, control and format characters (NUL, CR, LF, bidirectional overrides), outer spaces and dots, and cuts
// it to 255 bytes before its extension. What is then empty is "file". Keys are never made from it.
func CleanFilename(name string) string {
	const enough = 16 << 10 // a name of megabytes is not worth reading
	if len(name) > enough {
		name = name[len(name)-enough:]
	}
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.ToValidUTF8(name, "")
	name = strings.Map(dropUnseen, name)
	name = strings.TrimFunc(dossier.ShortenFilename(strings.TrimFunc(name, isOuter), MaxFilename), isOuter)
	if name == "" {
		return "file"
	}
	return name
}

// dropUnseen drops what has no place in a name: control and format characters, noncharacters and private use.
func dropUnseen(r rune) rune {
	if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) {
		return -1
	}
	return r
}

func isOuter(r rune) bool { return r == '.' || unicode.IsSpace(r) }

// name is what people may see: the name of a row of another library is its key, whose folders are nobody's business.
func (f *FileObject) name() string {
	if f.Foreign() {
		return CleanFilename(f.Filename)
	}
	return f.Filename
}

// disposition is the Content-Disposition header that offers f under its name.
func (f *FileObject) disposition(kind string) string {
	return dossier.ContentDisposition(kind, f.name())
}

// activeExtensions are never used in keys: a web server that serves the folder by extension would run them, or let the
// browser do so.
var activeExtensions = []string{
	".html", ".htm", ".xhtml", ".xhtm", ".xht", ".shtml", ".shtm", ".stm", ".mht", ".mhtml", ".hta", ".htc", ".svg", ".svgz", ".xml",
	".xsl", ".xslt", ".rdf", ".js", ".mjs", ".cjs", ".wasm", ".swf", ".asp", ".aspx", ".asa", ".ashx", ".asmx", ".ascx", ".cshtml", ".vbhtml",
	".jsp", ".jspx", ".jspf", ".cfm", ".cfc", ".cgi", ".fcgi", ".pl", ".py", ".rb", ".sh", ".phar", ".pht", ".phtml", ".htaccess", ".htpasswd",
}

// safeExtension returns the extension of name for a key: lower case, only when it is short, plain, passive and does not
// contradict the type found in the bytes; else "".
func safeExtension(name string, types []string) string {
	ext := strings.ToLower(path.Ext(name))
	if len(ext) < 2 || len(ext) > 12 || slices.Contains(activeExtensions, ext) || strings.HasPrefix(ext, ".php") {
		return ""
	}
	for _, c := range ext[1:] {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			return ""
		}
	}
	if claimed, _, _ := mime.ParseMediaType(mime.TypeByExtension(ext)); contradicts(claimed, types) {
		return ""
	}
	return ext
}

// contradicts reports whether the type that an extension claims cannot be that of bytes found to be of these types.
// Plain text may be any format that people write; bytes that nothing is known of may be anything.
func contradicts(claimed string, types []string) bool {
	found, _, _ := mime.ParseMediaType(types[0])
	switch {
	case claimed == "" || found == "application/octet-stream" || matchesAny(claimed, types):
		return false
	case found == "text/plain":
		return slices.ContainsFunc([]string{"image/", "audio/", "video/", "font/", "application/pdf", "application/zip"},
			func(binary string) bool { return strings.HasPrefix(claimed, binary) })
	}
	return true
}

func matchesAny(mediaType string, types []string) bool {
	for _, t := range types {
		if base, _, _ := mime.ParseMediaType(t); base == mediaType {
			return true
		}
	}
	return false
}
