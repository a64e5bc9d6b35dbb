package azure_test

import (
	"bytes"
	"crypto/md5" //nolint:gosec // a checksum of the service
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
	"github.com/dossier-go/dossier/internal/crc"
)

// TestBlocksMakeAnObject of any size and source, with the checksums of the whole.
func TestBlocksMakeAnObject(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	for _, size := range []int{0, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_001} {
		content := pattern(size)
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for kind, src := range map[string]dossier.Source{
			"bytes": dossier.BytesSource(content), "unknown": plain(content), "file": dossier.FileSource(path),
			"known": dossier.ReaderSource(struct{ io.Reader }{bytes.NewReader(content)}, int64(size)),
		} {
			key := fmt.Sprint(kind, "/", size)
			info, err := b.Put(t.Context(), key, src, dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
			sums := crc.Of(content)
			if err != nil || info.Size != int64(size) || !bytes.Equal(info.Checksums.CRC32C, crc.Bytes32(sums.CRC32C)) ||
				!bytes.Equal(info.Checksums.CRC64NVME, crc.Bytes64(sums.CRC64NVME)) {
				t.Errorf("%s: %+v, %v", key, info, err)
			}
			if now := must[dossier.Info](t)(b.Stat(t.Context(), key)); fmt.Sprint(now) != fmt.Sprint(info) {
				t.Errorf("%s: put returned\n%+v, stat\n%+v", key, info, now)
			}
			if !bytes.Equal(read(t, b, key), content) {
				t.Errorf("%s: other bytes", key)
			}
			_, err = b.Put(t.Context(), key, dossier.BytesSource(content), dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
			wants(t, "create-only again", err, dossier.ErrExist)
		}
	}
}

// TestTierTagsAndMD5AreStored, in one block and in many: they come with the request that makes the object.
func TestTierTagsAndMD5AreStored(t *testing.T) {
	t.Parallel()
	client := newContainer(t)
	b := must[*azure.Backend](t)(azure.New(client, testConfig(t)))
	for _, size := range []int{10, 200_000} {
		content := pattern(size)
		sum := md5.Sum(content) //nolint:gosec // see the import
		info, err := b.Put(t.Context(), "a", dossier.BytesSource(content), dossier.PutOptions{
			Class: "Cool", Tags: map[string]string{"kind": "invoice", "year": "2026"}, Expect: dossier.Checksums{MD5: sum[:]},
		})
		if err != nil || !bytes.Equal(info.Checksums.MD5, sum[:]) {
			t.Fatalf("%+v, %v", info, err)
		}
		properties := must[blob.GetPropertiesResponse](t)(client.NewBlobClient("a").GetProperties(t.Context(), nil))
		if *properties.AccessTier != "Cool" || !bytes.Equal(properties.ContentMD5, sum[:]) {
			t.Errorf("%d bytes: tier %s, MD5 %x", size, *properties.AccessTier, properties.ContentMD5)
		}
		tags := must[blob.GetTagsResponse](t)(client.NewBlobClient("a").GetTags(t.Context(), nil))
		if len(tags.BlobTagSet) != 2 {
			t.Errorf("%d bytes: %d tags", size, len(tags.BlobTagSet))
		}
	}
}

// TestUnfinishedBlocksAreNoObject: an upload that failed must leave nothing that anybody can see.
func TestUnfinishedBlocksAreNoObject(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	broke := errors.New("broke")
	src := io.MultiReader(bytes.NewReader(pattern(300_000)), iotest.ErrReader(broke))
	_, err := b.Put(t.Context(), "a", dossier.ReaderSource(src, -1), dossier.PutOptions{})
	wants(t, "put", err, broke)
	_, err = b.Stat(t.Context(), "a")
	wants(t, "stat", err, dossier.ErrNotExist)
	for entry, err := range b.List(t.Context(), dossier.ListOptions{}) {
		t.Errorf("listed %+v, %v", entry, err)
	}
	put(t, b, "a", "content")
	if got := string(read(t, b, "a")); got != "content" {
		t.Errorf("%q", got)
	}
}

// TestWritersOfOneKeyNeverMix although the service keeps the blocks of all of them together.
func TestWritersOfOneKeyNeverMix(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	for round := range 3 {
		var group sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			group.Go(func() {
				content := bytes.Repeat([]byte{byte('a' + i)}, 200_000+i)
				_, errs[i] = b.Put(t.Context(), "a", dossier.BytesSource(content), dossier.PutOptions{})
			})
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, dossier.ErrConflict) {
				t.Errorf("round %d: %v", round, err)
			}
		}
		got := read(t, b, "a")
		if winner := got[0]; won == 0 || len(got) != 200_000+int(winner-'a') || bytes.Count(got, got[:1]) != len(got) {
			t.Errorf("round %d: %d of 6 succeeded, %d bytes that begin with %q", round, won, len(got), winner)
		}
	}
}

