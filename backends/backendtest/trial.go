package backendtest

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"maps"
	"testing"

	"github.com/dossier-go/dossier"
)

// trial is one run of a case: a test with the backend under test and what cases do with it all the time.
type trial struct {
	*testing.T
	ctx     context.Context //nolint:containedctx // lives as long as the test
	backend dossier.Backend // under test, perhaps wrapped
	raw     dossier.Backend // what the harness made
	variant variant         // what stands between the two
	harness Harness
	proxy   *Proxy // before the backend; nil but in network cases
	closed  bool   // the case closed the backend

	rounds   int                        // attempts of a network case
	versions map[string]dossier.Version // of the objects that it prepared
}

// another is the same trial over a store of its own.
func (t *trial) another() *trial { return t.over(t.harness.New(t.T)) }

// reopened is the same trial with a second backend over the same objects.
func (t *trial) reopened() *trial { return t.over(t.harness.Reopen(t.T, t.raw)) }

func (t *trial) over(raw dossier.Backend) *trial {
	other := *t
	other.raw, other.backend = raw, t.variant.wrap(t.T, raw)
	return &other
}

func (t *trial) can(c dossier.Capabilities) bool { return t.backend.Describe().Capabilities.Has(c) }

// put stores content and returns its Info.
func (t *trial) put(key, content string) dossier.Info {
	t.Helper()
	return t.putWith(key, content, dossier.PutOptions{})
}

func (t *trial) putWith(key, content string, opts dossier.PutOptions) dossier.Info {
	t.Helper()
	info, err := t.backend.Put(t.ctx, key, dossier.BytesSource([]byte(content)), opts)
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return info
}

// read returns the content of an object.
func (t *trial) read(key string) string {
	t.Helper()
	content, err := dossier.ReadAll(t.ctx, t.backend, key, 0)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return string(content)
}

func (t *trial) stat(key string) dossier.Info {
	t.Helper()
	info, err := t.backend.Stat(t.ctx, key)
	if err != nil {
		t.Fatalf("stat %q: %v", key, err)
	}
	return info
}

// wants fails unless err is of a kind; nil means success.
func (t *trial) wants(what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v; want an error that Is %v", what, err, kind)
	}
}

// succeeds fails if there is an error.
func (t *trial) succeeds(what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// unchanged fails unless the object is the one that before describes, with this content.
func (t *trial) unchanged(before dossier.Info, content string) {
	t.Helper()
	if now := t.stat(before.Key); t.difference(before, now) != "" {
		t.Errorf("%q was changed: %s", before.Key, t.difference(before, now))
	}
	if now := t.read(before.Key); now != content {
		t.Errorf("%q has other content: %s", before.Key, brief(now))
	}
}

// absent fails if there is an object.
func (t *trial) absent(key string) {
	t.Helper()
	_, err := t.backend.Stat(t.ctx, key)
	t.wants("stat of the missing "+brief(key), err, dossier.ErrNotExist)
	object, err := t.backend.Get(t.ctx, key, dossier.GetOptions{})
	t.wants("get of the missing "+brief(key), err, dossier.ErrNotExist)
	if err == nil {
		object.Close()
	}
}

// holds fails unless the object has this content.
func (t *trial) holds(key, content string) {
	t.Helper()
	if now := t.read(key); now != content {
		t.Errorf("%q is %s, want %s", key, brief(now), brief(content))
	}
}

// entries lists the store.
func (t *trial) entries(opts dossier.ListOptions) []dossier.Info {
	t.Helper()
	var all []dossier.Info
	for info, err := range dossier.List(t.ctx, t.backend, opts) {
		if err != nil {
			t.Fatalf("list %+v: %v", opts, err)
		}
		all = append(all, info)
	}
	return all
}

// keys lists the keys of the store.
func (t *trial) keys() []string {
	t.Helper()
	var keys []string
	for _, info := range t.entries(dossier.ListOptions{}) {
		keys = append(keys, info.Key)
	}
	return keys
}

// remote reports whether the store has limits on requests: then it is a service that does what its protocol has words
// for and no more. The other stores keep the contract to the letter.
func (t *trial) remote() bool {
	limits := t.backend.Describe().Limits
	return limits.MaxPut > 0 || limits.MaxPart > 0
}

// difference names the fields in which two descriptions of one version differ.
func (t *trial) difference(a, b dossier.Info) string {
	text := ""
	for _, field := range []struct {
		name  string
		equal bool
	}{
		{"Key", a.Key == b.Key}, {"Size", a.Size == b.Size}, {"Version", a.Version == b.Version}, {"ETag", a.ETag == b.ETag},
		{"ModTime", a.ModTime.Sub(b.ModTime).Abs() <= t.harness.Protocol.ModTime}, {"Header", a.Header == b.Header}, {"PutID", a.PutID == b.PutID},
		{"Metadata", maps.Equal(a.Metadata, b.Metadata)}, {"Checksums", equalSums(a.Checksums, b.Checksums)},
		{"IsPrefix", a.IsPrefix == b.IsPrefix},
	} {
		if !field.equal {
			text += field.name + " "
		}
	}
	return text
}

func equalSums(a, b dossier.Checksums) bool {
	return bytes.Equal(a.CRC32C, b.CRC32C) && bytes.Equal(a.CRC64NVME, b.CRC64NVME) &&
		bytes.Equal(a.SHA256, b.SHA256) && bytes.Equal(a.MD5, b.MD5)
}

func crc32c(content string) []byte {
	sum := crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli))
	return []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
}

// readAll reads an object and closes it.
func readAll(object *dossier.Object) (content []byte, err error) {
	defer func() { err = errors.Join(err, object.Close()) }()
	return io.ReadAll(object)
}
