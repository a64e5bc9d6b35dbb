package dossier

import (
	"fmt"
	"strings"
)

// Limits of tags, which S3 and Azure have alike.
const (
	maxTags     = 10
	maxTagName  = 128
	maxTagValue = 256
)

// checkPlacement checks class, tags and access control list: what a store is told about an object beside its content.
func checkPlacement(opts PutOptions) error {
	for _, name := range [][2]string{{"class", opts.Class}, {"access control list", opts.ACL}} {
		if len(name[1]) > 64 || strings.ContainsFunc(name[1], notOfPlacement) {
			return fmt.Errorf("%w: %s %q; it takes letters, digits, \"-\" and \"_\"", ErrInvalid, name[0], name[1])
		}
	}
	if len(opts.Tags) > maxTags {
		return fmt.Errorf("%w: %d tags; at most %d", ErrInvalid, len(opts.Tags), maxTags)
	}
	for name, value := range opts.Tags {
		if name == "" || len(name) > maxTagName || len(value) > maxTagValue ||
			strings.ContainsFunc(name+value, notOfTag) {
			return fmt.Errorf("%w: tag %q=%q; names have 1 to %d, values up to %d letters, digits, spaces and \"+-=._:/@\"",
				ErrInvalid, name, value, maxTagName, maxTagValue)
		}
	}
	return nil
}

func notOfPlacement(r rune) bool { return !plainLetter(r) && r != '-' && r != '_' }

func notOfTag(r rune) bool { return !plainLetter(r) && !strings.ContainsRune(" +-=._:/@", r) }

func plainLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
