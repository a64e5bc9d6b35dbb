package azure

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
)

// CompleteUpload implements [dossier.MultipartBackend]. The blocks are made a hidden object, which the service then copies
// to its key, under the conditions of the upload: so two uploads of one key know nothing of each other, and whatever
// Expect asks for can be verified before anybody sees the object. A SHA-256 or MD5, parts that came over signed URLs, and
// with the capability SignPart any checksum that is expected, cost a read of the whole. One caller at a time completes an upload, the others get dossier.ErrConflict. After an error
// the upload is still there, and can be completed again: if the object had been made, that is found out.
func (b *Backend) CompleteUpload(ctx context.Context, up dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	numbers := make([]int, len(parts))
	for i, part := range parts {
		numbers[i] = part.Number
	}
	err := b.check(ctx, dossier.CheckKey(up.Key), b.needs(true, dossier.Multipart), checkPartNumbers(numbers...))
	var info dossier.Info
	if err == nil {
		info, err = b.completeUpload(ctx, up, parts)
	}
	if err != nil {
		return dossier.Info{}, fail("complete upload", up.Key, err)
	}
	return info, nil
}

func (b *Backend) completeUpload(ctx context.Context, up dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	opts, err := b.findUpload(ctx, up)
	if err != nil {
		return dossier.Info{}, err
	}
	var info dossier.Info
	err = b.underLease(ctx, up, func(ctx context.Context) error {
		c := &completion{b: b, up: up, opts: opts}
		if err := c.name(ctx, parts); err != nil {
			return err
		}
		if err := c.join(ctx); err != nil {
			return err
		}
		if err := c.verify(ctx); err != nil {
			return err
		}
		info, err = c.publish(ctx)
		return err
	})
	if err != nil {
		return dossier.Info{}, err
	}
	_ = b.cleanUp(ctx, func(ctx context.Context) error { // the object is there; Reclaim finds what is left
		return b.remove(ctx, hiddenParts+up.ID, dossier.Condition{}, nil)
	})
	return info, nil
}

// completion is one attempt to complete an upload.
type completion struct {
	b      *Backend
	up     dossier.Upload
	opts   dossier.PutOptions
	blocks []string // of all parts, in order
	sums   crc.Sums // of the whole
	unread bool     // the checksums are not known
	hidden dossier.Info
}

// name finds the blocks of the named parts.
func (c *completion) name(ctx context.Context, parts []dossier.Part) error {
	list, err := c.b.listParts(ctx, c.up.ID)
	if err != nil {
		return err
	}
	for _, named := range parts {
		part, ok := parsePartETag(named.ETag)
		stored, there := list.parts[named.Number]
		if !ok || part.number != named.Number || there && stored.later(part) {
			return fmt.Errorf("%w: part %d is not the one that was stored last", dossier.ErrInvalid, named.Number)
		}
		size := int64(0)
		for _, block := range part.blocks() {
			stored, there := list.blocks[block]
			if !there {
				return fmt.Errorf("%w: part %d was not stored", dossier.ErrInvalid, named.Number)
			}
			c.blocks = append(c.blocks, block)
			size += stored
		}
		if part.kind == signedBlock {
			part.sums.Size, c.unread = size, true
		}
		if part.sums.Size != size {
			return fmt.Errorf("%w: part %d has %d bytes, not the %d that its name says", dossier.ErrInvalid, named.Number, size, part.sums.Size)
		}
		c.sums = joined(c.sums, part.sums)
	}
	if c.opts.MaxSize > 0 && c.sums.Size > c.opts.MaxSize {
		return fmt.Errorf("%w: the parts have %d bytes, more than %d", dossier.ErrTooLarge, c.sums.Size, c.opts.MaxSize)
	}
	if len(c.blocks) > maxBlocks {
		return fmt.Errorf("%w: the parts have %d blocks, more than %d", dossier.ErrTooLarge, len(c.blocks), maxBlocks)
	}
	return nil
}

// join makes the blocks a hidden object.
func (c *completion) join(ctx context.Context) error {
	c.hidden = dossier.Info{Key: hiddenParts + c.up.ID, Size: c.sums.Size, Header: c.opts.Header, PutID: rand.Text()}
	c.hidden.Checksums.MD5 = c.opts.Expect.MD5 // the copy keeps the service's own field of it
	answer, err := request(ctx, c.b, func(ctx context.Context) (blockblob.CommitBlockListResponse, error) {
		return c.b.client.NewBlockBlobClient(c.hidden.Key).CommitBlockList(ctx, c.blocks,
			&blockblob.CommitBlockListOptions{HTTPHeaders: storedHeader(c.hidden), Metadata: encodeMetadata(c.hidden)})
	})
	c.hidden = stamped(c.hidden, answer.ETag, answer.LastModified)
	return err
}

// verify compares the checksums with those that are expected; it reads the object for those that the parts do not give. What
// the names of parts say is not believed where anybody may have been given a URL to store parts, because that chooses names.
func (c *completion) verify(ctx context.Context) error {
	expected := c.opts.Expect.CRC32C != nil || c.opts.Expect.CRC64NVME != nil
	if c.unread || c.opts.Expect.SHA256 != nil || c.opts.Expect.MD5 != nil || expected && c.b.can(dossier.SignPart) {
		return c.read(ctx)
	}
	have, want := checksums(c.sums), c.opts.Expect
	if want.CRC32C != nil && !bytes.Equal(want.CRC32C, have.CRC32C) ||
		want.CRC64NVME != nil && !bytes.Equal(want.CRC64NVME, have.CRC64NVME) {
		return fmt.Errorf("%w: the parts have the CRC32C %x and the CRC64NVME %x", dossier.ErrChecksum, have.CRC32C, have.CRC64NVME)
	}
	return nil
}

func (c *completion) read(ctx context.Context) (err error) {
	source := dossier.OpenerSource(func() (io.ReadCloser, error) {
		return c.b.open(ctx, c.hidden.Key, dossier.Condition{Match: c.hidden.Version}, span{0, -1})
	}, c.hidden.Size)
	in, err := dossier.Receive(ctx, source, dossier.PutOptions{Expect: c.opts.Expect})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	c.sums = crc.Sums{}
	_, err = io.Copy(&c.sums, in)
	return err
}

// publish copies the hidden object to its key. A request that was repeated on its way may have given it another version
// than the one that was answered; the put id tells that from the work of somebody who has the lease now.
func (c *completion) publish(ctx context.Context) (dossier.Info, error) {
	info := newInfo(c.up.Key, c.sums.Size, checksums(c.sums), c.opts)
	for attempt := 1; ; attempt++ {
		made, err := (&copying{b: c.b, source: c.hidden, info: info, cond: c.opts.If, class: c.opts.Class, tags: c.opts.Tags}).run(ctx)
		if !errors.Is(err, errSourceChanged) || attempt == maxAttempts {
			return made, err
		}
		present, err := c.b.stat(ctx, c.hidden.Key, dossier.Condition{})
		if err != nil {
			return dossier.Info{}, err
		}
		if present.PutID != c.hidden.PutID {
			return dossier.Info{}, fmt.Errorf("%w: another caller works on the upload", dossier.ErrConflict)
		}
		c.hidden.Version = present.Version
	}
}
