package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dossier-go/dossier"
)

// Files in the folder of an upload, beside temporary ones.
const (
	recordName = "upload" // what CreateUpload was called with; as long as it is there, there is the upload
	partPrefix = "part-"
)

// record is what CreateUpload was called with.
type record struct {
	Key      string            `json:"key"`
	If       dossier.Condition `json:"if,omitzero"`
	MaxSize  int64             `json:"max,omitempty"`
	Expect   dossier.Checksums `json:"expect,omitzero"`
	Header   header            `json:"header,omitzero"`
	Metadata map[string]string `json:"metadata,omitempty"`
	PutID    string            `json:"put,omitempty"`
}

func (r record) options() dossier.PutOptions {
	return dossier.PutOptions{
		If: r.If, MaxSize: r.MaxSize, Expect: r.Expect,
		Header: dossier.Header(r.Header), Metadata: r.Metadata, PutID: r.PutID,
	}
}

// upload is an open upload.
type upload struct {
	record
	folder string
	file   *os.File // the record; its lock keeps parts from being added while the upload ends
}

// close gives the lock back.
func (u *upload) close() { _ = u.file.Close() }

func uploadPath(id string) string { return uploadFolder + "/" + id }

func partName(number int) string { return fmt.Sprintf("%s%05d", partPrefix, number) }

func partPath(folder string, number int) string { return folder + "/" + partName(number) }

// openUpload opens an upload; one that is unknown, or of another key, does not exist.
func (b *Backend) openUpload(want dossier.Upload) (*upload, error) {
	if !identityPattern.MatchString(want.ID) {
		return nil, b.noUpload(want)
	}
	u := &upload{folder: uploadPath(want.ID)}
	var err error
	u.file, err = b.root.OpenFile(u.folder+"/"+recordName, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) {
		return nil, b.noUpload(want)
	}
	if err != nil {
		return nil, storeError(err)
	}
	if err = u.read(); err == nil && u.Key == want.Key {
		return u, nil
	}
	u.close()
	if err == nil || errors.Is(err, errAbsent) {
		return nil, b.noUpload(want)
	}
	return nil, err
}

// lockUpload opens an upload and waits for its lock.
func (b *Backend) lockUpload(ctx context.Context, want dossier.Upload) (*upload, error) {
	u, err := b.openUpload(want)
	if err != nil {
		return nil, err
	}
	err = waitLock(ctx, u.file)
	if err == nil {
		err = u.exists()
	}
	if err == nil {
		return u, nil
	}
	u.close()
	if errors.Is(err, errAbsent) {
		return nil, b.noUpload(want)
	}
	return nil, err
}

// exists returns errAbsent if the upload ended since it was opened.
func (u *upload) exists() error {
	stat, err := u.file.Stat()
	if err == nil && linkCount(stat) == 0 {
		return errAbsent
	}
	return storeError(err)
}

func (u *upload) read() error {
	if err := u.exists(); err != nil {
		return err
	}
	if err := json.NewDecoder(u.file).Decode(&u.record); err != nil {
		return fmt.Errorf("%w: %s is damaged; abort the upload by Reclaim: %w", dossier.ErrInvalid, u.file.Name(), err)
	}
	return nil
}

// noUpload says that there is no such upload, unless the whole store is gone.
func (b *Backend) noUpload(want dossier.Upload) error {
	err := b.missing()
	if errors.Is(err, dossier.ErrNotExist) {
		return fmt.Errorf("%w: there is no upload %q of this key", dossier.ErrNotExist, want.ID)
	}
	return err
}

// newUpload makes the folder of an upload and its record; errAbsent if Reclaim took the folder before the record was
// in it.
func (b *Backend) newUpload(id string, r record) (err error) {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	folder := uploadPath(id)
	err = b.step("upload", "mkdir", func() error { return b.root.Mkdir(folder, b.cfg.DirMode) })
	if err != nil {
		return absentOr(err)
	}
	t, err := b.newTemp("upload", folder)
	if err != nil {
		return errors.Join(err, ignoreAbsent(b.root.Remove(folder)))
	}
	defer func() {
		if err = t.finish(err); err != nil && !t.gone {
			err = errors.Join(err, ignoreAbsent(b.root.Remove(folder)))
		}
	}()
	if err := t.write(func() error { return t.fill(content) }); err != nil {
		return err
	}
	if err := b.sync("upload", t.file); err != nil {
		return storeError(err)
	}
	if err := t.rename(folder + "/" + recordName); err != nil {
		return absentOr(err)
	}
	return b.syncNames("upload", folder+"/"+recordName, folder)
}

// dropUpload removes an upload: the record first, with which it ceases to exist, then all that is left of it.
func (b *Backend) dropUpload(operation, folder string) error {
	err := b.step(operation, "remove", func() error { return b.root.Remove(folder + "/" + recordName) })
	if err != nil {
		return ignoreAbsent(err)
	}
	return storeError(b.root.RemoveAll(folder))
}