// upload makes an upload of three parts: many blocks, none, one.
func upload(t *testing.T, b *azure.Backend, opts dossier.PutOptions) (up dossier.Upload, parts []dossier.Part, whole []byte) {
	t.Helper()
	up = must[dossier.Upload](t)(b.CreateUpload(t.Context(), "a", opts))
	for i, size := range []int{200_001, 0, 5} {
		content := pattern(size)
		whole = append(whole, content...)
		parts = append(parts, must[dossier.Part](t)(b.PutPart(t.Context(), up, i+1, plain(content))))
	}
	return up, parts, whole
}

// TestPartsOfAnySizeMakeAnObject whose checksum is that of the whole, though no process saw it as a whole.
func TestPartsOfAnySizeMakeAnObject(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	up, parts, whole := upload(t, b, dossier.PutOptions{})
	i := 0
	for part, err := range b.Parts(t.Context(), up) {
		if err != nil || part != parts[i] {
			t.Errorf("part %+v, %v; want %+v", part, err, parts[i])
		}
		i++
	}
	info, err := b.CompleteUpload(t.Context(), up, parts)
	if err != nil || i != 3 || !bytes.Equal(info.Checksums.CRC32C, crc.Bytes32(crc.Of(whole).CRC32C)) || !bytes.Equal(read(t, b, "a"), whole) {
		t.Errorf("%d parts, %+v, %v", i, info, err)
	}
}

// TestACompletionThatFailedCanBeRepeated with the same parts, as after a crash.
func TestACompletionThatFailedCanBeRepeated(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	up, parts, whole := upload(t, b, dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	put(t, b, "a", "in the way")
	for range 2 {
		_, err := b.CompleteUpload(t.Context(), up, parts)
		wants(t, "complete", err, dossier.ErrExist)
	}
	wants(t, "delete", b.Delete(t.Context(), "a", dossier.DeleteOptions{}), nil)
	if _, err := b.CompleteUpload(t.Context(), up, parts); err != nil || !bytes.Equal(read(t, b, "a"), whole) {
		t.Errorf("%v", err)
	}
}

// TestReclaimDropsOldUploadsOnly, and leaves nothing of them.
func TestReclaimDropsOldUploadsOnly(t *testing.T) {
	t.Parallel()
	client := newContainer(t)
	b := must[*azure.Backend](t)(azure.New(client, testConfig(t)))
	up, _, whole := upload(t, b, dossier.PutOptions{})
	if report, err := b.Reclaim(t.Context(), 1<<40); err != nil || report != (dossier.ReclaimReport{}) {
		t.Errorf("a fresh one: %+v, %v", report, err)
	}
	report, err := b.Reclaim(t.Context(), 0)
	if want := (dossier.ReclaimReport{Files: 3, Uploads: 1, Bytes: int64(len(whole))}); err != nil || report != want {
		t.Errorf("%+v, %v; want %+v", report, err, want)
	}
	_, err = b.PutPart(t.Context(), up, 1, dossier.BytesSource(nil))
	wants(t, "a part of a reclaimed upload", err, dossier.ErrNotExist)
	_, err = b.Reclaim(t.Context(), -1)
	wants(t, "a negative age", err, dossier.ErrInvalid)
}
