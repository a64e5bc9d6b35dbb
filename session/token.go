package session

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun"
)

// uploadPurpose keeps the tokens of direct uploads apart from whatever else a Signer signs.
const uploadPurpose = "dossier upload 1"

// uploadClaim is what the token of a direct upload says.
type uploadClaim struct {
	Subject   string              `json:"s"`
	Table     string              `json:"t"`
	Field     string              `json:"f"`
	ID        string              `json:"i"` // of the journal's row
	Backend   string              `json:"b"`
	Store     string              `json:"o"`
	Key       string              `json:"k"`
	Filename  string              `json:"n"`
	Size      int64               `json:"z,omitempty"`
	Checksum  string              `json:"c,omitempty"`
	Bound     fileobject.Bindings `json:"d"`
	OpenUntil int64               `json:"u"` // when no upload can be under way any more, in Unix seconds
}

func (c uploadClaim) token(signer *dossier.Signer, notAfter time.Time) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return signer.SignToken(uploadPurpose, payload, notAfter)
}

// FromToken makes a pending file of the token of a direct upload, for the subject and the column that it was made for.
// Nothing is asked of store or database before the file is written into a row of that column, with Insert, Update,
// AppendFiles or Stage. Then the uploaded object is examined like any other upload: its size, its type by its first bytes and its
// checksum, against the column's policy and what was declared. It is adopted in the transaction. Where the store could not
// make the upload create-only, or keeps a type that the bytes do not have, the examined version is copied inside the store to a
// fresh key first, so that a later upload by the URL's holder cannot change what the row has.
//
// A token is used once, whichever process redeems it: after that its file is dossier.ErrConflict, as after its end. A unit of
// work that is rolled back leaves the object, and the token can be used again, so that a form can be sent again. Errors
// here: dossier.ErrBadSignature (not our token, or for another subject, column or store), ErrExpired. When it is written:
// ErrNotExist (nothing was uploaded), ErrTooLarge, ErrShortSource, ErrType, ErrChecksum, ErrConflict.
func (m *Manager) FromToken(ctx context.Context, token, subject string, model any, field string) (*fileobject.FileObject, error) {
	if err := m.live("file from token"); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("file from token: %w", err)
	}
	claim, err := m.readToken(token, subject, model, field)
	if err != nil {
		return nil, fmt.Errorf("file from token: %w", err)
	}
	return fileobject.FromUploaded(claim.Filename, fileobject.Uploaded{
		Reference: fileobject.Reference{Backend: claim.Backend, Key: claim.Key},
		Size:      claim.Size, Checksum: claim.Checksum, Bound: claim.Bound, Claim: claim,
	}, fileobject.Options{}), nil
}

func (m *Manager) readToken(token, subject string, model any, field string) (*uploadClaim, error) {
	if m.opts.Signer == nil {
		return nil, fmt.Errorf("%w: the manager has no Options.Signer for tokens", dossier.ErrInvalid)
	}
	table, column, err := m.column(model, field)
	if err != nil {
		return nil, err
	}
	payload, _, err := m.opts.Signer.VerifyToken(uploadPurpose, token)
	if err != nil {
		return nil, err
	}
	claim := &uploadClaim{}
	if err := json.Unmarshal(payload, claim); err != nil {
		return nil, fmt.Errorf("%w: a token of another version", dossier.ErrBadSignature)
	}
	switch {
	case subject == "" || subtle.ConstantTimeCompare([]byte(claim.Subject), []byte(subject)) != 1:
		return nil, fmt.Errorf("%w: the token was made for another subject", dossier.ErrBadSignature)
	case claim.Table != table || claim.Field != column:
		return nil, fmt.Errorf("%w: the token was made for another column than %s.%s", dossier.ErrBadSignature, table, column)
	}
	return claim, nil
}

// directUpload returns the claim of a file that came by FromToken, or nil.
func directUpload(f *fileobject.FileObject) *uploadClaim {
	uploaded, _ := f.Uploaded()
	claim, _ := uploaded.Claim.(*uploadClaim)
	return claim
}

