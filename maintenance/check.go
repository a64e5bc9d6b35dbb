package maintenance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// file is one file of one row, with what the journal says about its object.
type file struct {
	id       int64
	column   int // -1: an object, of no row
	row      string
	store    string
	record   dossier.Record
	problem  string // why it could not be decoded
	journal  string // state, or ""
	findings []Finding
}

// check compares a file with its object. It does no SQL, so many run at the same time.
func (a *audit) check(ctx context.Context, f *file) {
	r := f.record
	b, registered := a.objects[r.Backend]
	switch keyProblem := dossier.CheckKey(r.Key); {
	case f.problem != "":
		a.note(f, Malformed, f.problem)
		return
	case keyProblem != nil:
		a.note(f, Malformed, keyProblem.Error())
		return
	case !registered:
		a.note(f, UnknownBackend, fmt.Sprintf("the backend %q is not registered", r.Backend))
		return
	case f.journal != "" && f.journal != "side file":
		a.note(f, Doomed, "the journal has the object as "+f.journal+", so a sweep deletes it")
	}
	info, err := b.Stat(ctx, r.Key)
	switch {
	case errors.Is(err, dossier.ErrNotExist):
		a.note(f, Missing, "")
	case err != nil:
		a.note(f, Unreadable, err.Error())
	default:
		a.compare(ctx, f, info)
	}
}

// compare looks for differences between the row and what the store says, or, with Verify, what the bytes say.
func (a *audit) compare(ctx context.Context, f *file, info dossier.Info) {
	r := f.record
	if r.Size >= 0 && info.Size != r.Size {
		a.note(f, WrongSize, fmt.Sprintf("%d bytes, the row says %d", info.Size, r.Size))
	}
	if has := checksumLike(r.Checksum, info.Checksums); has != "" && !strings.EqualFold(has, r.Checksum) {
		a.note(f, WrongChecksum, has+", the row says "+r.Checksum)
	}
	if has := info.Header.ContentType; has != "" && r.ContentType != "" && !sameType(has, r.ContentType) {
		a.note(f, WrongType, has+", the row says "+r.ContentType)
	}
	if a.opts.Verify && len(f.findings) == 0 {
		a.verify(ctx, f)
	}
}

// verify reads the bytes.
func (a *audit) verify(ctx context.Context, f *file) {
	handle := (&fileobject.FileObject{Record: f.record}).Bind(a.opts.Registry)
	switch err := handle.Verify(ctx); {
	case err == nil:
	case errors.Is(err, dossier.ErrChecksum):
		a.note(f, WrongChecksum, err.Error())
	case errors.Is(err, dossier.ErrNotExist):
		a.note(f, Missing, "")
	case errors.Is(err, dossier.ErrInvalid):
		a.note(f, Malformed, err.Error())
	default:
		a.note(f, Unreadable, err.Error())
	}
}

func (a *audit) note(f *file, kind Kind, detail string) {
	column := a.sources[f.column]
	f.findings = append(f.findings, Finding{
		Kind: kind, Table: column.Table, Column: column.Column.Column, Row: f.row,
		Backend: f.record.Backend, Key: f.record.Key, Detail: detail,
	})
}

// checksumLike returns the store's checksum of the row's algorithm, or "" where the store keeps none.
func checksumLike(recorded string, sums dossier.Checksums) string {
	algorithm, _, _ := strings.Cut(recorded, ":")
	known := map[string][]byte{"crc32c": sums.CRC32C, "sha256": sums.SHA256}[algorithm]
	if len(known) == 0 {
		return ""
	}
	return algorithm + ":" + hex.EncodeToString(known)
}

// sameType compares media types as RFC 9110, section 8.3.1, does: case and spelling of parameters do not matter.
func sameType(a, b string) bool { return normalType(a) == normalType(b) }

func normalType(text string) string {
	base, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		return text
	}
	if charset, ok := parameters["charset"]; ok {
		parameters["charset"] = strings.ToLower(charset)
	}
	return mime.FormatMediaType(base, parameters)
}
