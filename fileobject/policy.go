package fileobject

import (
	"errors"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"

	"github.com/dossier-go/dossier"
)

// Policy is what a column demands of its files, as its `file` tag says.
type Policy struct {
	// Backend is the registered name that new files go to.
	Backend string
	// Max is the largest size in bytes. Default: 0, no limit.
	Max int64
	// Min is the smallest size in bytes. Default: 0.
	Min int64
	// Accept lists media types, "image/*" style ranges among them. A file is accepted when the most specific type found
	// in its bytes matches one. A range takes no type that can run scripts (HTML, XML, SVG, JavaScript): name those in
	// full. Default: none, every type; "*/*" says the same.
	Accept []string
	// Many is the largest number of files of a List column. Default: 0, no limit.
	Many int
	// Key makes the keys of new files. Default: dossier.DefaultKeyTemplate.
	Key dossier.KeyTemplate
	// Checksum is the algorithm of the stored checksum: "crc32c" or "sha256". Default: "crc32c".
	Checksum string
	// Disposition is how the file is served, "inline" or "attachment". Default: "", left to the server.
	Disposition string
	// CacheControl is the Cache-Control header (RFC 9111) with which the file is served. Default: "".
	CacheControl string
	// Class is the storage class that the store is asked for. Default: "", the store's own.
	Class string
	// ACL is the predefined access control list that the store is asked for. Default: "", the store's own.
	ACL string
	// Tags are given to the stored object. Default: none.
	Tags map[string]string
}

// ParsePolicy reads a `file` tag: the backend's name, then key:value options separated by commas. Values that hold a
// comma stand in single quotes; lists are separated by "|".
//
//	file:"uploads,max:20MiB,accept:image/*|application/pdf,key:{table}/{uuid}{ext},cache:'private, max-age=60'"
//
// Options: max and min (bytes, or with kB MB GB KiB MiB GiB), accept, many, key, checksum (crc32c or sha256),
// disposition (inline or attachment), cache, and for stores that know them class, acl and tags (name=value, separated by
// "|"). An unknown, repeated or malformed option is [dossier.ErrInvalid].
func ParsePolicy(tag string) (Policy, error) {
	p, err := parsePolicy(tag)
	if err != nil {
		return Policy{}, fmt.Errorf("file tag %q: %w: %w", tag, dossier.ErrInvalid, err)
	}
	return p, nil
}

func parsePolicy(tag string) (Policy, error) {
	words, err := splitTag(tag)
	if err != nil {
		return Policy{}, err
	}
	p := Policy{Backend: words[0]}
	if p.Backend == "" || len(p.Backend) > 64 || strings.ContainsFunc(p.Backend, notOfName) {
		return Policy{}, errors.New("it must begin with the name of a backend: letters, digits, '_', '-' or '.'")
	}
	seen := map[string]bool{}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, ":")
		if seen[name] {
			return Policy{}, fmt.Errorf("option %q is repeated", name)
		}
		seen[name] = true
		if err := p.set(name, value); err != nil {
			return Policy{}, fmt.Errorf("option %q: %w", word, err)
		}
	}
	if p.Max > 0 && p.Min > p.Max {
		return Policy{}, fmt.Errorf("min %d is over max %d", p.Min, p.Max)
	}
	return p.withDefaults()
}

func notOfName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.", r))
}

// withDefaults fills in what a policy made by hand may leave out.
func (p Policy) withDefaults() (_ Policy, err error) {
	if p.Checksum == "" {
		p.Checksum = "crc32c"
	}
	if p.Key.String() == "" {
		p.Key, err = dossier.ParseKeyTemplate(dossier.DefaultKeyTemplate)
	}
	return p, err
}

