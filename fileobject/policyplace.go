package fileobject

import (
	"errors"
	"strings"

	"github.com/dossier-go/dossier"
)

// place reads the options that only some stores know; a store that does not refuses the upload with
// errors.ErrUnsupported.
func (p *Policy) place(name, value string) (err error) {
	if value == "" {
		return errors.New("want a value")
	}
	switch name {
	case "class":
		p.Class = value
	case "acl":
		p.ACL = value
	case "tags":
		p.Tags, err = parseTags(value)
	}
	if err != nil {
		return err
	}
	return dossier.CheckPutOptions(dossier.PutOptions{Class: p.Class, ACL: p.ACL, Tags: p.Tags})
}

// placed reports whether the store is asked for more than to keep the file; a copy inside a store cannot ask.
func (p Policy) placed() bool { return p.Class != "" || p.ACL != "" || len(p.Tags) > 0 }

func parseTags(value string) (map[string]string, error) {
	tags := map[string]string{}
	for _, pair := range strings.Split(value, "|") {
		name, text, ok := strings.Cut(pair, "=")
		if _, again := tags[name]; !ok || again {
			return nil, errors.New("want different tags such as team=legal|year=2026")
		}
		tags[name] = text
	}
	return tags, nil
}
