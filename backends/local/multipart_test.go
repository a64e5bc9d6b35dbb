package local_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// begin makes an upload with parts of these contents.
func begin(t *testing.T, b *local.Backend, key string, opts dossier.PutOptions, contents ...string) (dossier.Upload, []dossier.Part) {
	t.Helper()
	up, err := b.CreateUpload(t.Context(), key, opts)
	if err != nil {
		t.Fatal(err)
	}
	var parts []dossier.Part
	for i, content := range contents {
		part, err := b.PutPart(t.Context(), up, i+1, source(content))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	return up, parts
}

// TestAnotherProcessFinishesAnUpload with all that was asked for at its beginning.
func TestAnotherProcessFinishesAnUpload(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	opts := dossier.PutOptions{
		If: dossier.Condition{IfAbsent: true}, MaxSize: 6, PutID: "my-put",
		Header: dossier.Header{ContentType: "text/plain"}, Metadata: map[string]string{"a": "b"},
	}
	up, _ := begin(t, b, "folder/key", opts, "one")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	other := openAt(t, dir, local.Config{Durability: local.Fast})
	if _, err := other.PutPart(t.Context(), up, 2, source("two")); err != nil {
		t.Fatal(err)
	}
	var parts []dossier.Part
	for part, err := range other.Parts(t.Context(), up) {
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	info, err := other.CompleteUpload(t.Context(), up, parts)
	if err != nil || info.Size != 6 || info.Header != opts.Header || info.Metadata["a"] != "b" || info.PutID != "my-put" {
		t.Errorf("%+v, %v", info, err)
	}
	if got := content(t, other, "folder/key"); got != "onetwo" {
		t.Errorf("content %q", got)
	}
	wantNothingLeft(t, dir)
}

// TestCompletedUploadIsCheckedLikeAPut: limits, checksums and conditions hold for the whole, when it becomes visible.
func TestCompletedUploadIsCheckedLikeAPut(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	old := put(t, b, "key", "old")
	for name, c := range map[string]struct {
		opts dossier.PutOptions
		want error
	}{
		"create-only": {dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}, dossier.ErrExist},
		"version":     {dossier.PutOptions{If: dossier.Condition{Match: "other"}}, dossier.ErrPrecondition},
		"size":        {dossier.PutOptions{MaxSize: 5}, dossier.ErrTooLarge},
		"checksum":    {dossier.PutOptions{Expect: dossier.Checksums{CRC32C: []byte{1, 2, 3, 4}}}, dossier.ErrChecksum},
	} {
		up, parts := begin(t, b, "key", c.opts, "one", "two")
		_, err := b.CompleteUpload(t.Context(), up, parts)
		wantError(t, err, c.want)
		if now, err := b.Stat(t.Context(), "key"); err != nil || now.Version != old.Version {
			t.Errorf("%s: the old object is %+v, %v", name, now, err)
		}
		if err := b.AbortUpload(t.Context(), up); err != nil {
			t.Error(err)
		}
	}
	wantNothingLeft(t, dir)
}

// TestOneOfManyCompletionsWins: the parts are joined once, and whoever comes late is told that there is no upload.
func TestOneOfManyCompletionsWins(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	for round := range 20 {
		key := fmt.Sprint(round)
		up, parts := begin(t, b, key, dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}, "one", "two")
		results := make([]error, 6)
		together(len(results), func(i int) {
			if i == 5 {
				results[i] = b.AbortUpload(t.Context(), up)
				return
			}
			_, results[i] = b.CompleteUpload(t.Context(), up, parts)
		})
		won := 0
		for _, err := range results[:5] {
			if err == nil {
				won++
			} else if !errors.Is(err, dossier.ErrNotExist) {
				t.Error(err)
			}
		}
		_, stat := b.Stat(t.Context(), key)
		if results[5] != nil || won > 1 || (stat == nil) != (won == 1) {
			t.Errorf("%d completions won, abort: %v, stat: %v", won, results[5], stat)
		}
	}
	wantNothingLeft(t, dir)
}

// TestAbortNeedNotWaitForAPart: whoever gives up is not held by the slowest connection, and the part is not stored.
func TestAbortNeedNotWaitForAPart(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	up, _ := begin(t, b, "key", dossier.PutOptions{})
	slow := newGated()
	done := make(chan error)
	go func() {
		_, err := b.PutPart(background(), up, 1, dossier.ReaderSource(slow, -1))
		done <- err
	}()
	<-slow.reached
	if err := b.AbortUpload(t.Context(), up); err != nil {
		t.Error(err)
	}
	close(slow.goOn)
	wantError(t, <-done, dossier.ErrNotExist)
	wantNothingLeft(t, dir)
}

// TestUploadIDsLeadNowhereElse: they come back from clients.
func TestUploadIDsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	put(t, b, "key", "x")
	up, parts := begin(t, b, "key", dossier.PutOptions{}, "part")
	for _, id := range []string{"", ".", "..", "../..", "../../key", "x/y", strings.Repeat("A", 26), up.ID + "/", strings.ToLower(up.ID)} {
		bad := dossier.Upload{Key: "key", ID: id}
		_, err := b.PutPart(t.Context(), bad, 1, source("x"))
		wantError(t, err, dossier.ErrNotExist)
		_, err = b.CompleteUpload(t.Context(), bad, parts)
		wantError(t, err, dossier.ErrNotExist)
		if err := b.AbortUpload(t.Context(), bad); err != nil {
			t.Errorf("abort of %q: %v", id, err)
		}
	}
	_, err := b.PutPart(t.Context(), dossier.Upload{Key: "other", ID: up.ID}, 1, source("x"))
	wantError(t, err, dossier.ErrNotExist)
	if got := content(t, b, "key"); got != "x" {
		t.Errorf("content %q", got)
	}
}

// TestUploadsAreInOrderOfKey, page after page.
func TestUploadsAreInOrderOfKey(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	want := []string{"a", "a", "b/1", "b/2", "c"}
	for _, i := range []int{4, 0, 3, 2, 1} {
		begin(t, b, want[i], dossier.PutOptions{})
	}
	var got []string
	for up, err := range b.Uploads(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, up.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("uploads of %q", got)
	}
	got = nil
	for up := range b.Uploads(t.Context(), "b/") {
		got = append(got, up.Key)
	}
	if !slices.Equal(got, want[2:4]) {
		t.Errorf("uploads below b/: %q", got)
	}
}

// TestDamagedPartIsFound before an object is made of it.
func TestDamagedPartIsFound(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	up, parts := begin(t, b, "key", dossier.PutOptions{}, "one", "two")
	write(t, dir+"/.dossier/uploads/"+up.ID+"/part-00002", "tw0")
	_, err := b.CompleteUpload(t.Context(), up, parts)
	wantError(t, err, dossier.ErrChecksum)
	wantAbsent(t, b, "key")
}
