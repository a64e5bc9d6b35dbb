package gcsfront_test

import (
	"errors"
	"testing"

	"cloud.google.com/go/storage"
)

// The emulator ignores conditions on deletes, patches, copies and composed objects; a backend that forgets to send one,
// or sends the wrong one, would pass.
func TestConditionsOnGenerations(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, client := t.Context(), s.client()
	old := s.write("a", "1")
	now := s.write("a", "2")
	if old.Generation == now.Generation {
		t.Fatal("two versions have one generation")
	}
	update := storage.ObjectAttrsToUpdate{ContentType: "text/x"}
	for _, c := range []struct {
		name string
		do   func(o *storage.ObjectHandle) error
	}{
		{"patch", func(o *storage.ObjectHandle) error { _, err := o.Update(ctx, update); return err }},
		{"copy", func(o *storage.ObjectHandle) error { _, err := o.CopierFrom(client.Object("a")).Run(ctx); return err }},
		{"compose", func(o *storage.ObjectHandle) error { _, err := o.ComposerFrom(client.Object("a")).Run(ctx); return err }},
		{"write", func(o *storage.ObjectHandle) error { return o.NewWriter(ctx).Close() }},
		{"delete", func(o *storage.ObjectHandle) error { return o.Delete(ctx) }},
	} {
		stale := storage.Conditions{GenerationMatch: old.Generation}
		if err := c.do(client.Object("a").If(stale)); status(err) != 412 {
			t.Errorf("%s of a stale version: %v", c.name, err)
		}
		live, err := client.Object("a").Attrs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if c.name != "delete" {
			if err := c.do(client.Object("a").If(storage.Conditions{DoesNotExist: true})); status(err) != 412 {
				t.Errorf("%s of what must not exist: %v", c.name, err)
			}
		}
		if err := c.do(client.Object("a").If(storage.Conditions{GenerationMatch: live.Generation})); err != nil {
			t.Errorf("%s of the live version: %v", c.name, err)
		}
	}
	if err := client.Object("a").If(storage.Conditions{GenerationMatch: 1}).Delete(ctx); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("deleting what is not there: %v", err)
	}
}

// A copy, and each part of a composed object, can be bound to a version of its source.
func TestConditionsOnSources(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, client := t.Context(), s.client()
	old := s.write("a", "1")
	now := s.write("a", "2")
	from := func(generation int64) *storage.ObjectHandle {
		return client.Object("a").If(storage.Conditions{GenerationMatch: generation})
	}
	if _, err := client.Object("b").CopierFrom(from(old.Generation)).Run(ctx); status(err) != 412 {
		t.Errorf("copying a stale source: %v", err)
	}
	if _, err := client.Object("b").ComposerFrom(from(old.Generation)).Run(ctx); status(err) != 412 {
		t.Errorf("composing a stale source: %v", err)
	}
	if _, err := client.Object("b").ComposerFrom(client.Object("a").Generation(old.Generation)).Run(ctx); status(err) != 404 {
		t.Errorf("composing a version that is gone: %v", err)
	}
	if _, err := client.Object("b").CopierFrom(from(now.Generation)).Run(ctx); err != nil {
		t.Error("copying the live source:", err)
	}
	_, err := client.Object("c").ComposerFrom(from(now.Generation), client.Object("b")).Run(ctx)
	if err != nil || s.content("c") != "22" {
		t.Errorf("composing the live source: %v, %q", err, s.content("c"))
	}
}

// Reads can be bound too, by both interfaces.
func TestConditionsOnReads(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx := t.Context()
	old := s.write("a", "1")
	now := s.write("a", "2")
	for _, client := range []*storage.BucketHandle{s.client(), s.client(storage.WithJSONReads())} {
		if _, err := client.Object("a").If(storage.Conditions{GenerationMatch: old.Generation}).NewReader(ctx); status(err) != 412 {
			t.Errorf("reading a stale version: %v", err)
		}
		if r, err := client.Object("a").If(storage.Conditions{GenerationMatch: now.Generation}).NewReader(ctx); err != nil {
			t.Errorf("reading the live version: %v", err)
		} else {
			r.Close()
		}
		if _, err := client.Object("a").Generation(old.Generation).NewReader(ctx); !errors.Is(err, storage.ErrObjectNotExist) {
			t.Errorf("reading a version that is gone: %v", err)
		}
		if _, err := client.Object("a").If(storage.Conditions{GenerationNotMatch: now.Generation}).Attrs(ctx); status(err) != 304 {
			t.Errorf("attributes unless they are those that are known: %v", err)
		}
	}
}

// The metageneration counts changes of the metadata of one version, and can be a condition.
func TestMetagenerationIsCounted(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, client := t.Context(), s.client()
	a := client.Object("a")
	first := s.write("a", "1")
	updated, err := a.If(storage.Conditions{MetagenerationMatch: 1}).Update(ctx, storage.ObjectAttrsToUpdate{ContentType: "text/x"})
	if err != nil || updated.Metageneration != 2 || updated.Generation != first.Generation {
		t.Fatalf("the first update: %+v, %v", updated, err)
	}
	_, err = a.If(storage.Conditions{MetagenerationMatch: 1}).Update(ctx, storage.ObjectAttrsToUpdate{ContentType: "text/y"})
	if status(err) != 412 {
		t.Errorf("a stale update: %v", err)
	}
	if err := a.If(storage.Conditions{MetagenerationMatch: 1}).Delete(ctx); status(err) != 412 {
		t.Errorf("a stale delete: %v", err)
	}
	if listed, err := client.Objects(ctx, nil).Next(); err != nil || listed.Metageneration != 2 {
		t.Errorf("the listing: %+v, %v", listed, err)
	}
	if r, err := a.NewReader(ctx); err != nil || r.Attrs.Metageneration != 2 {
		t.Errorf("the reader: %v", err)
	}
	if again := s.write("a", "2"); again.Metageneration != 1 {
		t.Errorf("a new version begins at %d", again.Metageneration)
	}
}