// checkDirect refuses a direct upload, before its object is read, that is for another column or store, or that was used.
func (s *Session) checkDirect(ctx context.Context, w wanted, batch []*stagedFile) error {
	claim := directUpload(w.file)
	if claim == nil {
		return nil
	}
	if claim.Table+"."+claim.Field != w.column() {
		return fmt.Errorf("%w: the file was uploaded for %s.%s", dossier.ErrConflict, claim.Table, claim.Field)
	}
	store, err := s.m.storeOf(fileobject.Reference{Backend: claim.Backend})
	if err != nil {
		return err
	}
	if store != claim.Store {
		return fmt.Errorf("%w: it was uploaded to another store than the one that is registered as %q now", dossier.ErrConflict, claim.Backend)
	}
	for _, staged := range s.staged {
		batch = append(batch, staged)
	}
	for _, staged := range batch {
		if staged.direct != nil && staged.direct.ID == claim.ID {
			return fmt.Errorf("%w: the uploaded file is used twice in this unit of work", dossier.ErrConflict)
		}
	}
	return s.checkAnnounced(ctx, claim)
}

// checkAnnounced looks whether the token was used already; that it was not is decided when it is adopted.
func (s *Session) checkAnnounced(ctx context.Context, claim *uploadClaim) error {
	var conn bun.IConn = s.m.opts.Journal
	if s.tx != nil {
		conn = s.tx.conn
	}
	_, ok, err := s.m.journal.Announced(ctx, conn, claim.ID)
	if s.tx != nil {
		err = s.watch(err)
	}
	if err == nil && !ok {
		err = fmt.Errorf("%w: the uploaded file was used already, or given up", dossier.ErrConflict)
	}
	return err
}

// adoption is what the journal is to do when a row takes the file.
func (c *uploadClaim) adoption(inPlace bool) journal.Direct {
	return journal.Direct{
		ID: c.ID, Guard: journal.NewID(), Backend: c.Backend, Store: c.Store, Key: c.Key,
		OpenFor: time.Until(time.Unix(c.OpenUntil, 0)), Discard: !inPlace,
	}
}

// adoptDirect settles the intents of direct uploads that rows take in this transaction.
func (s *Session) adoptDirect(ctx context.Context, uploads []*stagedFile) error {
	top := s.top()
	for _, staged := range uploads {
		if staged.direct == nil {
			continue
		}
		adoption := staged.direct.adoption(staged.transfer.InPlace())
		if err := s.watch(s.m.journal.AdoptDirect(ctx, s.tx.conn, adoption)); err != nil {
			return err
		}
		if adoption.OpenFor > 0 {
			top.orders = append(top.orders, adoption.Guard)
		}
		if adoption.Discard {
			s.unused = append(s.unused, adoption.ID)
		}
	}
	return nil
}

// takeUploaded stages direct uploads that stay where they are; their intents are there already.
func (s *Session) takeUploaded(ctx context.Context, batch []*stagedFile) (rest []*stagedFile, err error) {
	var here []*stagedFile
	for _, staged := range batch {
		if staged.transfer.InPlace() {
			here = append(here, staged)
			continue
		}
		rest = append(rest, staged)
	}
	if len(here) == 0 {
		return rest, nil
	}
	return rest, s.put(ctx, here, func(*stagedFile) func(string) error { return nil })
}

// releaseDirect gives direct uploads back before another attempt, which may make another handle of the same token. What was
// copied is copied again: the client's object is there still.
func (s *Session) releaseDirect(ctx context.Context) error {
	var ids []string
	for ref, staged := range s.staged {
		if staged.direct == nil {
			continue
		}
		if staged.id != "" {
			ids = append(ids, staged.id)
		}
		staged.transfer.Release()
		delete(s.staged, ref)
	}
	if len(ids) == 0 {
		return nil
	}
	s.keeper.stop() // it must not take what is given up for lost
	s.keeper.remove(ids...)
	return s.m.journal.Release(ctx, s.m.opts.Registry, ids...)
}
