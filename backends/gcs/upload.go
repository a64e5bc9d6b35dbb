package gcs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/dossier-go/dossier"
)

// A multipart upload is an object with its options at uploadsPrefix and its id; its parts are objects at partsPrefix, its id
// and their numbers. What is joined of many parts on the way lies beside them.
const (
	uploadsPrefix = dossier.ReservedSegment + "/uploads/"
	partsPrefix   = dossier.ReservedSegment + "/parts/"
	uploadKeyName = "dossier_key"        // metadata of the object with the options: the key of the upload
	completeName  = "dossier_completing" // the same: the upload is being completed
)

// claimLife is how long a CompleteUpload may take until another one may take its place, because it must have died.
const claimLife = 15 * time.Minute

// uploadID is what rand.Text makes.
var uploadID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func validUpload(id string) bool { return uploadID.MatchString(id) }

func noUpload(id string) error {
	return fmt.Errorf("%w: there is no upload %.40q of this key", dossier.ErrNotExist, id)
}

// options of an upload, as they are stored.
type options struct {
	Key        string
	If         dossier.Condition
	MaxSize    int64
	Expect     dossier.Checksums
	Header     dossier.Header
	Metadata   map[string]string
	Class, ACL string
	PutID      string
	// Completing says that a CompleteUpload is going on; no other one may begin then.
	Completing bool
}

// upload is an unfinished upload as it was found.
type upload struct {
	id string
	options
	generation int64 // of the object with the options
	changed    time.Time
}

// putOptions are those that the completed object has.
func (u *upload) putOptions() dossier.PutOptions {
	return dossier.PutOptions{
		If: u.If, MaxSize: u.MaxSize, Expect: u.Expect, Header: u.Header, Metadata: u.Metadata,
		Class: u.Class, ACL: u.ACL, PutID: u.PutID,
	}
}

// CreateUpload implements [dossier.MultipartBackend]. The parts are objects of their own until the upload is completed,
// and cost what objects cost. opts.OnUploadID and opts.Progress are not called: the id is returned.
func (b *Backend) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	set := b.capabilities()
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), set.CheckPut(opts), b.checkMultipart())
	if err != nil {
		return dossier.Upload{}, fail("create upload", key, err)
	}
	u := &upload{id: rand.Text(), options: options{
		Key: key, If: opts.If, MaxSize: opts.MaxSize, Expect: opts.Expect, Header: opts.Header, Metadata: opts.Metadata,
		Class: opts.Class, ACL: opts.ACL, PutID: orElse(opts.PutID, rand.Text()),
	}}
	if err := b.save(ctx, u, dossier.Condition{IfAbsent: true}); err != nil {
		return dossier.Upload{}, fail("create upload", key, err)
	}
	return dossier.Upload{Key: key, ID: u.id}, nil
}

func (b *Backend) checkMultipart() error {
	if !b.capabilities().Has(dossier.Multipart) {
		return fmt.Errorf("%w: multipart uploads are switched off", errors.ErrUnsupported)
	}
	return nil
}

// save stores the options of an upload if the stored ones meet the condition.
func (b *Backend) save(ctx context.Context, u *upload, cond dossier.Condition) error {
	text, err := json.Marshal(u.options)
	if err != nil {
		return err
	}
	w, err := b.newWrite(uploadsPrefix+u.id, dossier.PutOptions{If: cond})
	if err != nil {
		return err
	}
	w.attrs.Metadata[uploadKeyName] = u.Key
	if u.Completing {
		w.attrs.Metadata[completeName] = "true"
	}
	w.attrs.StorageClass, w.attrs.PredefinedACL = "", ""
	attrs, err := b.sendWhole(ctx, w, text)
	if err != nil {
		return err
	}
	u.generation = attrs.Generation
	return nil
}

// load finds an unfinished upload; one of another key does not exist.
func (b *Backend) load(ctx context.Context, up dossier.Upload) (*upload, error) {
	if !validUpload(up.ID) {
		return nil, noUpload(up.ID)
	}
	g := newGuard(ctx, b.cfg.StallTimeout)
	defer g.end()
	u := &upload{id: up.ID}
	err := g.during(func() (err error) {
		reader, err := b.object(uploadsPrefix + up.ID).NewReader(g.ctx)
		if err != nil {
			return err
		}
		u.generation, u.changed = reader.Attrs.Generation, reader.Attrs.LastModified
		text, err := io.ReadAll(reader)
		return errors.Join(err, reader.Close(), decode(text, &u.options, err))
	})
	switch {
	case missing(err):
		return nil, errors.Join(noUpload(up.ID), b.absent(ctx, err))
	case err != nil:
		return nil, g.explain(err)
	case u.Key != up.Key:
		return nil, noUpload(up.ID)
	}
	return u, nil
}

// decode reads stored options, unless they could not be read in full.
func decode(text []byte, to *options, earlier error) error {
	if earlier != nil {
		return nil
	}
	return json.Unmarshal(text, to)
}
