package azure

import (
	"context"
	"crypto/md5" //nolint:gosec // a checksum that the service asks for, not a secret
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"io"
	"maps"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/stall"
	"github.com/dossier-go/dossier/internal/uploader"
)

// write is one attempt of a Put: the uploader.Target of it.
type write struct {
	b     *Backend
	key   string
	opts  dossier.PutOptions
	nonce [24]byte // begins the names of all blocks, so that the blocks of two writers never mix
	info  dossier.Info
}

// PutWhole implements [uploader.Target] by Put Blob.
func (w *write) PutWhole(ctx context.Context, body *uploader.Body) error {
	validation, err := w.b.validation(body)
	if err != nil {
		return err
	}
	info := newInfo(w.key, body.Sums.Size, checksums(body.Sums), w.opts)
	access, err := conditions(w.opts.If)
	if err != nil {
		return err
	}
	options := &blockblob.UploadOptions{
		HTTPHeaders: storedHeader(info), Metadata: encodeMetadata(info), Tags: w.opts.Tags, Tier: tier(w.opts.Class),
		AccessConditions: access, TransactionalValidation: validation,
	}
	return w.commit(ctx, info, func(ctx context.Context) (dossier.Info, error) {
		return withBody(ctx, w.b, body, func(ctx context.Context, content *lentBody) (dossier.Info, error) {
			answer, err := w.b.client.NewBlockBlobClient(w.key).Upload(ctx, content, options)
			return stamped(info, answer.ETag, answer.LastModified), err
		})
	})
}

// Begin implements [uploader.Target]: blocks need no beginning.
func (w *write) Begin(context.Context) error {
	_, err := rand.Read(w.nonce[:])
	return err
}

// PutPart implements [uploader.Target] by Put Block.
func (w *write) PutPart(ctx context.Context, number int, body *uploader.Body) error {
	return w.b.stage(ctx, w.key, w.block(number), body)
}

// block is the name of a block. All names that this package gives have one length, as the service demands of one key.
func (w *write) block(number int) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(w.nonce[:], uint64(number)))
}

// Complete implements [uploader.Target] by Put Block List.
func (w *write) Complete(ctx context.Context, total crc.Sums, parts int) error {
	names := make([]string, parts)
	for i := range names {
		names[i] = w.block(i + 1)
	}
	info := newInfo(w.key, total.Size, checksums(total), w.opts)
	access, err := conditions(w.opts.If)
	if err != nil {
		return err
	}
	options := &blockblob.CommitBlockListOptions{
		HTTPHeaders: storedHeader(info), Metadata: encodeMetadata(info), Tags: maps.Clone(w.opts.Tags), Tier: tier(w.opts.Class),
		AccessConditions: access,
	}
	return w.commit(ctx, info, func(ctx context.Context) (dossier.Info, error) {
		return request(ctx, w.b, func(ctx context.Context) (dossier.Info, error) {
			answer, err := w.b.client.NewBlockBlobClient(w.key).CommitBlockList(ctx, names, options)
			return stamped(info, answer.ETag, answer.LastModified), err
		})
	})
}

// Abort implements [uploader.Target]: the service has no call for it, and drops blocks after seven days.
func (w *write) Abort(context.Context) error { return nil }

// stage sends one block.
func (b *Backend) stage(ctx context.Context, key, name string, body *uploader.Body) error {
	validation, err := b.validation(body)
	if err != nil {
		return err
	}
	_, err = withBody(ctx, b, body, func(ctx context.Context, content *lentBody) (blockblob.StageBlockResponse, error) {
		return b.client.NewBlockBlobClient(key).StageBlock(ctx, name, content,
			&blockblob.StageBlockOptions{TransactionalValidation: validation})
	})
	return err
}

// withBody runs one request with content.
func withBody[T any](
	ctx context.Context, b *Backend, body *uploader.Body, do func(ctx context.Context, content *lentBody) (T, error),
) (T, error) {
	return call(ctx, b, func(ctx context.Context, dog *stall.Watchdog) (T, error) {
		content := &lentBody{inner: dog.ReadSeeker(body.ReadSeeker)}
		defer content.end()
		return do(ctx, content)
	})
}

// validation is what the service is asked to verify of a request's content.
func (b *Backend) validation(body *uploader.Body) (blob.TransferValidationType, error) {
	switch b.cfg.Checksum {
	case ChecksumCRC64:
		return blob.TransferValidationTypeCRC64(body.Sums.CRC64NVME), nil
	case ChecksumMD5:
		sum := md5.New() //nolint:gosec // see the import
		if _, err := io.Copy(sum, body); err != nil {
			return nil, err
		}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return blob.TransferValidationTypeMD5(sum.Sum(nil)), nil
	}
	return nil, nil
}

// checksums are those that are stored with every object.
func checksums(sums crc.Sums) dossier.Checksums {
	return dossier.Checksums{CRC32C: crc.Bytes32(sums.CRC32C), CRC64NVME: crc.Bytes64(sums.CRC64NVME)}
}

func tier(class string) *blob.AccessTier {
	if class == "" {
		return nil
	}
	t := blob.AccessTier(class)
	return &t
}
