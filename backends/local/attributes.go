package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dossier-go/dossier"
)

// attributes are what is kept with the bytes of an object, as JSON in one extended attribute. Fields may be added;
// a reader that does not know one ignores it.
type attributes struct {
	ID       string            `json:"id"` // the version
	CRC32C   []byte            `json:"crc32c,omitempty"`
	Header   header            `json:"header,omitzero"`
	Metadata map[string]string `json:"metadata,omitempty"`
	PutID    string            `json:"put,omitempty"` // empty: the id
}

// header is dossier.Header with short names.
type header struct {
	ContentType        string `json:"type,omitempty"`
	ContentDisposition string `json:"disposition,omitempty"`
	ContentEncoding    string `json:"encoding,omitempty"`
	ContentLanguage    string `json:"language,omitempty"`
	CacheControl       string `json:"cache,omitempty"`
}

// encode returns the attribute's value.
func (a attributes) encode() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// keeps returns an error for a header and metadata that the file system cannot keep.
func (b *Backend) keeps(h dossier.Header, metadata map[string]string, putID string) error {
	if b.facts.attributes == 0 {
		if h != (dossier.Header{}) || len(metadata) > 0 {
			return fmt.Errorf("%w: header and metadata are not kept in this folder, which has no extended attributes",
				errors.ErrUnsupported)
		}
		return nil
	}
	sample := attributes{ID: sampleID, CRC32C: make([]byte, 4), Header: header(h), Metadata: metadata, PutID: putID}
	text, err := sample.encode()
	if err != nil {
		return err
	}
	if len(text) > b.facts.attributes {
		return fmt.Errorf("%w: header and metadata need %d bytes; the file system keeps %d with an object",
			dossier.ErrInvalid, len(text), b.facts.attributes)
	}
	return nil
}

// sampleID is as long as every id.
const sampleID = "00000000000000000000000000"

// attach puts the attributes on the open file, where attributes are kept.
func (b *Backend) attach(operation string, file *os.File, a attributes) error {
	if b.facts.attributes == 0 {
		return nil
	}
	value, err := a.encode()
	if err != nil {
		return err
	}
	return b.step(operation, "attributes", func() error { return setAttribute(file, value) })
}

// attributesOf reads the attributes of the open file; a file from elsewhere has none.
func (b *Backend) attributesOf(file *os.File) (a attributes, err error) {
	if b.facts.attributes == 0 {
		return attributes{}, nil
	}
	value, err := getAttribute(file)
	if err != nil || value == nil {
		return attributes{}, storeError(err)
	}
	if err := json.Unmarshal(value, &a); err != nil || !a.sound() {
		return attributes{}, fmt.Errorf("%w: the attribute user.dossier of %s is damaged; write the object again",
			dossier.ErrInvalid, file.Name())
	}
	return a, nil
}

func (a attributes) sound() bool {
	return identityPattern.MatchString(a.ID) && (a.CRC32C == nil || len(a.CRC32C) == 4)
}

// inform puts together what is known of an object.
func (a attributes) inform(key string, info fs.FileInfo) dossier.Info {
	version := dossier.Version(a.ID)
	if version == "" {
		version = versionOf(info)
	}
	putID := a.PutID
	if putID == "" {
		putID = a.ID
	}
	return dossier.Info{
		Key: key, Size: info.Size(), Version: version, ETag: `"` + string(version) + `"`, ModTime: info.ModTime().UTC(),
		Header: dossier.Header(a.Header), Metadata: a.Metadata, PutID: putID,
		Checksums: dossier.Checksums{CRC32C: a.CRC32C},
	}
}
