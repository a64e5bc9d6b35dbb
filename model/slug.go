package model

import (
	"strings"

	gonanoid "github.com/matoous/go-nanoid/v2"

	"github.com/gosimple/slug"
)

// MaxSlug is the length of a slug, in characters.
const MaxSlug = 100

// SlugKey is an embeddable unique name of a row for URLs. The tag `slug` where it is embedded names the column that it
// is made from:
//
//	model.SlugKey `slug:"title"`
//
// The session sets an empty slug on insert: the text of the column as [Slugify] has it. If another row has that, soft-deleted
// ones included, a hyphen and random characters follow; the unique column decides, inside a savepoint, so that two
// sessions that insert the same text at once get two slugs and no error. The second waits until the first has
// committed, or not, as it would for any unique value.
//
// A slug of one's own is kept, and an error of the database if it is taken. An update leaves an empty slug as the row has
// it, and does not follow the text, because links would break; an update that names the column makes an empty one anew.
type SlugKey struct {
	// Slug is unique, at most [MaxSlug] characters. Default: made from the column that the tag names; without a tag an empty
	// one is dossier.ErrInvalid.
	Slug string `bun:"slug,notnull,unique" json:"slug" fill:"slug"`
}

// Slugify returns text as a slug: a-z, 0-9, hyphens and underscores, other letters written with these as well as
// may be ("Ärger & Łódź" is "arger-and-lodz"), at most [MaxSlug] characters, cut between words if there are several. A
// text without anything that can be kept gives "".
func Slugify(text string) string { return cutSlug(slug.Make(firstRunes(text)), MaxSlug) }

// firstRunes bounds the work for long texts: each character gives one of the slug or more, or a separator, or nothing.
func firstRunes(text string) string {
	const enough = 16 * MaxSlug
	n := 0
	for i := range text {
		if n++; n > enough {
			return text[:i]
		}
	}
	return text
}

func cutSlug(text string, most int) string {
	if len(text) <= most {
		return text
	}
	if at := strings.LastIndexByte(text[:most+1], '-'); at > most/2 {
		most = at
	}
	return strings.Trim(text[:most], "-_")
}

// SlugWithSuffix returns the slug with a hyphen and n random characters of a-z and 0-9, cut so that all of it fits into
// [MaxSlug], or the random characters alone when the slug is empty. n is 1 to 40. It panics when the system's random source
// fails.
func SlugWithSuffix(slug string, n int) string {
	suffix := gonanoid.MustGenerate("0123456789abcdefghijklmnopqrstuvwxyz", n)
	if slug == "" {
		return suffix
	}
	return cutSlug(slug, MaxSlug-1-n) + "-" + suffix
}