// splitTag cuts at commas outside single quotes and drops the quotes.
func splitTag(tag string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted := false
	for _, r := range tag {
		switch {
		case r == '\'':
			quoted = !quoted
		case r == ',' && !quoted:
			words = append(words, strings.TrimSpace(word.String()))
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	if quoted {
		return nil, errors.New("a quote is not closed")
	}
	return append(words, strings.TrimSpace(word.String())), nil
}

func (p *Policy) set(name, value string) (err error) {
	switch name {
	case "max":
		p.Max, err = parseSize(value)
	case "min":
		p.Min, err = parseSize(value)
	case "accept":
		p.Accept, err = parseAccept(value)
	case "many":
		p.Many, err = strconv.Atoi(value)
		if err != nil || p.Many < 1 || value[0] == '+' {
			return errors.New("want a number from 1")
		}
	case "key":
		p.Key, err = dossier.ParseKeyTemplate(value)
	case "checksum":
		p.Checksum, err = oneOf(value, "crc32c", "sha256")
	case "disposition":
		p.Disposition, err = oneOf(value, "inline", "attachment")
	case "cache":
		if value == "" {
			return errors.New("want a Cache-Control header")
		}
		p.CacheControl = value
		err = dossier.CheckPutOptions(dossier.PutOptions{Header: dossier.Header{CacheControl: value}})
	case "class", "acl", "tags":
		return p.place(name, value)
	case "variants":
		return fmt.Errorf("variants are not available in this version: %w", errors.ErrUnsupported)
	default:
		return errors.New("unknown; the options are max, min, accept, many, key, checksum, disposition, cache, class, acl, tags")
	}
	return err
}

func oneOf(value string, allowed ...string) (string, error) {
	for _, a := range allowed {
		if value == a {
			return value, nil
		}
	}
	return "", fmt.Errorf("want %s", strings.Join(allowed, " or "))
}

var sizeUnits = map[string]int64{
	"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "BkKMGTi ")
	unit, known := sizeUnits[strings.TrimSpace(text[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n < 1 || n > (1<<62)/unit || digits[0] == '+' {
		return 0, errors.New("want a size from 1 such as 500, 64KiB or 20MB")
	}
	return n * unit, nil
}

func parseAccept(value string) ([]string, error) {
	var types []string
	for _, t := range strings.Split(value, "|") {
		t = strings.ToLower(strings.TrimSpace(t))
		example := strings.TrimSuffix(t, "*")
		if example != t {
			example = strings.Replace(example, "*/", "any/", 1) + "any"
		}
		base, _, err := mime.ParseMediaType(example)
		if err != nil || base != example || strings.Count(base, "/") != 1 || strings.Contains(base, "*") ||
			example != t && !strings.HasSuffix(t, "/*") {
			return nil, fmt.Errorf("%q is no media type", t)
		}
		types = append(types, t)
	}
	return types, nil
}

// activeTypes can run scripts where they are shown. A range such as "image/*" does not take them.
var activeTypes = []string{
	"application/ecmascript", "application/javascript", "application/xhtml+xml", "application/xml", "application/x-shockwave-flash",
	"image/svg+xml", "text/ecmascript", "text/html", "text/javascript", "text/xml",
}

// Accepts reports whether the policy takes content of this media type; parameters do not matter.
func (p Policy) Accepts(contentType string) bool {
	if len(p.Accept) == 0 || slices.Contains(p.Accept, "*/*") {
		return true
	}
	base, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	active := slices.Contains(activeTypes, base)
	for _, t := range p.Accept {
		prefix, isRange := strings.CutSuffix(t, "*")
		if t == base || isRange && !active && strings.HasPrefix(base, prefix) {
			return true
		}
	}
	return false
}

// CheckSize returns dossier.ErrTooLarge or dossier.ErrShortSource for a size outside the policy.
func (p Policy) CheckSize(size int64) error {
	if p.Max > 0 && size > p.Max {
		return fmt.Errorf("%w: %d bytes, at most %d are accepted", dossier.ErrTooLarge, size, p.Max)
	}
	if size >= 0 && size < p.Min {
		return fmt.Errorf("%w: %d bytes, at least %d are needed", dossier.ErrShortSource, size, p.Min)
	}
	return nil
}

// CheckType returns dossier.ErrType for a type that the policy does not accept.
func (p Policy) CheckType(contentType string) error {
	if !p.Accepts(contentType) {
		return fmt.Errorf("%w: the bytes are %s; accepted: %s", dossier.ErrType, contentType, strings.Join(p.Accept, ", "))
	}
	return nil
}
