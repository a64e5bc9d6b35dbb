package gcsfront_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"testing"

	"cloud.google.com/go/storage"
)

// full has every header field, and metadata.
func full() storage.ObjectAttrs {
	return storage.ObjectAttrs{
		ContentType: "text/full", ContentEncoding: "identity", ContentDisposition: "attachment", ContentLanguage: "de",
		CacheControl: "no-store", Metadata: map[string]string{"full": "1", "more": "2"},
	}
}

// store writes an object with attributes.
func (s *service) store(object, content string, attributes storage.ObjectAttrs) *storage.ObjectAttrs {
	s.t.Helper()
	w := s.client().Object(object).NewWriter(s.t.Context())
	attributes.Name = object
	w.ObjectAttrs = attributes
	if _, err := io.WriteString(w, content); err != nil {
		s.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	return w.Attrs()
}

// holds checks content, header and metadata of an object, and that an answer about it told the same version.
func (s *service) holds(what string, told *storage.ObjectAttrs, object, content string, want storage.ObjectAttrs) {
	s.t.Helper()
	got, err := s.client().Object(object).Attrs(s.t.Context())
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
	if got.ContentType != want.ContentType || got.ContentEncoding != want.ContentEncoding || got.CacheControl != want.CacheControl ||
		got.ContentDisposition != want.ContentDisposition || got.ContentLanguage != want.ContentLanguage ||
		!maps.Equal(got.Metadata, want.Metadata) {
		s.t.Errorf("%s: %+v; want %+v", what, got, want)
	}
	if told.Generation != got.Generation || told.CRC32C != got.CRC32C || told.Size != int64(len(content)) || told.Metageneration != 1 {
		s.t.Errorf("%s: the answer tells of %+v; there is %+v", what, told, got)
	}
	if found := s.content(object); found != content {
		s.t.Errorf("%s: it holds %q, not %q", what, found, content)
	}
}

// A copy that brings attributes has those alone: the service does not mix them with those of the source, or of what was
// there, so a backend that forgets one must be seen. Without any, it has those of the source.
func TestCopyHasTheAttributesOfTheRequest(t *testing.T) {
	t.Parallel()
	s := newService(t)
	before := s.store("a", "content", full())
	for _, object := range []string{"new", "old", "a"} {
		if object == "old" {
			s.store("old", "old content", full())
		}
		bare := s.client().Object(object).CopierFrom(s.client().Object("a"))
		if told, err := bare.Run(t.Context()); err != nil {
			t.Errorf("onto %s: %v", object, err)
		} else {
			s.holds("without attributes, onto "+object, told, object, "content", full())
		}
		copier := s.client().Object(object).CopierFrom(s.client().Object("a"))
		copier.ContentType, copier.Metadata = "text/new", map[string]string{"new": "1"}
		told, err := copier.Run(t.Context())
		if err != nil {
			t.Fatalf("onto %s: %v", object, err)
		}
		if told.Generation == before.Generation {
			t.Errorf("onto %s: the copy is no new version", object)
		}
		s.holds("onto "+object, told, object, "content", copier.ObjectAttrs)
	}
}

// What is stored with the encoding gzip stays packed when it is copied, and keeps its access control list if that is given.
func TestCopyKeepsTheBytes(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte("content"))
	w.Close()
	before := s.store("a", packed.String(), storage.ObjectAttrs{ContentEncoding: "gzip"})
	copier := s.client().Object("b").CopierFrom(s.client().Object("a"))
	copier.ContentEncoding, copier.ACL = "gzip", []storage.ACLRule{{Entity: storage.AllUsers, Role: storage.RoleReader}}
	after, err := copier.Run(t.Context())
	if err != nil || after.CRC32C != before.CRC32C || after.Size != before.Size {
		t.Errorf("%+v, %v; want the bytes of %+v", after, err, before)
	}
	if len(after.ACL) != 1 || after.ACL[0].Entity != storage.AllUsers {
		t.Errorf("the access control list is %+v", after.ACL)
	}
	s.want("reading what the list makes public", s.send("GET", s.origin+"/bucket/b", ""), 200, "")
}

// A composed object too has the attributes of the request alone, and the checksum that the request claims, or the object
// that was there stays.
func TestComposedObjectHasTheAttributesOfTheRequest(t *testing.T) {
	t.Parallel()
	s := newService(t)
	client := s.client()
	s.store("one", "1", full())
	s.store("two", "2", full())
	s.store("a", "old content", full())
	wrong := client.Object("a").ComposerFrom(client.Object("one"), client.Object("two"))
	wrong.SendCRC32C, wrong.CRC32C = true, 1
	if _, err := wrong.Run(t.Context()); status(err) != 400 || s.content("a") != "old content" {
		t.Errorf("with another checksum: %v; there is %q", err, s.content("a"))
	}
	for _, object := range []string{"new", "a", "one"} {
		composer := client.Object(object).ComposerFrom(client.Object("one"), client.Object("two"))
		composer.CacheControl, composer.Metadata = "no-cache", map[string]string{"new": "1"}
		told, err := composer.Run(t.Context())
		if err != nil {
			t.Fatalf("onto %s: %v", object, err)
		}
		s.holds("onto "+object, told, object, "12", composer.ObjectAttrs)
	}
	sources := make([]*storage.ObjectHandle, 33)
	for i := range sources {
		sources[i] = client.Object("two")
	}
	if _, err := client.Object("b").ComposerFrom(sources...).Run(t.Context()); err == nil {
		t.Error("33 sources were joined")
	}
}

// What is missing is 404, by the name of what it is, and nothing is stored.
func TestCopyOfNothing(t *testing.T) {
	t.Parallel()
	s := newService(t)
	client := s.client()
	old := s.write("a", "1")
	s.write("a", "2")
	for what, source := range map[string]*storage.ObjectHandle{
		"no object": client.Object("none"), "no such version": client.Object("a").Generation(old.Generation),
	} {
		_, err := client.Object("b").CopierFrom(source).Run(t.Context())
		if !errors.Is(err, storage.ErrObjectNotExist) || s.content("b") != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := client.Object("b").ComposerFrom(client.Object("none")).Run(t.Context()); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("composing nothing: %v", err)
	}
}
