package fileobject

import (
	"mime"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .\t")
	name = cut(name)
	if name == "" {
		return "file"
	}
	return name
}

// cut shortens name to MaxFilename bytes, keeping a short extension.
func cut(name string) string {
	if len(name) <= MaxFilename {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	end := MaxFilename - len(ext)
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + ext
}

// activeExtensions are never used in keys: a web server that serves the folder by extension would run them.
var activeExtensions = []string{".html", ".htm", ".xhtml", ".shtml", ".svg", ".svgz", ".xml", ".xsl", ".xslt", ".js", ".mjs",
	".php", ".phtml", ".asp", ".aspx", ".jsp", ".cgi", ".swf", ".htaccess", ".hta", ".mht", ".mhtml"}

// safeExtension returns the extension of name for a key: lower case, only when it is short, plain, passive and does not
// contradict the type found in the bytes; else "".
func safeExtension(name string, types []string) string {
	ext := strings.ToLower(path.Ext(name))
	if len(ext) < 2 || len(ext) > 12 || slices.Contains(activeExtensions, ext) {
		return ""
	}
	for _, c := range ext[1:] {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			return ""
		}
	}
	claimed, _, _ := mime.ParseMediaType(mime.TypeByExtension(ext))
	found, _, _ := mime.ParseMediaType(types[0])
	if claimed == "" || found == "application/octet-stream" || found == "text/plain" || matchesAny(claimed, types) {
		return ext
	}
	return ""
}

func matchesAny(mediaType string, types []string) bool {
	for _, t := range types {
		if base, _, _ := mime.ParseMediaType(t); base == mediaType {
			return true
		}
	}
	return false
}
