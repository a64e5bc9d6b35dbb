package s3

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dossier-go/dossier"
)

// S3 keeps neither conditions nor limits with a multipart upload. Those of CreateUpload travel in the id that it returns,
// behind the server's own and a mark that no server uses; an id without any is the server's own.

// termsMark is between the two parts of an id.
const termsMark = "#"

// maxUploadID is more than the longest id of any server, in bytes.
const maxUploadID = 2048

// terms are what CompleteUpload has to see to.
type terms struct {
	IfAbsent bool            `json:"a,omitempty"`
	Match    dossier.Version `json:"m,omitempty"`
	MaxSize  int64           `json:"s,omitempty"`
	Checksum Algorithm       `json:"c,omitempty"` // of the upload, when it is not the configured one
	Expect   string          `json:"e,omitempty"` // base64, of that algorithm
}

// termsOf are the terms of an upload with these options. Only one checksum can be seen to, and only one that the server
// can make of the checksums of parts.
func (b *Backend) termsOf(opts dossier.PutOptions) (terms, error) {
	t := terms{IfAbsent: opts.If.IfAbsent, Match: opts.If.Match, MaxSize: opts.MaxSize}
	want := opts.Expect
	switch {
	case want.SHA256 != nil || want.MD5 != nil || want.CRC32C != nil && want.CRC64NVME != nil:
		return t, fmt.Errorf("%w: of an upload in parts only one checksum can be verified, CRC64NVME or CRC32C", errors.ErrUnsupported)
	case want.CRC64NVME != nil:
		t.Checksum, t.Expect = CRC64NVME, base64.StdEncoding.EncodeToString(want.CRC64NVME)
	case want.CRC32C != nil:
		t.Checksum, t.Expect = CRC32C, base64.StdEncoding.EncodeToString(want.CRC32C)
	}
	if t.Expect != "" && b.cfg.Checksum == NoChecksum {
		return t, fmt.Errorf("%w: checksums are switched off by Config.Checksum", errors.ErrUnsupported)
	}
	return t, nil
}

// uploadID puts the terms behind the server's id.
func (t terms) uploadID(server string) (string, error) {
	if t == (terms{}) {
		return server, nil
	}
	text, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return server + termsMark + base64.RawURLEncoding.EncodeToString(text), nil
}

// parseUploadID takes an id apart. What can be no id names no upload: dossier.ErrNotExist.
func (b *Backend) parseUploadID(id string) (server string, t terms, err error) {
	server, rest, marked := strings.Cut(id, termsMark)
	foreign := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`/\`, r) }
	bad := strings.Trim(server, ".") == "" || len(server) > maxUploadID || strings.ContainsFunc(server, foreign)
	if !bad && marked {
		text, err := base64.RawURLEncoding.DecodeString(rest)
		bad = err != nil || json.Unmarshal(text, &t) != nil
	}
	if bad {
		return "", terms{}, fmt.Errorf("%w: this is no id of an upload", dossier.ErrNotExist)
	}
	setDefault(&t.Checksum, b.cfg.Checksum)
	return server, t, nil
}

// expected are the fields for the checksum that the whole must have.
func (t terms) expected() sumFields {
	switch t.Checksum {
	case CRC64NVME:
		return sumFields{crc64nvme: optional(t.Expect)}
	case CRC32C:
		return sumFields{crc32c: optional(t.Expect)}
	case NoChecksum:
	}
	return sumFields{}
}
